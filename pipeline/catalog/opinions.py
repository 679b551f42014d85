"""What several people think: second opinions, notes, and how much each of them said.

A second opinion is given blind, of a photo that somebody else has decided. It agrees or
not with what was held true at that moment. A disagreement, and a note, is open until a
person has their say.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, exists, func, or_, select

from pipeline.catalog.engine import Database, in_parts
from pipeline.catalog.events import MACHINE, STANDING
from pipeline.catalog.ops import REMARKS, WORDS, Action
from pipeline.catalog.tables import DECIDED, EVENT, ITEM, Status

IMPORT = "import-"  # what the clients of imports begin with

_BEFORE = EVENT.alias("before")
_LATER = EVENT.alias("settling")
_DECIDED = sorted(DECIDED)


class Said(NamedTuple):
    """What somebody thinks a photo is."""

    user: str
    label: str | None  # of a labelled one; None else
    status: Status  # labelled, rejected or unsure


@dataclass(frozen=True)
class Pair:
    """A photo's word, and the second opinion that was given of it."""

    sha256: str
    first: Said
    second: Said
    at: str  # of the second

    @property
    def agrees(self) -> bool:
        """Whether both think the same."""
        return self.first[1:] == self.second[1:]


@dataclass(frozen=True)
class Note:
    """A flag that a curator put up for the reviewer."""

    event_id: int
    sha256: str
    user: str
    text: str  # may be empty
    at: str


@dataclass(frozen=True)
class Opinion:
    """One thing that was said of a photo and not taken back."""

    event_id: int
    sha256: str
    user: str
    action: Action  # any but undo
    label: str | None
    status: Status | None  # None: a flag
    note: str
    at: str


@dataclass(frozen=True)
class Minute:
    """How much a curator said within a minute, imports left out."""

    user: str
    minute: str  # UTC, 2026-01-02T03:04
    words: int
    shown_ms: int  # altogether, where the page told it


class Opinions:
    """Asking who thinks what."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pairs(self) -> list[Pair]:
        """List every second opinion beside the word it was given of, oldest first."""
        with self._database.read() as connection:
            return _pairs(connection)

    def disagreements(self) -> list[Pair]:
        """List second opinions that differ and are not settled, newest first.

        Settled is what a person decided afterwards, or what was taken back.
        """
        open_ones = (
            ~exists().where(_later_word()),
            ITEM.c.status.in_(_DECIDED),
        )
        with self._database.read() as connection:
            found = _pairs(connection, *open_ones)
        return [pair for pair in reversed(found) if not pair.agrees]

    def notes(self) -> list[Note]:
        """List the flags that nobody has settled, newest first.

        Settled is what somebody else decided afterwards, what the curator decided
        anew, or took back. Deciding a photo that was open settles no note of one's own.
        """
        settled = exists().where(
            _later_word(),
            or_(_LATER.c.user != EVENT.c.user, _LATER.c.old_status.in_(_DECIDED)),
        )
        query = (
            select(EVENT)
            .where(EVENT.c.action == Action.FLAG, EVENT.c.accepted, STANDING, ~settled)
            .order_by(EVENT.c.id.desc())
        )
        with self._database.read() as connection:
            return [
                Note(row.id, row.sha256, row.user, row.note, row.at)
                for row in connection.execute(query)
            ]

    def said_of(self, sha256s: Collection[str]) -> dict[str, list[Opinion]]:
        """Return what people said of some photos and did not take back, oldest first.

        What somebody said anew stands beside what they said before.
        """
        found: dict[str, list[Opinion]] = {sha256: [] for sha256 in sha256s}
        with self._database.read() as connection:
            for some in in_parts(sha256s):
                query = (
                    select(EVENT)
                    .where(
                        EVENT.c.sha256.in_(some),
                        EVENT.c.accepted,
                        EVENT.c.action.in_(WORDS | REMARKS),
                        STANDING,
                    )
                    .order_by(EVENT.c.id)
                )
                for row in connection.execute(query):
                    found[row.sha256].append(
                        Opinion(
                            row.id,
                            row.sha256,
                            row.user,
                            Action(row.action),
                            row.new_label,
                            Status(row.new_status) if row.new_status else None,
                            row.note,
                            row.at,
                        )
                    )
        return found

    def known_to(self, user: str) -> set[str]:
        """Return the sha256 of all that a curator ever decided or gave an opinion of.

        They can't judge those blind any more.
        """
        query = select(EVENT.c.sha256).where(
            EVENT.c.user == user, EVENT.c.action.in_([*WORDS, Action.SECOND])
        )
        with self._database.read() as connection:
            return set(connection.scalars(query))

    def seconded(self) -> set[str]:
        """Return the sha256 of all that have a second opinion."""
        query = select(EVENT.c.sha256).where(
            EVENT.c.action == Action.SECOND, EVENT.c.accepted, STANDING
        )
        with self._database.read() as connection:
            return set(connection.scalars(query))

    def without_second(self, user: str) -> list[str]:
        """List by sha256 what a curator may judge blind, a second time.

        What others decided, what this curator has not spoken of, and what has no second
        opinion yet.
        """
        decided = select(ITEM.c.sha256).where(ITEM.c.status.in_(_DECIDED))
        with self._database.read() as connection:
            found = list(connection.scalars(decided.order_by(ITEM.c.sha256)))
        taken = self.known_to(user) | self.seconded()
        return [sha256 for sha256 in found if sha256 not in taken]

    def minutes(self) -> list[Minute]:
        """Count what each curator said, minute by minute, the oldest first."""
        minute = func.substr(EVENT.c.at, 1, 16)
        shown = func.coalesce(func.sum(EVENT.c.shown_ms), 0)
        query = (
            select(EVENT.c.user, minute, func.count(), shown)
            .where(
                EVENT.c.action.in_([*WORDS, Action.SECOND]),
                EVENT.c.accepted,
                EVENT.c.client.not_like(f"{IMPORT}%"),
            )
            .group_by(EVENT.c.user, minute)
            .order_by(minute, EVENT.c.user)
        )
        with self._database.read() as connection:
            return [Minute(*row) for row in connection.execute(query)]


def _later_word() -> ColumnElement[bool]:
    """Whether ``_LATER`` is a person's word on the photo of an event, after it."""
    return (
        (_LATER.c.sha256 == EVENT.c.sha256)
        & (_LATER.c.id > EVENT.c.id)
        & _LATER.c.accepted
        & (_LATER.c.version > _LATER.c.base_version)
        & (_LATER.c.user != MACHINE)
    )


def _pairs(connection: Connection, *conditions: ColumnElement[bool]) -> list[Pair]:
    speaker = (
        select(_BEFORE.c.user)
        .where(
            _BEFORE.c.sha256 == EVENT.c.sha256,
            _BEFORE.c.id < EVENT.c.id,
            _BEFORE.c.accepted,
            _BEFORE.c.version > _BEFORE.c.base_version,
        )
        .order_by(_BEFORE.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(EVENT, speaker.label("first_user"))
        .join(ITEM, ITEM.c.sha256 == EVENT.c.sha256)
        .where(
            EVENT.c.action == Action.SECOND,
            EVENT.c.accepted,
            EVENT.c.old_status.in_(_DECIDED),
            STANDING,
            *conditions,
        )
        .order_by(EVENT.c.id)
    )
    return [
        Pair(
            row.sha256,
            _said(row.first_user, row.old_label, row.old_status),
            _said(row.user, row.new_label, row.new_status),
            row.at,
        )
        for row in connection.execute(query)
    ]


def _said(user: str, label: str | None, status: str) -> Said:
    is_labelled = status == Status.LABELLED
    return Said(user, label if is_labelled else None, Status(status))
