"""Our training beside a bare Keras loop: images a second on this machine.

Ours: a network loaded through ``weights = <path>``, trained by ``pipeline.train.fit``
on photos that are cached, augmented and fed batch by batch. The peer: the same network
of ``keras.applications``, ``train_on_batch`` on one batch of random numbers that stays
in memory: nothing is read, changed or fed. A ratio of 1 means that feeding costs
nothing. Both are measured in turn, several rounds, after their graphs are compiled.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Figure
from benchmarks.train.sets import random_weights
from pipeline.home import set_folder
from pipeline.images import ImageFacts, ImageStore, encode_jpeg, inspect_image
from pipeline.networks.backbones import add_head, build_backbone, freeze_batch_norm
from pipeline.networks.backend import keras
from pipeline.networks.pixels import MappedPixels, map_pixels
from pipeline.progress import silent
from pipeline.train.augment import Strength, cached_size
from pipeline.train.batches import PlainBatches, TrainBatches
from pipeline.train.fit import fit
from pipeline.train.keeper import COMPILING
from pipeline.train.schedule import Schedule
from pipeline.train.state import StateFile

CLASSES, BATCH_SIZE = 10, 32
GOAL = 0.95  # of the bare loop's speed


@dataclass(frozen=True)
class Case:
    """A network at a size, and how much of it is measured."""

    name: str
    backbone: str
    image_size: int
    batches: int  # a round, each way
    rounds: int


def fit_figures(*, quick: bool) -> dict[str, Figure]:
    """Measure the networks of the README, fewer batches where it must be quick."""
    cases = (
        Case("resnet50_224", "ResNet50", 224, 3, 2 if quick else 5),
        Case("mobilenetv2_160", "MobileNetV2", 160, 6, 3 if quick else 7),
    )
    figures: dict[str, Figure] = {}
    for case in cases:
        figures |= measure_case(case)
    return figures


def measure_case(case: Case) -> dict[str, Figure]:
    """Train one network both ways, in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = random_weights(
            case.backbone, case.image_size, folder / "notop.weights.h5"
        )
        ours = _ours(case, weights, folder)
        bare = _bare(case)
        rates = [(ours(), bare()) for _ in range(case.rounds)]
    our_rate = statistics.median(rate for rate, _ in rates)
    bare_rate = statistics.median(rate for _, rate in rates)
    ratio = statistics.median(mine / theirs for mine, theirs in rates)
    return {
        f"fit_vs_bare_{case.name}": Figure(ratio, goal=GOAL, unit="ours ÷ bare"),
        f"fit_{case.name}": Figure(
            our_rate, unit="images/s", peer=bare_rate, note="peer: bare train_on_batch"
        ),
    }


def _ours(case: Case, weights: Path, folder: Path) -> Callable[[], float]:
    """Return a round of our training; it tells images a second."""
    backbone = build_backbone(case.backbone, str(weights), case.image_size)
    freeze_batch_norm(backbone)
    model = add_head(backbone, CLASSES)
    number = BATCH_SIZE * (case.batches + COMPILING)
    squares = _photos(folder, number, cached_size(case.image_size))
    y_true = np.arange(number) % CLASSES
    inner = (squares.squares.shape[1] - case.image_size) // 2
    validation = MappedPixels(
        np.asarray(squares.squares[:BATCH_SIZE, inner:-inner, inner:-inner]),
        np.arange(BATCH_SIZE),
    )

    def train() -> float:
        standing = fit(
            model,
            TrainBatches(
                squares,
                y_true,
                CLASSES,
                batch_size=BATCH_SIZE,
                image_size=case.image_size,
                strength=Strength(),
                seed=0,
            ),
            PlainBatches(
                validation, y_true[:BATCH_SIZE], CLASSES, batch_size=BATCH_SIZE
            ),
            Schedule(epochs=1, learning_rate=1e-5, warmup_epochs=0, patience=1),
            StateFile(Path(tempfile.mkdtemp(dir=folder))),
            progress=silent,
            on_rate=lambda rate, epochs: None,
        )
        return standing.images_per_second

    return train


def _photos(folder: Path, number: int, size: int) -> MappedPixels:
    """Store generated JPEGs of 800x600 as photos, and map them from the cache."""
    home = set_folder(folder, "bench")
    rng = np.random.default_rng(0)
    facts: list[ImageFacts] = []
    for _ in range(number):
        blobs = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        data = encode_jpeg(np.kron(blobs, np.ones((100, 100, 1), np.uint8)))
        facts.append(inspect_image(data))
        ImageStore(home.images).put(data, facts[-1])
    return map_pixels(home, facts, size)


def _bare(case: Case) -> Callable[[], float]:
    """Return a round of plain Keras; it tells images a second."""
    network: Any = getattr(keras.applications, case.backbone)(
        weights=None,
        include_top=False,
        input_shape=(case.image_size, case.image_size, 3),
        pooling="avg",
    )
    freeze_batch_norm(network)
    model = add_head(network, CLASSES)
    model.compile(
        optimizer=keras.optimizers.SGD(1e-5, momentum=0.9, nesterov=True),
        loss=keras.losses.CategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    rng = np.random.default_rng(0)
    shape = (BATCH_SIZE, case.image_size, case.image_size, 3)
    images = rng.random(shape, np.float32)
    targets = np.eye(CLASSES, dtype=np.float32)[np.arange(BATCH_SIZE) % CLASSES]
    for _ in range(COMPILING):
        model.train_on_batch(images, targets)

    def train() -> float:
        began = time.perf_counter()
        for _ in range(case.batches):
            model.train_on_batch(images, targets)
        return case.batches * BATCH_SIZE / (time.perf_counter() - began)

    return train
