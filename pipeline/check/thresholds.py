"""How much likelier than the tag another class must look: learnt from validation.

The validation photos carry labels that are taken for right. Those that the network
would rather call something else show how often a right tag is doubted, and how
strongly: the threshold lies where at most ``false_alarms`` of them would be called a
mismatch. Their number is small, so that the threshold never sinks below ``FLOOR``.
"""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.errors import RunError
from pipeline.runs import Run

FLOOR = 10.0  # times likelier: a network that never erred on 90 photos yet may
OK_FROM = 0.5  # p_tag: likelier than all other classes together
SMALLEST_P = 1e-6  # probabilities below it are rounding


@dataclass(frozen=True)
class ValPrediction:
    """What a run said of one validation photo."""

    label: str
    predicted: str
    p_predicted: float
    p_label: float

    @property
    def times(self) -> float:
        """How many times likelier than its label another class looks; 1 for none."""
        if self.predicted == self.label:
            return 1.0
        return times_likelier(self.p_predicted, self.p_label)


@dataclass(frozen=True)
class Thresholds:
    """Where ``mismatch`` begins, and what that costs."""

    mismatch_from: float  # times likelier than the tag
    ok_from: float  # p_tag
    false_alarms: float  # share of the validation photos beyond ``mismatch_from``
    num_val: int

    @property
    def line(self) -> str:
        """The thresholds in words."""
        return (
            f"a mismatch looks at least {format_times(self.mismatch_from)} times"
            f" likelier than its tag, as {self.false_alarms:.1%} of"
            f" {self.num_val} validation photos do"
        )


def times_likelier(p: float, than: float) -> float:
    """Return how many times likelier ``p`` is; probabilities in 0..1."""
    return max(p, SMALLEST_P) / max(than, SMALLEST_P)


def choose_thresholds(
    predictions: Sequence[ValPrediction], false_alarms: float
) -> Thresholds:
    """Find the lowest threshold that calls few enough right labels a mismatch.

    Args:
        predictions: Of validation photos, whose labels are taken for right.
        false_alarms: The share of them that may be called a mismatch, 0..1.
    """
    doubts = sorted((row.times for row in predictions), reverse=True)
    allowed = math.floor(false_alarms * len(doubts))
    # The first doubt that may not be a mismatch, and a hair more.
    bound = math.nextafter(doubts[allowed], math.inf) if doubts else 0.0
    mismatch_from = max(FLOOR, bound)
    beyond = sum(times >= mismatch_from for times in doubts)
    return Thresholds(
        mismatch_from=mismatch_from,
        ok_from=OK_FROM,
        false_alarms=beyond / len(doubts) if doubts else 0.0,
        num_val=len(doubts),
    )


def read_val_predictions(run: Run) -> list[ValPrediction]:
    """Read what a run said of its validation photos.

    Raises:
        RunError: ``val_predictions.csv`` is missing or damaged.
    """
    file = run.folder / "val_predictions.csv"
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            return [
                ValPrediction(
                    row["label"],
                    row["predicted"],
                    float(row["p_predicted"]),
                    float(row["p_label"]),
                )
                for row in csv.DictReader(lines)
            ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{file} can't be read, which the check's thresholds come from"
            f" ({type(error).__name__}: {error}); train again, or choose another run"
            " with --run"
        ) from error


def format_times(times: float) -> str:
    """Write a ratio as people say it: 12, 3.4, 1,200."""
    return f"{times:.1f}".removesuffix(".0") if times < 10 else f"{times:,.0f}"
