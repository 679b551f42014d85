"""A shop's CSV, in and out: its own cells go back byte for byte.

The file is cut into rows and cells without being decoded as a whole. In the 8-bit
encodings read here (UTF-8, cp932, cp1252) no byte of a longer character looks like a
delimiter, a quote or a line end, so the bytes are carried as Latin-1 characters and
only the cells that are looked at are decoded. UTF-16 is carried as its own text.

An empty line is no row; it goes back as it came. A row that is too short is filled
up with empty cells; where one is too long, the header gets cells without a name.
"""

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.errors import InputError
from pipeline.listing import guard_cell

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


@dataclass(frozen=True)
class ProductTable:
    """A shop's file: where its images and tags stand, all else as it came."""

    encoding: Encoding
    delimiter: str
    lead: tuple[Record, ...]  # empty lines before the header
    header: Record
    records: tuple[Record, ...]  # empty lines included
    image_column: int
    tag_column: int

    @property
    def rows(self) -> list[tuple[str, str]]:
        """The image and the tag of every row, in order; missing cells are empty."""
        return [
            (
                self._value(record, self.image_column),
                self._value(record, self.tag_column),
            )
            for record in self.records
            if not record.is_blank
        ]

    def _value(self, record: Record, column: int) -> str:
        if column >= len(record.cells):
            return ""
        return self.encoding.decode(_unquoted(record.cells[column]))

    def with_columns(
        self, names: Sequence[str], filled: Sequence[Sequence[object]]
    ) -> bytes:
        """Return the file with columns added; ``filled`` has a row for each of ours.

        A name that is taken gets ``mekiki_`` before it.
        """
        rows = [record for record in self.records if not record.is_blank]
        width = max(len(record.cells) for record in (self.header, *rows))
        taken = {self._value(self.header, at).strip() for at in range(width)}
        lines = [record.end for record in self.lead]
        lines.append(self._line(self.header, width, _free_names(names, taken)))
        added = iter(filled)
        lines.extend(
            record.end if record.is_blank else self._line(record, width, next(added))
            for record in self.records
        )
        carrier = self.encoding.carrier
        return self.encoding.mark + "".join(lines).encode(carrier, "surrogatepass")

    def _line(self, record: Record, width: int, added: Sequence[object]) -> str:
        own = [_closed(cell) for cell in record.cells]
        padding = [""] * (width - len(own))
        ours = [self.encoding.carry(_quoted(guard_cell(cell))) for cell in added]
        return self.delimiter.join([*own, *padding, *ours]) + record.end


def read_products(data: bytes, name: str) -> ProductTable:
    """Cut a shop's CSV into rows; commas, semicolons or tabs between the cells.

    Args:
        data: The file's bytes: UTF-8, cp932 (Japanese Excel), cp1252, or UTF-16 with
            a byte order mark.
        name: What messages call the file.

    Raises:
        InputError: It is empty, or has no columns ``image`` and ``tag``.
    """
    encoding = _find_encoding(data)
    body = data[len(encoding.mark) :]
    try:
        text = body.decode(encoding.carrier, "surrogatepass")
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not valid UTF-16: {error.reason}") from error
    header, delimiter = _find_header(encoding, text, name)
    records = list(_cut(text, delimiter))
    first = next(i for i, record in enumerate(records) if not record.is_blank)
    return ProductTable(
        encoding=encoding,
        delimiter=delimiter,
        lead=tuple(records[:first]),
        header=records[first],
        records=tuple(records[first + 1 :]),
        image_column=_column(header, "image"),
        tag_column=_column(header, "tag"),
    )


def _find_header(encoding: Encoding, text: str, name: str) -> tuple[list[str], str]:
    """Return the names of the columns, and the delimiter that yields those needed."""
    tried: list[list[str]] = []
    for delimiter in DELIMITERS:
        lines = (record for record in _cut(text, delimiter) if not record.is_blank)
        header = next(lines, None)
        if header is None:
            raise InputError(f"{name} is empty; it needs the columns 'image' and 'tag'")
        names = [encoding.decode(_unquoted(cell)).strip() for cell in header.cells]
        if all(_column(names, wanted) >= 0 for wanted in ("image", "tag")):
            return names, delimiter
        tried.append(names)
    likeliest = max(tried, key=len)
    came = ", ".join(repr(column[:40]) for column in likeliest[:12])
    raise InputError(
        f"{name} needs the columns 'image' and 'tag' in its first line; there are:"
        f" {came}"
    )


def _column(names: Sequence[str], wanted: str) -> int:
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


def _cut(text: str, delimiter: str) -> Iterator[Record]:
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


def _unquoted(cell: str) -> str:
    """Return what a raw cell says."""
    found = _QUOTED_CELL.fullmatch(cell)
    return found[1][1:-1].replace('""', '"') + found[2] if found else cell


def _closed(cell: str) -> str:
    """Return a raw cell as it came, unless its quote was never closed."""
    if cell.startswith('"') and not _QUOTED_CELL.fullmatch(cell):
        return _quoted(cell)
    return cell


def _free_names(names: Sequence[str], taken: set[str]) -> list[str]:
    """Return ``names``, with ``mekiki_`` before those that are taken."""
    free = []
    for name in names:
        chosen = name
        while chosen in taken:
            chosen = f"mekiki_{chosen}"
        free.append(chosen)
    return free


def _quoted(text: str) -> str:
    """Return text as a cell of ours, in quotes where it needs them."""
    if any(char in text for char in (*DELIMITERS, '"', "\r", "\n")):
        doubled = text.replace('"', '""')
        return f'"{doubled}"'
    return text
