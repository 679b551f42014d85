"""What a report tells of a run, gathered from its folder and from the catalog.

Everything may be missing but the run itself: what is not there is ``None`` or empty,
and the page says so.
"""

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.catalog import Catalog, Part, Status
from pipeline.report.figures import Measured, accuracy_of
from pipeline.runs import Run

PICTURES = ("curves", "confusion", "samples", "predictions", "robustness", "flips")
NO_REASON = {"stored": "new photo", "pending": "not tried yet"}


@dataclass(frozen=True)
class Headline:
    """The run's accuracies: the one that leads, and the others."""

    leading: Measured | None
    beside: tuple[Measured, ...]
    part: str  # that leads, or would
    selected_on: str  # the part that chose the snapshot, or nothing


@dataclass(frozen=True)
class CategoryRow:
    """A category: its photos by part, and how the run fares with it."""

    name: str
    photos: Mapping[str, int]
    precision: float | None  # 0..1
    recall: float | None

    @property
    def num_photos(self) -> int:
        """All its photos."""
        return sum(self.photos.values())


@dataclass(frozen=True)
class Confused:
    """Photos of one category that were called another."""

    label: str
    predicted: str
    number: int
    num_photos: int  # of the category


@dataclass(frozen=True)
class Count:
    """So many, for a reason."""

    what: str
    number: int
    group: str = ""


@dataclass(frozen=True)
class Material:
    """Where the photos came from, as the catalog stands now."""

    candidates: tuple[Count, ...]  # by outcome and reason
    copies: tuple[Count, ...]  # by reason
    flags: tuple[Count, ...]
    num_images: int
    num_photos: int  # groups
    conflicts: int


def headline(metrics: Mapping[str, Any]) -> Headline:
    """Return the figure that leads, the test part's where there is one, and others."""
    found = {
        part: measured
        for part in ("test", "val", "out_of_fold")
        if (measured := accuracy_of(metrics, part))
    }
    part = str(metrics.get("measured_on", next(iter(found), "val")))
    return Headline(
        leading=found.pop(part, None),
        beside=tuple(found.values()),
        part=part,
        selected_on=str(metrics.get("selected_on", "val")),
    )


def categories(
    catalog: Catalog, run: Run, metrics: Mapping[str, Any]
) -> list[CategoryRow]:
    """Return the run's categories in their order, with photos and scores."""
    photos: dict[str, Counter[str]] = {label: Counter() for label in run.labels}
    for photo in catalog.training.run_photos(run.name):
        photos.setdefault(photo.label, Counter())[str(photo.part)] += 1
    scores = metrics.get("per_category", {})
    return [
        CategoryRow(
            name=name,
            photos={str(part): counts[str(part)] for part in Part},
            precision=scores.get(name, {}).get("precision"),
            recall=scores.get(name, {}).get("recall"),
        )
        for name, counts in photos.items()
    ]


def confused(run: Run, metrics: Mapping[str, Any], most: int = 10) -> list[Confused]:
    """Return the pairs of categories that were confused most often."""
    labels = run.labels
    pairs = [
        Confused(labels[row], labels[column], number, sum(counts))
        for row, counts in enumerate(metrics.get("confusion", []))
        for column, number in enumerate(counts)
        if number and row != column
    ]
    return sorted(pairs, key=lambda pair: -pair.number)[:most]


def material(catalog: Catalog) -> Material:
    """Count what the catalog holds: candidates, copies, flags, conflicts."""
    candidates = [
        Count(reason or NO_REASON.get(outcome, "no reason recorded"), number, outcome)
        for outcome, reasons in catalog.candidates.counts().items()
        for reason, number in reasons.items()
    ]
    groupings = catalog.photos.groupings()
    copies = Counter(row.reason or "copy" for row in groupings if not row.kept)
    photos = catalog.photos.photos()
    flags = Counter(flag for photo in photos for flag in photo.flags)
    return Material(
        candidates=tuple(_most_first(candidates)),
        copies=tuple(Count(why, number) for why, number in copies.most_common()),
        flags=tuple(Count(flag, number) for flag, number in flags.most_common()),
        num_images=len(groupings),
        num_photos=len(photos),
        conflicts=sum(photo.status is Status.CONFLICT for photo in photos),
    )


def found_beside(run: Run, name: str) -> dict[str, Any] | None:
    """Read a file of figures that not every run has; ``None`` where there is none.

    ``demo.json``: what the demo found against what it planted. ``distill.json``: a
    student beside its teacher.
    """
    try:
        found = json.loads((run.folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def pictures(run: Run) -> dict[str, str]:
    """Return those of the run's PNG files that there are, as data URIs."""
    found = {}
    for name in PICTURES:
        file = run.folder / f"{name}.png"
        if file.is_file():
            data = base64.b64encode(file.read_bytes()).decode("ascii")
            found[name] = f"data:image/png;base64,{data}"
    return found


def settings_rows(settings: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return the run's settings as (table, key, value), categories left out."""
    rows = []
    for table, values in settings.items():
        if isinstance(values, Mapping):
            rows += [(table, key, _shown(value)) for key, value in values.items()]
        elif table not in {"category", "contact"}:
            rows += [(table, str(n), _shown(v)) for n, v in enumerate(values, start=1)]
    return rows


def run_times(catalog: Catalog, run: Run) -> tuple[str, str]:
    """Return when the run began and ended, to the minute; empty where not known."""
    for row in catalog.training.runs():
        if row.name == run.name:
            return _minute(row.started_at), _minute(row.finished_at or "")
    return "", ""


def _minute(time: str) -> str:
    return time[:16].replace("T", " ")


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(item)}" for key, item in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _most_first(counts: Sequence[Count]) -> list[Count]:
    order = ["stored", "known", "refused", "failed", "pending"]
    return sorted(
        counts,
        key=lambda count: (
            order.index(count.group) if count.group in order else len(order),
            -count.number,
        ),
    )
