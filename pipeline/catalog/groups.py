"""Groups of copies, for those who look at them and say what is wrong.

A group that nobody disagrees with is ``photos``'s matter: one photo, its kept image.
Here it is all of its images, and what people said of them: which are not the same
(``partings``), which one to keep (``choices``). What is said and what it does to the
groups is written in one transaction, and only where all is still as the speaker saw it.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, case, func, select

from pipeline.catalog.choices import (
    Choice,
    add_choice,
    read_choices,
    refuse_unchosen,
    remove_choice,
)
from pipeline.catalog.engine import Database, in_parts, update_each
from pipeline.catalog.entries import read_copies
from pipeline.catalog.events import note_change, set_by_machine
from pipeline.catalog.partings import (
    Pair,
    Parting,
    add_partings,
    read_partings,
    refuse_joined,
    remove_partings,
)
from pipeline.catalog.photos import Grouping, StoredImage
from pipeline.catalog.tables import CANDIDATE, DECIDED, DUPLICATE, IMAGE, ITEM, Status


class Rank(NamedTuple):
    """A group's place among the others: sorted, conflicts first, then large ones."""

    is_settled: bool  # False: found under several categories, and nobody decided
    negative_size: int
    group_id: int


@dataclass(frozen=True)
class Copy:
    """An image of a group."""

    image: StoredImage
    grouping: Grouping
    source: str  # the kind of source it was first found by
    page: str  # that shows it, "" for none
    categories: tuple[str, ...]  # it was found under, in order of finding


@dataclass(frozen=True)
class Vicinity:
    """Some images, all that share a group with them, and what people said of these."""

    copies: tuple[Copy, ...]  # by candidate id
    partings: tuple[Parting, ...]  # of two of these
    choices: tuple[Choice, ...]  # of these, the oldest first
    listings: tuple[tuple[str, str, str], ...]  # sha256, category, page

    @property
    def groups(self) -> dict[int, list[Copy]]:
        """The copies by group, the one kept first, then by candidate id."""
        found: dict[int, list[Copy]] = {}
        for copy in sorted(self.copies, key=lambda one: not one.grouping.kept):
            found.setdefault(copy.grouping.group_id, []).append(copy)
        return found


@dataclass(frozen=True)
class Saying:
    """What a person says, or takes back, of some images."""

    apart: frozenset[Pair] = frozenset()
    chosen: str | None = None
    joined: frozenset[Pair] = frozenset()  # partings to take back
    unchosen: Choice | None = None  # a choice to take back


@dataclass(frozen=True)
class Said:
    """What was said and was not before: what taking it back would name."""

    partings: tuple[Pair, ...] = ()
    choice: Choice | None = None


class Groups:
    """Reading groups of two images or more, and rewriting them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ranks(self) -> list[Rank]:
        """List the groups of two images or more, conflicts first, then larger first."""
        several = (
            select(DUPLICATE.c.group_id)
            .group_by(DUPLICATE.c.group_id)
            .having(func.count() > 1)
        )
        is_open = func.max(case((ITEM.c.status == Status.CONFLICT, 1), else_=0))
        is_decided = func.max(case((ITEM.c.status.in_(DECIDED), 1), else_=0))
        query = (
            select(DUPLICATE.c.group_id, func.count(), is_open, is_decided)
            .join(ITEM, ITEM.c.sha256 == DUPLICATE.c.sha256)
            .where(DUPLICATE.c.group_id.in_(several))
            .group_by(DUPLICATE.c.group_id)
        )
        with self._database.read() as connection:
            return sorted(
                Rank(not disputed or bool(decided), -size, group_id)
                for group_id, size, disputed, decided in connection.execute(query)
            )

    def read(self, group_ids: Collection[int]) -> Vicinity:
        """Return some groups; those that are no more are left out."""
        with self._database.read() as connection:
            shas = set[str]()
            for some in in_parts(group_ids):
                of_these = DUPLICATE.c.group_id.in_(some)
                shas.update(
                    connection.scalars(select(DUPLICATE.c.sha256).where(of_these))
                )
            return _read(connection, shas)

    def around(self, sha256s: Collection[str]) -> Vicinity:
        """Return some images and all that share a group with them."""
        with self._database.read() as connection:
            return _read(connection, read_copies(connection, sha256s))

    def extensions(self, sha256s: Collection[str]) -> dict[str, str]:
        """Return the file extensions of images, kept or not, that are in the store."""
        found: dict[str, str] = {}
        with self._database.read() as connection:
            for some in in_parts(sha256s):
                columns = IMAGE.c["sha256", "extension"]
                query = select(*columns).where(columns.sha256.in_(some))
                found.update((row[0], row[1]) for row in connection.execute(query))
        return found

    def rewrite(
        self,
        was: Vicinity,
        groupings: Sequence[Grouping],
        saying: Saying,
        user: str,
        now: str,
    ) -> Said | None:
        """Record what a person says of some images, and what it does to their groups.

        Args:
            was: What the groups were made of, and are no longer where it changed.
            groupings: Of each of its images, what is true from now on.
            saying: What is said.
            user: Who says so.
            now: When.

        Returns:
            What was said; ``None`` where anything is not as it was, and so nothing was
            written.

        Raises:
            CatalogError: An image was taken down.
        """
        shas = [copy.image.sha256 for copy in was.copies]
        with self._database.write() as connection:
            if _read(connection, read_copies(connection, shas)) != was:
                return None
            said = _say(connection, saying, user, now)
            _write(connection, groupings)
            refuse_joined(connection)
            refuse_unchosen(connection)
            _mark_conflicts(connection, groupings, was, now)
            note_change(connection, shas)
        return said


def _read(connection: Connection, sha256s: Collection[str]) -> Vicinity:
    rows, listings = list[Row[Any]](), list[tuple[str, str, str]]()
    choices, wanted = list[Choice](), set(sha256s)
    found = (
        select(
            IMAGE,
            *DUPLICATE.c["group_id", "kept", "reason"],
            *CANDIDATE.c["origin", "category", "source", "page"],
        )
        .join(DUPLICATE, DUPLICATE.c.sha256 == IMAGE.c.sha256)
        .join(CANDIDATE, CANDIDATE.c.id == IMAGE.c.candidate_id)
    )
    met = select(*CANDIDATE.c["sha256", "category", "page"]).order_by(CANDIDATE.c.id)
    for some in in_parts(sha256s):
        rows += connection.execute(found.where(IMAGE.c.sha256.in_(some))).all()
        listed = connection.execute(met.where(CANDIDATE.c.sha256.in_(some)))
        listings += [(row[0], row[1], row[2]) for row in listed]
        choices += read_choices(connection, some)
    rows.sort(key=lambda row: row.candidate_id)
    choices.sort(key=lambda choice: choice.id)
    categories: dict[str, dict[str, None]] = {}
    for sha256, category, _ in listings:
        categories.setdefault(sha256, {})[category] = None
    return Vicinity(
        tuple(_copy(row, tuple(categories.get(row.sha256, ()))) for row in rows),
        tuple(one for one in read_partings(connection) if wanted.issuperset(one.pair)),
        tuple(choices),
        tuple(listings),
    )


def _copy(row: Row[Any], categories: tuple[str, ...]) -> Copy:
    image = StoredImage(
        row.sha256,
        row.candidate_id,
        row.origin,
        row.category,
        row.format,
        row.extension,
        row.width,
        row.height,
        row.size,
    )
    grouping = Grouping(
        row.sha256,
        row.group_id,
        row.kept,
        row.reason,
        row.phash or "",
        tuple(filter(None, row.flags.split(","))),
        json.loads(row.scores or "{}"),
    )
    return Copy(image, grouping, row.source, row.page, categories)


def _say(connection: Connection, saying: Saying, user: str, now: str) -> Said:
    remove_partings(connection, saying.joined)
    if saying.unchosen is not None:
        remove_choice(connection, saying.unchosen)
    new = add_partings(connection, saying.apart, user, now)
    choice = None
    if saying.chosen is not None:
        choice = add_choice(connection, saying.chosen, user, now)
    return Said(tuple(sorted(new)), choice)


def _write(connection: Connection, groupings: Sequence[Grouping]) -> None:
    """Write what is true of some images from now on."""
    connection.execute(
        update_each(*DUPLICATE.c["sha256", "group_id", "kept", "reason"]),
        [
            {
                "key": row.sha256,
                "new_group_id": row.group_id,
                "new_kept": row.kept,
                "new_reason": row.reason,
            }
            for row in groupings
        ],
    )
    connection.execute(
        update_each(*IMAGE.c["sha256", "flags", "scores"]),
        [
            {
                "key": row.sha256,
                "new_flags": ",".join(row.flags),
                "new_scores": json.dumps(row.scores) if row.scores else "",
            }
            for row in groupings
        ],
    )


def _mark_conflicts(
    connection: Connection, groupings: Sequence[Grouping], was: Vicinity, now: str
) -> None:
    """Mark the items of groups found under several categories; clear the others."""
    group_of = {row.sha256: row.group_id for row in groupings}
    met: dict[int, set[str]] = {}
    for sha256, category, _ in was.listings:
        met.setdefault(group_of[sha256], set()).add(category)
    items = list[Row[Any]]()
    for some in in_parts(group_of):
        query = select(ITEM).where(ITEM.c.sha256.in_(some)).order_by(ITEM.c.sha256)
        items += connection.execute(query).all()
    for item in items:
        is_disputed = len(met.get(group_of[item.sha256], ())) > 1
        status = Status.CONFLICT if is_disputed else Status.SCRAPED
        if item.status not in DECIDED | {status}:
            set_by_machine(connection, item, status, "dedup", now)
