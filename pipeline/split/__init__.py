"""Stage 4: kept and labelled photos → train, val and test.

Stratified (each category by itself), by duplicate group (copies never lie on two
sides), seeded, and stable: a photo that has a part keeps it when the set grows or
labels change, and a copy has the part of its group. Two things move photos:

- groups that turn out to be one go, together, to the strictest part they touch: test,
  then val, then train;
- where a category has fewer photos held back than asked for, new photos fill the
  part, then photos from train. Nothing ever leaves test or val for being too many.

Published data may say which part a photo is in. Where a set has such an official test
part, all of it is test, and of what is officially train some goes to val, but nothing
to test. The rules above hold for the other photos.

How many are held back of a category's ``n`` photos: ``split.val`` below 1 is a share,
from 1 on a count, ``split.test`` likewise. A category of two or more has at least one
in train and one in val; a single photo is trained on. Counts that would hold back more
than half of a category are cut in proportion, so that half remains to train on.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.catalog import Catalog, Part
from pipeline.catalog.photos import Photo
from pipeline.errors import InputError
from pipeline.home import SetFolder
from pipeline.images import ImageStore
from pipeline.listing import write_listing
from pipeline.settings import SetSettings
from pipeline.split.parts import parts_of_groups, remembered_parts, split_by_group

SPLIT_COLUMNS = ("image", "sha256", "origin", "label", "group", "split")


@dataclass(frozen=True)
class SplitSummary:
    """How many photos of each category are in each part."""

    counts: Mapping[Part, Mapping[str, int]]  # by part, then category
    short: tuple[str, ...]  # what could not be given as asked, a phrase each
    left_out: int  # photos whose label is no category of the set

    @property
    def line(self) -> str:
        """The one line of counts."""
        parts = [
            f"{sum(self.counts[part].values())} {part}"
            for part in Part
            if self.counts[part] or part is not Part.TEST
        ]
        categories = {name for counts in self.counts.values() for name in counts}
        line = f"{', '.join(parts)} photos in {len(categories)} categories"
        if self.left_out:
            line += f"; {self.left_out} of no category of the set left out"
        if self.short:
            more = f" and {len(self.short) - 3} more" if len(self.short) > 3 else ""
            line += f"; fewer than asked: {'; '.join(self.short[:3])}{more}"
        return line


@dataclass(frozen=True)
class Plan:
    """The photos that may be trained, and the part of each one's group."""

    photos: tuple[Photo, ...]  # of the set's categories, one a group
    parts: Mapping[int, Part]  # by group
    group_of: Mapping[str, int]  # the group of every image, also of copies
    before: Mapping[str, Part]  # the parts of images until now
    left_out: int  # photos whose label is no category of the set

    @property
    def labels(self) -> dict[int, str]:
        """The category of each group."""
        return {photo.group_id: str(photo.label) for photo in self.photos}


def split(settings: SetSettings, catalog: Catalog) -> SplitSummary:
    """Give every photo that is trained a part, and write it into the catalog.

    Photos that are not trained now (rejected, a copy of a better one) have their
    group's part, for when they are.

    Raises:
        InputError: Fewer than two categories have photos.
    """
    plan = plan_split(settings, catalog)
    parts = plan.parts
    catalog.training.write_split(remembered_parts(parts, plan.before, plan.group_of))
    counts = _count(parts, plan.labels)
    return SplitSummary(
        counts=counts,
        short=tuple(_shortfalls(counts, settings.split.val, settings.split.test)),
        left_out=plan.left_out,
    )


def plan_split(settings: SetSettings, catalog: Catalog) -> Plan:
    """Return the split that ``split`` would write now; nothing is written.

    Raises:
        InputError: Fewer than two categories have photos.
    """
    trained = catalog.photos.trained()
    known = set(settings.category_names)
    photos = tuple(photo for photo in trained if photo.label in known)
    labels = {photo.group_id: str(photo.label) for photo in photos}
    _check_categories(labels.values(), settings)
    group_of = {row.sha256: row.group_id for row in catalog.photos.groupings()}
    before = catalog.training.split()
    parts = split_by_group(
        labels,
        parts_of_groups(before, group_of),
        {photo.group_id: photo.sha256 for photo in photos},
        official=catalog.photos.official_parts(),
        val=settings.split.val,
        test=settings.split.test,
        seed=settings.split.seed,
    )
    return Plan(photos, parts, group_of, before, len(trained) - len(photos))


def write_split(folder: SetFolder, catalog: Catalog, out: Path) -> int:
    """Write split.csv, one row for every photo in a part; return the rows.

    Raises:
        InputError: ``out`` can't be written.
    """
    store = ImageStore(folder.images)
    parts = catalog.training.split()
    rows = [
        (
            store.path(photo.sha256, photo.extension),
            photo.sha256,
            photo.origin,
            photo.label,
            photo.group_id,
            parts[photo.sha256],
        )
        for photo in catalog.photos.trained()
        if photo.sha256 in parts
    ]
    write_listing(out, SPLIT_COLUMNS, rows)
    return len(rows)


def _check_categories(labels: Iterable[str], settings: SetSettings) -> None:
    there = set(labels)
    if len(there) >= 2:
        return
    empty = [name for name in settings.category_names if name not in there]
    raise InputError(
        "a split needs labelled photos of at least 2 categories, got"
        f" {len(there)} ({len(empty)} without: {', '.join(empty[:5])}"
        f"{', ...' if len(empty) > 5 else ''}); scrape and dedup more photos,"
        " or label those there are"
    )


def _count(
    parts: Mapping[int, Part], labels: Mapping[int, str]
) -> dict[Part, dict[str, int]]:
    counts: dict[Part, dict[str, int]] = {part: {} for part in Part}
    for group, part in parts.items():
        label = labels[group]
        counts[part][label] = counts[part].get(label, 0) + 1
    return counts


def _shortfalls(
    counts: Mapping[Part, Mapping[str, int]], val: float, test: float
) -> Iterable[str]:
    """Name the categories that have too few photos for what was asked."""
    total = Counter[str]()
    for by_category in counts.values():
        total.update(by_category)
    for name, photos in sorted(total.items()):
        for part, asked in ((Part.VAL, val), (Part.TEST, test)):
            there = counts[part].get(name, 0)
            least = asked if asked >= 1 else float(part is Part.VAL)
            if there < least:
                yield f"{name!r} has {there} of {least:.0f} {part} ({photos} photos)"
        if not counts[Part.TRAIN].get(name):
            yield f"{name!r} has no photo to train on ({photos} held back)"
