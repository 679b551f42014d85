"""Takedown: a photo leaves the set for good, and the runs trained on it are named.

What is named may be a photo's address, the page of a single work, an author (by name or
page), a work as its service calls it (``commons:123``), or a sha256. A takedown means
the picture, not its bytes, so the copies in its group go too, unless told otherwise.

First the tombstones are put up, then the files go, then the rows: killed at any moment,
the same command goes on, and meanwhile nothing comes back.
"""

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.catalog import Catalog
from pipeline.catalog.forgetting import Kind, Met, Tombstone, fold_name
from pipeline.credits import write_credits
from pipeline.errors import CatalogError, InputError
from pipeline.home import SetFolder
from pipeline.images import ImageStore

_SHA256 = re.compile(r"[0-9a-f]{8,64}")
_WORK = re.compile(r"[a-z]+:\S+")


@dataclass(frozen=True)
class ForgetSummary:
    """What was taken down, or would be."""

    images: int
    copies: int  # of these, that were not named but show the same picture
    candidates: int
    runs: tuple[str, ...]  # trained or measured on any of them
    is_done: bool

    @property
    def line(self) -> str:
        """The one line of counts."""
        what = "forgotten" if self.is_done else "would be forgotten"
        copies = f" ({self.copies} of them copies)" if self.copies else ""
        line = f"{what}: {self.images} photos{copies}, {self.candidates} candidates"
        if self.runs:
            line += (
                f"; trained on before by {', '.join(self.runs)}: their pictures may"
                " show it; train again, then delete those folders of models/"
            )
        return line


@dataclass(frozen=True)
class _Named:
    """What one argument stands for."""

    met: Sequence[Met]
    stones: Sequence[Tombstone]


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
        anyway: Put up tombstones for addresses and works that were never met, too.
        dry_run: Only say what would go.

    Raises:
        InputError: Something named is not in the set, or could be several things.
        CatalogError: A file can't be removed; the tombstones stand.
    """
    known = catalog.takedowns.candidates()
    found = [_look_up(what, known, anyway=anyway) for what in named]
    shas = {met.sha256 for one in found for met in one.met if met.sha256}
    pictures = shas if only else catalog.takedowns.copies_of(shas)
    ids = {met.id for one in found for met in one.met}
    gone = [met for met in known if met.id in ids or met.sha256 in pictures]
    works = {met.work for met in gone if met.work}
    gone += [met for met in known if met.work in works and met not in gone]
    summary = ForgetSummary(
        len(pictures),
        len(pictures) - len(shas),
        len(gone),
        tuple(catalog.takedowns.runs_with(pictures)),
        not dry_run,
    )
    if dry_run:
        return summary
    stones = [stone for one in found for stone in one.stones]
    stones += [Tombstone(Kind.SHA256, sha256) for sha256 in sorted(pictures)]
    stones += [Tombstone(Kind.ORIGIN, met.origin) for met in gone]
    stones += [Tombstone(Kind.WORK, met.work) for met in gone if met.work]
    catalog.takedowns.bury(stones, now())
    _remove_files(folder, {m.sha256: m.extension for m in known if m.sha256}, pictures)
    catalog.takedowns.erase({met.id for met in gone}, pictures, now())
    write_credits(folder, catalog, folder.folder)
    return summary


def _look_up(what: str, known: Sequence[Met], *, anyway: bool) -> _Named:
    """Find what an argument names: the first reading that fits."""
    same = [met for met in known if what in {met.origin, met.final_url}]
    if same:
        return _Named(same, [Tombstone(Kind.ORIGIN, what)])
    if _SHA256.fullmatch(what.lower()):
        starts = {m.sha256 for m in known if m.sha256.startswith(what.lower())}
        if len(starts) > 1:
            raise InputError(f"{what!r} begins several sha256; give more of it")
        if starts:
            return _Named([met for met in known if met.sha256 in starts], [])
    if shown := [met for met in known if what and met.page == what]:
        if len({met.origin for met in shown}) > 1:
            raise InputError(
                f"{what} shows {len(shown)} photos of the set; name the address of the"
                " one that is meant (attribution.csv has them)"
            )
        return _Named(shown, [])
    if work := [met for met in known if met.work == what]:
        return _Named(work, [Tombstone(Kind.WORK, what)])
    name = fold_name(what)
    is_by = {met.id for met in known if what and met.author_url == what}
    is_by |= {met.id for met in known if name and fold_name(met.author) == name}
    if by := [met for met in known if met.id in is_by]:
        names = {fold_name(met.author) for met in by} - {""}
        return _Named(by, [Tombstone(Kind.AUTHOR, name) for name in sorted(names)])
    is_address = what.startswith(("http://", "https://"))
    if anyway and (is_address or _WORK.fullmatch(what)):
        kind = Kind.ORIGIN if is_address else Kind.WORK
        return _Named([], [Tombstone(kind, what)])
    raise InputError(
        f"nothing in the set is called {what!r}; name an address, an author, a work or"
        " a sha256 as attribution.csv has it, or add --anyway to keep an address or a"
        " work away for ever"
    )


def _remove_files(
    folder: SetFolder, extensions: dict[str, str], sha256s: set[str]
) -> None:
    """Remove photos and thumbnails, and all caches: they can be made again."""
    store = ImageStore(folder.images)
    places = [store.path(sha256, extensions[sha256]) for sha256 in sha256s]
    places += [folder.thumbnails / sha[:2] / f"{sha}.jpg" for sha in sha256s]
    try:
        for place in places:
            place.unlink(missing_ok=True)
        if folder.cache.exists():
            shutil.rmtree(folder.cache)
    except OSError as error:
        raise CatalogError(
            f"{error.filename} can't be removed: {error.strerror}; nothing comes back,"
            " and the same command goes on"
        ) from error
