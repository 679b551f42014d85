"""Pictures to download: drawn from a seed, with the detail and the size of web photos.

A photo is light falling off over a scene of soft shapes, with texture at every scale
(noise, weaker the finer it is, as in natural pictures), saved as JPEG at the quality
that brings it to 100-200 KB. They are drawn once and kept between runs.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.images import Pixels, encode_jpeg

Draw = Callable[[np.random.Generator], bytes]

SEED = 20
MIN_BYTES, MAX_BYTES = 100_000, 200_000
_SIZES = ((1024, 768), (1200, 800), (900, 900), (800, 1066), (1280, 720))  # wide, high
_QUALITIES = (85, 75, 92, 65, 95)  # the likeliest first
_OCTAVES = 7
_SMALL_SIDE = 96


def draw_photos(folder: Path, number: int) -> list[Path]:
    """Return ``number`` photos of 100-200 KB, drawn where they are not there yet."""
    return _kept(folder, number, _photo)


def draw_small(folder: Path, number: int) -> list[Path]:
    """Return ``number`` pictures of 96x96 pixels and a few KB."""
    return _kept(folder, number, _small)


def _kept(folder: Path, number: int, draw: Draw) -> list[Path]:
    files = [
        folder / f"{index % 100:02}" / f"{index:05}.jpg" for index in range(number)
    ]
    missing = [index for index, file in enumerate(files) if not file.exists()]
    for part in {file.parent for file in files}:
        part.mkdir(parents=True, exist_ok=True)

    def write(index: int) -> None:
        unfinished = files[index].with_suffix(".part")
        unfinished.write_bytes(draw(np.random.default_rng((SEED, index))))
        unfinished.rename(files[index])

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(write, missing))
    return files


def _photo(rng: np.random.Generator) -> bytes:
    width, height = _SIZES[int(rng.integers(len(_SIZES)))]
    scene = _light(rng, width, height)
    for _ in range(int(rng.integers(4, 9))):
        _add_shape(rng, scene)
    scene += texture(rng, width, height)
    pixels = np.clip(scene, 0, 255).astype(np.uint8)
    for quality in _QUALITIES:
        data = encode_jpeg(pixels, quality)
        if MIN_BYTES <= len(data) <= MAX_BYTES:
            return data
    raise ValueError(f"no JPEG quality brings a photo to its size, got {len(data)}")


def _light(rng: np.random.Generator, width: int, height: int) -> NDArray[np.float32]:
    """Return a backdrop that darkens in some direction; ``float32``, 0..255."""
    corners = rng.uniform(40, 220, (2, 2, 3)).astype(np.float32)
    return cv2.resize(corners, (width, height)).astype(np.float32)  # linear


def _add_shape(rng: np.random.Generator, scene: NDArray[np.float32]) -> None:
    """Lay an ellipse of another colour and a soft edge over part of the scene."""
    height, width = scene.shape[:2]
    mask = np.zeros((height, width), np.float32)
    centre = (int(rng.integers(width)), int(rng.integers(height)))
    axes = (int(rng.integers(30, width // 3)), int(rng.integers(30, height // 3)))
    cv2.ellipse(mask, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1.0, -1)
    mask = cv2.blur(mask, (5, 5)).astype(np.float32)[..., None]
    scene *= 1 - mask
    scene += mask * rng.uniform(20, 235, 3).astype(np.float32)


def texture(rng: np.random.Generator, width: int, height: int) -> NDArray[np.float32]:
    """Return noise around 0, weaker the finer it is."""
    noise = np.zeros((height, width, 1), np.float32)
    strength = rng.uniform(18, 34)
    for octave in range(_OCTAVES):
        step = 2 ** (_OCTAVES - octave)  # pixels between two values
        grid = rng.standard_normal((height // step + 2, width // step + 2), np.float32)
        grid *= strength * 0.77**octave
        noise[..., 0] += cv2.resize(
            grid, (width, height), interpolation=cv2.INTER_CUBIC
        )
    return noise


def _small(rng: np.random.Generator) -> bytes:
    cells = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    pixels: Pixels = cv2.resize(
        cells, (_SMALL_SIDE, _SMALL_SIDE), interpolation=cv2.INTER_CUBIC
    ).astype(np.uint8)
    return encode_jpeg(pixels)
