"""Do two runs differ beyond chance? Judged on the photos that both were measured on.

Each photo counts by whether either run has it right, so that what makes a photo easy or
hard is the same for both: far smaller differences show than between two intervals.
"""

import csv
import io
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.metrics import holm, mcnemar
from pipeline.runs import Run

PARTS = ("test", "val")  # the first that both have photos of is compared on
CHANCE = 0.05
ALL_PAIRS_OF = 4  # runs; of more, each is shown beside the best alone

Said = Mapping[str, tuple[str, str]]  # sha256 → label, predicted


@dataclass(frozen=True)
class Pair:
    """Two runs on the same photos."""

    first: str
    second: str
    part: str  # of the split; empty where no photo is of both
    num_photos: int  # measured in both, under the same label
    num_apart: int  # measured in one alone, or under another label
    both: int = 0  # right
    first_only: int = 0
    second_only: int = 0
    p: float = 1.0
    family_p: float = 1.0  # for all pairs together
    num_pairs: int = 1

    @property
    def first_accuracy(self) -> float:
        """On these photos, 0..1."""
        return (self.both + self.first_only) / self.num_photos

    @property
    def second_accuracy(self) -> float:
        """On these photos, 0..1."""
        return (self.both + self.second_only) / self.num_photos

    @property
    def differ(self) -> bool:
        """Whether they differ beyond chance."""
        return self.num_photos > 0 and self.family_p < CHANCE


def compare_runs(runs: Sequence[Run]) -> list[Pair]:
    """Compare finished runs in pairs; of many runs, those with the best one alone.

    The p-values are raised for all pairs that there are, shown or not (Holm): the best
    was chosen by the same figures.
    """
    said = {run.name: {part: read_said(run, part) for part in PARTS} for run in runs}
    names = [name for name, parts in said.items() if any(parts.values())]
    pairs = [
        _pair(first, second, said[first], said[second])
        for first, second in itertools.combinations(names, 2)
    ]
    comparable = [pair for pair in pairs if pair.num_photos]
    raised = holm([pair.p for pair in comparable])
    family = {
        (pair.first, pair.second): p for pair, p in zip(comparable, raised, strict=True)
    }
    told = [
        replace(
            pair,
            family_p=family.get((pair.first, pair.second), 1.0),
            num_pairs=len(comparable),
        )
        for pair in pairs
    ]
    if len(names) <= ALL_PAIRS_OF:
        return told
    best = max(names, key=lambda name: _share(said[name]))
    return [pair for pair in told if best in {pair.first, pair.second}]


def read_said(run: Run, part: str) -> dict[str, tuple[str, str]]:
    """Read what a run said of a part's photos; nothing where it is missing."""
    try:
        text = (run.folder / f"{part}_predictions.csv").read_text(encoding="utf-8")
        rows = csv.DictReader(io.StringIO(text, newline=""))
        return {row["sha256"]: (row["label"], row["predicted"]) for row in rows}
    except (OSError, ValueError, KeyError):
        return {}


def _pair(
    first: str, second: str, mine: Mapping[str, Said], theirs: Mapping[str, Said]
) -> Pair:
    for part in PARTS:
        one, other = mine[part], theirs[part]
        common = [
            sha
            for sha, said in one.items()
            if sha in other and other[sha][0] == said[0]
        ]
        if common:
            break
    else:
        return Pair(first, second, "", 0, 0)
    right = [
        (one[sha][1] == one[sha][0], other[sha][1] == other[sha][0]) for sha in common
    ]
    first_only, second_only = right.count((True, False)), right.count((False, True))
    return Pair(
        first=first,
        second=second,
        part=part,
        num_photos=len(common),
        num_apart=len(one.keys() | other.keys()) - len(common),
        both=right.count((True, True)),
        first_only=first_only,
        second_only=second_only,
        p=mcnemar(first_only, second_only),
    )


def _share(parts: Mapping[str, Said]) -> float:
    said = next(parts[part] for part in PARTS if parts[part])
    return sum(label == predicted for label, predicted in said.values()) / len(said)
