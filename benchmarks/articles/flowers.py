"""Two kinds of flowers, a few photos of each: by a first network, and by a service.

The article told cherry blossom from cosmos: 15 photos each for a network of its own,
which learned them by heart; 10 photos each for Custom Vision, which was right on all
of the unseen. Here they are of the Oxford flowers: two that look alike (coltsfoot and
dandelion) for the network, and two that a person tells apart at a glance for ``quick``.
"""

from pathlib import Path

from benchmarks.articles.stages import (
    Taught,
    collect,
    copy_photos,
    draw_curves,
    teach,
    test_data,
)
from benchmarks.figures import Figure
from benchmarks.sets import WEIGHTS, listed

FLOWERS = "flowers12/train"
ALIKE, APART = ("colts-foot", "dandelion"), ("sunflower", "windflower")
FEW = 15  # photos a category
SHOWN = 21  # of which 10 to learn from, 1 to validate on and 10 unseen
_SOURCE = """
[[source]]
kind = "folder"
path = "{photos}"
"""
_FIRST_CNN = """
[split]
val = 0.33

[train]
recipe = "first-cnn"
epochs = {epochs}
"""
_QUICK = """
[split]
val = 0.05
test = 0.476

[train]
recipe = "quick"
backbone = "MobileNetV2"
weights = "{weights}"
"""


def first_cnn(home: Path, quick: bool) -> dict[str, Figure]:
    """Teach the first network 100 and 500 epochs; when it must be quick, 100."""
    name = "first-cnn"
    head = _gather(home, name, ALIKE, FEW)
    collect(home, name, head + _FIRST_CNN.format(epochs=100))
    taught = {
        epochs: teach(home, name, head + _FIRST_CNN.format(epochs=epochs))
        for epochs in ((100,) if quick else (100, 500))
    }
    draw_curves(home, name, taught.values(), "first-cnn.png")
    return {
        f"first_cnn_{epochs}_{key}": figure
        for epochs, one in taught.items()
        for key, figure in _overfitting(one).items()
    }


def custom_vision(home: Path, quick: bool) -> dict[str, Figure]:
    """Fit ``quick`` to 10 photos a category; measure on 10 others: always seconds."""
    weights = test_data(WEIGHTS) / WEIGHTS
    figures: dict[str, Figure] = {}
    for kind, pair in (("apart", APART), ("alike", ALIKE)):
        name = f"custom-vision-{kind}"
        settings = _gather(home, name, pair, SHOWN) + _QUICK.format(weights=weights)
        collect(home, name, settings)
        taught = teach(home, name, settings)
        metrics = taught.run.metrics
        is_bar = pair == APART
        figures |= {
            f"custom_vision_{kind}_test_accuracy": Figure(
                metrics["test_accuracy"],
                goal=1.0 if is_bar else None,
                unit="share",
                peer=1.0 if is_bar else None,
                note=f"{metrics['num_test']} unseen photos of {' and '.join(pair)},"
                f" {metrics['num_train']} to learn from",
            ),
            f"custom_vision_{kind}_s": Figure(
                taught.command_s,
                goal=60,
                unit="s",
                lower_is_better=True,
                note=f"of which {taught.cpu_s:.0f} s of the CPU, Keras' start included",
            ),
        }
    return figures


def _gather(home: Path, name: str, pair: tuple[str, str], number: int) -> str:
    """Copy the photos, and return the settings up to the sources."""
    data, photos = test_data(FLOWERS), home / "photos" / name
    copy_photos(data / FLOWERS, photos, pair, number)
    return listed(pair) + _SOURCE.format(photos=photos)


def _overfitting(taught: Taught) -> dict[str, Figure]:
    metrics, last = taught.run.metrics, taught.history[-1]
    photos = f"of {metrics['num_train']} photos"
    held_out = f"of {metrics['num_val']} held out"
    return {
        "train_accuracy": Figure(last["accuracy"], unit="share", note=photos),
        "val_accuracy": Figure(metrics["val_accuracy"], unit="share", note=held_out),
        "train_loss": Figure(last["loss"], lower_is_better=True),
        "val_loss": Figure(last["val_loss"], lower_is_better=True),
        "lowest_val_loss": Figure(
            taught.best["val_loss"],
            lower_is_better=True,
            note=f"in epoch {metrics['best_epoch']}",
        ),
        "minutes": Figure(metrics["seconds"] / 60, unit="min", lower_is_better=True),
    }
