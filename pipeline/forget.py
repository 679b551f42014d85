"""Takedown: a photo leaves the set for good, and the runs trained on it are named.

What is named may be a photo's address or path, the page of a single work, an author (by
name or page), a work as its service calls it (``commons:123``), a sha256 or its file in
the store. A takedown means the picture, not its bytes, so the copies in its group go
too, unless told otherwise.

First the tombstones are put up, then the files go, then the rows: killed at any moment,
the same command goes on, and meanwhile nothing comes back.
"""

import re
import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.catalog import Catalog
from pipeline.catalog.forgetting import Forgotten, Met, Tombstone, fold_name
from pipeline.catalog.tables import Kind
from pipeline.credits import write_credits
from pipeline.errors import CatalogError, InputError
from pipeline.home import SetFolder
from pipeline.locking import held_alone
from pipeline.web.addresses import canonical_url

_SHA256 = re.compile(r"[0-9a-f]{8,64}")
_WORK = re.compile(r"[a-z]+:[^\s/]\S*")
_WHOLE = 64  # letters of a sha256


@dataclass(frozen=True)
class ForgetSummary:
    """What was taken down, or would be."""

    images: int
    copies: int  # of these, that were not named but show the same picture
    candidates: int
    runs: tuple[str, ...]  # trained or measured on any of them
    kept_away: tuple[str, ...]  # named, and not met so far
    before: tuple[str, ...]  # named, and taken down before
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
        if self.has_own_files:
            parts.append("the files in your own folders are still there")
        if self.runs:
            parts.append(
                f"trained on before by {', '.join(self.runs)}: their pictures may"
                " show it; train again, then delete those folders of models/"
            )
        return "; ".join(parts)


@dataclass(frozen=True)
class _Named:
    """What one argument stands for."""

    what: str
    met: Sequence[Met] = ()
    stones: Sequence[Tombstone] = ()
    is_old: bool = False  # it was taken down before


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
        anyway: Keep away what was never met, too: whatever the words may name.
        dry_run: Only say what would go.

    Raises:
        InputError: Something named is not in the set, or could be several things; or
            another process holds the set.
        CatalogError: A file can't be removed; the tombstones stand.
    """
    with held_alone(folder, "forget"):
        known = catalog.takedowns.candidates()
        old = catalog.takedowns.forgotten()
        found = [_look_up(what, known, old, anyway=anyway) for what in named]
        shas = {met.sha256 for one in found for met in one.met if met.sha256}
        pictures = shas if only else catalog.takedowns.copies_of(shas)
        gone = _all_of(known, {met.id for one in found for met in one.met}, pictures)
        summary = ForgetSummary(
            images=len(pictures),
            copies=len(pictures) - len(shas),
            candidates=sum(not met.is_forgotten for met in gone),
            runs=tuple(catalog.takedowns.runs_with(pictures)),
            kept_away=tuple(one.what for one in found if not (one.met or one.is_old)),
            before=tuple(one.what for one in found if one.is_old),
            has_own_files=any(Path(met.origin).is_file() for met in gone),
            is_done=not dry_run,
        )
        if dry_run:
            return summary
        stones = [stone for one in found for stone in one.stones]
        stones += [Tombstone(Kind.SHA256, sha256) for sha256 in sorted(pictures)]
        stones += [Tombstone(Kind.ORIGIN, met.origin) for met in gone]
        stones += [Tombstone(Kind.WORK, met.work) for met in gone if met.work]
        catalog.takedowns.bury(stones, now())
        _remove_files(folder, {met.sha256 for met in known} - pictures, pictures)
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


def _look_up(
    what: str, known: Sequence[Met], old: Forgotten, *, anyway: bool
) -> _Named:
    """Find what an argument names: the first reading that fits."""
    what = what.strip()
    if not what:
        raise InputError("nothing is named: got an empty name")
    address = canonical_url(what)
    met = _met_as(what, address or what, known)
    if met is not None and not all(one.is_forgotten for one in met.met):
        return met
    stones = _stones_of(what, address)
    if any(stone in old.stones for stone in stones) or _begins(what, old):
        return replace(met or _Named(what), is_old=True)
    if met is not None:
        return met
    if anyway:
        return _Named(what, stones=stones)
    raise InputError(
        f"nothing in the set is called {what!r}; name an address, an author, a work or"
        " a sha256 as attribution.csv has it, or add --anyway to keep away for ever"
        " what was not met yet"
    )


def _met_as(what: str, address: str, known: Sequence[Met]) -> _Named | None:
    path = Path(what)
    places = {what, address, str(path.absolute())} - {""}
    if same := [met for met in known if {met.origin, met.final_url} & places]:
        return _Named(what, same, [Tombstone(Kind.ORIGIN, address)])
    sha256 = (path.stem if len(path.stem) == _WHOLE else what).lower()
    if _SHA256.fullmatch(sha256):
        starts = {met.sha256 for met in known if met.sha256.startswith(sha256)}
        if len(starts) > 1:
            raise InputError(f"{what!r} begins several sha256; give more of it")
        if starts:
            return _Named(what, [met for met in known if met.sha256 in starts])
    if shown := [met for met in known if met.page in places]:
        if len({met.origin for met in shown}) > 1:
            raise InputError(
                f"{what} shows {len(shown)} photos of the set; name the address of the"
                " one that is meant (attribution.csv has them)"
            )
        return _Named(what, shown, [Tombstone(Kind.PAGE, shown[0].page)])
    if work := [met for met in known if met.work == what]:
        return _Named(what, work)
    name = fold_name(what)
    if by := [
        met
        for met in known
        if met.author_url in places or (name and fold_name(met.author) == name)
    ]:
        stones = {Tombstone(Kind.AUTHOR, fold_name(met.author)) for met in by}
        pages = {met.author_url for met in by} & places
        stones |= {Tombstone(Kind.AUTHOR_PAGE, page) for page in pages}
        return _Named(what, by, sorted(stones - {Tombstone(Kind.AUTHOR, "")}))
    return None


def _stones_of(what: str, address: str | None) -> Sequence[Tombstone]:
    """Return the tombstones of what was never met: all that it may name."""
    if address is not None:
        kinds = (Kind.ORIGIN, Kind.PAGE, Kind.AUTHOR_PAGE)
        return [Tombstone(kind, address) for kind in kinds]
    if _SHA256.fullmatch(what.lower()) and len(what) == _WHOLE:
        return [Tombstone(Kind.SHA256, what.lower())]
    if _WORK.fullmatch(what):
        return [Tombstone(Kind.WORK, what)]
    return [Tombstone(Kind.AUTHOR, fold_name(what))]


def _begins(what: str, old: Forgotten) -> bool:
    """Say whether the bytes that begin with a sha256's letters were taken down."""
    return _SHA256.fullmatch(what.lower()) is not None and any(
        stone.kind is Kind.SHA256 and stone.value.startswith(what.lower())
        for stone in old.stones
    )


def _remove_files(
    folder: SetFolder, kept: Collection[str], sha256s: Collection[str]
) -> None:
    """Remove photos, thumbnails, and all caches: they can be made again.

    With them goes every file of the store that is not of the catalog, as a killed run
    leaves one: nobody can tell what it shows.
    """
    places = [folder.thumbnails / sha[:2] / f"{sha}.jpg" for sha in sha256s]
    places += [file for file in folder.images.glob("*/*") if file.stem not in kept]
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
