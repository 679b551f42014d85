"""The label journal: what was said of an item, by whom, and what is true now.

Events are only ever added. An event and the item it changes are written in one
transaction, and only where the item still has the version the speaker saw: two
curators can't overwrite each other unseen. ``(client, seq)`` is unique, so an op that
is sent twice changes nothing and gets the same answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Row, select

from pipeline.catalog.engine import Database
from pipeline.catalog.events import (
    MACHINE,
    append_event,
    event_of,
    item_of,
    newest_standing,
    newest_word,
    next_seq,
    set_by_machine,
    set_item,
    start_items,
)
from pipeline.catalog.tables import DUPLICATE, EVENT, IMAGE, ITEM, Status


class Action(StrEnum):
    """What a curator can say of a photo."""

    CONFIRM = "confirm"  # the label it has is right
    RELABEL = "relabel"
    REJECT = "reject"
    UNSURE = "unsure"


@dataclass(frozen=True)
class Op:
    """One thing a curator said, and which version of the photo they were looking at."""

    sha256: str
    action: Action
    label: str | None  # of confirm and relabel; ignored by the others
    base_version: int
    user: str
    client: str  # one browser tab
    seq: int  # counts up in a client


@dataclass(frozen=True)
class Answer:
    """What became of an op, and what is true of the photo now."""

    accepted: bool
    sha256: str
    label: str | None
    status: Status
    version: int
    by: str  # who said the newest word


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
                if row.status not in {Status.SCRAPED, Status.CONFLICT}:
                    decided.add(row.group_id)
                    continue
                many = len(categories.get(row.group_id, ())) > 1
                status = Status.CONFLICT if many else Status.SCRAPED
                if many:
                    disputed.add(row.group_id)
                if status != row.status:
                    set_by_machine(connection, row, status, "dedup", now)
        return len(disputed - decided)

    def apply(self, op: Op, now: str) -> Answer:
        """Record what a curator said; it holds where the photo is as they saw it.

        Raises:
            CatalogError: The photo is not in the catalog, or not any more.
        """
        with self._database.write() as connection:
            repeated = event_of(connection, op.client, op.seq)
            item = item_of(connection, op.sha256)
            if repeated is not None:
                return _answer(connection, item, accepted=repeated.accepted)
            accepted = item.version == op.base_version
            label, status = _told(op, item.label)
            version = item.version + 1 if accepted else item.version
            append_event(
                connection,
                sha256=op.sha256,
                user=op.user,
                client=op.client,
                seq=op.seq,
                action=op.action,
                accepted=accepted,
                old_label=item.label,
                old_status=item.status,
                new_label=label,
                new_status=status,
                base_version=op.base_version,
                version=version,
                at=now,
            )
            if accepted:
                set_item(connection, op.sha256, label, status, version)
            return _answer(
                connection, item_of(connection, op.sha256), accepted=accepted
            )

    def undo(self, user: str, client: str, seq: int, now: str) -> Answer | None:
        """Take back the user's newest word that still stands; ``None`` without one.

        A word that somebody changed since is not touched: the answer is then not
        accepted and tells what is true now. Undoing again takes back the one before it.
        """
        with self._database.write() as connection:
            repeated = event_of(connection, client, seq)
            if repeated is not None:
                item = item_of(connection, repeated.sha256)
                return _answer(connection, item, accepted=repeated.accepted)
            last = newest_word(connection, user, [str(action) for action in Action])
            if last is None:
                return None
            item = item_of(connection, last.sha256)
            newest = newest_standing(connection, str(last.sha256))
            accepted = newest is not None and newest.id == last.id
            version = item.version + 1 if accepted else item.version
            append_event(
                connection,
                sha256=last.sha256,
                user=user,
                client=client,
                seq=seq,
                action="undo",
                accepted=accepted,
                old_label=item.label,
                old_status=item.status,
                new_label=last.old_label,
                new_status=last.old_status,
                base_version=last.version,
                version=version,
                undoes=last.id,
                at=now,
            )
            if accepted:
                status = Status(last.old_status)
                set_item(connection, last.sha256, last.old_label, status, version)
            return _answer(
                connection, item_of(connection, last.sha256), accepted=accepted
            )

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


def _told(op: Op, label: str | None) -> tuple[str | None, Status]:
    if op.action is Action.REJECT:
        return label, Status.REJECTED
    if op.action is Action.UNSURE:
        return label, Status.UNSURE
    return op.label, Status.LABELLED


def _answer(
    connection: Connection, item: Row[tuple[object, ...]], *, accepted: bool
) -> Answer:
    newest = connection.execute(
        select(EVENT.c.user)
        .where(EVENT.c.sha256 == item.sha256, EVENT.c.accepted)
        .order_by(EVENT.c.id.desc())
        .limit(1)
    ).scalar()
    return Answer(
        accepted,
        str(item.sha256),
        item.label,
        Status(item.status),
        int(item.version),
        newest or MACHINE,
    )
