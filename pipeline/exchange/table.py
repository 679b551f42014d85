"""Labels as a CSV: one row for each kept photo, as a spreadsheet takes it and gives it.

Written in UTF-8 with a byte order mark (Excel needs it for Japanese names), every cell
guarded against formulas. Read in UTF-8, cp932, cp1252 or UTF-16, with commas,
semicolons or tabs; ``label`` and one of ``image``, ``sha256`` and ``origin`` suffice.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.catalog import Status
from pipeline.cutting import (
    DELIMITERS,
    Encoding,
    carried_text,
    column_of,
    cut,
    header_names,
    unquoted,
)
from pipeline.errors import InputError
from pipeline.exchange.rows import Handed, Row
from pipeline.listing import guard_cell, write_listing

COLUMNS = (
    "image",
    "sha256",
    "origin",
    "label",
    "status",
    "by",
    "at",
    "note",
    "version",
)
_NAMING = ("image", "sha256", "origin")


def write_table(out: Path, photos: Iterable[Handed]) -> None:
    """Write the CSV.

    Raises:
        InputError: It can't be written there.
    """
    write_listing(
        out,
        COLUMNS,
        (
            (
                photo.place,
                photo.sha256,
                _kept(photo.origin),
                _kept(photo.label or ""),
                photo.status,
                _kept(photo.by),
                photo.at,
                _kept(photo.note.replace("\r\n", "\n").replace("\r", "\n")),
                photo.version,
            )
            for photo in photos
        ),
    )


def read_table(data: bytes, name: str) -> list[Row]:
    """Read such a CSV, or one from a hand.

    Args:
        data: The file's bytes.
        name: What messages call the file.

    Raises:
        InputError: It is empty, or its first line does not name the columns needed.
    """
    encoding, text = carried_text(data, name)
    columns, delimiter = _find_columns(encoding, text, name)
    rows = []
    records = (record for record in cut(text, delimiter) if not record.is_blank)
    next(records)  # the names of the columns
    for number, record in enumerate(records, start=2):
        cells = {
            column: _said(encoding.decode(unquoted(record.cells[at])))
            for column, at in columns.items()
            if at < len(record.cells)
        }
        if any(cells.values()):
            rows.append(_row(number, cells))
    return rows


def _row(number: int, cells: Mapping[str, str]) -> Row:
    where = f"row {number}"
    label = cells.get("label", "")
    said = cells.get("status", "").strip().casefold()
    version = cells.get("version", "").strip()
    if said and said not in set(Status):
        known = ", ".join(Status)
        return Row(number, where, fault=f"status must be one of {known}, got {said!r}")
    if version and not (version.isascii() and version.isdigit() and len(version) < 10):
        return Row(number, where, fault=f"version must be a number, got {version!r}")
    status = Status(said) if said else (Status.LABELLED if label.strip() else None)
    if status is Status.LABELLED and not label.strip():
        return Row(number, where, fault="status says labelled, but label is empty")
    return Row(
        number,
        where,
        sha256=cells.get("sha256", "").strip().lower(),
        image=cells.get("image", ""),
        origin=cells.get("origin", ""),
        label=label,
        status=status,
        version=int(version) if version else None,
        at=cells.get("at", "").strip(),
        note=cells.get("note", ""),
    )


def _find_columns(
    encoding: Encoding, text: str, name: str
) -> tuple[dict[str, int], str]:
    """Return where our columns stand, and the delimiter that yields those needed."""
    tried: list[Sequence[str]] = []
    for delimiter in DELIMITERS:
        lines = (record for record in cut(text, delimiter) if not record.is_blank)
        header = next(lines, None)
        if header is None:
            raise InputError(
                f"{name} is empty; it needs the column 'label' and one of 'image',"
                " 'sha256' and 'origin'"
            )
        names = header_names(encoding, header)
        found = dict(_places(names))
        if {"label", "status"} & found.keys() and not found.keys().isdisjoint(_NAMING):
            return found, delimiter
        tried.append(names)
    came = ", ".join(repr(column[:40]) for column in max(tried, key=len)[:12])
    raise InputError(
        f"{name} needs the column 'label' and one of 'image', 'sha256' and 'origin' in"
        f" its first line; there are: {came}"
    )


def _places(names: Sequence[str]) -> Iterator[tuple[str, int]]:
    for column in COLUMNS:
        if (at := column_of(names, column)) >= 0:
            yield column, at


def _kept(text: str) -> str:
    """Return text that ``_said`` turns back: apostrophes before a formula are doubled.

    ``write_listing`` guards what is a formula as it stands.
    """
    return f"'{text}" if text.startswith("'") and _is_guarded(text) else text


def _said(cell: str) -> str:
    """Return what a cell says: without the apostrophe that guards a formula."""
    return cell[1:] if cell.startswith("'") and _is_guarded(cell) else cell


def _is_guarded(text: str) -> bool:
    bare = text.lstrip("'")
    return guard_cell(bare) != bare
