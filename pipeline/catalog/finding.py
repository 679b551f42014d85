"""What sources find: candidates, and the pages they were read from.

Functions work inside the caller's transaction.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    func,
    insert,
    select,
    update,
)

from pipeline.catalog.engine import in_parts, update_each
from pipeline.catalog.tables import CANDIDATE, PAGE, TAKEN_DOWN, Outcome, Part

# What a source says of a photo, by its columns' names.
WORDS = (
    "page",
    "title",
    "author",
    "author_url",
    "licence",
    "licence_version",
    "licence_url",
    "attribution",
)


@dataclass(frozen=True)
class Found:
    """A photo that a source knows of, before anything was fetched."""

    source: str  # the kind of source
    category: str
    origin: str  # URL, or absolute path of a file
    page: str = ""
    title: str = ""
    author: str = ""
    licence: str = ""  # its name without the version: "CC BY-SA"
    licence_url: str = ""
    work: str = ""  # the service's name of it, "commons:123"; the same wherever met
    author_url: str = ""
    licence_version: str = ""
    attribution: str = ""  # the line to print beside it, as the service words it
    part: Part | None = None  # where the published data says: train or test


@dataclass(frozen=True)
class PageRead:
    """A page that candidates are read from, and how reading it ended."""

    source: str
    category: str
    url: str
    outcome: Outcome  # stored where it was read; refused or failed with the reason
    reason: str = ""
    next_url: str | None = None


def add_found(connection: Connection, found: Sequence[Found], now: str) -> int:
    """Insert those that are new; ids go up by one in the order given."""
    found = _one_origin_a_work(connection, found)
    wanted = {(item.category, item.origin): item for item in reversed(found)}
    known = _where(connection, CANDIDATE.c.origin, {item.origin for item in found})
    taken = {(row.category, row.origin) for row in known}
    order = list(dict.fromkeys((item.category, item.origin) for item in found))
    new = [wanted[key] for key in order if key not in taken]
    if not new:
        return 0
    top = connection.scalar(select(func.max(CANDIDATE.c.id))) or 0
    connection.execute(
        insert(CANDIDATE),
        [
            {
                "id": top + number,
                "source": item.source,
                "category": item.category,
                "origin": item.origin,
                "page": item.page,
                "title": item.title,
                "author": item.author,
                "licence": item.licence,
                "licence_url": item.licence_url,
                "work": item.work,
                "author_url": item.author_url,
                "licence_version": item.licence_version,
                "attribution": item.attribution,
                "part": item.part,
                "found_at": now,
            }
            for number, item in enumerate(new, start=1)
        ],
    )
    return len(new)


def correct_found(
    connection: Connection, found: Sequence[Found], heard: set[int]
) -> int:
    """Take over what sources say now of candidates that are known.

    The first that says something of a candidate in this run counts; what was refused
    and is told of otherwise is judged anew. A takedown stays.

    Args:
        connection: The transaction.
        found: What is said now.
        heard: The candidates that something was said of before; grows.

    Returns:
        How often something else was said of a candidate after that.
    """
    told: dict[tuple[str, str], Found] = {}
    others = 0
    for item in found:
        first = told.setdefault((item.category, item.origin), item)
        others += _words(first) != _words(item)
    changes: list[dict[str, object]] = []
    for some in in_parts({item.origin for item in found}):
        query = select(CANDIDATE).where(CANDIDATE.c.origin.in_(some))
        for row in connection.execute(query):
            now = told.get((row.category, row.origin))
            if now is None or now.source != row.source or row.reason == TAKEN_DOWN:
                continue
            is_other = _words(row) != _words(now)
            if row.id in heard:
                others += is_other
            elif is_other:
                changes.append(_change(row, now))
            heard.add(row.id)
    if changes:
        connection.execute(_CORRECTED, changes)
    return others


def _words(said: Found | Row[Any]) -> list[str]:
    return [getattr(said, name) for name in WORDS]


def _change(row: Row[Any], item: Found) -> dict[str, object]:
    is_refused = row.outcome == Outcome.REFUSED
    return {
        "key": row.id,
        "new_outcome": None if is_refused else row.outcome,
        "new_reason": "" if is_refused else row.reason,
        **{f"new_{name}": getattr(item, name) for name in WORDS},
    }


_CORRECTED = update_each(
    CANDIDATE.c.id,
    CANDIDATE.c.outcome,
    CANDIDATE.c.reason,
    *(CANDIDATE.c[name] for name in WORDS),
)


def _one_origin_a_work(connection: Connection, found: Sequence[Found]) -> list[Found]:
    """Give every candidate of a work the same origin: the one that was met first.

    A service shows the same work on several pages, and two services show it under
    different addresses; so a category has it once, and it is fetched once.
    """
    works = {item.work for item in found if item.work}
    known = _where(connection, CANDIDATE.c.work, works) if works else []
    origins = {row.work: row.origin for row in reversed(known)}
    return [
        replace(item, origin=origins.setdefault(item.work, item.origin))
        if item.work
        else item
        for item in found
    ]


def _where(
    connection: Connection,
    column: Column[str],
    values: Collection[str],
    condition: ColumnElement[bool] | None = None,
) -> list[Row[tuple[int, str, str, str]]]:
    """Return what names the candidates with such a value, by id."""
    rows: list[Row[tuple[int, str, str, str]]] = []
    for some in in_parts(values):
        query = select(
            CANDIDATE.c.id, CANDIDATE.c.category, CANDIDATE.c.origin, CANDIDATE.c.work
        ).where(column.in_(some))
        if condition is not None:
            query = query.where(condition)
        rows += connection.execute(query.order_by(CANDIDATE.c.id))
    return rows


def ids_of(
    connection: Connection,
    origins: Collection[str],
    condition: ColumnElement[bool] | None = None,
) -> dict[tuple[str, str], int]:
    """Return the candidates of some origins, by category and origin.

    ``condition`` narrows them further.
    """
    rows = _where(connection, CANDIDATE.c.origin, origins, condition)
    return {(row.category, row.origin): row.id for row in rows}


def add_page(
    connection: Connection, page: PageRead, found: Sequence[Found], now: str
) -> int:
    """Record a page and what it shows; return the new candidates."""
    ended = {
        "outcome": page.outcome,
        "reason": page.reason,
        "next_url": page.next_url,
        "read_at": now,
    }
    known = (PAGE.c.category == page.category) & (PAGE.c.url == page.url)
    changed = connection.execute(update(PAGE).where(known).values(ended))
    if changed.rowcount == 0:
        top = connection.scalar(select(func.max(PAGE.c.id))) or 0
        connection.execute(
            insert(PAGE).values(
                id=top + 1,
                source=page.source,
                category=page.category,
                url=page.url,
                **ended,
            )
        )
    return add_found(connection, found, now)
