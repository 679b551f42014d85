"""The catalog of a set: every table and query, and the only SQLAlchemy.

with opened(folder) as catalog:
    catalog.candidates   what was met, and how it ended
    catalog.tallies      the same in counts, for people
    catalog.photos       the store's images, their groups, what is trained
    catalog.journal      what people said
    catalog.partings     which photos people said are not the same
    catalog.training     splits, runs, predictions
    catalog.takedowns    what was taken down for good
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pipeline.catalog.candidates import Candidates
from pipeline.catalog.engine import DATABASE_URL, drop_database, open_database
from pipeline.catalog.forgetting import Takedowns
from pipeline.catalog.journal import Journal
from pipeline.catalog.partings import Partings
from pipeline.catalog.photos import Photos
from pipeline.catalog.tables import Outcome, Part, Status
from pipeline.catalog.tallies import Tallies
from pipeline.catalog.training import Training
from pipeline.home import SetFolder

__all__ = ["Catalog", "Outcome", "Part", "Status", "drop", "opened"]


@dataclass(frozen=True)
class Catalog:
    """An open catalog, by subject."""

    candidates: Candidates
    tallies: Tallies
    photos: Photos
    journal: Journal
    partings: Partings
    training: Training
    takedowns: Takedowns


@contextmanager
def opened(folder: SetFolder) -> Iterator[Catalog]:
    """Open the set's catalog: SQLite, or PostgreSQL by ``MEKIKI_DATABASE_URL``.

    Raises:
        CatalogError: It can't be reached, opened or brought up to date.
    """
    database = open_database(folder, os.environ.get(DATABASE_URL))
    try:
        yield Catalog(
            Candidates(database),
            Tallies(database),
            Photos(database),
            Journal(database),
            Partings(database),
            Training(database),
            Takedowns(database),
        )
    finally:
        database.close()


def drop(folder: SetFolder) -> None:
    """Delete the set's catalog with all that is in it."""
    drop_database(folder, os.environ.get(DATABASE_URL))
