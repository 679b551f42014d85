"""Teacher, student from scratch and student distilled, side by side.

All are measured anew on the same photos by the same code: those of the part that the
run's figures lead with (test where there is one, else val). ``distill.json`` and
``distill.csv`` lie in the distilled student's folder.

The share of the gap that is kept is (distilled - scratch) / (teacher - scratch).
"""

import csv
import io
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.catalog import Part
from pipeline.home import SetFolder
from pipeline.metrics import wilson_interval
from pipeline.networks.backend import keras
from pipeline.networks.pixels import load_pixels
from pipeline.networks.saved import SavedModel, load_model
from pipeline.report.figures import stress
from pipeline.runs import Run
from pipeline.train.job import Examples, Material
from pipeline.writing import write_atomically

TEACHER, SCRATCH, DISTILLED = "teacher", "student from scratch", "student distilled"
WARM_UP, REPEATS = 5, 31  # photos before the clock runs, and while it does

Clock = Callable[[], float]  # seconds
Pixels = NDArray[np.uint8]  # (N, S, S, 3), RGB


@dataclass(frozen=True)
class Standing:
    """One run of the table."""

    role: str
    run: str
    accuracy: float  # 0..1
    interval: tuple[float, float]  # 95 %, Wilson
    robustness: float | None  # mean accuracy over corruptions and severities
    megabytes: float  # of model.keras
    weights: int
    latency_ms: float = 0.0  # a photo, on the CPU, one at a time


@dataclass(frozen=True)
class Standings:
    """The table."""

    part: str  # of the split
    num_photos: int
    rows: tuple[Standing, ...]

    @property
    def gap_kept(self) -> float | None:
        """The share of the gap kept; ``None`` where there is no gap, or no row."""
        found = {row.role: row.accuracy for row in self.rows}
        scratch = found.get(SCRATCH)
        if scratch is None or found[TEACHER] <= scratch:
            return None
        return (found[DISTILLED] - scratch) / (found[TEACHER] - scratch)

    @property
    def lines(self) -> tuple[str, ...]:
        """The table for a terminal of 80 columns, and what it comes to."""
        head = (
            f"{'':21}{'accuracy':21}{'robust':>7}{'file':>9}{'weights':>11}{'CPU':>9}"
        )
        return (head, *map(_line, self.rows), self.verdict)

    @property
    def verdict(self) -> str:
        """How much of the gap was kept, in words."""
        measured = f"accuracy on {self.num_photos} {self.part} photos"
        found = {row.role: row.accuracy for row in self.rows}
        if SCRATCH not in found:
            return f"{measured}; no student from scratch to compare with"
        if self.gap_kept is None:
            return f"{measured}; the one from scratch is as good as the teacher"
        if self.gap_kept < 0:
            return f"{measured}; the student from scratch is ahead"
        return (
            f"{measured}; the distilled student keeps {100 * self.gap_kept:.0f} % of"
            " the gap"
        )


def measure_standings(
    folder: SetFolder, runs: Sequence[Run], material: Material
) -> Standings:
    """Measure the runs, and leave the table in the folder of the last.

    Args:
        folder: The set, for its photos.
        runs: Teacher, student from scratch where there is one, student distilled;
            what ``robustness`` found of each is read where it was measured.
        material: What the students were trained on.

    Raises:
        RunError: A model is missing or damaged.
    """
    part = Part.TEST if Part.TEST in material.parts else Part.VAL
    roles = (TEACHER, SCRATCH, DISTILLED) if len(runs) == 3 else (TEACHER, DISTILLED)
    examples = material.parts[part]
    with keras.device("cpu:0"):
        models = [load_model(run) for run in runs]
        latencies = latencies_ms(models)
    # teacher and students take pictures of one size
    pixels = load_pixels(folder, examples.photos, models[0].image_size)
    found = Standings(
        part=str(part),
        num_photos=len(examples.photos),
        rows=tuple(
            replace(_standing(role, run, model, examples, pixels), latency_ms=latency)
            for role, run, model, latency in zip(
                roles, runs, models, latencies, strict=True
            )
        ),
    )
    facts = [asdict(row) for row in found.rows]
    runs[-1].write_json(
        "distill.json",
        {
            "part": found.part,
            "num_photos": found.num_photos,
            "gap_kept": found.gap_kept,
            "rows": facts,
        },
    )
    write_atomically(runs[-1].folder / "distill.csv", _to_csv(facts))
    return found


def latencies_ms(
    models: Sequence[SavedModel],
    *,
    clock: Clock = time.perf_counter,
    repeats: int = REPEATS,
) -> list[float]:
    """Return the median of milliseconds that one photo takes each of the models.

    They take turns, photo by photo, so that other work on the machine slows all alike.

    Args:
        models: Each is asked in a compiled graph, on whatever device it lies on.
        clock: Tells seconds.
        repeats: Photos to time, after a few that are not.
    """
    rng = np.random.default_rng(0)
    taken: list[list[float]] = [[] for _ in models]
    for number in range(WARM_UP + repeats):
        for model, mine in zip(models, taken, strict=True):
            size = model.image_size
            photo = rng.integers(0, 256, (1, size, size, 3), np.uint8)
            began = clock()
            model.model.predict_on_batch(photo)
            if number >= WARM_UP:
                mine.append(1000 * (clock() - began))
    return [statistics.median(mine) for mine in taken]


def _standing(
    role: str, run: Run, model: SavedModel, examples: Examples, pixels: Pixels
) -> Standing:
    """Measure a run on photos (N, S, S, 3), but for its latency."""
    y_pred = model.predict(pixels).argmax(axis=1)
    num_right = int((y_pred == examples.y_true).sum())
    robust = stress(run)
    return Standing(
        role=role,
        run=run.name,
        accuracy=num_right / len(examples.photos),
        interval=wilson_interval(num_right, len(examples.photos)),
        robustness=robust.mean_accuracy if robust else None,
        megabytes=run.model_file.stat().st_size / 1e6,
        weights=int(model.model.count_params()),
    )


def _line(row: Standing) -> str:
    low, high = (100 * bound for bound in row.interval)
    accuracy = f"{100 * row.accuracy:.1f} % ({low:.1f}-{high:.1f})"
    robust = "-" if row.robustness is None else f"{100 * row.robustness:.1f} %"
    return (
        f"{row.role:21}{accuracy:21}{robust:>7}{row.megabytes:>6.1f} MB"
        f"{row.weights:>11,}{row.latency_ms:>6.1f} ms"
    )


def _to_csv(facts: Sequence[dict[str, Any]]) -> bytes:
    buffer = io.StringIO(newline="")
    rows = [
        {
            **{name: value for name, value in row.items() if name != "interval"},
            "accuracy_low": row["interval"][0],
            "accuracy_high": row["interval"][1],
        }
        for row in facts
    ]
    writer = csv.DictWriter(buffer, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()
