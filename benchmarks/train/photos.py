"""Photos to train on: drawn from a seed, as large as those of phones and shops.

A scene of soft shapes on a backdrop, with texture at every scale, saved as JPEG at the
quality that brings it near to 200 kB. The backdrop's hue tells the category, so that
there is something to learn. They are drawn once and kept between runs, in the folder
for temporary files.
"""

import colorsys
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from benchmarks.scrape.photos import texture
from pipeline.images import Pixels, encode_jpeg

CATEGORIES = ("amber", "azure", "crimson", "jade", "olive", "violet")
BYTES = 200_000  # about, of a photo
_SIZES = ((800, 600), (1024, 768), (900, 1200), (1280, 960), (1200, 1600), (1600, 1200))
_QUALITIES = (30, 40, 50, 60, 70, 78, 85, 90, 93, 96)
_SHRUNK = 4  # shapes are drawn as much smaller, and enlarged
_SEED = 7


def draw_photos(number: int) -> Path:
    """Return a folder of ``number`` photos in folders of their categories."""
    folder = Path(tempfile.gettempdir()) / f"mekiki-bench-photos-{_SEED}-{number}"
    files = [
        folder / CATEGORIES[index % len(CATEGORIES)] / f"{index:05}.jpg"
        for index in range(number)
    ]
    missing = [index for index, file in enumerate(files) if not file.exists()]
    for category in CATEGORIES:
        (folder / category).mkdir(parents=True, exist_ok=True)

    def write(index: int) -> None:
        unfinished = files[index].with_suffix(".part")
        unfinished.write_bytes(encode_near(draw_photo(index), BYTES))
        unfinished.rename(files[index])

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(write, missing))
    return folder


def draw_photo(index: int, size: tuple[int, int] | None = None) -> Pixels:
    """Draw photo ``index``; ``size``, width and height, is drawn too if not said."""
    rng = np.random.default_rng((_SEED, index))
    drawn = _SIZES[int(rng.integers(len(_SIZES)))]
    width, height = size or drawn
    hue = (index % len(CATEGORIES) + rng.uniform(-0.3, 0.3)) / len(CATEGORIES)
    colour = 255 * np.array(colorsys.hsv_to_rgb(hue, 0.4, rng.uniform(0.5, 0.9)))
    scene = np.empty((height // _SHRUNK, width // _SHRUNK, 3), np.float32)
    scene[:] = colour
    for _ in range(int(rng.integers(4, 9))):
        centre = [int(rng.integers(side)) for side in scene.shape[1::-1]]
        axes = [int(rng.integers(8, side // 3)) for side in scene.shape[1::-1]]
        turn, shade = float(rng.uniform(0, 180)), rng.uniform(20, 235, 3).tolist()
        cv2.ellipse(scene, centre, axes, turn, 0, 360, shade, -1)
    large = cv2.resize(scene, (width, height), interpolation=cv2.INTER_LINEAR)
    pixels = np.clip(large + texture(rng, width, height), 0, 255)
    return np.asarray(pixels, np.uint8)


def encode_near(pixels: Pixels, size: int) -> bytes:
    """Encode as JPEG, at the quality that comes nearest to ``size`` bytes."""
    low, high = 0, len(_QUALITIES) - 1
    tried: list[bytes] = []
    while low <= high:
        middle = (low + high) // 2
        tried.append(encode_jpeg(pixels, _QUALITIES[middle]))
        if len(tried[-1]) < size:
            low = middle + 1
        else:
            high = middle - 1
    return min(tried, key=lambda data: abs(len(data) - size))
