"""Counting what was met, by what is to be told of it."""

from typing import NamedTuple

from sqlalchemy import distinct, func, select

from pipeline.catalog.engine import Database
from pipeline.catalog.tables import CANDIDATE, PAGE, Outcome


class Stated(NamedTuple):
    """What is stated of a photo's licence, and by what kind of source."""

    source: str
    licence: str
    licence_url: str


class Tallies:
    """Counts for people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def categories_refused(self, reason: str) -> dict[str, int]:
        """Count what was refused for a reason, by category."""
        query = (
            select(CANDIDATE.c.category, func.count())
            .where(CANDIDATE.c.outcome == Outcome.REFUSED, CANDIDATE.c.reason == reason)
            .group_by(CANDIDATE.c.category)
            .order_by(CANDIDATE.c.category)
        )
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def licences_stored(self) -> list[tuple[Stated, int]]:
        """Count the photos in the store by what is stated of their licence, by whom."""
        columns = (CANDIDATE.c.source, CANDIDATE.c.licence, CANDIDATE.c.licence_url)
        query = (
            select(*columns, func.count(distinct(CANDIDATE.c.sha256)))
            .where(CANDIDATE.c.sha256.is_not(None))
            .group_by(*columns)
            .order_by(*columns)
        )
        with self._database.read() as connection:
            return [(Stated(*row[:3]), row[3]) for row in connection.execute(query)]

    def page_counts(self) -> dict[str, dict[str, int]]:
        """Count the pages met by outcome and reason."""
        query = (
            select(PAGE.c.outcome, PAGE.c.reason, func.count())
            .group_by(PAGE.c.outcome, PAGE.c.reason)
            .order_by(PAGE.c.outcome, PAGE.c.reason)
        )
        counts: dict[str, dict[str, int]] = {}
        with self._database.read() as connection:
            for outcome, reason, number in connection.execute(query):
                counts.setdefault(outcome, {})[reason] = number
        return counts
