"""Takedowns: what was taken down leaves the catalog, and never comes back.

A tombstone names bytes, an address, a page, a work or an author. A takedown outranks
the append-only journal: the events of a photo go with it, for they say what it showed.
What a run was trained on stays written down (``run_photo``), so that the runs can be
named.
"""

import hashlib
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from pipeline.catalog.candidates import Candidate
from pipeline.catalog.choices import chosen_of_group, erase_choices
from pipeline.catalog.engine import Database, in_parts
from pipeline.catalog.entries import read_copies
from pipeline.catalog.events import note_change
from pipeline.catalog.leases import erase_leases
from pipeline.catalog.partings import erase_partings
from pipeline.catalog.tables import (
    CANDIDATE,
    DUPLICATE,
    EVENT,
    FORGOTTEN,
    IMAGE,
    ITEM,
    PREDICTION,
    RUN_PHOTO,
    SPLIT,
    TAKEN_DOWN,
    Kind,
    Outcome,
)

_LONGEST = 2000  # bytes of a value; an index of PostgreSQL takes 2704 with the kind


@dataclass(frozen=True, order=True)
class Tombstone:
    """One thing that is not to come back; of a very long value, its digest."""

    kind: Kind
    value: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", _shortened(self.value))


@dataclass(frozen=True)
class Forgotten:
    """All tombstones of a set, to be asked of many candidates."""

    stones: frozenset[Tombstone]

    def matches(self, candidate: Candidate) -> bool:
        """Say whether a candidate was taken down."""
        if not self.stones:
            return False
        return any(
            value and Tombstone(kind, value) in self.stones
            for kind, value in (
                (Kind.ORIGIN, candidate.origin),
                (Kind.PAGE, candidate.page),
                (Kind.WORK, candidate.work),
                (Kind.AUTHOR, fold_name(candidate.author)),
                (Kind.AUTHOR_PAGE, candidate.author_url),
            )
        )

    def has_origin(self, origin: str) -> bool:
        """Say whether what came from here was taken down."""
        return Tombstone(Kind.ORIGIN, origin) in self.stones

    def has_sha256(self, sha256: str) -> bool:
        """Say whether these bytes were taken down."""
        return Tombstone(Kind.SHA256, sha256) in self.stones

    def sha256s(self) -> set[str]:
        """Return the sha256 of all bytes that were taken down."""
        return {stone.value for stone in self.stones if stone.kind is Kind.SHA256}


@dataclass(frozen=True)
class Met:
    """A candidate, as far as a takedown asks for it."""

    id: int
    source: str  # the kind of source
    origin: str
    final_url: str
    page: str
    author: str
    author_url: str
    work: str
    sha256: str  # "" where it is not in the store
    extension: str
    is_forgotten: bool


def fold_name(name: str) -> str:
    """Return a person's name as it is compared: whatever its width and case."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


class Takedowns:
    """Looking up what is to be taken down, and taking it down."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def forgotten(self) -> Forgotten:
        """Return all tombstones."""
        with self._database.read() as connection:
            rows = connection.execute(select(FORGOTTEN.c.kind, FORGOTTEN.c.value))
            stones = frozenset(Tombstone(Kind(kind), value) for kind, value in rows)
        return Forgotten(stones)

    def candidates(self) -> list[Met]:
        """List every candidate, by id."""
        query = (
            select(CANDIDATE, IMAGE.c.extension)
            .outerjoin(IMAGE, IMAGE.c.sha256 == CANDIDATE.c.sha256)
            .order_by(CANDIDATE.c.id)
        )
        with self._database.read() as connection:
            return [
                Met(
                    row.id,
                    row.source,
                    row.origin,
                    row.final_url or "",
                    row.page,
                    row.author,
                    row.author_url,
                    row.work,
                    row.sha256 or "",
                    row.extension or "",
                    (row.outcome, row.reason) == (Outcome.REFUSED, TAKEN_DOWN),
                )
                for row in connection.execute(query)
            ]

    def copies_of(self, sha256s: Collection[str]) -> set[str]:
        """Return these and every image that is in a group with one of them."""
        with self._database.read() as connection:
            return set(sha256s) | read_copies(connection, sha256s)

    def runs_with(self, sha256s: Collection[str]) -> list[str]:
        """Name the runs that were trained or measured on any of these, sorted."""
        names = set[str]()
        with self._database.read() as connection:
            for some in in_parts(sha256s):
                query = select(RUN_PHOTO.c.run).where(RUN_PHOTO.c.sha256.in_(some))
                names.update(connection.scalars(query.distinct()))
        return sorted(names)

    def bury(self, stones: Iterable[Tombstone], now: str) -> None:
        """Put up tombstones; one that stands already stays as it is."""
        with self._database.write() as connection:
            rows = connection.execute(select(FORGOTTEN.c.kind, FORGOTTEN.c.value))
            known = {Tombstone(Kind(kind), value) for kind, value in rows}
            new = [stone for stone in dict.fromkeys(stones) if stone not in known]
            top = connection.scalar(select(func.max(FORGOTTEN.c.id))) or 0
            if new:
                connection.execute(
                    insert(FORGOTTEN),
                    [
                        {"id": top + n, "kind": s.kind, "value": s.value, "at": now}
                        for n, s in enumerate(new, start=1)
                    ],
                )

    def erase(
        self, candidates: Collection[int], sha256s: Collection[str], now: str
    ) -> None:
        """Refuse the candidates for good, and remove all rows of the images."""
        with self._database.write() as connection:
            note_change(connection)  # before the events go: their numbers stay taken
            for some in in_parts(sha256s):
                _refuse(connection, CANDIDATE.c.sha256.in_(some), now)
            for few in in_parts(candidates):
                _refuse(connection, CANDIDATE.c.id.in_(few), now)
            for some in in_parts(sha256s):
                groups = set(
                    connection.scalars(
                        select(DUPLICATE.c.group_id).where(
                            DUPLICATE.c.sha256.in_(some), DUPLICATE.c.kept
                        )
                    )
                )
                erase_partings(connection, some)
                erase_choices(connection, some)
                erase_leases(connection, some)
                for table in (PREDICTION, SPLIT, DUPLICATE, EVENT, ITEM, IMAGE):
                    connection.execute(delete(table).where(table.c.sha256.in_(some)))
                for group in groups:
                    _keep_another(connection, group)


def _shortened(value: str) -> str:
    """Return a value as it is kept and compared."""
    data = value.encode("utf-8", "surrogatepass")
    if len(data) <= _LONGEST:
        return value
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _refuse(connection: Connection, which: object, now: str) -> None:
    connection.execute(
        update(CANDIDATE)
        .where(which)  # type: ignore[arg-type]
        .values(outcome=Outcome.REFUSED, reason=TAKEN_DOWN, sha256=None, tried_at=now)
    )


def _keep_another(connection: Connection, group: int) -> None:
    """Keep the chosen, or the largest, image of a group that lost the one it kept."""
    best = chosen_of_group(connection, group) or connection.scalar(
        select(DUPLICATE.c.sha256)
        .join(IMAGE, IMAGE.c.sha256 == DUPLICATE.c.sha256)
        .where(DUPLICATE.c.group_id == group)
        .order_by((IMAGE.c.width * IMAGE.c.height).desc(), IMAGE.c.candidate_id)
        .limit(1)
    )
    connection.execute(
        update(DUPLICATE).where(DUPLICATE.c.sha256 == best).values(kept=True, reason="")
    )
