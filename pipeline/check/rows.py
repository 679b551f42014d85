"""A shop's CSV, in and out: its own cells go back byte for byte.

How a file is cut into cells is ``pipeline.cutting``'s. An empty line is no row; it goes
back as it came. A row that is too short is filled up with empty cells; where one is too
long, the header gets cells without a name.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.cutting import (
    DELIMITERS,
    Encoding,
    Record,
    carried_text,
    column_of,
    cut,
    header_names,
    is_closed,
    unquoted,
)
from pipeline.errors import InputError
from pipeline.listing import guard_cell


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
        return self.encoding.decode(unquoted(record.cells[column]))

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
    encoding, text = carried_text(data, name)
    header, delimiter = _find_header(encoding, text, name)
    records = list(cut(text, delimiter))
    first = next(i for i, record in enumerate(records) if not record.is_blank)
    return ProductTable(
        encoding=encoding,
        delimiter=delimiter,
        lead=tuple(records[:first]),
        header=records[first],
        records=tuple(records[first + 1 :]),
        image_column=column_of(header, "image"),
        tag_column=column_of(header, "tag"),
    )


def _find_header(encoding: Encoding, text: str, name: str) -> tuple[list[str], str]:
    """Return the names of the columns, and the delimiter that yields those needed."""
    tried: list[list[str]] = []
    for delimiter in DELIMITERS:
        lines = (record for record in cut(text, delimiter) if not record.is_blank)
        header = next(lines, None)
        if header is None:
            raise InputError(f"{name} is empty; it needs the columns 'image' and 'tag'")
        names = header_names(encoding, header)
        if all(column_of(names, wanted) >= 0 for wanted in ("image", "tag")):
            return names, delimiter
        tried.append(names)
    likeliest = max(tried, key=len)
    came = ", ".join(repr(column[:40]) for column in likeliest[:12])
    raise InputError(
        f"{name} needs the columns 'image' and 'tag' in its first line; there are:"
        f" {came}"
    )


def _closed(cell: str) -> str:
    """Return a raw cell as it came, unless its quote was never closed."""
    return cell if is_closed(cell) else _quoted(cell)


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
