"""Photos listed in a CSV: the columns ``url`` and ``category``, one photo a row.

``title``, ``author``, ``licence`` and ``page`` are kept where the file has them. A row
that can't be used still becomes a candidate, so that its reason is recorded: without
a URL, or with one too long to record, its place in the file stands for it.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from pipeline.catalog.finding import Found
from pipeline.errors import InputError
from pipeline.scrape.sources.discovery import Discovered, Discovery
from pipeline.settings import UrlsSource
from pipeline.web.addresses import is_recordable

_NEEDED = ("url", "category")


def list_urls(source: UrlsSource, discovery: Discovery) -> Discovered:
    """Record the rows of the source's CSV as candidates.

    Raises:
        InputError: The file can't be read, or lacks a column.
    """
    found = list(read_rows(source.path))
    new = discovery.catalog.candidates.add(found, discovery.now())
    discovery.advance(1)
    return Discovered(new=new)


def read_rows(path: Path) -> Iterator[Found]:
    """Yield a candidate for every row that is not empty.

    Raises:
        InputError: The file can't be read, or lacks a column.
    """
    reader = csv.DictReader(io.StringIO(_text(path), newline=""), restval="")
    try:
        columns = [str(name).strip().lower() for name in reader.fieldnames or ()]
        missing = [name for name in _NEEDED if name not in columns]
        if missing:
            raise InputError(
                f"{path} needs the columns url and category; it lacks"
                f" {' and '.join(missing)} (there: {', '.join(columns) or 'none'})"
            )
        reader.fieldnames = columns
        for row in reader:
            cells = {name: _cell(row.get(name)) for name in columns}
            if any(cells.values()):
                yield _candidate(cells, f"{path}, line {reader.line_num}")
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num + 1}: {error}") from error


def _candidate(cells: dict[str, str], place: str) -> Found:
    url, licence = cells["url"], cells.get("licence", "")
    is_address = licence.startswith(("http://", "https://"))
    return Found(
        "urls",
        cells["category"],
        url if url and is_recordable(url) else place,
        cells.get("page", ""),
        cells.get("title", ""),
        cells.get("author", ""),
        "" if is_address else licence,
        licence if is_address else "",
    )


def _cell(value: str | None) -> str:
    return (value or "").replace("\0", "").strip()  # no database takes a NUL


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(
            f'{path} does not exist; [[source]] kind = "urls" needs a CSV with the'
            " columns url and category"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f'{path} must be UTF-8 text; save it as "CSV UTF-8" ({error.reason} at'
            f" byte {error.start})"
        ) from error
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from error
