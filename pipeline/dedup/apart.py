"""A person's "not the same": kept for every later grouping, and followed at once.

Comes in: two or more stored photos; every two of them are not the same, whatever
comparing them shows. Goes out: the pairs in the catalog, and the set grouped anew.
A pair that shares no group is kept all the same: it holds for what comes later.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from pipeline.catalog import Catalog
from pipeline.catalog.partings import Pair
from pipeline.dedup import DedupSummary, dedup
from pipeline.errors import InputError
from pipeline.home import SetFolder
from pipeline.locking import held_alone
from pipeline.progress import Progress
from pipeline.settings import SetSettings

_DIGITS = 10  # of a sha256, where people read it


@dataclass(frozen=True)
class ApartSummary:
    """What became of the pairs that were named, and of the groups."""

    undone: bool  # whether they were taken back
    changed: int  # pairs that are apart now and were not before, or the other way round
    same: int  # pairs of which nothing changed
    together: int  # of the changed ones: shared a group before, or do so again
    dedup: DedupSummary

    @property
    def lines(self) -> list[str]:
        """What changed, and the counts of the groups."""
        return [self._undone if self.undone else self._said, self.dedup.line]

    @property
    def _said(self) -> str:
        parts = [f"kept apart from now on: {_pairs(self.changed)}"]
        if self.same:
            parts.append(f"kept apart before: {_pairs(self.same)}")
        if alone := self.changed - self.together:
            parts.append(
                f"{_pairs(alone)} shared no group: it holds for what later dedups find"
            )
        return "; ".join(parts)

    @property
    def _undone(self) -> str:
        parts = [f"kept apart no longer: {_pairs(self.changed)}"]
        if self.same:
            parts.append(f"never were: {_pairs(self.same)}")
        parts.append(f"sharing a group now: {_pairs(self.together)}")
        return "; ".join(parts)


def keep_apart(
    folder: SetFolder,
    settings: SetSettings,
    catalog: Catalog,
    sha256s: Sequence[str],
    *,
    user: str,
    progress: Progress,
    now: Callable[[], str],
) -> ApartSummary:
    """Say that every two of some photos are not the same, and group anew.

    Args:
        folder: The set.
        settings: Of the set.
        catalog: Of the set.
        sha256s: The photos.
        user: Who says so.
        progress: How the work is shown.
        now: The time, as the catalog keeps it.

    Raises:
        InputError: Fewer than two photos, one twice, or the set is in use.
    """
    pairs = _every_two(sha256s)
    with held_alone(folder, "apart"):
        before = _groups(catalog)
        new = catalog.partings.say(pairs, user, now())
        summary = dedup(folder, settings, catalog, progress=progress, now=now)
    together = sum(_share(before, pair) for pair in new)
    return ApartSummary(False, len(new), len(pairs) - len(new), together, summary)


def let_join(
    folder: SetFolder,
    settings: SetSettings,
    catalog: Catalog,
    sha256s: Sequence[str],
    *,
    progress: Progress,
    now: Callable[[], str],
) -> ApartSummary:
    """Take back that every two of some photos are not the same, and group anew.

    Raises:
        InputError: No two of them are kept apart; or as ``keep_apart``.
    """
    pairs = _every_two(sha256s)
    with held_alone(folder, "apart"):
        gone = catalog.partings.take_back(pairs)
        # also where nothing was: what was taken back before may not be followed yet
        summary = dedup(folder, settings, catalog, progress=progress, now=now)
        if not gone:
            raise InputError(
                "no two of these photos are kept apart, so there is nothing to take"
                f" back; mekiki apart {folder.name} --list shows what was said"
            )
        after = _groups(catalog)
    together = sum(_share(after, pair) for pair in gone)
    return ApartSummary(True, len(gone), len(pairs) - len(gone), together, summary)


def list_apart(catalog: Catalog) -> list[dict[str, str]]:
    """List what was said and stands, the oldest first, as ``--json`` prints it."""
    origins = {image.sha256: image.origin for image in catalog.photos.stored()}
    return [
        {
            "first": parting.pair[0],
            "second": parting.pair[1],
            "first_origin": origins.get(parting.pair[0], ""),
            "second_origin": origins.get(parting.pair[1], ""),
            "user": parting.user,
            "at": parting.at,
        }
        for parting in catalog.partings.said()
    ]


def apart_text(rows: Sequence[dict[str, str]], name: str) -> str:
    """Say ``list_apart`` in lines for people.

    Args:
        rows: What was said.
        name: The set.
    """
    if not rows:
        return f"nothing is kept apart; `mekiki apart {name} PHOTO PHOTO` does that"
    return "\n".join(
        f"{row['first'][:_DIGITS]} {row['second'][:_DIGITS]}"
        f"  {row['user']}, {row['at']}"
        f"  {row['first_origin']} | {row['second_origin']}"
        for row in rows
    )


def _every_two(sha256s: Sequence[str]) -> list[Pair]:
    for n, sha256 in enumerate(sha256s):
        if sha256 in sha256s[:n]:
            raise InputError(
                f"two of the names are the same photo, {sha256[:_DIGITS]}; name photos"
                " that differ"
            )
    if len(sha256s) < 2:
        raise InputError(f"name two photos or more, got {len(sha256s)}")
    return list(combinations(sorted(sha256s), 2))


def _groups(catalog: Catalog) -> dict[str, int]:
    return {row.sha256: row.group_id for row in catalog.photos.groupings()}


def _share(groups: dict[str, int], pair: Pair) -> bool:
    first, second = (groups.get(sha256) for sha256 in pair)
    return first is not None and first == second


def _pairs(number: int) -> str:
    return f"{number:,} {'pair' if number == 1 else 'pairs'}"
