"""Candidates and the pages they were read from: how each ended, who owns which bytes.

Where several candidates bring the same bytes, the one with the lowest id owns them,
whatever order they arrived in.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, distinct, func, insert, or_, select, update

from pipeline.catalog.endings import Ending, finish
from pipeline.catalog.engine import Database
from pipeline.catalog.tables import CANDIDATE, IMAGE, PAGE, Outcome, Part
from pipeline.images import ImageFacts


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


@dataclass(frozen=True)
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


class Candidates:
    """Reading and writing candidates."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, found: Sequence[Found], now: str) -> int:
        """Record candidates, in order; return how many were new."""
        with self._database.write() as connection:
            return _add(connection, found, now)

    def add_page(self, page: PageRead, found: Sequence[Found], now: str) -> int:
        """Record a page and what it shows, together; return the new candidates.

        A page read before takes its new ending; one category has a page once.
        """
        ended = {
            "outcome": page.outcome,
            "reason": page.reason,
            "next_url": page.next_url,
            "read_at": now,
        }
        with self._database.write() as connection:
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
            return _add(connection, found, now)

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

    def pending(self) -> list[Candidate]:
        """List the candidates to try: new ones, and those that failed in passing."""
        query = (
            select(CANDIDATE)
            .where(
                or_(CANDIDATE.c.outcome.is_(None), CANDIDATE.c.outcome == "failed"),
            )
            .order_by(CANDIDATE.c.id)
        )
        with self._database.read() as connection:
            return [
                Candidate(
                    row.id,
                    row.source,
                    row.category,
                    row.origin,
                    row.page,
                    row.author,
                    row.licence,
                    row.licence_url,
                    row.work,
                )
                for row in connection.execute(query)
            ]

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

    def stored_origins(self) -> dict[str, ImageFacts]:
        """Return what is in the store already, by the origin it came from."""
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

    def stored_per_category(self) -> dict[str, int]:
        """Count the files of the store that were found under each category."""
        query = (
            select(CANDIDATE.c.category, func.count(distinct(CANDIDATE.c.sha256)))
            .where(CANDIDATE.c.sha256.is_not(None))
            .group_by(CANDIDATE.c.category)
        )
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}


def _add(connection: Connection, found: Sequence[Found], now: str) -> int:
    """Insert those that are new; ids go up by one in the order given."""
    wanted = {(item.category, item.origin): item for item in reversed(found)}
    known: set[tuple[str, str]] = set()
    origins = sorted({item.origin for item in found})
    for start in range(0, len(origins), 500):
        rows = connection.execute(
            select(CANDIDATE.c.category, CANDIDATE.c.origin).where(
                CANDIDATE.c.origin.in_(origins[start : start + 500])
            )
        )
        known.update((row[0], row[1]) for row in rows)
    order = list(dict.fromkeys((item.category, item.origin) for item in found))
    new = [wanted[key] for key in order if key not in known]
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


def _facts(row: Row[tuple[object, ...]]) -> ImageFacts:
    return ImageFacts(
        row.sha256, row.format, row.extension, row.width, row.height, row.size
    )
