"""Guitars by model: all layers of a pretrained network, and the same from chance.

The article: 13 models, 200 + 50 photos each, ResNet50 at 224 px, 36 steps of 1,000
batches of 32, about 5 hours on a GTX 1080. Scaled for a CPU: six models of noisy
labels, MobileNetV2 at 160 px, 12 steps of one pass over the training part, patience 5.

``benchmarks.train.updates`` trains the same on the same split: in one home each run is
trained once.
"""

import tomllib
from pathlib import Path

from benchmarks.articles.stages import (
    Taught,
    collect,
    draw_curves,
    teach,
    test_data,
)
from benchmarks.figures import Figure
from benchmarks.sets import WEIGHTS, listed
from benchmarks.train.sets import SET
from benchmarks.train.updates import ARTICLE, SETTINGS, Protocol

PHOTOS = "guitars6"
# On training photos and on validation photos, as the article gave them.
TRANSFER, SCRATCH = (0.999, 1.0), (0.99, 0.84)


def guitar_2017(home: Path, quick: bool) -> dict[str, Figure]:
    """Train from the pretrained weights and from chance; not when it must be quick."""
    if quick:
        return {}
    data = test_data(PHOTOS, WEIGHTS)
    names = sorted(path.name for path in (data / PHOTOS).iterdir() if path.is_dir())
    figures: dict[str, Figure] = {}
    settings = {
        name: listed(names)
        + SETTINGS.format(
            photos=data / PHOTOS,
            recipe="guitar-2017",
            weights=weights,
            image_size=Protocol.image_size,
            epochs=Protocol.steps,
        )
        + ARTICLE
        for name, weights in (("transfer", data / WEIGHTS), ("scratch", "none"))
    }
    collect(home, SET, settings["transfer"])
    taught = {name: teach(home, SET, text) for name, text in settings.items()}
    for (name, one), article in zip(taught.items(), (TRANSFER, SCRATCH), strict=True):
        figures |= {
            f"guitar_2017_{name}_{key}": figure
            for key, figure in _figures(one, article).items()
        }
    draw_curves(home, SET, taught.values(), "guitar-2017.png")
    return figures


def _figures(taught: Taught, article: tuple[float, float]) -> dict[str, Figure]:
    metrics = taught.run.metrics
    with (taught.run.folder / "settings.toml").open("rb") as file:
        batch_size = tomllib.load(file)["settings"]["train"]["batch_size"]
    batches = -(-metrics["num_train"] // batch_size)
    on_train, on_val = article
    why = f"{metrics['epochs']} steps, {metrics['stopped_because']}"
    return {
        "train_accuracy": Figure(taught.best["accuracy"], unit="share", peer=on_train),
        "val_accuracy": Figure(metrics["val_accuracy"], unit="share", peer=on_val),
        "highest_val_accuracy": Figure(
            max(row["val_accuracy"] for row in taught.history), unit="share"
        ),
        "updates_to_best": Figure(
            batches * metrics["best_epoch"], unit="updates", note=why
        ),
        "minutes": Figure(metrics["seconds"] / 60, unit="min", lower_is_better=True),
    }
