"""The kept image of every group, slim: what a labeler holds in memory of each photo.

The label of a group is the newest human one on any of its members, else that of the
image it keeps. A group found under several categories is a conflict until a person
decides, also before dedup has marked it.
"""

import gc
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    Select,
    func,
    select,
    type_coerce,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from pipeline.catalog.engine import Value, in_parts
from pipeline.catalog.events import CHANGED, MACHINE
from pipeline.catalog.tables import (
    CANDIDATE,
    DECIDED,
    DUPLICATE,
    EVENT,
    IMAGE,
    ITEM,
    Status,
)

State = tuple[str | None, Status]
_AT_ONCE = 5000  # rows that are fetched at a time: one by one takes twice as long
_STATUS = {str(status): status for status in Status}


@dataclass(frozen=True, slots=True)
class Entry:
    """A photo as the labeler's queues need it."""

    sha256: str
    extension: str
    group_id: int
    copies: int  # images in the group beside this one
    scraped_as: tuple[str, ...]  # every category its group was found under
    label: str | None
    status: Status
    version: int  # of this image's item
    flags: tuple[str, ...]


def read_entries(
    connection: Connection, sha256s: Collection[str] | None = None
) -> list[Entry]:
    """Return the entries of the groups of some images, or of all, in order found."""
    if sha256s is not None:
        return _Reader(connection, sha256s).entries()
    with _no_collecting():
        return _Reader(connection, None).entries()


def read_copies(connection: Connection, sha256s: Collection[str]) -> set[str]:
    """Return every image that is in a group with one of some images, these too."""
    found = set[str]()
    mine = DUPLICATE.alias()
    for some in in_parts(sha256s):
        query = (
            select(DUPLICATE.c.sha256)
            .join(mine, mine.c.group_id == DUPLICATE.c.group_id)
            .where(mine.c.sha256.in_(some))
        )
        found.update(connection.scalars(query))
    return found


def categories_of_groups(connection: Connection) -> dict[int, tuple[str, ...]]:
    """Return the categories each group was found under, in order of finding."""
    return _Reader(connection, None).categories()


def split_flags(flags: str | None) -> tuple[str, ...]:
    """Return the flags that an image's column holds."""
    return tuple(flags.split(",")) if flags else ()


@contextmanager
def _no_collecting() -> Iterator[None]:
    """Look for no garbage meanwhile.

    Each look walks through all objects there are: of 100,000 entries, that takes as
    long as making them, and finds nothing.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Reader:
    """Reads what is known of some images, or of all, table by table.

    Of a hundred thousand, that takes half the time that joins take.
    """

    def __init__(self, connection: Connection, sha256s: Collection[str] | None) -> None:
        self._connection = connection
        self._group_of: dict[str, int] = {}
        self._kept: list[str] = []  # by group
        kept = type_coerce(DUPLICATE.c.kept, Integer)  # as it comes: that is faster
        columns = (DUPLICATE.c.sha256, DUPLICATE.c.group_id, kept)
        query = select(*columns).order_by(DUPLICATE.c.group_id)
        for row in self._rows(query, DUPLICATE.c.group_id, self._groups(sha256s)):
            self._group_of[row[0]] = row[1]
            if row[2]:
                self._kept.append(row[0])
        self._wanted = None if sha256s is None else sorted(self._group_of)

    def entries(self) -> list[Entry]:
        """Return the entry of every group."""
        items = self._facts(ITEM.c["sha256", "label", "status", "version"])
        images = self._facts(IMAGE.c["sha256", "extension", "flags"])
        sizes = Counter(self._group_of.values())
        decided = self._decided(items, sizes)
        categories = self.categories()
        flags: dict[str, tuple[str, ...]] = {}
        entries = []
        for sha256 in self._kept:
            if sha256 not in items:
                continue
            group_id = self._group_of[sha256]
            extension, marks = images[sha256]
            said, told, version = items[sha256]
            label, status = decided.get(group_id) or (said, _STATUS[told])
            scraped_as = categories.get(group_id, ())
            if status is Status.SCRAPED and len(scraped_as) > 1:
                status = Status.CONFLICT
            if marks not in flags:
                flags[marks] = split_flags(marks)
            entries.append(
                Entry(
                    sha256,
                    extension,
                    group_id,
                    sizes[group_id] - 1,
                    scraped_as,
                    label,
                    status,
                    version,
                    flags[marks],
                )
            )
        return entries

    def categories(self) -> dict[int, tuple[str, ...]]:
        """Return the categories each group was found under, in order of finding."""
        columns = CANDIDATE.c["sha256", "category", "id"]
        query = select(*columns).where(columns.sha256.is_not(None))
        rows = self._rows(query.order_by(columns.id), columns.sha256, self._wanted)
        if self._wanted is not None:
            rows = iter(sorted(rows, key=lambda row: int(row[2])))
        met: dict[int, tuple[str, ...]] = {}
        same: dict[tuple[str, ...], tuple[str, ...]] = {}  # equal ones are held once
        for row in rows:
            group_id = self._group_of.get(row[0])
            known = met.get(group_id or 0, ())
            if group_id is not None and row[1] not in known:
                more = (*known, row[1])
                met[group_id] = same.setdefault(more, more)
        return met

    def _groups(self, sha256s: Collection[str] | None) -> list[int] | None:
        if sha256s is None:
            return None
        columns = DUPLICATE.c["group_id", "sha256"]
        rows = self._rows(select(*columns), columns.sha256, sha256s)
        return sorted({row[0] for row in rows})

    def _facts(
        self, columns: ReadOnlyColumnCollection[str, Column[Any]]
    ) -> dict[str, Any]:
        """Return a table's columns after the first, by the first, a sha256.

        Equal ones are one object in memory.
        """
        same: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        rows = self._rows(select(*columns), columns.sha256, self._wanted)
        return {row[0]: same.setdefault(row[1:], row[1:]) for row in rows}

    def _rows(
        self,
        query: Select[Any],
        column: ColumnElement[Value],
        values: Collection[Value] | None,
    ) -> Iterator[Any]:
        """Yield the rows that have one of these values, or all."""
        queries = [query]
        if values is not None:
            queries = [query.where(column.in_(some)) for some in in_parts(values)]
        for one in queries:
            for part in self._connection.execute(one).partitions(_AT_ONCE):
                yield from part

    def _decided(
        self, items: Mapping[str, Any], sizes: Mapping[int, int]
    ) -> dict[int, State]:
        """Return the newest human label and status of groups of several images.

        Only items whose present state a person gave count: an undo back to what was
        scraped is no human word.
        """
        members: dict[int, list[str]] = {}
        for sha256, group_id in self._group_of.items():
            several = sizes[group_id] > 1 and sha256 in items
            if several and items[sha256][1] in DECIDED:
                members.setdefault(group_id, []).append(sha256)
        newest: dict[str, int] = {}
        disputed = [one for mine in members.values() if mine[1:] for one in mine]
        for some in in_parts(disputed):
            human = (
                select(EVENT.c.sha256, func.max(EVENT.c.id))
                .where(EVENT.c.sha256.in_(some), CHANGED, EVENT.c.user != MACHINE)
                .group_by(EVENT.c.sha256)
            )
            newest |= {row[0]: row[1] for row in self._connection.execute(human)}
        last = {
            group_id: items[max(mine, key=lambda sha256: newest.get(sha256, 0))]
            for group_id, mine in members.items()
        }
        return {group: (item[0], _STATUS[item[1]]) for group, item in last.items()}
