"""Training on an accelerator: ResNet50 at 224 px, fed with augmented photos.

    training     through our fit, beside a bare ``fit`` of the same network on one batch
                 that stays in memory; refused where there is no accelerator
    feeding      the input side alone, by threads; on any machine

Both trainings compute in what ``precision = "auto"`` gives. An epoch is measured from
its beginning to its loss, the first one, which compiles, left out. Ours is told twice:
its training alone, and whole epochs with the validation of a batch and the saving of
the state, which the bare one does not do.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure
from pipeline.machine import usable_cores
from pipeline.networks.backbones import add_head, build_backbone
from pipeline.networks.backend import keras
from pipeline.networks.pixels import MappedPixels
from pipeline.progress import silent
from pipeline.settings import TrainSettings
from pipeline.train.augment import Strength, cached_size
from pipeline.train.batches import PlainBatches, TrainBatches
from pipeline.train.devices import computing, is_cpu, list_devices
from pipeline.train.fit import fit
from pipeline.train.schedule import Schedule
from pipeline.train.state import StateFile

CLASSES, IMAGE_SIZE, BATCH_SIZE = 13, 224, 256
TINY = 8  # pixels: hardly anything to compute
GOAL = 0.85  # of the bare fit's speed
ARTICLE = 36 * 1000 * 32  # images that the article trained on, in about 5 hours
PHOTOS = 2048  # drawn; they come round again and again
SETTINGS = TrainSettings(weights="none", batch_size=BATCH_SIZE)


def training(home: Path, quick: bool) -> dict[str, Figure]:
    """Train both ways, one after the other, on what the backend can use.

    Raises:
        SystemExit: It can use no accelerator.
    """
    del home
    devices = list_devices()
    if is_cpu(devices):
        sys.exit(
            "this needs a GPU or TPU that Keras can use, and there is none"
            f" ({keras.backend.backend()} has {', '.join(devices)}): docs/gpu.md;"
            " `python -m benchmarks gpu feeding` measures the input side alone"
        )
    batches, epochs = (50, 3) if quick else (200, 4)
    with computing(SETTINGS, print) as precision:
        bare = _bare(batches, epochs)
        ours, whole = _ours(batches, epochs)
    note = f"{keras.backend.backend()}, {precision}, batch {BATCH_SIZE}, {devices[0]}"
    return {
        "fit_vs_bare_gpu": Figure(
            ours / bare, goal=GOAL, unit="ours ÷ bare", note=note
        ),
        "fit_gpu": Figure(ours, unit="images/s", peer=bare, note="peer: bare fit"),
        "epochs_gpu": Figure(
            whole, unit="images/s", note="with validation and saving the state"
        ),
        "article_gpu": Figure(
            ARTICLE / whole / 60,
            unit="minutes",
            lower_is_better=True,
            note="the article's 36 x 1,000 x 32 images, whole epochs",
        ),
    }


def feeding(home: Path, quick: bool) -> dict[str, Figure]:
    """Make batches in 1, 2, 4 ... threads, up to the cores that there are.

    What of a picture is Python's own work is done by one thread at a time, however
    many there are: nearly all of the work on pictures of 8 pixels is of that kind.
    """
    del home
    seconds = 3.0 if quick else 10.0
    _, bound = _made(_train_batches(200, TINY), 1, seconds)
    found = {
        "feed_bound": Figure(
            bound, unit="images/s", note="what Python's own work leaves room for"
        )
    }
    batches = _train_batches(200, IMAGE_SIZE)
    threads = 1
    while threads <= usable_cores():
        wall, processor = _made(batches, threads, seconds)
        found[f"feed_{threads}_threads"] = Figure(
            wall, unit="images/s", peer=processor, note="peer: a second of processor"
        )
        threads *= 2
    return found


PARTS = {"training": training, "feeding": feeding}


def _made(batches: TrainBatches, threads: int, seconds: float) -> tuple[float, float]:
    """Make batches for a while; return images a second, and a processor second."""
    began, used = time.perf_counter(), time.process_time()

    def make(first: int) -> int:
        made = 0
        while time.perf_counter() - began < seconds:
            images, _ = batches[(first + made) % batches.num_batches]
            made += 1
            del images
        return made * BATCH_SIZE

    with ThreadPoolExecutor(threads) as pool:
        number = sum(pool.map(make, range(threads)))
    return (
        number / (time.perf_counter() - began),
        number / (time.process_time() - used),
    )


def _squares(size: int, number: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (number, size, size, 3), dtype=np.uint8)


def _train_batches(num_batches: int, image_size: int) -> TrainBatches:
    return TrainBatches(
        MappedPixels(_squares(cached_size(image_size), PHOTOS), np.arange(PHOTOS)),
        np.arange(PHOTOS) % CLASSES,
        CLASSES,
        batch_size=BATCH_SIZE,
        image_size=image_size,
        strength=Strength(),
        seed=0,
        num_batches=num_batches,
    )


def _build() -> Any:
    backbone = build_backbone(SETTINGS.backbone, SETTINGS.weights, IMAGE_SIZE)
    return add_head(backbone, CLASSES)


def _ours(num_batches: int, epochs: int) -> tuple[float, float]:
    """Train through our fit; return images a second, of training and in all."""
    validation = PlainBatches(
        MappedPixels(_squares(IMAGE_SIZE, BATCH_SIZE), np.arange(BATCH_SIZE)),
        np.arange(BATCH_SIZE) % CLASSES,
        CLASSES,
        batch_size=BATCH_SIZE,
    )
    with tempfile.TemporaryDirectory() as name:
        standing = fit(
            _build(),
            _train_batches(num_batches, IMAGE_SIZE),
            validation,
            Schedule(epochs, learning_rate=1e-3, warmup_epochs=0, patience=epochs),
            StateFile(Path(name)),
            progress=silent,
            on_rate=lambda rate, epochs: None,
        )
    ended = [row["seconds"] for row in standing.history]
    whole = statistics.median(np.diff(ended))
    return standing.images_per_second, num_batches * BATCH_SIZE / float(whole)


def _bare(num_batches: int, epochs: int) -> float:
    """Fit the same network to one batch, again and again; return images a second."""
    model = _build()
    model.compile(
        optimizer=keras.optimizers.SGD(1e-3, momentum=0.9, nesterov=True),
        loss=keras.losses.CategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    seconds: list[float] = []
    model.fit(
        _Resident(num_batches),
        epochs=epochs,
        callbacks=[_Clock(seconds.append)],
        shuffle=False,
        verbose=0,
    )
    return num_batches * BATCH_SIZE / statistics.median(seconds[1:])


class _Resident(keras.utils.PyDataset):  # type: ignore[misc]  # Keras carries no types
    """One batch, as often as wanted."""

    def __init__(self, num_batches: int) -> None:
        super().__init__()
        self._num_batches = num_batches
        targets = np.eye(CLASSES, dtype=np.float32)[np.arange(BATCH_SIZE) % CLASSES]
        self._batch = _squares(IMAGE_SIZE, BATCH_SIZE), targets

    @property
    def num_batches(self) -> int:
        """Batches of an epoch."""
        return self._num_batches

    def __getitem__(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        return self._batch


class _Clock(keras.callbacks.Callback):  # type: ignore[misc]  # Keras carries no types
    """Tells how long each epoch took, until its loss was known."""

    def __init__(self, tell: Callable[[float], None]) -> None:
        super().__init__()
        self._tell = tell
        self._began = 0.0

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        float((logs or {})["loss"])  # what a device was told may not be done yet
        self._tell(time.perf_counter() - self._began)
