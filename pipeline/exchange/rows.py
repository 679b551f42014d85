"""A label on its way: what a file says of one photo, and what is handed out of one.

Every format is read into ``Row`` and written from ``Handed``; what becomes of a row is
``deciding``'s, and the same for all formats.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pipeline.catalog import Status


class Form(StrEnum):
    """The formats."""

    CSV = "csv"
    LABEL_STUDIO = "label-studio"
    TREE = "fiftyone-tree"
    MANIFEST = "fiftyone-manifest"


@dataclass(frozen=True, slots=True)
class Handed:
    """One kept photo, as it is handed out."""

    place: Path  # its file in the store
    sha256: str
    origin: str  # the URL or file it came from
    scraped_as: tuple[str, ...]
    label: str | None
    status: Status
    by: str  # who said the newest word; "" where no person did
    at: str
    note: str
    version: int  # of its item


@dataclass(frozen=True, slots=True)
class Row:
    """What a file says of one photo; "" and ``None`` where it says nothing."""

    number: int  # in the file, as people count: the first is 1
    where: str  # what messages call it: "row 2", "task 7", a file's name
    sha256: str = ""
    image: str = ""  # an address, a path or a file's name
    origin: str = ""
    label: str = ""
    # SCRAPED and CONFLICT: no person spoke, the label counts where it was changed.
    # ``None``: nothing is said of the photo.
    status: Status | None = None
    version: int | None = None  # of the photo's item, when the file was written
    at: str = ""  # when the word was said
    note: str = ""
    # The file can't tell what a person said from what was scraped.
    is_bare: bool = False
    fault: str = ""  # why the row can't be used; all else is then empty


@dataclass(frozen=True)
class Sheet:
    """A file that was read: its rows, and what names its content."""

    form: Form
    name: str  # what messages call it
    rows: Sequence[Row]
    digest: str  # hex, of the format and the content
