"""Photos listed in a CSV or JSONL: ``url`` and ``category``, one photo a line.

``page``, ``title``, ``author``, ``author_url``, ``licence``, ``licence_version``,
``licence_url`` and ``attribution`` are kept where the file has them ("license" is as
good), and taken over when the file is corrected; where lines name the same photo and
category, in one file or several, the first counts. A line that can't be used still
becomes a candidate, so that its reason is recorded: without a URL, or with one too long
to record, its place in the file stands for it.

A file is JSONL if its name ends in ``.jsonl`` or ``.ndjson``, or if it begins with
``{``. It is read as a stream: it may have millions of lines.
"""

import csv
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO

from pipeline.catalog import Outcome
from pipeline.catalog.endings import Ending
from pipeline.catalog.finding import WORDS, Found
from pipeline.errors import InputError
from pipeline.scrape.sources.discovery import Discovered, Discovery, some
from pipeline.scrape.sources.search import with_licence
from pipeline.settings import UrlsSource
from pipeline.web.addresses import canonical_url, is_recordable

NO_OBJECT = "no JSON object"

_NEEDED = ("url", "category")
_KNOWN = (*_NEEDED, *WORDS)
_AT_ONCE = 250  # lines recorded in one transaction
_LONGEST_LINE = 1_000_000  # characters
_SHOWN = 20  # of the columns that are not used
_PEEKED = 1024  # characters that are looked at to tell JSONL from CSV


@dataclass(frozen=True)
class _Line:
    """What a line of the file says."""

    found: Found
    reason: str = ""  # why it can't be used


def list_urls(source: UrlsSource, discovery: Discovery) -> Discovered:
    """Record the lines of the source's file as candidates.

    Raises:
        InputError: The file can't be read, or lacks a column.
    """
    candidates = discovery.catalog.candidates
    allowed = discovery.settings.scrape.licences
    unused: dict[str, None] = {}
    lines = _read_lines(source.path, unused)
    new = others = 0
    while batch := list(islice(lines, _AT_ONCE)):
        found = [_with_licence(line.found, allowed) for line in batch]
        new += candidates.add(found, discovery.now())
        others += candidates.correct(found, discovery.heard)
        unusable = [
            (line.found, Ending(0, Outcome.REFUSED, line.reason))
            for line in batch
            if line.reason
        ]
        if unusable:
            candidates.add_ended(unusable, discovery.now())
        discovery.advance(len(batch))
    notes = []
    if unused:
        notes.append(f"has columns that are not used: {some(list(unused))}")
    if others:
        notes.append(
            f"says otherwise of photos than earlier lines do ({others:,} times); what"
            " is said first counts"
        )
    name = source.path.name
    return Discovered(new=new, notes=tuple(f"{name} {note}" for note in notes))


def read_rows(path: Path) -> Iterator[Found]:
    """Yield a candidate for every line that is not empty.

    Raises:
        InputError: The file can't be read, or lacks a column.
    """
    return (line.found for line in _read_lines(path, {}))


def _with_licence(found: Found, allowed: Collection[str]) -> Found:
    """Return a candidate with its licence in our words, where it is understood."""
    if not (found.licence or found.licence_url):
        return found
    stated = f"{found.licence} {found.licence_version}".strip()
    known = with_licence(found, [stated], found.licence_url, allowed)
    return replace(known, licence_url=found.licence_url or known.licence_url)


def _read_lines(path: Path, unused: dict[str, None]) -> Iterator[_Line]:
    """Yield what every line says; columns that say nothing to us go into ``unused``."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            start = file.read(_PEEKED)
            file.seek(0)
            is_json = path.suffix.lower() in {".jsonl", ".ndjson"}
            is_json = is_json or start.lstrip().startswith("{")
            yield from (_read_jsonl if is_json else _read_csv)(file, path, unused)
    except FileNotFoundError as error:
        raise InputError(
            f'{path} does not exist; [[source]] kind = "urls" needs a CSV or JSONL with'
            " url and category"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f'{path} must be UTF-8 text; save it as "CSV UTF-8" ({error.reason})'
        ) from error
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}") from error


def _read_csv(file: IO[str], path: Path, unused: dict[str, None]) -> Iterator[_Line]:
    reader = csv.DictReader(file, restval="", strict=True)
    read = 0  # lines
    try:
        columns = [_column(str(name)) for name in reader.fieldnames or ()]
        unused |= dict.fromkeys(name for name in columns if name not in _KNOWN)
        missing = [name for name in _NEEDED if name not in columns]
        if missing:
            raise InputError(
                f"{path} needs the columns url and category; it lacks"
                f" {' and '.join(missing)} (there: {', '.join(columns) or 'none'})"
            )
        reader.fieldnames = columns
        read = reader.line_num
        for row in reader:
            read = reader.line_num
            cells = {name: _text(row.get(name)) for name in columns}
            if any(cells.values()):
                yield _Line(_candidate(cells, f"{path}, line {reader.line_num}"))
    except csv.Error as error:
        why = str(error).replace("unexpected end of data", "a quote is not closed")
        raise InputError(f"{path}, line {read + 1}: {why}") from error


def _read_jsonl(file: IO[str], path: Path, unused: dict[str, None]) -> Iterator[_Line]:
    number = 0
    while line := file.readline(_LONGEST_LINE + 1):
        number += 1
        place = f"{path}, line {number}"
        if len(line) > _LONGEST_LINE:
            raise InputError(f"{place}: longer than {_LONGEST_LINE:,} characters")
        if not line.strip():
            continue
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            yield _Line(Found("urls", "", place), NO_OBJECT)
            continue
        cells = {_column(key): _text(value) for key, value in said.items()}
        if len(unused) < _SHOWN:
            unused |= dict.fromkeys(name for name in cells if name not in _KNOWN)
        if any(cells.values()):
            yield _Line(_candidate(cells, place))


def _candidate(cells: Mapping[str, str], place: str) -> Found:
    def said(name: str) -> str:
        return cells.get(name, "")

    url, licence = canonical_url(said("url")) or said("url"), said("licence")
    is_address = licence.startswith(("http://", "https://"))
    return Found(
        "urls",
        said("category"),
        url if url and is_recordable(url) else place,
        page=canonical_url(said("page")) or said("page"),
        title=said("title"),
        author=said("author"),
        author_url=canonical_url(said("author_url")) or said("author_url"),
        licence="" if is_address else licence,
        licence_version=said("licence_version"),
        licence_url=said("licence_url") or (licence if is_address else ""),
        attribution=said("attribution"),
    )


def _column(written: str) -> str:
    return written.strip().lower().replace("license", "licence")


def _text(value: object) -> str:
    """Return a value as text that every database takes; ``""`` of what is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    whole = str(value).encode("utf-8", "replace").decode()  # JSON may split a sign
    return whole.replace("\0", "").strip()
