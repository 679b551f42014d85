"""Where the photos of the store come from, and who made them.

The same bytes may have been met several times, and some of those who show them say
less than others. Where the candidate that owns an image states no licence, the first
one that does speaks for it; a title or an author that it leaves out are the owner's:
credit that is known is never lost. The category is the owner's all the same.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    FromClause,
    Select,
    case,
    func,
    or_,
    select,
)

from pipeline.catalog.engine import Database, in_parts
from pipeline.catalog.tables import CANDIDATE, IMAGE

_AT_ONCE = 200  # rows held in memory
_OWNER = CANDIDATE.alias("owner")
_SPEAKER = CANDIDATE.alias("speaker")
_OF_SPEAKER = (
    "licence",
    "licence_version",
    "licence_url",
    "page",
    "origin",
    "source",
    "tried_at",
    "attribution",
)


@dataclass(frozen=True)
class Provenance:
    """What is known of a photo's origin; of the candidate that speaks for its bytes."""

    sha256: str
    extension: str
    category: str
    title: str
    author: str
    author_url: str
    licence: str
    licence_version: str
    licence_url: str
    page: str
    origin: str
    source: str
    retrieved_at: str  # from this origin
    attribution: str


class Provenances:
    """The provenance of every image: read as it is wanted, none of it is held."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __iter__(self) -> Iterator[Provenance]:
        """Yield them by the owner's id."""
        with self.of_one_moment() as moment:
            yield from moment.by_owner()

    @contextmanager
    def of_one_moment(self) -> Iterator["Moment"]:
        """Open them to be read more than once, whatever is written meanwhile."""
        with self._database.read() as connection:
            yield Moment(connection)


@dataclass(frozen=True)
class Moment:
    """The provenances within one transaction."""

    connection: Connection

    def by_owner(self) -> Iterator[Provenance]:
        """Yield the provenance of every image, by its owner's id."""
        return self._stream(_provenances().order_by(IMAGE.c.candidate_id))

    def by_category(self) -> Iterator[Provenance]:
        """Yield the same, one category after the other, by the owner's id in each.

        A category stands where ``by_owner`` comes to it first.
        """
        firsts = (
            select(_OWNER.c.category, func.min(_OWNER.c.id).label("first"))
            .join(IMAGE, IMAGE.c.candidate_id == _OWNER.c.id)
            .group_by(_OWNER.c.category)
            .subquery()
        )
        return self._stream(
            _provenances()
            .join(firsts, firsts.c.category == _OWNER.c.category)
            .order_by(firsts.c.first, IMAGE.c.candidate_id)
        )

    def of(self, sha256s: Collection[str]) -> Iterator[Provenance]:
        """Yield the provenance of some images, by their sha256."""
        for some in in_parts(sha256s):
            yield from self._stream(
                _provenances().where(IMAGE.c.sha256.in_(some)).order_by(IMAGE.c.sha256)
            )

    def _stream(self, query: Executable) -> Iterator[Provenance]:
        streamed = self.connection.execution_options(yield_per=_AT_ONCE)
        return (Provenance(*row) for row in streamed.execute(query))


def _provenances() -> Select[Any]:
    """Return the query for all of them, one row for each image, in no order yet."""
    other = CANDIDATE.alias("other")
    first = (
        # "+ 0": for the lowest id as such, PostgreSQL walks all ids in their order
        select(func.min(other.c.id + 0))
        .where(other.c.sha256 == IMAGE.c.sha256, _states_licence(other))
        .correlate(IMAGE)
        .scalar_subquery()
    )
    speaker = case(
        (_states_licence(_OWNER), _OWNER.c.id),
        else_=func.coalesce(first, _OWNER.c.id),
    )
    return (
        select(
            IMAGE.c.sha256,
            IMAGE.c.extension,
            _OWNER.c.category,
            _said("title", "title"),
            _said("author", "author"),
            _said("author", "author_url"),
            *(_SPEAKER.c[name] for name in _OF_SPEAKER),
        )
        .select_from(IMAGE)
        .join(_OWNER, _OWNER.c.id == IMAGE.c.candidate_id)
        .join(_SPEAKER, _SPEAKER.c.id == speaker)
    )


def _said(about: str, name: str) -> ColumnElement[str]:
    """Return a column of whoever says anything about ``about``, the speaker first."""
    return case((_SPEAKER.c[about] != "", _SPEAKER.c[name]), else_=_OWNER.c[name])


def _states_licence(candidate: FromClause) -> ColumnElement[bool]:
    return or_(candidate.c.licence != "", candidate.c.licence_url != "")
