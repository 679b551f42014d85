"""credits.html: who made the photos, category by category.

The page is written as its photos are read, so that a set of any size needs the same
memory. What it says in counts before the first of them is a ``Tally``, which an
earlier reading of the same photos filled.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TextIO

from pipeline.catalog.provenance import Provenance
from pipeline.images import ImageStore
from pipeline.licences import Licence, parse_licence
from pipeline.pages import link, small_picture, templates_of

MAX_PICTURES = 2000  # shown on the page; the others are told in words
SIDE = 88  # pixels of a picture's longer side at most


@dataclass
class Tally:
    """What the page tells in counts."""

    photos: int = 0
    stated: int = 0  # of these, with an author or a licence
    licensed: int = 0  # of these, with a licence
    licences: Counter[str] = field(default_factory=Counter)  # of the stated
    categories: Counter[str] = field(
        default_factory=Counter
    )  # of the stated, in page order
    pictured: Counter[str] = field(default_factory=Counter)  # of these, with a picture
    places: Counter[str] = field(default_factory=Counter)  # of the others

    def take(self, row: Provenance) -> None:
        """Count a photo."""
        self.photos += 1
        if not is_stated(row):
            self.places[_place(row)] += 1
            return
        if self.stated < MAX_PICTURES:
            self.pictured[row.category] += 1
        self.stated += 1
        self.licensed += bool(row.licence or row.licence_url)
        self.licences[_licence_name(row)] += 1
        self.categories[row.category] += 1

    def come_to(self, category: str) -> None:
        """Note the place of a category among the others; its photos may not count."""
        self.categories.setdefault(category, 0)


@dataclass(frozen=True)
class Section:
    """A category on the page."""

    anchor: str
    category: str
    photos: int


@dataclass(frozen=True)
class Credit:
    """A photo on the page."""

    title: str
    page: str  # "" where it has none of the web
    author: str
    author_url: str
    licence: str
    licence_url: str
    attribution: str
    picture: str  # a data: address, "" where there is none


def is_stated(row: Provenance) -> bool:
    """Say whether an author or a licence is known."""
    return bool(row.author or row.licence or row.licence_url)


def write_page(
    file: TextIO, name: str, tally: Tally, rows: Iterable[Provenance], store: ImageStore
) -> None:
    """Write the page of set ``name``.

    Args:
        file: Takes the page, piece by piece.
        name: The set.
        tally: The counts of the same photos.
        rows: The stated ones, each category's together, in the order of the tally's.
        store: Has the pictures; one that can't be read is left out.

    Raises:
        OSError: The file can't be written.
    """
    templates = templates_of("pipeline.credits")
    templates.filters["photos"] = _photos
    sections = {
        category: Section(f"category-{number}", category, photos)
        for number, (category, photos) in enumerate(tally.categories.items(), start=1)
        if photos
    }
    pieces = templates.get_template("credits.html").generate(
        name=name,
        tally=tally,
        sections=sections.values(),
        filled=_fill(sections, rows, tally, store),
        hidden=tally.stated - tally.pictured.total(),
    )
    file.writelines(pieces)


def _fill(
    sections: dict[str, Section],
    rows: Iterable[Provenance],
    tally: Tally,
    store: ImageStore,
) -> Iterator[tuple[Section, Iterator[Credit]]]:
    """Yield each section with its credits, made as they are asked for."""
    for category, group in groupby(rows, key=attrgetter("category")):
        with_picture = tally.pictured[category]
        credits_ = (
            _credit(row, store, has_picture=number < with_picture)
            for number, row in enumerate(group)
        )
        yield sections[category], credits_


def _credit(row: Provenance, store: ImageStore, *, has_picture: bool) -> Credit:
    place = store.path(row.sha256, row.extension)
    return Credit(
        title=row.title or "Untitled",
        page=link(row.page) or link(row.origin),
        author=row.author or "author not stated",
        author_url=link(row.author_url),
        licence=_licence_title(row.licence, row.licence_version, row.licence_url),
        licence_url=link(row.licence_url),
        attribution=row.attribution,
        picture=small_picture(place, SIDE) if has_picture else "",
    )


def _licence_name(row: Provenance) -> str:
    """Return a licence without its version, as it is counted by."""
    if row.licence:
        return row.licence
    read = _read(row.licence, row.licence_version, row.licence_url)
    return read.name if read else _terms(row.licence_url) or "Licence not stated"


@lru_cache(maxsize=1024)  # a set has few licences, and many photos
def _licence_title(licence: str, version: str, url: str) -> str:
    """Return a licence with its version; in the words it was stated in, if unknown."""
    read = _read(licence, version, url)
    if read and licence.casefold() in {"", read.name.casefold()}:
        return read.title
    stated = f"{licence} {version}".strip()
    return stated or _terms(url) or "licence not stated"


@lru_cache(maxsize=1024)
def _read(licence: str, version: str, url: str) -> Licence | None:
    return parse_licence(f"{licence} {version}".strip(), url)


def _terms(url: str) -> str:
    """Return words for a licence of which nothing but the address is known."""
    return f"terms at {url.split('/')[2]}" if link(url) else url


def _place(row: Provenance) -> str:
    """Return where a photo came from, as coarse as says something."""
    if link(row.origin):
        return row.origin.split("/")[2]
    path = Path(row.origin.partition("#")[0])
    return str(path if "#" in row.origin else path.parent)


def _photos(number: int) -> str:
    """Return a count in words: "1 photo", "2,000 photos"."""
    return f"{number:,} photo{'' if number == 1 else 's'}"
