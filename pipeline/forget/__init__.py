"""Takedown: a photo leaves the set for good, and the runs trained on it are named.

What is named may be a photo's address or path, the page of a single work, an author (by
name or page), a work as its service calls it (``commons:123``), a sha256 or its file in
the store. A takedown means the picture, not its bytes, so the copies in its group go
too, unless told otherwise.

First the tombstones are put up, then the files go, then the rows: killed at any moment,
the same command goes on, and meanwhile nothing comes back.

Of the store only what was taken down goes. A file that the catalog does not know may be
another set's, or known to the catalog that should have been opened: it stays, counted.

    naming    what an argument stands for
    files     what leaves the store and the caches
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.catalog import Catalog
from pipeline.catalog.forgetting import Forgotten, Met, Tombstone
from pipeline.catalog.tables import Kind
from pipeline.credits import write_credits
from pipeline.forget.files import count_strangers, remove_files
from pipeline.forget.naming import look_up
from pipeline.home import SetFolder
from pipeline.locking import held_alone


@dataclass(frozen=True)
class ForgetSummary:
    """What was taken down, or would be."""

    images: int
    copies: int  # of these, that were not named but show the same picture
    candidates: int
    runs: tuple[str, ...]  # trained or measured on any of them
    kept_away: tuple[str, ...]  # what may still be met, and will be refused
    before: tuple[str, ...]  # named, and taken down before
    open_pages: tuple[str, ...]  # named; what else they show is not kept away
    strangers: int  # files of the store that are not of the catalog
    has_own_files: bool  # some came from a folder, where they still lie
    is_done: bool

    @property
    def line(self) -> str:
        """The one line of counts."""
        parts = []
        if self.images or self.candidates or not (self.kept_away or self.before):
            what = "forgotten" if self.is_done else "would be forgotten"
            copies = f" ({self.copies} of them copies)" if self.copies else ""
            count = f"{self.images} photos{copies}, {self.candidates} candidates"
            parts.append(f"{what}: {count}")
        if self.kept_away:
            what = "kept away" if self.is_done else "would be kept away"
            parts.append(f"{what} from now on: {', '.join(self.kept_away)}")
        if self.before:
            parts.append(f"forgotten before: {', '.join(self.before)}")
        if self.open_pages:
            parts.append(
                f"what else is on {', '.join(self.open_pages)} may still come (--anyway"
                " keeps that away, too)"
            )
        if self.strangers:
            parts.append(
                "left in the store, as the catalog does not know them:"
                f" {self.strangers:,} files (--anyway with a sha256 takes one down)"
            )
        if self.has_own_files:
            parts.append("the files in your own folders are still there")
        if self.runs:
            parts.append(
                f"trained on before by {', '.join(self.runs)}: their pictures may"
                " show it; train again, then delete those folders of models/"
            )
        return "; ".join(parts)


def forget(
    folder: SetFolder,
    catalog: Catalog,
    named: Sequence[str],
    *,
    now: Callable[[], str],
    only: bool = False,
    anyway: bool = False,
    dry_run: bool = False,
) -> ForgetSummary:
    """Take photos down.

    Args:
        folder: The set.
        catalog: Its catalog.
        named: What to take down; see above.
        now: The time, as the catalog keeps it.
        only: Leave the copies of the same picture.
        anyway: Keep away what was never met, too: whatever the words may name, and all
            that a page will show.
        dry_run: Only say what would go.

    Raises:
        InputError: Something named is not in the set, or could be several things; or
            another process holds the set.
        CatalogError: A file can't be removed; the tombstones stand.
    """
    with held_alone(folder, "forget"):
        known = catalog.takedowns.candidates()
        old = catalog.takedowns.forgotten()
        found = [look_up(what, known, old, anyway=anyway) for what in named]
        shas = {met.sha256 for one in found for met in one.met if met.sha256}
        pictures = shas if only else catalog.takedowns.copies_of(shas)
        gone = _all_of(known, {met.id for one in found for met in one.met}, pictures)
        stones = [stone for one in found for stone in one.stones]
        stored = {met.sha256 for met in known}
        buried = Forgotten(old.stones.union(stones)).sha256s()
        lost = pictures | (buried - stored)
        summary = ForgetSummary(
            images=len(pictures),
            copies=len(pictures) - len(shas),
            candidates=sum(not met.is_forgotten for met in gone),
            runs=tuple(catalog.takedowns.runs_with(pictures)),
            kept_away=tuple(one.away for one in found if one.away),
            before=tuple(one.what for one in found if one.is_old),
            open_pages=tuple(one.what for one in found if one.is_open),
            strangers=count_strangers(folder, stored | lost),
            has_own_files=any(Path(met.origin).is_file() for met in gone),
            is_done=not dry_run,
        )
        if dry_run:
            return summary
        stones += [Tombstone(Kind.SHA256, sha256) for sha256 in sorted(pictures)]
        stones += [Tombstone(Kind.ORIGIN, met.origin) for met in gone]
        stones += [Tombstone(Kind.WORK, met.work) for met in gone if met.work]
        catalog.takedowns.bury(stones, now())
        remove_files(folder, lost)
        catalog.takedowns.erase({met.id for met in gone}, pictures, now())
        write_credits(folder, catalog, folder.folder)
    return summary


def _all_of(
    known: Sequence[Met], ids: Collection[int], pictures: Collection[str]
) -> list[Met]:
    """Return the candidates of some ids and bytes, and those of the same works."""
    works = {met.work for met in known if met.id in ids or met.sha256 in pictures}
    return [
        met
        for met in known
        if met.id in ids or met.sha256 in pictures or (met.work and met.work in works)
    ]
