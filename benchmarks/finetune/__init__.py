"""What each choice of the recipe ``finetune`` is worth, with real weights.

MobileNetV2 with the shared ImageNet weights at 96 px, on ``clothing10`` and
``flowers12`` of the test data (``MEKIKI_TEST_DATA``): a quarter of each category
validates, drawn by the seed, which also starts the training. Each choice is taken away
from a plain fine-tune, or added to it, alone; a figure is the difference in validation
accuracy to the plain one, in points, over the same seeds. The recipe is one of them;
where a choice could matter more at its higher rate, it is taken from the recipe, too.

Trials are kept in ``results/finetune``: an interrupted benchmark goes on. One trial
alone: ``python -m benchmarks.finetune.trial clothing10 0 "mixup 0.2"``.
"""

import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

from benchmarks.figures import Figure

SETS = ("clothing10", "flowers12")
SEEDS = (0, 1, 2)


def measure(*, quick: bool) -> dict[str, Figure]:
    """Run what is missing of all trials, a core each; one seed where quick."""
    if "MEKIKI_TEST_DATA" not in os.environ:
        note = "needs MEKIKI_TEST_DATA"
        return {f"{name}: plain": Figure(None, note=note) for name in SETS}
    # Keras takes seconds to load
    from benchmarks.finetune.choices import CHOICES, found_file

    seeds = SEEDS[:1] if quick else SEEDS
    trials = [
        (name, seed, choice)
        for choice in CHOICES
        for name in SETS
        for seed in seeds
        if not found_file(name, seed, choice).is_file()
    ]
    free: SimpleQueue[int] = SimpleQueue()
    for core in os.sched_getaffinity(0):
        free.put(core)
    with ThreadPoolExecutor(free.qsize()) as pool:
        for trial in trials:
            pool.submit(_alone, trial, free)
    figures: dict[str, Figure] = {}
    for choice in CHOICES:
        for name in SETS:
            figures[f"{name}: {choice}"] = _figure(name, seeds, choice)
    return figures


def _alone(trial: tuple[str, int, str], free: SimpleQueue[int]) -> None:
    """Run a trial in a process of its own, on a core of its own."""
    told = [str(part) for part in trial]
    core = free.get()
    try:
        subprocess.run(
            [sys.executable, "-m", "benchmarks.finetune.trial", *told],
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
            check=True,
        )
    finally:
        free.put(core)


def _figure(name: str, seeds: tuple[int, ...], choice: str) -> Figure:
    """Tell how much better a choice is than the plain one, over the same seeds."""
    from benchmarks.finetune.choices import BASE, CHOICES, read_found

    found = [read_found(name, seed, choice) for seed in seeds]
    accuracy = [100 * one.accuracy for one in found]
    note = f"{statistics.mean(accuracy):.1f} % (± {_spread(accuracy):.1f}),"
    note += f" log loss {statistics.mean(one.loss for one in found):.3f}"
    if choice == BASE:
        return Figure(statistics.mean(accuracy), unit="% of val", note=note)
    is_uneven = CHOICES[choice].is_uneven
    kind = "balanced" if is_uneven else "accuracy"
    others = [read_found(name, seed, CHOICES[choice].against) for seed in seeds]
    pairs = list(zip(found, others, strict=True))
    gains = [100 * (getattr(one, kind) - getattr(other, kind)) for one, other in pairs]
    lost = statistics.mean(one.loss - other.loss for one, other in pairs)
    note += f" ({lost:+.3f}); ± {_spread(gains):.1f} over {len(seeds)} seeds"
    return Figure(
        statistics.mean(gains),
        unit="points of balanced accuracy" if is_uneven else "points",
        note=note,
    )


def _spread(values: list[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0
