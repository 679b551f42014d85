"""A table of cells in a file of bytes: which encoding, which rows, which cells.

The file is cut into rows and cells without being decoded as a whole. In the 8-bit
encodings read here (UTF-8, cp932, cp1252) no byte of a longer character looks like a
delimiter, a quote or a line end, so the bytes are carried as Latin-1 characters and
only the cells that are looked at are decoded. UTF-16 is carried as its own text.
"""

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.errors import InputError

DELIMITERS = (",", ";", "\t")
_IN_QUOTES = r'"(?:[^"]|"")*+"'
_QUOTED_CELL = re.compile(rf"({_IN_QUOTES})(.*)", re.DOTALL)


@dataclass(frozen=True)
class Encoding:
    """How a file's bytes are carried while it is cut up, and what its cells say."""

    mark: bytes  # the byte order mark the file begins with
    carrier: str  # a codec that gives every byte back
    text: str  # the codec of the cells

    def decode(self, carried: str) -> str:
        """Return what a carried cell says; broken bytes become U+FFFD."""
        if self.carrier != "latin-1":
            return carried
        return carried.encode("latin-1").decode(self.text, "replace")

    def carry(self, text: str) -> str:
        """Return new text as it is carried; unknown characters are escaped."""
        if self.carrier != "latin-1":
            return text
        return text.encode(self.text, "backslashreplace").decode("latin-1")


@dataclass(frozen=True)
class Record:
    """A line of the file, or several where a quoted cell holds line ends."""

    cells: tuple[str, ...]  # as they stand in the file, quotes included
    end: str  # the line end, "" at the end of the file

    @property
    def is_blank(self) -> bool:
        """Whether the line is empty."""
        return self.cells == ("",)


def carried_text(data: bytes, name: str) -> tuple[Encoding, str]:
    """Find a file's encoding, and return it with the text as it is carried.

    Args:
        data: The file's bytes: UTF-8, cp932 (Japanese Excel), cp1252, or UTF-16 with
            a byte order mark.
        name: What messages call the file.

    Raises:
        InputError: It begins as UTF-16 and is none.
    """
    encoding = _find_encoding(data)
    body = data[len(encoding.mark) :]
    try:
        return encoding, body.decode(encoding.carrier, "surrogatepass")
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not valid UTF-16: {error.reason}") from error


def cut(text: str, delimiter: str) -> Iterator[Record]:
    """Cut text into records as spreadsheets do.

    A quote that is never closed is an ordinary character, so that it can't swallow
    the rest of the file.
    """
    plain = rf"[^{delimiter}\r\n]*+"
    cell = re.compile(rf"({_IN_QUOTES}{plain}|{plain})({delimiter}|\r\n|\n|\r|\Z)")
    cells: list[str] = []
    at = 0
    while at < len(text) or cells:
        found = cell.match(text, at)
        if found is None:
            raise ValueError(f"no cell at {at}: every text is a cell")
        cells.append(found[1])
        at = found.end()
        if found[2] != delimiter:
            yield Record(tuple(cells), found[2])
            cells = []


def unquoted(cell: str) -> str:
    """Return what a raw cell says."""
    found = _QUOTED_CELL.fullmatch(cell)
    return found[1][1:-1].replace('""', '"') + found[2] if found else cell


def is_closed(cell: str) -> bool:
    """Say whether a raw cell that begins with a quote has it closed."""
    return not cell.startswith('"') or _QUOTED_CELL.fullmatch(cell) is not None


def header_names(encoding: Encoding, header: Record) -> list[str]:
    """Return the names of the columns, without space at their ends."""
    return [encoding.decode(unquoted(cell)).strip() for cell in header.cells]


def column_of(names: Sequence[str], wanted: str) -> int:
    """Return where a column stands, -1 for nowhere; its case is ignored if need be."""
    for candidates in (names, [name.casefold() for name in names]):
        if wanted in candidates:
            return candidates.index(wanted)
    return -1


def _find_encoding(data: bytes) -> Encoding:
    for mark, carrier in (
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return Encoding(mark, carrier, carrier)
    if data.startswith(codecs.BOM_UTF8):
        return Encoding(codecs.BOM_UTF8, "latin-1", "utf-8")
    for codec in ("utf-8", "cp932"):
        if codec == "cp932" and _is_mostly_utf8(data):
            break
        try:
            data.decode(codec)
        except UnicodeDecodeError:
            continue
        return Encoding(b"", "latin-1", codec)
    return Encoding(b"", "latin-1", "utf-8" if _is_mostly_utf8(data) else "cp1252")


def _is_mostly_utf8(data: bytes) -> bool:
    """Tell UTF-8 with a few broken bytes from another encoding."""
    read = data.decode("utf-8", "replace")
    broken = read.count("\ufffd")
    return sum(char > "\x7f" for char in read) - broken > broken
