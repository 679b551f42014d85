"""Who made the photos, and under what licence: attribution.csv and credits.html.

The table has a row for every photo. The page shows those whose author or licence is
known, with a small picture of the first of them; the others are counted by the place
they came from. Both follow the photos: beside the set, and into every run folder.
"""

import base64
import io
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from pipeline.catalog import Catalog
from pipeline.catalog.provenance import Provenance
from pipeline.errors import ImageError, InputError
from pipeline.home import SetFolder
from pipeline.images import ImageStore, decode_image
from pipeline.listing import listing_bytes
from pipeline.writing import write_atomically

TABLE, PAGE = "attribution.csv", "credits.html"
COLUMNS = (
    "image",
    "sha256",
    "category",
    "title",
    "author",
    "author_url",
    "licence",
    "licence_version",
    "licence_url",
    "page",
    "origin",
    "source",
    "retrieved_at",
    "attribution",
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
    known = catalog.photos.provenances()
    rows = [row for row in known if sha256s is None or row.sha256 in sha256s]
    store = ImageStore(folder.images)
    table = listing_bytes(COLUMNS, (_cells(row, store) for row in rows))
    stated = [row for row in rows if row.author or row.licence]
    summary = CreditsSummary(len(rows), len(stated), out)
    if (out / PAGE).exists() and _read(out / TABLE) == table:
        return summary
    page = _page(folder.name, rows, stated, store)
    try:
        write_atomically(out / PAGE, page.encode(), sync=False)
        write_atomically(out / TABLE, table, sync=False)
    except OSError as error:
        raise InputError(f"{out} can't be written: {error.strerror}") from error
    return summary


def _cells(row: Provenance, store: ImageStore) -> Sequence[object]:
    return (
        store.path(row.sha256, row.extension),
        row.sha256,
        row.category,
        row.title,
        row.author,
        row.author_url,
        row.licence,
        row.licence_version,
        row.licence_url,
        row.page,
        row.origin,
        row.source,
        row.retrieved_at,
        row.attribution,
    )


def _page(
    name: str,
    rows: Sequence[Provenance],
    stated: Sequence[Provenance],
    store: ImageStore,
) -> str:
    """Return the page: the credits by category, and what came from elsewhere."""
    by_category: dict[str, list[Credit]] = {}
    for number, row in enumerate(stated):
        credit = _credit(row, store, has_picture=number < MAX_PICTURES)
        by_category.setdefault(row.category, []).append(credit)
    unstated = Counter(_place(row) for row in rows if not (row.author or row.licence))
    templates = Environment(
        loader=PackageLoader("pipeline.credits"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template("credits.html").render(
        name=name,
        photos=len(rows),
        licences=Counter(row.licence or "no licence stated" for row in stated),
        categories=by_category,
        unstated=unstated.most_common(),
        hidden=max(0, len(stated) - MAX_PICTURES),
    )


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


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
