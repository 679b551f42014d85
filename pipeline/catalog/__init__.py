"""The catalog of a set: every table and query, and the only SQLAlchemy.

with opened(folder) as catalog:
    catalog.candidates   what was met, and how it ended
    catalog.tallies      the same in counts, for people
    catalog.photos       the store's images, their groups, what is trained
    catalog.journal      what people said
    catalog.sayings      the newest word on every image, for lists in and out
    catalog.opinions     what several of them think, and how much each said
    catalog.leases       which photos are before somebody just now
    catalog.preferences  how each curator wants the page to be
    catalog.partings     which photos people said are not the same
    catalog.choices      which photo of a group people chose to keep
    catalog.groups       the groups of copies, for people to say so
    catalog.training     splits, runs, predictions
    catalog.takedowns    what was taken down for good
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pipeline.catalog.candidates import Candidates
from pipeline.catalog.choices import Choices
from pipeline.catalog.engine import DATABASE_URL, drop_database, open_database
from pipeline.catalog.forgetting import Takedowns
from pipeline.catalog.groups import Groups
from pipeline.catalog.journal import Journal
from pipeline.catalog.leases import Leases
from pipeline.catalog.opinions import Opinions
from pipeline.catalog.partings import Partings
from pipeline.catalog.photos import Photos
from pipeline.catalog.preferences import Preferences
from pipeline.catalog.sayings import Sayings
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
    sayings: Sayings
    opinions: Opinions
    leases: Leases
    preferences: Preferences
    partings: Partings
    choices: Choices
    groups: Groups
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
            Sayings(database),
            Opinions(database),
            Leases(database),
            Preferences(database),
            Partings(database),
            Choices(database),
            Groups(database),
            Training(database),
            Takedowns(database),
        )
    finally:
        database.close()


def drop(folder: SetFolder) -> None:
    """Delete the set's catalog with all that is in it."""
    drop_database(folder, os.environ.get(DATABASE_URL))
