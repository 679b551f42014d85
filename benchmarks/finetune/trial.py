"""One fine-tune alone: ``python -m benchmarks.finetune.trial SET SEED CHOICE``."""

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.finetune.batches import Changed
from benchmarks.finetune.choices import CHOICES, KEPT, PLAIN, Choice, Found, keep_found
from benchmarks.sets import WEIGHTS
from pipeline.images import decode_image, square_image
from pipeline.metrics import log_loss
from pipeline.networks.backbones import (
    add_head,
    batch_norms,
    build_backbone,
    freeze_batch_norm,
)
from pipeline.networks.backend import keras
from pipeline.networks.head import fit_head
from pipeline.networks.pixels import MappedPixels
from pipeline.progress import silent
from pipeline.train.augment import Strength, cached_size
from pipeline.train.batches import PlainBatches
from pipeline.train.fit import fit
from pipeline.train.recipes.finetune import START_C
from pipeline.train.state import StateFile

SIZE, BATCH_SIZE = 96, 32
VAL = 0.25  # of each category
RAREST = 0.1  # photos of the last category for each of the first, where uneven


def run_trial(name: str, seed: int, choice: Choice) -> Found:
    """Fine-tune once, plainly but for ``choice``.

    Args:
        name: A set of the test data.
        seed: Draws the split, the head's first weights and the augmentation.
        choice: What is done otherwise.
    """
    keras.utils.set_random_seed(seed)
    folder = Path(os.environ["MEKIKI_TEST_DATA"])
    cached = SIZE if choice.strength is None else cached_size(SIZE)
    squares, y_true = _squares(folder, name, cached)
    plain, _ = _squares(folder, name, SIZE)
    train, val = _split(y_true, seed, choice.is_uneven)
    num_classes = int(y_true.max()) + 1
    model = _build(choice, folder / WEIGHTS, plain[train], y_true[train], num_classes)
    before = model.predict(plain[val], batch_size=64, verbose=0)
    with tempfile.TemporaryDirectory() as scratch:
        standing = fit(
            model,
            Changed(
                choice,
                MappedPixels(squares, train),
                y_true[train],
                num_classes,
                batch_size=BATCH_SIZE,
                image_size=SIZE,
                strength=None
                if choice.strength is None
                else replace(Strength(), **choice.strength),
                seed=seed,
            ),
            PlainBatches(
                MappedPixels(plain, val), y_true[val], num_classes, batch_size=64
            ),
            replace(PLAIN, **choice.schedule),
            StateFile(Path(scratch)),
            progress=silent,
            on_rate=lambda rate, epochs: None,
        )
    pred_probs = model.predict(plain[val], batch_size=64, verbose=0)
    right = pred_probs.argmax(axis=1) == y_true[val]
    classes = [right[y_true[val] == one].mean() for one in range(num_classes)]
    return Found(
        accuracy=float(right.mean()),
        balanced=float(np.mean(classes)),
        loss=log_loss(y_true[val], pred_probs),
        before=float((before.argmax(axis=1) == y_true[val]).mean()),
        best_epoch=standing.best_epoch,
    )


def _build(
    choice: Choice,
    weights: Path,
    plain: NDArray[np.uint8],
    y_true: NDArray[np.int64],
    num_classes: int,
) -> Any:
    """Build the network, its head begun as the choice has it."""
    backbone = build_backbone("MobileNetV2", str(weights), SIZE)
    if choice.batch_norm == "frozen":
        freeze_batch_norm(backbone)
    elif choice.batch_norm == "quick":
        for layer in batch_norms(backbone):
            layer.momentum = 0.9
    model = add_head(backbone, num_classes)
    if choice.head == "features":
        embeddings = backbone.predict(plain, batch_size=64, verbose=0)
        head = fit_head(embeddings, y_true, num_classes, c=START_C)
        model.get_layer("categories").set_weights([head.kernel, head.bias])
    return model


def _squares(
    folder: Path, name: str, size: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Decode a set once: squares (N, size, size, 3) and classes (N,)."""
    kept = KEPT / f"{name}-{size}.npz"
    if not kept.is_file():
        squares, y_true = [], []
        names = sorted({file.parent.name for file in (folder / name).rglob("*.jp*g")})
        for file in sorted((folder / name).rglob("*.jp*g")):
            squares.append(square_image(decode_image(file, min_side=size), size))
            y_true.append(names.index(file.parent.name))
        KEPT.mkdir(parents=True, exist_ok=True)
        fresh = KEPT / f".{os.getpid()}.npz"
        np.savez(fresh, squares=np.stack(squares), y_true=np.array(y_true, np.int64))
        fresh.replace(kept)
    with np.load(kept) as found:
        return found["squares"], found["y_true"]


def _split(
    y_true: NDArray[np.int64], seed: int, is_uneven: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw who trains and who validates; places, sorted."""
    rng = np.random.default_rng(seed)
    train: list[int] = []
    val: list[int] = []
    num_classes = int(y_true.max()) + 1
    for one in range(num_classes):
        places = rng.permutation(np.flatnonzero(y_true == one))
        num_val = round(VAL * len(places))
        share = RAREST ** (one / (num_classes - 1)) if is_uneven else 1.0
        num_train = round(share * (len(places) - num_val))
        val += list(places[:num_val])
        train += list(places[num_val : num_val + num_train])
    return np.sort(train), np.sort(val)


def main() -> None:
    """Run one trial, named on the command line, and keep what it came to."""
    name, seed, choice = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    found = run_trial(name, seed, CHOICES[choice])
    keep_found(name, seed, choice, found)
    print(f"{name} {seed} {choice}: {found}")


if __name__ == "__main__":
    main()
