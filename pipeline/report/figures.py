"""A run's figures, read from the files of its folder; what is missing is ``None``."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.metrics import wilson_interval
from pipeline.report.diagnosis import Circumstances, Diagnosis, Kind, diagnose
from pipeline.runs import Run

CLEAN = "clean"
NONE = "none"  # weights of no other training


@dataclass(frozen=True)
class Measured:
    """An accuracy, and how far it can be believed."""

    part: str  # of the split; out_of_fold where folds of train and val took turns
    accuracy: float  # 0..1
    interval: tuple[float, float] | None  # 95 %
    num_photos: int


@dataclass(frozen=True)
class StressRow:
    """A corruption: accuracy and flip rate by severity, 0..1."""

    name: str
    accuracy: tuple[float, ...]
    flip_rate: tuple[float, ...]


@dataclass(frozen=True)
class Stress:
    """What robustness.csv holds."""

    clean_accuracy: float
    num_photos: int
    rows: tuple[StressRow, ...]

    @property
    def clean_interval(self) -> tuple[float, float]:
        """The 95 % interval of the clean accuracy."""
        right = round(self.clean_accuracy * self.num_photos)
        return wilson_interval(right, self.num_photos)

    @property
    def mean_accuracy(self) -> float:
        """The mean over corruptions and severities."""
        values = [value for row in self.rows for value in row.accuracy]
        return sum(values) / len(values)


def accuracy_of(metrics: Mapping[str, Any], part: str) -> Measured | None:
    """Return what was measured on a part, ``None`` where nothing was."""
    share = metrics.get(f"{part}_accuracy")
    if share is None:
        return None
    ends = metrics.get(f"{part}_accuracy_interval")
    return Measured(
        part=part,
        accuracy=float(share),
        interval=(float(ends[0]), float(ends[1])) if ends else None,
        num_photos=int(metrics.get(f"num_{part}", 0)),
    )


def read_history(run: Run) -> list[dict[str, float]]:
    """Read history.csv, a row an epoch; none where it is missing or damaged."""
    try:
        text = (run.folder / "history.csv").read_text(encoding="utf-8")
        return [
            {key: float(value) for key, value in row.items() if value}
            for row in csv.DictReader(text.splitlines())
        ]
    except (OSError, ValueError, TypeError):
        return []


def kept_epoch(metrics: Mapping[str, Any]) -> int:
    """Return the epoch whose snapshot the model is, 1-based; 0 where not known."""
    return int(metrics.get("kept_epoch", metrics.get("best_epoch", 0)))


def diagnosis(run: Run, metrics: Mapping[str, Any]) -> Diagnosis | None:
    """Return what the run's curves show: as it was written down, else as it is read."""
    written = metrics.get("diagnosis")
    if isinstance(written, Mapping):
        return Diagnosis(Kind(written["kind"]), str(written["words"]))
    per_part = [sum(counts) for counts in metrics.get("confusion", [])]
    return diagnose(
        read_history(run),
        Circumstances(
            num_val=int(metrics.get("num_val", 0)),
            chance=max(per_part) / sum(per_part) if sum(per_part) else 0.0,
            kept_epoch=kept_epoch(metrics),
            stopped_because=str(metrics.get("stopped_because", "")),
            is_transfer=run.settings.get("weights", NONE) != NONE,
        ),
    )


def stress(run: Run) -> Stress | None:
    """Read robustness.csv; ``None`` where it is missing or no such table."""
    try:
        text = (run.folder / "robustness.csv").read_text(encoding="utf-8")
        rows = list(csv.DictReader(text.splitlines()))
        (clean,) = (row for row in rows if row["corruption"] == CLEAN)
        names = dict.fromkeys(
            row["corruption"] for row in rows if row["corruption"] != CLEAN
        )
        return Stress(
            clean_accuracy=float(clean["accuracy"]),
            num_photos=int(clean["num_photos"]),
            rows=tuple(_stress_row(name, rows) for name in names),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _stress_row(name: str, rows: Sequence[Mapping[str, str]]) -> StressRow:
    mine = sorted(
        (row for row in rows if row["corruption"] == name),
        key=lambda row: int(row["severity"]),
    )
    return StressRow(
        name=name.replace("_", " "),
        accuracy=tuple(float(row["accuracy"]) for row in mine),
        flip_rate=tuple(float(row["flip_rate"]) for row in mine),
    )
