"""An argument → the candidates that it names, and what is to be kept away.

``look_up`` is a takedown's, which may name all of an author's photos or what was never
met. ``stored_photo`` is for commands that mean one photo of the store.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.catalog.forgetting import Forgotten, Met, Tombstone, fold_name
from pipeline.catalog.tables import Kind
from pipeline.errors import InputError
from pipeline.settings import SEARCHES
from pipeline.web.addresses import canonical_url

_SHA256 = re.compile(r"[0-9a-f]{8,64}")
_WORK = re.compile(r"[a-z]+:[^\s/]\S*")
_WHOLE = 64  # letters of a sha256
_BEGINNING = re.compile(r"[0-9a-f]{6,64}")  # of one, where nothing is deleted by it


@dataclass(frozen=True)
class Named:
    """What one argument stands for."""

    what: str
    met: Sequence[Met] = ()
    stones: Sequence[Tombstone] = ()
    away: str = ""  # what the tombstones are for, beside what was met
    is_old: bool = False  # it was taken down before
    is_open: bool = False  # a page; what else it shows may come


def look_up(what: str, known: Sequence[Met], old: Forgotten, *, anyway: bool) -> Named:
    """Find what an argument names: the first reading that fits."""
    what = what.strip()
    if not what:
        raise InputError("nothing is named: got an empty name")
    address = canonical_url(what)
    met = _met_as(what, address or what, known, old, anyway=anyway)
    if met is not None:
        if not all(one.is_forgotten for one in met.met):
            return met
        if any(stone not in old.stones for stone in met.stones):
            return replace(met, away=met.away or what)
        return replace(met, away="", is_old=True)
    stones = _stones_of(what, address)
    start = _sha256_in(what)
    is_begun = _SHA256.fullmatch(start) and any(
        sha256.startswith(start) for sha256 in old.sha256s()
    )
    if is_begun or any(stone in old.stones for stone in stones):
        return Named(what, is_old=True)
    if anyway:
        return Named(what, stones=stones, away=what)
    raise InputError(
        f"nothing in the set is called {what!r}; name an address, an author, a work or"
        " a sha256 as attribution.csv has it, or add --anyway to keep away for ever"
        " what was not met yet"
    )


def stored_photo(what: str, known: Sequence[Met]) -> str:
    """Return the sha256 of the one stored photo that an argument names.

    Args:
        what: An address or path that it came from, its sha256 or at least the first 6
            digits of it, or its file in the store.
        known: Every candidate of the set.

    Raises:
        InputError: It names none, several, or one that is not in the store.
    """
    what = what.strip()
    met = _met_at(_places(what, canonical_url(what) or what), known)
    if not met and _BEGINNING.fullmatch(_sha256_in(what)):
        met = _met_as_bytes(what, known)
    if not met:
        raise InputError(
            f"no photo of the set is called {what!r}; name it by the first digits of"
            " its sha256 (6 or more), its file, or the address it came from"
        )
    stored = sorted({one.sha256 for one in met} - {""})
    if not stored:
        how = "was taken down" if any(one.is_forgotten for one in met) else "was met"
        raise InputError(f"{what!r} {how}, but no photo of it is in the store")
    if len(stored) > 1:
        told = ", ".join(sha256[:10] for sha256 in stored)
        raise InputError(f"{what!r} was several photos: {told}; name one of these")
    return stored[0]


def _met_as(
    what: str, address: str, known: Sequence[Met], old: Forgotten, *, anyway: bool
) -> Named | None:
    places = _places(what, address)
    if same := _met_at(places, known):
        return Named(what, same, [Tombstone(Kind.ORIGIN, address)])
    if _SHA256.fullmatch(_sha256_in(what)) and (same := _met_as_bytes(what, known)):
        return Named(what, same)
    if shown := [met for met in known if met.page in places]:
        return _met_on_page(what, shown, old, anyway=anyway)
    if work := [met for met in known if met.work == what]:
        return Named(what, work)
    return _met_by(what, places, known)


def _places(what: str, address: str) -> set[str]:
    """Return where an argument may say that a photo came from."""
    return {what, address, str(Path(what).absolute())} - {""}


def _met_at(places: Collection[str], known: Sequence[Met]) -> list[Met]:
    return [met for met in known if not {met.origin, met.final_url}.isdisjoint(places)]


def _met_as_bytes(what: str, known: Sequence[Met]) -> list[Met]:
    """Find the one photo whose sha256 an argument is, begins, or is the file of."""
    start = _sha256_in(what)
    same = [met for met in known if met.sha256.startswith(start)]
    if len({met.sha256 for met in same}) > 1:
        raise InputError(f"{what!r} begins several sha256; give more of it")
    return same


def _met_on_page(
    what: str, shown: Sequence[Met], old: Forgotten, *, anyway: bool
) -> Named:
    """Take the one photo of a page, and the page too where it is that of a work.

    Any other page may show more photos, today or tomorrow, that nobody asked about.
    """
    left = [met for met in shown if not met.is_forgotten]
    number = len({met.origin for met in left})
    if number > 1:
        raise InputError(
            f"{what} shows {number} photos of the set; name the address of the one"
            " that is meant (attribution.csv has them)"
        )
    stone = Tombstone(Kind.PAGE, shown[0].page)
    is_of_work = any(met.source in SEARCHES for met in shown)
    if anyway or is_of_work or stone in old.stones:
        return Named(what, left or shown, [stone], f"all of the page {what}")
    return Named(what, left or shown, is_open=True)


def _met_by(what: str, places: Collection[str], known: Sequence[Met]) -> Named | None:
    """Find an author, by what was given alone: many have the same name."""
    name = fold_name(what)
    of_page = [met for met in known if met.author_url in places]
    of_name = [met for met in known if name and fold_name(met.author) == name]
    if not (of_page or of_name):
        return None
    stones = {Tombstone(Kind.AUTHOR_PAGE, met.author_url) for met in of_page}
    if of_name:
        stones.add(Tombstone(Kind.AUTHOR, name))
    return Named(what, [*of_page, *of_name], sorted(stones), f"all by {what}")


def _stones_of(what: str, address: str | None) -> Sequence[Tombstone]:
    """Return the tombstones of what was never met: all that it may name."""
    if address is not None:
        kinds = (Kind.ORIGIN, Kind.PAGE, Kind.AUTHOR_PAGE)
        return [Tombstone(kind, address) for kind in kinds]
    sha256 = _sha256_in(what)
    if _SHA256.fullmatch(sha256) and len(sha256) == _WHOLE:
        return [Tombstone(Kind.SHA256, sha256)]
    if _WORK.fullmatch(what):
        return [Tombstone(Kind.WORK, what)]
    return [Tombstone(Kind.AUTHOR, fold_name(what))]


def _sha256_in(what: str) -> str:
    """Return what may be a sha256 or its beginning: as given, or a file's name."""
    stem = Path(what).stem
    return (stem if len(stem) == _WHOLE else what).lower()
