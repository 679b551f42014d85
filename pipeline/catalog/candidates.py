"""Candidates and the pages they were read from: how each ended, who owns which bytes.

Where several candidates bring the same bytes, the one with the lowest id owns them,
whatever order they arrived in.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace

from sqlalchemy import (
    Row,
    distinct,
    func,
    or_,
    select,
    update,
)

from pipeline.catalog.endings import Ending, finish
from pipeline.catalog.engine import Database
from pipeline.catalog.finding import (
    Found,
    PageRead,
    add_found,
    add_page,
    correct_found,
    ids_of,
)
from pipeline.catalog.tables import CANDIDATE, IMAGE, PAGE, Outcome
from pipeline.images import ImageFacts


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate still to be tried."""

    id: int
    source: str
    category: str
    origin: str
    page: str
    author: str
    licence: str
    licence_url: str
    work: str
    author_url: str


_OF_CANDIDATE = tuple(field.name for field in fields(Candidate))
_IS_DUE = or_(CANDIDATE.c.outcome.is_(None), CANDIDATE.c.outcome == Outcome.FAILED)


_WINDOW = 250  # candidates that are read at once


class Candidates:
    """Reading and writing candidates."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, found: Sequence[Found], now: str) -> int:
        """Record candidates, in order; return how many were new."""
        with self._database.write() as connection:
            return add_found(connection, found, now)

    def correct(self, found: Sequence[Found], heard: set[int]) -> int:
        """Take over what a source says now of candidates it named before.

        Of a candidate in ``heard``, to which these are added, something was said in
        this run: that stays. Returns how often something else was said of one.
        """
        with self._database.write() as connection:
            return correct_found(connection, found, heard)

    def add_ended(self, ended: Sequence[tuple[Found, Ending]], now: str) -> int:
        """Record candidates together with how they ended; return how many were new.

        Ids go up in the order given. An ending need not know its candidate's id.
        """
        with self._database.write() as connection:
            new = add_found(connection, [found for found, _ in ended], now)
            ids = ids_of(connection, {found.origin for found, _ in ended})
            endings = [
                replace(ending, candidate_id=ids[found.category, found.origin])
                for found, ending in ended
            ]
            finish(connection, endings, now)
        return new

    def ended(self, origins: Collection[str]) -> set[tuple[str, str]]:
        """Return category and origin of the candidates that are not to be tried."""
        with self._database.read() as connection:
            return set(ids_of(connection, origins, ~_IS_DUE))

    def add_page(self, page: PageRead, found: Sequence[Found], now: str) -> int:
        """Record a page and what it shows, together; return the new candidates.

        A page read before takes its new ending; one category has a page once.
        """
        with self._database.write() as connection:
            return add_page(connection, page, found, now)

    def pages(self) -> dict[tuple[str, str], PageRead]:
        """Return the pages met so far, by category and URL."""
        with self._database.read() as connection:
            rows = connection.execute(select(PAGE).order_by(PAGE.c.id))
            return {
                (row.category, row.url): PageRead(
                    row.source,
                    row.category,
                    row.url,
                    Outcome(row.outcome),
                    row.reason,
                    row.next_url,
                )
                for row in rows
            }

    def pending(
        self,
        kinds: Collection[str] | None = None,
        categories: Collection[str] | None = None,
        *,
        after: int = 0,
        limit: int | None = None,
    ) -> list[Candidate]:
        """List candidates to try, by id: new ones, and those that failed in passing.

        Args:
            kinds: The kinds of sources they are of; any where ``None``.
            categories: The categories they are of; any where ``None``.
            after: Only those with a higher id.
            limit: No more than so many.
        """
        query = (
            select(*(CANDIDATE.c[name] for name in _OF_CANDIDATE))
            .where(_IS_DUE, CANDIDATE.c.id > after)
            .order_by(CANDIDATE.c.id)
            .limit(limit)
        )
        if kinds is not None:
            query = query.where(CANDIDATE.c.source.in_(kinds))
        if categories is not None:
            query = query.where(CANDIDATE.c.category.in_(categories))
        with self._database.read() as connection:
            return [Candidate(*row) for row in connection.execute(query)]

    def due_by_origin(
        self, kinds: Collection[str], categories: Collection[str]
    ) -> Iterator[list[Candidate]]:
        """Yield what is to be tried, all of one origin together, as it is wanted.

        In the order of the lowest id of each origin; what fails meanwhile does not come
        twice.
        """
        wanted = (
            _IS_DUE,
            CANDIDATE.c.source.in_(kinds),
            CANDIDATE.c.category.in_(categories),
        )
        after = 0
        while True:
            window = (
                select(CANDIDATE.c.id, CANDIDATE.c.origin)
                .where(*wanted, CANDIDATE.c.id > after)
                .order_by(CANDIDATE.c.id)
                .limit(_WINDOW)
                .subquery()
            )
            query = (
                select(*(CANDIDATE.c[name] for name in _OF_CANDIDATE))
                .where(*wanted, CANDIDATE.c.origin.in_(select(window.c.origin)))
                .order_by(CANDIDATE.c.id)
            )
            with self._database.read() as connection:
                last = connection.scalar(select(func.max(window.c.id)))
                due = [Candidate(*row) for row in connection.execute(query)]
            if last is None:
                return
            same: dict[str, list[Candidate]] = {}
            for candidate in due:
                same.setdefault(candidate.origin, []).append(candidate)
            yield from (group for group in same.values() if group[0].id > after)
            after = last

    def count_due(self, kinds: Collection[str], categories: Collection[str]) -> int:
        """Count what is to be tried."""
        query = select(func.count()).where(
            _IS_DUE,
            CANDIDATE.c.source.in_(kinds),
            CANDIDATE.c.category.in_(categories),
        )
        with self._database.read() as connection:
            return connection.scalar(query) or 0

    def refuse_strangers(
        self, kinds: Collection[str], categories: Collection[str], reason: str, now: str
    ) -> int:
        """Refuse what is to be tried under no category of the set; count it."""
        with self._database.write() as connection:
            changed = connection.execute(
                update(CANDIDATE)
                .where(
                    _IS_DUE,
                    CANDIDATE.c.source.in_(kinds),
                    CANDIDATE.c.category.not_in(categories),
                )
                .values(outcome=Outcome.REFUSED, reason=reason, tried_at=now)
            )
        return changed.rowcount

    def note_pending(self, kinds: Collection[str], category: str, reason: str) -> None:
        """Say why those of a category that were not tried yet are left for later."""
        with self._database.write() as connection:
            connection.execute(
                update(CANDIDATE)
                .where(
                    CANDIDATE.c.outcome.is_(None),
                    CANDIDATE.c.source.in_(kinds),
                    CANDIDATE.c.category == category,
                )
                .values(reason=reason)
            )

    def reopen(self, reason: str, categories: Collection[str]) -> int:
        """Let the refused of some categories be tried again, where the reason passed.

        Returns:
            How many there were.
        """
        with self._database.write() as connection:
            changed = connection.execute(
                update(CANDIDATE)
                .where(
                    CANDIDATE.c.outcome == Outcome.REFUSED,
                    CANDIDATE.c.reason == reason,
                    CANDIDATE.c.category.in_(categories),
                )
                .values(outcome=None, reason="")
            )
        return changed.rowcount

    def stored_of_pending(self) -> dict[str, ImageFacts]:
        """Return what is in the store of origins that have candidates still to try."""
        stored = CANDIDATE.alias("stored")
        joined = CANDIDATE.join(stored, stored.c.origin == CANDIDATE.c.origin).join(
            IMAGE, IMAGE.c.sha256 == stored.c.sha256
        )
        query = select(CANDIDATE.c.origin, IMAGE).select_from(joined).where(_IS_DUE)
        with self._database.read() as connection:
            return {row.origin: _facts(row) for row in connection.execute(query)}

    def stored_origins(self) -> dict[str, ImageFacts]:
        """Return what is in the store, by the origin it came from."""
        joined = CANDIDATE.join(IMAGE, CANDIDATE.c.sha256 == IMAGE.c.sha256)
        query = select(CANDIDATE.c.origin, IMAGE).select_from(joined)
        with self._database.read() as connection:
            return {row.origin: _facts(row) for row in connection.execute(query)}

    def finish(self, endings: Iterable[Ending], now: str) -> list[Outcome]:
        """Record how candidates ended, in one transaction.

        What is stored stays so, whatever a slower run beside this one met.

        Returns:
            The outcome of each: a ``stored`` one whose bytes are owned by a
            candidate with a lower id becomes ``known``.
        """
        with self._database.write() as connection:
            return finish(connection, list(endings), now)

    def counts(self) -> dict[str, dict[str, int]]:
        """Count candidates by outcome (``pending`` for none yet) and reason."""
        query = (
            select(CANDIDATE.c.outcome, CANDIDATE.c.reason, func.count())
            .group_by(CANDIDATE.c.outcome, CANDIDATE.c.reason)
            .order_by(CANDIDATE.c.outcome, CANDIDATE.c.reason)
        )
        counts: dict[str, dict[str, int]] = {}
        with self._database.read() as connection:
            for outcome, reason, number in connection.execute(query):
                counts.setdefault(outcome or "pending", {})[reason] = number
        return counts

    def stored_per_category(
        self, kinds: Collection[str] | None = None
    ) -> dict[str, int]:
        """Count the files of the store that were found under each category.

        ``kinds`` counts those alone that sources of these kinds found.
        """
        query = (
            select(CANDIDATE.c.category, func.count(distinct(CANDIDATE.c.sha256)))
            .where(CANDIDATE.c.sha256.is_not(None))
            .group_by(CANDIDATE.c.category)
        )
        if kinds is not None:
            query = query.where(CANDIDATE.c.source.in_(kinds))
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}


def _facts(row: Row[tuple[object, ...]]) -> ImageFacts:
    return ImageFacts(
        row.sha256, row.format, row.extension, row.width, row.height, row.size
    )
