"""Published pictures: handwritten digits (MNIST) and 32-pixel photos (CIFAR-10).

Two articles taught digits to a small network with dropout, and reported about 90 and
95 %. One taught nine convolutions with BatchNorm 50,000 photos of CIFAR-10, ten times
over: 62 %. Here the recipes named for them do the same, and the tuned ones what can be
had in the time. The test data has a fifth of CIFAR-10 (10,000 + 2,000): the article's
15,625 updates are then 50 epochs. All figures are of the published test parts.
"""

from pathlib import Path

from benchmarks.articles.stages import Taught, collect, teach, test_data
from benchmarks.figures import Figure
from benchmarks.sets import listed

IDX = "mnist_idx"
CIFAR = ("cifar10_train_10000.tar", "cifar10_test_2000.tar")
DIGITS = tuple("0123456789")
# CIFAR-10 is trained as an accelerator would by default: on a CPU that multiplies
# bfloat16 (AMX) the article's network learns nearly twice as fast so.
BFLOAT16 = 'precision = "mixed_bfloat16"\n'
THINGS = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
UPDATES = 15_625  # of the article: 10 epochs of 50,000 photos, 32 at a time
_SOURCE = """
[[source]]
kind = "{kind}"
path = "{path}"
"""
_TRAIN = """
[split]
val = 100

[train]
recipe = "{recipe}"
image_size = {size}
batch_size = {batch_size}
"""


def mnist(home: Path, quick: bool) -> dict[str, Figure]:
    """Train both recipes for digits; not when it must be quick: half an hour."""
    if quick:
        return {}
    path = test_data(IDX) / IDX
    head = listed(DIGITS) + _SOURCE.format(kind="mnist", path=path)
    tables = {
        recipe: head + _TRAIN.format(recipe=recipe, size=28, batch_size=128)
        for recipe in ("mnist-cnn", "mnist-tuned")
    }
    collect(home, "mnist", tables["mnist-cnn"])
    article = teach(home, "mnist", tables["mnist-cnn"])
    tuned = teach(home, "mnist", tables["mnist-tuned"])
    return {
        "mnist_cnn_test_accuracy": _accuracy(article, peer=0.95),
        "mnist_cnn_minutes": _minutes(article),
        "mnist_tuned_test_accuracy": _accuracy(tuned, goal=0.993),
        "mnist_tuned_minutes": _minutes(tuned, goal=10),
    }


def cifar10(home: Path, quick: bool) -> dict[str, Figure]:
    """Train both recipes for photos; not when it must be quick: two hours."""
    if quick:
        return {}
    data = test_data(*CIFAR)
    head = listed(THINGS) + "".join(
        _SOURCE.format(kind="cifar", path=data / name) for name in CIFAR
    )
    tables = {
        recipe: head
        + _TRAIN.format(recipe=recipe, size=32, batch_size=batch_size)
        + BFLOAT16
        for recipe, batch_size in (("cifar10-cnn", 32), ("cifar10-tuned", 64))
    }
    collect(home, "cifar10", tables["cifar10-cnn"])
    article = teach(home, "cifar10", tables["cifar10-cnn"])
    tuned = teach(home, "cifar10", tables["cifar10-tuned"])
    return {
        "cifar10_cnn_test_accuracy": _accuracy(article, goal=0.62, peer=0.62),
        "cifar10_cnn_updates": Figure(
            _updates(article, 32), goal=UPDATES, unit="updates", lower_is_better=True
        ),
        "cifar10_cnn_minutes": _minutes(article),
        "cifar10_tuned_test_accuracy": _accuracy(tuned, goal=0.75),
        "cifar10_tuned_minutes": _minutes(tuned),
    }


def _accuracy(
    taught: Taught, *, goal: float | None = None, peer: float | None = None
) -> Figure:
    metrics = taught.run.metrics
    note = (
        f"of {metrics['num_test']}; {metrics['num_train']} to learn from,"
        f" {metrics['epochs']} epochs, {metrics['stopped_because']}"
    )
    return Figure(
        metrics["test_accuracy"], goal=goal, unit="share", peer=peer, note=note
    )


def _minutes(taught: Taught, goal: float | None = None) -> Figure:
    """Tell the minutes of training, over all starts."""
    return Figure(
        taught.run.metrics["seconds"] / 60,
        goal=goal,
        unit="min",
        lower_is_better=True,
        note=f"this command: {taught.command_s / 60:.1f} min",
    )


def _updates(taught: Taught, batch_size: int) -> int:
    metrics = taught.run.metrics
    batches: int = -(-metrics["num_train"] // batch_size)
    return batches * int(metrics["epochs"])
