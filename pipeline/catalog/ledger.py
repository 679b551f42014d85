"""Many ops in one transaction: what they need is read once, and written once.

Each op is told what the one before it led to, so that two of one call may be about
the same photo.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, insert, select

from pipeline.catalog.engine import in_parts, update_each
from pipeline.catalog.events import (
    CHANGED,
    MACHINE,
    STANDING,
    events_named,
    newest_number,
)
from pipeline.catalog.ops import REMARKS, WORDS, Action, Answer, Op
from pipeline.catalog.tables import EVENT, ITEM, Status

# Put together once: to do it for every word takes longer than to ask.
_EVENTS = insert(EVENT)
_OF_ITEM = update_each(*ITEM.c["sha256", "label", "status", "version"])
_ITEMS = select(
    *ITEM.c["sha256", "label", "status", "version"],
    select(EVENT.c.user)  # who changed it last
    .where(EVENT.c.sha256 == ITEM.c.sha256, CHANGED)
    .order_by(EVENT.c.id.desc())
    .limit(1)
    .scalar_subquery()
    .label("by"),
).where(ITEM.c.sha256.in_(bindparam("sha256s", expanding=True)))
_TAKEN_BACK = select(EVENT.c.undoes).where(
    EVENT.c.undoes.in_(bindparam("ids", expanding=True)), EVENT.c.accepted
)
_WORDS = (
    select(EVENT.c.sha256, EVENT.c.id)
    .where(
        EVENT.c.sha256.in_(bindparam("sha256s", expanding=True)),
        CHANGED,
        EVENT.c.action != Action.UNDO,
        STANDING,
    )
    .order_by(EVENT.c.id)
)


@dataclass
class _Item:
    """What is true of an image, as far as the ops have been gone through."""

    label: str | None
    status: Status
    version: int
    by: str = MACHINE
    is_changed: bool = False


@dataclass
class _Event:
    """An event, as far as an op may name it or repeat it."""

    id: int
    sha256: str
    user: str
    action: str
    accepted: bool
    old_label: str | None
    old_status: str | None
    new_label: str | None
    new_status: str | None
    is_taken_back: bool = False


class Ledger:
    """The items and events that some ops are about."""

    def __init__(self, connection: Connection, ops: Sequence[Op], now: str) -> None:
        self._connection = connection
        self._now = now
        self._newest = newest_number(connection)
        self._items = _read_items(connection, {op.sha256 for op in ops})
        names = [(op.client, op.seq) for op in ops]
        names += [op.undoes for op in ops if op.undoes]
        self._events = _read_events(connection, names)
        self._words = _read_words(
            connection, {op.sha256 for op in ops if op.action is Action.UNDO}
        )
        self._rows: list[dict[str, object]] = []

    def enter(self, op: Op) -> Answer:
        """Say what becomes of the next op."""
        item = self._items.get(op.sha256)
        known = self._events.get((op.client, op.seq))
        if item is None:
            return Answer(op.client, op.seq, False, op.sha256, None, None, 0, "", 0)
        if known is not None:
            if not _is_repeated(known, op):
                return _answer(op, item, accepted=False, event_id=0)
            return _answer(op, item, accepted=known.accepted, event_id=known.id)
        base_version = item.version
        if op.action is Action.UNDO:
            event, accepted = self._take_back(op, item)
        elif op.action in REMARKS:
            event, accepted = self._append(op, item, *_remark(op)), True
        else:
            base_version, accepted = op.base_version, op.base_version == item.version
            event = self._append(op, item, *_told(op, item.label), accepted=accepted)
            if accepted:
                self._change(op, item, event)
        self._rows[-1] |= {"base_version": base_version, "version": item.version}
        return _answer(op, item, accepted=accepted, event_id=event.id)

    def write(self) -> None:
        """Write the new events, and what the items have become."""
        if self._rows:
            self._connection.execute(_EVENTS, self._rows)
        changed = [
            {
                "key": sha256,
                "new_label": item.label,
                "new_status": item.status,
                "new_version": item.version,
            }
            for sha256, item in sorted(self._items.items())
            if item.is_changed
        ]
        if changed:
            self._connection.execute(_OF_ITEM, changed)

    def _take_back(self, op: Op, item: _Item) -> tuple[_Event, bool]:
        """Take back a remark, or the newest word that stands; no other word."""
        word = self._events.get(op.undoes) if op.undoes else None
        standing = self._words.get(op.sha256, [])
        if word is None or word.sha256 != op.sha256:
            return self._append(op, item, None, None, accepted=False), False
        accepted = word.accepted and not word.is_taken_back
        if word.action in REMARKS:
            label, status = None, None
        else:
            label, status = word.old_label, word.old_status
            accepted &= word.action in WORDS and standing[-1:] == [word.id]
        event = self._append(op, item, label, status, accepted=accepted, undoes=word.id)
        if accepted:
            word.is_taken_back = True
            if word.action in WORDS:
                self._change(op, item, event)
                standing.pop()
        return event, accepted

    def _append(
        self,
        op: Op,
        item: _Item,
        label: str | None,
        status: str | None,
        *,
        accepted: bool = True,
        undoes: int | None = None,
    ) -> _Event:
        event = _Event(
            self._newest + len(self._rows) + 1,
            op.sha256,
            op.user,
            op.action,
            accepted,
            item.label,
            item.status,
            label,
            status,
        )
        self._events[op.client, op.seq] = event
        self._rows.append(
            {
                "id": event.id,
                "sha256": op.sha256,
                "user": op.user,
                "client": op.client,
                "seq": op.seq,
                "action": op.action,
                "accepted": accepted,
                "old_label": item.label,
                "old_status": item.status,
                "new_label": label,
                "new_status": status,
                "undoes": undoes,
                "at": self._now,
                "batch": op.batch,
                "shown_ms": op.shown_ms,
                "note": op.note,
            }
        )
        return event

    def _change(self, op: Op, item: _Item, event: _Event) -> None:
        item.label, item.status = event.new_label, Status(event.new_status or "")
        item.version += 1
        item.by = op.user
        item.is_changed = True
        if op.action is not Action.UNDO:
            self._words.setdefault(op.sha256, []).append(event.id)


def _told(op: Op, label: str | None) -> tuple[str | None, Status]:
    if op.action is Action.REJECT:
        return label, Status.REJECTED
    if op.action is Action.UNSURE:
        return label, Status.UNSURE
    return op.label, Status.LABELLED


def _remark(op: Op) -> tuple[str | None, Status | None]:
    if op.action is Action.FLAG:
        return None, None
    return op.label if op.status is Status.LABELLED else None, op.status


def _is_repeated(event: _Event, op: Op) -> bool:
    """Whether an event came of this op, and not of another under the same number."""
    if (event.sha256, event.action) != (op.sha256, op.action):
        return False
    if op.action is Action.SECOND:
        return (event.new_label, event.new_status) == _remark(op)
    is_named = op.action in {Action.CONFIRM, Action.RELABEL}
    return not is_named or event.new_label == op.label


def _answer(op: Op, item: _Item, *, accepted: bool, event_id: int) -> Answer:
    return Answer(
        op.client,
        op.seq,
        accepted,
        op.sha256,
        item.label,
        item.status,
        item.version,
        item.by,
        event_id,
    )


def _read_items(connection: Connection, sha256s: set[str]) -> dict[str, _Item]:
    items = {}
    for some in in_parts(sha256s):
        for row in connection.execute(_ITEMS, {"sha256s": some}):
            by = row.by or MACHINE
            items[row.sha256] = _Item(row.label, Status(row.status), row.version, by)
    return items


def _read_events(
    connection: Connection, names: list[tuple[str, int]]
) -> dict[tuple[str, int], _Event]:
    events = {}
    for row in events_named(connection, names):
        events[row.client, row.seq] = _Event(
            row.id,
            row.sha256,
            row.user,
            row.action,
            row.accepted,
            row.old_label,
            row.old_status,
            row.new_label,
            row.new_status,
        )
    by_id = {event.id: event for event in events.values()}
    for some in in_parts(by_id):
        for event_id in connection.scalars(_TAKEN_BACK, {"ids": some}):
            by_id[event_id].is_taken_back = True
    return events


def _read_words(connection: Connection, sha256s: set[str]) -> dict[str, list[int]]:
    """Return what stands of the changes of each item, by event, the newest last."""
    words: dict[str, list[int]] = {}
    for some in in_parts(sha256s):
        for sha256, event_id in connection.execute(_WORDS, {"sha256s": some}):
            words.setdefault(sha256, []).append(event_id)
    return words
