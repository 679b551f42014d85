"""Who made the photos, and under what licence: attribution.csv and credits.html.

The table has a row for every photo. The page shows those whose author or licence is
known, with a small picture of the first of them; the others are counted by the place
they came from. Both follow the photos: beside the set, and into every run folder.

The photos are read twice within one moment of the catalog, and never held: once for
the table and for what the page tells in counts, once more for the page.
"""

import filecmp
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from pipeline.catalog import Catalog
from pipeline.catalog.provenance import Moment, Provenance
from pipeline.credits.page import Tally, is_stated, write_page
from pipeline.errors import InputError
from pipeline.home import SetFolder
from pipeline.images import ImageStore
from pipeline.listing import ENCODING, write_rows
from pipeline.writing import part_of

TABLE, PAGE = "attribution.csv", "credits.html"
# The photo's place in the store, and all that is known of where it comes from.
COLUMNS = (
    "image",
    *(field.name for field in fields(Provenance) if field.name != "extension"),
)


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
    table, page = out / TABLE, out / PAGE
    try:
        out.mkdir(parents=True, exist_ok=True)
        with (
            part_of(table) as new_table,
            part_of(page) as new_page,
            catalog.photos.provenances().of_one_moment() as moment,
        ):
            photos = _Photos(moment, ImageStore(folder.images), sha256s)
            tally = photos.write_table(new_table)
            if not (page.exists() and _are_same(new_table, table)):
                photos.write_page(new_page, folder.name, tally)
                # the page first: where this is cut short, the old table has it redone
                new_page.replace(page)
                new_table.replace(table)
    except OSError as error:
        raise InputError(f"{out} can't be written: {error.strerror}") from error
    return CreditsSummary(tally.photos, tally.stated, out)


@dataclass(frozen=True)
class _Photos:
    """The photos to credit, as they are at one moment."""

    moment: Moment
    store: ImageStore
    sha256s: Collection[str] | None

    def write_table(self, part: Path) -> Tally:
        """Write the table; return what the page is to tell in counts."""
        tally = Tally()
        with part.open("w", encoding=ENCODING, newline="") as file:
            write_rows(file, COLUMNS, self._cells(tally))
        return tally

    def write_page(self, part: Path, name: str, tally: Tally) -> None:
        """Write the page of set ``name``."""
        stated = (
            row
            for row in self.moment.by_category()
            if self._is_meant(row) and is_stated(row)
        )
        with part.open("w", encoding="utf-8", newline="\n") as file:
            part.chmod(0o644)  # for others to read, whatever the umask
            write_page(file, name, tally, stated, self.store)

    def _cells(self, tally: Tally) -> Iterator[Sequence[object]]:
        for row in self.moment.by_owner():
            tally.come_to(row.category)
            if self._is_meant(row):
                tally.take(row)
                known = (getattr(row, name) for name in COLUMNS[1:])
                yield (self.store.path(row.sha256, row.extension), *known)

    def _is_meant(self, row: Provenance) -> bool:
        return self.sha256s is None or row.sha256 in self.sha256s


def _are_same(one: Path, other: Path) -> bool:
    return other.exists() and filecmp.cmp(one, other, shallow=False)
