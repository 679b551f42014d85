"""The label journal: what was said of an item, by whom, and what is true now.

Events are only ever added. An event and the item it changes are written in one
transaction, and only where the item still has the version the speaker saw: two
curators can't overwrite each other unseen. ``(client, seq)`` is unique, so an op that
is sent twice changes nothing and gets the same answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import bindparam, select

from pipeline.catalog.engine import Database
from pipeline.catalog.events import (
    MACHINE,
    STANDING,
    changes_since,
    newest_number,
    next_seq,
    set_by_machine,
    start_items,
)
from pipeline.catalog.ledger import Ledger
from pipeline.catalog.ops import REMARKS, WORDS, Action, Answer, Op
from pipeline.catalog.tables import DECIDED, DUPLICATE, EVENT, IMAGE, ITEM, Status

__all__ = ["Action", "Answer", "Happened", "Journal", "Op", "Touched", "Word"]

_SAID = (
    select(EVENT.c.sha256).where(EVENT.c.id > bindparam("after")).order_by(EVENT.c.id)
)
MANY = 2000  # events since, after which all is better read again


@dataclass(frozen=True)
class Happened:
    """A line of the journal, for people to read."""

    event_id: int
    sha256: str
    user: str
    action: str
    accepted: bool
    old_label: str | None
    new_label: str | None
    new_status: str | None
    at: str


@dataclass(frozen=True)
class Word:
    """What a curator said and did not take back: all that undoing it needs."""

    client: str
    seq: int
    batch: int | None
    sha256: str
    action: Action  # any but undo
    old_label: str | None
    old_status: Status
    new_label: str | None
    new_status: Status | None  # None: a flag
    version: int  # of the photo, afterwards
    at: str


class Touched(NamedTuple):
    """What happened since a moment."""

    newest: int  # the number of the newest event or other change
    sha256s: list[str]  # what events and regroupings since are about, once each
    more: bool  # all groups may have changed, or much happened: read everything
    is_regrouped: bool = False  # whether groups changed, and not only what was said


class Journal:
    """Saying what photos are, and taking it back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start_items(self, now: str) -> int:
        """Give every stored image that has none an item, labelled as it was found."""
        with self._database.write() as connection:
            return start_items(connection, now)

    def mark_conflicts(
        self, categories: Mapping[int, tuple[str, ...]], now: str
    ) -> int:
        """Mark the items of groups found under several categories; clear the others.

        Args:
            categories: The categories each group was found under.
            now: When.

        Returns:
            How many groups are in conflict now, and no person has decided.
        """
        query = (
            select(DUPLICATE.c.group_id, ITEM)
            .join(ITEM, ITEM.c.sha256 == DUPLICATE.c.sha256)
            .join(IMAGE, IMAGE.c.sha256 == DUPLICATE.c.sha256)
            .order_by(IMAGE.c.candidate_id)
        )
        disputed, decided = set[int](), set[int]()
        with self._database.write() as connection:
            for row in connection.execute(query).all():
                if row.status in DECIDED:
                    decided.add(row.group_id)
                    continue
                many = len(categories.get(row.group_id, ())) > 1
                status = Status.CONFLICT if many else Status.SCRAPED
                if many:
                    disputed.add(row.group_id)
                if status != row.status:
                    set_by_machine(connection, row, status, "dedup", now)
        return len(disputed - decided)

    def apply(self, ops: Sequence[Op], now: str) -> list[Answer]:
        """Record what curators said, in one transaction; answer in the same order.

        A word holds where the photo is as its speaker saw it, or as the word before it
        in this call has left it. An undo holds where what it takes back is the newest
        word that stands on its photo, or a remark. What does not hold is recorded
        too, and the answer tells what is true. Of a photo that is gone nothing is
        recorded; the others are.

        Raises:
            CatalogError: The disk is full, the server is gone, ...
        """
        with self._database.write() as connection:
            ledger = Ledger(connection, ops, now)
            answers = [ledger.enter(op) for op in ops]
            ledger.write()
        return answers

    def mine(self, user: str, *, limit: int) -> list[Word]:
        """List what a curator said that stands, remarks too, newest first."""
        query = (
            select(EVENT)
            .where(
                EVENT.c.user == user,
                EVENT.c.accepted,
                EVENT.c.action.in_(WORDS | REMARKS),
                STANDING,
            )
            .order_by(EVENT.c.id.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            return [
                Word(
                    row.client,
                    row.seq,
                    row.batch,
                    row.sha256,
                    Action(row.action),
                    row.old_label,
                    Status(row.old_status),
                    row.new_label,
                    Status(row.new_status) if row.new_status else None,
                    row.version,
                    row.at,
                )
                for row in connection.execute(query)
            ]

    def newest_event(self) -> int:
        """Return the number of the newest event or other change of the photos."""
        with self._database.read() as connection:
            return newest_number(connection)

    def touched(self, after: int) -> Touched:
        """Tell what happened after the event, or other change, of that number."""
        with self._database.read() as connection:
            newest = newest_number(connection)
            if newest == after:
                return Touched(newest, [], False)
            if not 0 <= newest - after <= MANY:
                return Touched(newest, [], True)
            said = list(connection.scalars(_SAID, {"after": after}))
            regrouped, more = changes_since(connection, after)
        sha256s = list(dict.fromkeys([*said, *regrouped]))
        return Touched(newest, sha256s, more, bool(regrouped))

    def next_seq(self, client: str) -> int:
        """Return the number that the client's next op takes."""
        with self._database.read() as connection:
            return next_seq(connection, client)

    def history(self, *, limit: int = 50) -> list[Happened]:
        """List what people said, newest first."""
        query = (
            select(EVENT)
            .where(EVENT.c.user != MACHINE)
            .order_by(EVENT.c.id.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            return [
                Happened(
                    row.id,
                    row.sha256,
                    row.user,
                    row.action,
                    row.accepted,
                    row.old_label,
                    row.new_label,
                    row.new_status,
                    row.at,
                )
                for row in connection.execute(query)
            ]
