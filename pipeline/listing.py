"""CSV files handed out: written whole or not at all, safe to open in a spreadsheet.

A cell that a spreadsheet would take for a formula gets an apostrophe before it.
The files are UTF-8 with a byte order mark, so that Excel reads Japanese names.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.errors import InputError
from pipeline.writing import write_atomically

_WIDE = (
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
)  # = + - @, as a Japanese Excel reads them
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", *_WIDE)


def guard_cell(value: object) -> str:
    """Return a cell's text, harmless where it would start a formula.

    A plain negative number stays as it is.
    """
    text = "" if value is None else str(value)
    if text.startswith(_FORMULA) and not _is_number(text):
        return f"'{text}"
    return text


def write_listing(
    out: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """Write a CSV of our own making; every cell is guarded.

    Raises:
        InputError: The file can't be written there.
    """
    try:
        write_atomically(out, listing_bytes(columns, rows))
    except OSError as error:
        raise InputError(f"{out} can't be written: {error.strerror}") from error


def listing_bytes(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return what ``write_listing`` writes."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([guard_cell(value) for value in row] for row in rows)
    return buffer.getvalue().encode("utf-8-sig")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
