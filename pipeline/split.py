"""Stage 4: kept and labelled photos → train, val and test.

Stratified (each category by itself), by duplicate group (copies never lie on two
sides), seeded, and stable: a photo that has a part keeps it when the set grows or
labels change. Two things move photos:

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

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pipeline.catalog import Catalog, Part
from pipeline.errors import InputError
from pipeline.home import SetFolder
from pipeline.images import ImageStore
from pipeline.listing import write_listing
from pipeline.settings import SetSettings

STRICTNESS = (Part.TEST, Part.VAL, Part.TRAIN)  # the strictest first
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


def split(settings: SetSettings, catalog: Catalog) -> SplitSummary:
    """Give every photo that is trained a part, and write it into the catalog.

    Photos that are not trained now (rejected, a copy of a better one) keep theirs, for
    when they are again.

    Raises:
        InputError: Fewer than two categories have photos.
    """
    photos = catalog.photos.trained()
    known = set(settings.category_names)
    labels = {p.group_id: p.label for p in photos if p.label and p.label in known}
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
    remembered = parts_of_groups(before, group_of) | parts
    written = {
        sha256: remembered[group_of[sha256]] if sha256 in group_of else part
        for sha256, part in before.items()
    }
    kept = {p.sha256: parts[p.group_id] for p in photos if p.group_id in parts}
    catalog.training.write_split(written | kept)
    counts = _count(parts, labels)
    return SplitSummary(
        counts=counts,
        short=tuple(_shortfalls(counts, settings.split.val, settings.split.test)),
        left_out=len(photos) - len(parts),
    )


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


def split_by_group(
    labels: Mapping[int, str],
    before: Mapping[int, Part],
    names: Mapping[int, str],
    *,
    official: Mapping[int, Part] | None = None,
    val: float,
    test: float = 0.0,
    seed: int = 0,
) -> dict[int, Part]:
    """Give every group a part.

    Args:
        labels: The category of each group.
        before: The parts that groups have already; they stay, but for train where
            more must be held back.
        names: What stays the same of a group when others come: its photo's sha256.
        official: The parts that the data itself says, test or train.
        val: A share of each category below 1, else photos a category.
        test: Likewise; 0 for no test part.
        seed: Which of the groups are drawn.
    """
    categories: dict[str, list[int]] = defaultdict(list)
    for group, label in labels.items():
        categories[label].append(group)
    in_test, in_train = _official(official or {}, labels)
    parts: dict[int, Part] = dict.fromkeys(in_test, Part.TEST)
    for groups in categories.values():
        rest = [group for group in groups if group not in in_test]
        drawn = sorted(rest, key=lambda group: _draw(seed, names[group]))
        for_test = [group for group in drawn if group not in in_train]
        wanted = held_back(len(for_test), val, test)
        if len(for_test) < len(drawn):
            wanted[Part.VAL] = held_back(len(drawn), val, 0)[Part.VAL]
        parts |= _split_category(drawn, before, wanted, set(for_test))
    return parts


def _official(
    said: Mapping[int, Part], labels: Mapping[int, str]
) -> tuple[set[int], set[int]]:
    """Return the groups that are test for good, and those that never become test.

    Where nothing is officially test, what is officially train is like any other photo.
    """
    if Part.TEST not in said.values():
        return set(), set()
    in_test = {group for group in labels if said.get(group) is Part.TEST}
    in_train = {group for group in labels if said.get(group) is Part.TRAIN}
    return in_test, in_train


def held_back(photos: int, val: float, test: float) -> dict[Part, int]:
    """Return how many of a category's photos go to val and to test."""
    wanted = {Part.VAL: _wanted(photos, val), Part.TEST: _wanted(photos, test)}
    wanted[Part.VAL] = max(1, wanted[Part.VAL])
    by_count = val >= 1 or test >= 1
    # one at least is trained on
    most = photos // 2 if by_count else max(0, photos - 1)
    total = sum(wanted.values())
    if total > most:
        for part, number in wanted.items():
            wanted[part] = math.floor(number * most / total)
        wanted[Part.VAL] = most - wanted[Part.TEST]
        if wanted[Part.VAL] == 0 and most > 0:
            wanted = {Part.VAL: 1, Part.TEST: most - 1}
    return wanted


def parts_of_groups(
    parts: Mapping[str, Part], group_of: Mapping[str, int]
) -> dict[int, Part]:
    """Return the strictest part that each group's images are in."""
    found: dict[int, Part] = {}
    for sha256, part in parts.items():
        group = group_of.get(sha256)
        if group is not None:
            both = (part, found.get(group, part))
            found[group] = min(both, key=STRICTNESS.index)
    return found


def _split_category(
    drawn: Sequence[int],
    before: Mapping[int, Part],
    wanted: Mapping[Part, int],
    for_test: Collection[int],
) -> dict[int, Part]:
    """Give one category's groups their parts, in the order drawn.

    ``for_test`` are those that may be drawn for the test part.
    """
    parts = {group: before[group] for group in drawn if group in before}
    for part in (Part.TEST, Part.VAL):
        missing = wanted[part] - sum(there is part for there in parts.values())
        free = [group for group in drawn if group not in parts]
        trained = [group for group in drawn if parts.get(group) is Part.TRAIN]
        # the last to be trained on stays, so that the category can be learnt at all
        can_go = max(0, len(free) + len(trained) - 1)
        can_go = max(0, min(missing, can_go))
        fit = (g for g in free + trained if part is Part.VAL or g in for_test)
        for group in islice(fit, can_go):
            parts[group] = part
    return {group: parts.get(group, Part.TRAIN) for group in drawn}


def _wanted(photos: int, asked: float) -> int:
    return int(asked) if asked >= 1 else round(asked * photos)


def _draw(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


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
