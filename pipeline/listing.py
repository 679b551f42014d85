"""CSV files handed out: written whole or not at all, safe to open in a spreadsheet.

A cell that a spreadsheet would take for a formula gets an apostrophe before it.
The files are UTF-8 with a byte order mark, so that Excel reads Japanese names.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

from pipeline.errors import InputError
from pipeline.writing import write_atomically

_WIDE = (
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
)  # = + - @, as a Japanese Excel reads them
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", *_WIDE)


ENCODING = "utf-8-sig"


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
    buffer = io.StringIO(newline="")
    write_rows(buffer, columns, rows)
    try:
        write_atomically(out, buffer.getvalue().encode(ENCODING))
    except OSError as error:
        raise InputError(f"{out} can't be written: {error.strerror}") from error


def write_rows(
    file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """Write the lines of such a CSV into a file of ``ENCODING``, one by one."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([guard_cell(value) for value in row] for row in rows)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
