"""The input side alone: JPEGs → changed pictures of 224 px, one core, CPU seconds.

Ours reads the decode-once cache, which is warm, and ends in a ``uint8`` batch. The
peers do the same changes (turned by 45 degrees, shifted and zoomed by 0.2, both flips)
to the same photos, in turn, round by round:

    article          Keras' ``load_img`` of the JPEG at 224 px, then
                     ``ImageDataGenerator.random_transform``
    albumentations   the whole JPEG decoded by Pillow, then Resize, flips and Affine
    keras            RandomFlip, RandomRotation, RandomTranslation and RandomZoom on
                     decoded pictures of 224 px, the faster of eager and compiled

``python -m benchmarks.train.inputs OUT.json ROUNDS`` is the process that measures: it
keeps to one core and lets no library start threads.
"""

import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.commands import ROOT, measured
from benchmarks.dedup.groups import one_core
from benchmarks.figures import Figure
from benchmarks.train.photos import draw_photo, encode_near
from pipeline.home import set_folder
from pipeline.images import ImageFacts, ImageStore, inspect_image
from pipeline.progress import silent

SIDE, BATCH_SIZE = 224, 32
TURN, SHIFT, ZOOM = 45.0, 0.2, 0.2  # degrees; shares of the side
BATCHES, PEER_BATCHES = 16, 2  # a round; ours takes the photos as often as it needs
BYTES = 210_000  # about, of a JPEG
GOALS = {"article": 10.0, "albumentations": 3.0, "keras": 3.0}
_SIZES = ((1000, 800), (800, 1000))
_ALONE = {
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}

Round = Callable[[], int]  # changes pictures, and tells how many


def input_figures(*, quick: bool) -> dict[str, Figure]:
    """Measure our input side and the peers', in a process of their own."""
    with tempfile.TemporaryDirectory(prefix="mekiki-bench-") as name:
        folder = Path(name)
        out = folder / "rates.json"
        script = [sys.executable, "-m", "benchmarks.train.inputs", out]
        pinned = ["env", f"PYTHONPATH={ROOT}", *(f"{k}={v}" for k, v in _ALONE.items())]
        measured([*pinned, *script, 3 if quick else 7], folder)
        rounds = json.loads(out.read_text("utf-8"))
    rate = {name: median(rates) for name, rates in rounds.items()}
    keras_ways = [name for name in rounds if name.startswith("keras ")]
    fastest = max(keras_ways, key=lambda way: rate[way])
    peers = {"article": "article", "albumentations": "albumentations", "keras": fastest}
    ours = rounds["ours"]
    figures = {
        f"augment_vs_{name}": Figure(
            median(
                mine / theirs for mine, theirs in zip(ours, rounds[way], strict=True)
            ),
            goal=GOALS[name],
            unit="ours ÷ theirs",
            peer=rate[way],
            note=f"ours: {rate['ours']:.0f} pictures/s and core; peer: {way}",
        )
        for name, way in peers.items()
    }
    return figures | {
        "augment_per_s": Figure(
            rate["finetune"],
            unit="pictures/s and core",
            note="as finetune changes them, light included",
        ),
        "cached_per_s": Figure(
            rate["decoding"],
            unit="photos/s and core",
            note=f"JPEGs of {BYTES // 1000} kB into the cache of 224 px, once",
        ),
    }


def _measure(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Return the pictures a CPU second of each way, round by round."""
    files, facts, homes = _store(folder, rounds)
    ways: dict[str, Round] = {
        "decoding": _decoding(homes, facts),
        "ours": _ours(homes[0], facts, upside_down=True, light=0.0),
        "finetune": _ours(homes[0], facts, upside_down=False, light=0.1),
        "article": _article(files),
        "albumentations": _albumentations(files),
        **_keras(files),
    }
    for name, way in ways.items():
        if name != "decoding":
            way()  # compiles, and warms the cache
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.process_time()
            number = way()
            found[name].append(number / (time.process_time() - began))
    return found


def _store(folder: Path, rounds: int) -> tuple[list[Path], list[ImageFacts], list[Any]]:
    """Draw photos into the stores of sets: one a round to decode, and the first."""
    homes = [set_folder(folder / str(number), "bench") for number in range(rounds + 1)]
    files, facts = [], []
    for index in range(PEER_BATCHES * BATCH_SIZE):
        pixels = draw_photo(index, _SIZES[index % len(_SIZES)])
        data = encode_near(pixels, BYTES)
        facts.append(inspect_image(data))
        for home in homes:
            file = ImageStore(home.images).put(data, facts[-1])
        files.append(file)
    return files, facts, homes


def _decoding(homes: list[Any], facts: list[ImageFacts]) -> Round:
    from pipeline.networks.pixels import map_pixels
    from pipeline.train.augment import cached_size

    cold = iter(homes[1:])
    map_pixels(homes[0], facts, cached_size(SIDE), progress=silent)
    return lambda: len(map_pixels(next(cold), facts, cached_size(SIDE)))


def _ours(
    home: Any, facts: list[ImageFacts], *, upside_down: bool, light: float
) -> Round:
    from pipeline.networks.pixels import map_pixels
    from pipeline.train.augment import Strength, cached_size
    from pipeline.train.batches import TrainBatches

    strength = Strength(
        turn=TURN, shift=SHIFT, zoom=ZOOM, light=light, upside_down=upside_down
    )
    batches = TrainBatches(
        map_pixels(home, facts, cached_size(SIDE)),
        np.zeros(len(facts), np.int64),
        2,
        batch_size=BATCH_SIZE,
        image_size=SIDE,
        strength=strength,
        seed=0,
        num_batches=BATCHES,
    )

    def change() -> int:
        batches.epoch += 1
        return sum(len(batches[number][0]) for number in range(BATCHES))

    return change


def _article(files: list[Path]) -> Round:
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    from pipeline.networks.backend import keras

    generator = ImageDataGenerator(
        rotation_range=TURN,
        width_shift_range=SHIFT,
        height_shift_range=SHIFT,
        zoom_range=ZOOM,
        horizontal_flip=True,
        vertical_flip=True,
    )

    def read(file: Path) -> Any:
        image = keras.utils.load_img(file, target_size=(SIDE, SIDE))
        return generator.random_transform(keras.utils.img_to_array(image))

    return lambda: len(np.stack([read(file) for file in files]))


def _albumentations(files: list[Path]) -> Round:
    import albumentations as A  # noqa: N812  as all of its own pages call it
    import cv2
    from PIL import Image

    change = A.Compose(
        [
            A.Resize(SIDE, SIDE),
            A.HorizontalFlip(p=0.5),
            A.VerticalFlip(p=0.5),
            A.Affine(
                rotate=(-TURN, TURN),
                translate_percent=(-SHIFT, SHIFT),
                scale=(1 - ZOOM, 1 + ZOOM),
                keep_ratio=True,
                border_mode=cv2.BORDER_REPLICATE,
                p=1.0,
            ),
        ]
    )

    def read(file: Path) -> Any:
        with Image.open(file) as image:
            return change(image=np.asarray(image.convert("RGB")))["image"]

    return lambda: len(np.stack([read(file) for file in files]))


def _keras(files: list[Path]) -> dict[str, Round]:
    from pipeline.networks.backend import keras

    images = np.stack(
        [
            keras.utils.img_to_array(
                keras.utils.load_img(file, target_size=(SIDE, SIDE)), dtype="uint8"
            )
            for file in files[:BATCH_SIZE]
        ]
    )
    change = keras.Sequential(
        [
            keras.layers.RandomFlip("horizontal_and_vertical"),
            keras.layers.RandomRotation(TURN / 360, fill_mode="nearest"),
            keras.layers.RandomTranslation(SHIFT, SHIFT, fill_mode="nearest"),
            keras.layers.RandomZoom(ZOOM, fill_mode="nearest"),
        ]
    )
    ways = {"keras eager": lambda: len(np.asarray(change(images, training=True)))}
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        compiled = tf.function(lambda batch: change(batch, training=True))
        ways["keras compiled"] = lambda: len(compiled(images).numpy())
    return ways


def main() -> None:
    """Measure on one core, and write the rates."""
    out, rounds = Path(sys.argv[1]), int(sys.argv[2])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")  # Keras asks SciPy in a way that is going
    with one_core(), tempfile.TemporaryDirectory(prefix="mekiki-bench-") as folder:
        import cv2

        cv2.setNumThreads(1)
        out.write_text(json.dumps(_measure(Path(folder), rounds)), "utf-8")


if __name__ == "__main__":
    main()
