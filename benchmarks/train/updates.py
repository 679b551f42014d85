"""How soon ``finetune`` is as good as the article's recipe: updates, on six guitars.

The article's protocol, scaled to a CPU: ``guitars6`` of the test data, MobileNetV2 at
160 px, a step is one pass over the train part; ``guitar-2017`` has 12 steps and a
patience of 5, once from the weights and once from scratch. ``finetune`` has its own 10
epochs, ``quick`` its own way. All of them stand on one split by duplicate group, and go
through the real commands: scrape of a folder, dedup, split, train.

An update is a batch that the weights were changed by. The article's recipe is counted
up to where its validation accuracy was best, ``finetune`` up to the first epoch that is
as good.

    python -m benchmarks.train.updates [--home FOLDER] [--image-size 96] [--epochs 2]

measures this alone. The home is kept: what was interrupted goes on, what is finished is
read again. Another size or number of epochs is only to try it out.
"""

from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.commands import CommandError
from benchmarks.figures import RESULTS, Figure, show_figures
from benchmarks.sets import WEIGHTS, read_history, trained_run
from benchmarks.train.sets import (
    NO_DATA,
    mekiki,
    test_data,
    write_settings,
)
from pipeline.home import SetFolder
from pipeline.settings import load_settings

HOME = RESULTS / "updates"
GOAL = 1 / 3
PATIENCE = 5  # steps, of the article's recipe
LIMIT_S = 6 * 3600.0  # of one training
# of all trainings, but for the categories; and what the article's recipe adds
SETTINGS = """\
[[source]]
kind = "folder"
path = "{photos}"

[split]
val = 0.15

[train]
recipe = "{recipe}"
backbone = "MobileNetV2"
weights = "{weights}"
image_size = {image_size}
epochs = {epochs}
"""
ARTICLE = f'batches_per_epoch = "pass"\npatience = {PATIENCE}\n'


@dataclass(frozen=True)
class Protocol:
    """What is trained; anything but the defaults is to try it out."""

    image_size: int = 160
    steps: int = 12  # of the article's recipe
    epochs: int = 10  # of finetune


@dataclass(frozen=True)
class Curve:
    """What a run's validation accuracy did, epoch by epoch."""

    accuracies: tuple[float, ...]
    updates_each: int  # of an epoch
    final: float  # of the snapshot that was kept
    seconds: float

    @property
    def best(self) -> float:
        """The highest validation accuracy."""
        return max(self.accuracies)

    def updates_to(self, accuracy: float) -> int | None:
        """Count the updates up to the first epoch that was as good."""
        for epoch, reached in enumerate(self.accuracies, 1):
            if reached >= accuracy:
                return epoch * self.updates_each
        return None


def update_figures(
    home: Path = HOME, protocol: Protocol | None = None
) -> dict[str, Figure]:
    """Train what is not yet trained, and compare."""
    data = test_data()
    if data is None:
        return {"updates_vs_article": _ratio(None, NO_DATA)}
    try:
        curves = _trained(home, data, protocol or Protocol())
    except CommandError as error:
        return {"updates_vs_article": _ratio(None, str(error))}
    ours, article = curves["finetune"], curves["guitar_2017"]
    theirs = article.updates_to(article.best)
    mine = ours.updates_to(article.best)
    note = (
        f"best of guitar-2017: {article.best:.4f} after {theirs:,} updates; finetune"
        + (f" there after {mine:,}" if mine else f" had {ours.best:.4f} at best")
    )
    above = {name: ours.final > curves[name].final for name in ("guitar_2017", "quick")}
    return {
        "updates_vs_article": _ratio(mine / theirs if mine and theirs else None, note),
        **{f"updates_{name}_accuracy": _final(curve) for name, curve in curves.items()},
        **{
            f"finetune_above_{name}": Figure(
                float(is_above), goal=1, unit="1: yes", note="validation accuracy"
            )
            for name, is_above in above.items()
        },
    }


def _ratio(value: float | None, note: str) -> Figure:
    return Figure(
        value, goal=GOAL, unit="updates ÷ updates", lower_is_better=True, note=note
    )


def _final(curve: Curve) -> Figure:
    shown = " ".join(f"{100 * accuracy:.1f}" for accuracy in curve.accuracies)
    return Figure(
        curve.final,
        unit="share of val",
        note=f"{curve.seconds:.0f} s; epoch by epoch: {shown}",
    )


def _trained(home: Path, data: Path, protocol: Protocol) -> dict[str, Curve]:
    """Train each recipe on the same split; what is finished is left alone."""
    weights, article = str(data / WEIGHTS), "guitar-2017"
    trainings = {
        "guitar_2017": (article, weights, protocol.steps, ARTICLE),
        "guitar_2017_scratch": (article, "none", protocol.steps, ARTICLE),
        "finetune": ("finetune", weights, protocol.epochs, ""),
        "quick": ("quick", weights, 1, ""),
    }
    photos = data / "guitars6"
    categories = sorted(path.name for path in photos.iterdir())
    home.mkdir(parents=True, exist_ok=True)
    curves: dict[str, Curve] = {}
    is_split = False
    for name, (recipe, chosen, epochs, more) in trainings.items():
        settings = SETTINGS.format(
            photos=photos,
            recipe=recipe,
            weights=chosen,
            image_size=protocol.image_size,
            epochs=epochs,
        )
        folder = write_settings(home, categories, settings + more)
        for stage in () if is_split else ("scrape", "dedup", "split"):
            mekiki(home, stage)
        is_split = True
        mekiki(home, "train", limit_s=LIMIT_S)
        curves[name] = _curve(folder)
        print(f"{name}: {curves[name].final:.4f}; {_final(curves[name]).note}")
    return curves


def _curve(folder: SetFolder) -> Curve:
    """Read the run that was trained with the set's settings as they stand."""
    settings = load_settings(folder.settings_file)
    run = trained_run(folder)
    metrics = run.metrics
    return Curve(
        accuracies=tuple(row["val_accuracy"] for row in read_history(run)),
        updates_each=-(-metrics["num_train"] // settings.train.batch_size),
        final=metrics["val_accuracy"],
        seconds=metrics["seconds"],
    )


@click.command()
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), default=HOME)
@click.option("--image-size", type=click.IntRange(32), default=Protocol.image_size)
@click.option(
    "--epochs", type=click.IntRange(1), help="Of every recipe, to try it out."
)
def main(home: Path, image_size: int, epochs: int | None) -> None:
    """Measure this alone, and print the figures."""
    protocol = Protocol(image_size, epochs or Protocol.steps, epochs or Protocol.epochs)
    show_figures("train: updates", update_figures(home, protocol))


if __name__ == "__main__":
    main()
