"""Who made the photos, and under what licence: attribution.csv and credits.html.

The table has a row for every photo. The page shows those whose author or licence is
known, with a small picture of the first of them; the others are counted by the place
they came from. Both follow the photos: beside the set, and into every run folder.
"""

import base64
import filecmp
import io
import os
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from pipeline.catalog import Catalog
from pipeline.catalog.provenance import Provenance
from pipeline.errors import ImageError, InputError
from pipeline.home import SetFolder
from pipeline.images import ImageStore, decode_image
from pipeline.listing import ENCODING, write_rows
from pipeline.writing import write_atomically

TABLE, PAGE = "attribution.csv", "credits.html"
# The photo's place in the store, and all that is known of where it comes from.
COLUMNS = (
    "image",
    *(field.name for field in fields(Provenance) if field.name != "extension"),
)
MAX_PICTURES = 2000  # shown on the page; the others are told in words
SIDE = 88  # pixels of a picture's longer side at most


@dataclass(frozen=True)
class CreditsSummary:
    """What was written, in counts."""

    photos: int
    stated: int  # of these, with an author or a licence
    folder: Path

    @property
    def line(self) -> str:
        """The one line of counts."""
        return (
            f"{self.photos:,} photos, {self.stated:,} of them with author or licence:"
            f" {self.folder / TABLE} and {PAGE} beside it"
        )


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


def write_credits(
    folder: SetFolder,
    catalog: Catalog,
    out: Path,
    sha256s: Collection[str] | None = None,
) -> CreditsSummary:
    """Write both files into ``out``; where nothing changed they stay as they are.

    Args:
        folder: The set.
        catalog: Its catalog.
        out: A folder; is made where it is missing.
        sha256s: Only these photos; all in the store where ``None``.

    Raises:
        InputError: The files can't be written there.
    """
    told = _Told(ImageStore(folder.images))
    rows = (
        told.take(row)
        for row in catalog.photos.provenances()
        if sha256s is None or row.sha256 in sha256s
    )
    part = out / f".{TABLE}.{os.getpid()}.part"
    try:
        out.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding=ENCODING, newline="") as file:
            write_rows(file, COLUMNS, rows)
        if not ((out / PAGE).exists() and _are_same(part, out / TABLE)):
            page = told.page(folder.name)
            write_atomically(out / PAGE, page.encode(), sync=False)
            part.replace(out / TABLE)
    except OSError as error:
        raise InputError(f"{out} can't be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return CreditsSummary(told.photos, len(told.stated), out)


class _Told:
    """What the page tells, gathered while the table is written."""

    def __init__(self, store: ImageStore) -> None:
        self._store = store
        self.photos = 0
        self.stated: list[Provenance] = []
        self._places: Counter[str] = Counter()

    def take(self, row: Provenance) -> Sequence[object]:
        """Take a photo in; return its cells in the table."""
        self.photos += 1
        if row.author or row.licence:
            self.stated.append(row)
        else:
            self._places[_place(row)] += 1
        return _cells(row, self._store)

    def page(self, name: str) -> str:
        """Return the page: the credits by category, and what came from elsewhere."""
        by_category: dict[str, list[Credit]] = {}
        for number, row in enumerate(self.stated):
            credit = _credit(row, self._store, has_picture=number < MAX_PICTURES)
            by_category.setdefault(row.category, []).append(credit)
        templates = Environment(
            loader=PackageLoader("pipeline.credits"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        return templates.get_template("credits.html").render(
            name=name,
            photos=self.photos,
            licences=Counter(row.licence or "no licence stated" for row in self.stated),
            categories=by_category,
            unstated=self._places.most_common(),
            hidden=max(0, len(self.stated) - MAX_PICTURES),
        )


def _cells(row: Provenance, store: ImageStore) -> Sequence[object]:
    known = (getattr(row, name) for name in COLUMNS[1:])
    return (store.path(row.sha256, row.extension), *known)


def _credit(row: Provenance, store: ImageStore, *, has_picture: bool) -> Credit:
    place = store.path(row.sha256, row.extension)
    return Credit(
        title=row.title or "Untitled",
        page=_link(row.page) or _link(row.origin),
        author=row.author or "author not stated",
        author_url=_link(row.author_url),
        licence=" ".join(filter(None, (row.licence, row.licence_version)))
        or "licence not stated",
        licence_url=_link(row.licence_url),
        attribution=row.attribution,
        picture=_picture(place) if has_picture else "",
    )


def _picture(place: Path) -> str:
    """Return a small picture as a data: address, ``""`` where it can't be read."""
    try:
        image = Image.fromarray(decode_image(place, min_side=SIDE))
    except ImageError:
        return ""
    image.thumbnail((SIDE, SIDE), reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=70)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _place(row: Provenance) -> str:
    """Return where a photo came from, as coarse as says something."""
    if _link(row.origin):
        return row.origin.split("/")[2]
    path = Path(row.origin.partition("#")[0])
    return str(path if "#" in row.origin else path.parent)


def _link(url: str) -> str:
    """Return an address that a page may link to, ``""`` of any other text."""
    return url if url.lower().startswith(("http://", "https://")) else ""


def _are_same(one: Path, other: Path) -> bool:
    return other.exists() and filecmp.cmp(one, other, shallow=False)
