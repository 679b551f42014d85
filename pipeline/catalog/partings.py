"""Partings: two images that a person said are not the same photo.

A parting holds for every grouping from then on, until it is taken back or one of the
two images is taken down. It is of two images and changes no item, so it stands in a
table of its own and not in the journal, whose events are each of one item's version.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, or_, select

from pipeline.catalog.engine import Database
from pipeline.catalog.tables import APART, DUPLICATE
from pipeline.errors import CatalogError

Pair = tuple[str, str]  # two sha256, the lower first


@dataclass(frozen=True)
class Parting:
    """A pair, and who said when that its images are not the same."""

    pair: Pair
    user: str
    at: str


class Partings:
    """Saying that images are not the same, and taking it back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def said(self) -> list[Parting]:
        """List what was said and stands, the oldest first."""
        with self._database.read() as connection:
            return read_partings(connection)

    def pairs(self) -> list[Pair]:
        """List the pairs that are kept apart, sorted."""
        return sorted(parting.pair for parting in self.said())

    def say(self, pairs: Collection[Pair], user: str, now: str) -> set[Pair]:
        """Keep pairs apart; one that is already stays as it was said first.

        Returns:
            The pairs that were not kept apart before.

        Raises:
            CatalogError: An image is not in the catalog (any more).
        """
        with self._database.write() as connection:
            return add_partings(connection, pairs, user, now)

    def take_back(self, pairs: Collection[Pair]) -> set[Pair]:
        """Let pairs share a group again; return those that were kept apart."""
        with self._database.write() as connection:
            return remove_partings(connection, pairs)


def read_partings(connection: Connection) -> list[Parting]:
    """List what was said and stands, the oldest first."""
    query = select(APART).order_by(APART.c.at, APART.c.first, APART.c.second)
    return [
        Parting((row.first, row.second), row.user, row.at)
        for row in connection.execute(query)
    ]


def add_partings(
    connection: Connection, pairs: Collection[Pair], user: str, now: str
) -> set[Pair]:
    """Keep pairs apart; return those that were not before."""
    new = set(pairs) - _standing(connection)
    rows = [
        {"first": first, "second": second, "user": user, "at": now}
        for first, second in sorted(new)
    ]
    if rows:
        connection.execute(insert(APART), rows)
    return new


def remove_partings(connection: Connection, pairs: Collection[Pair]) -> set[Pair]:
    """Let pairs share a group again; return those that were kept apart."""
    gone = set(pairs) & _standing(connection)
    for first, second in gone:
        connection.execute(
            delete(APART).where(APART.c.first == first, APART.c.second == second)
        )
    return gone


def erase_partings(connection: Connection, sha256s: Collection[str]) -> None:
    """Remove what was said of some images, inside the caller's transaction."""
    of_them = or_(APART.c.first.in_(sha256s), APART.c.second.in_(sha256s))
    connection.execute(delete(APART).where(of_them))


def refuse_joined(connection: Connection) -> None:
    """Let no grouping be written that knows less than what was said by now.

    Raises:
        CatalogError: Two images that are kept apart share a group.
    """
    one, other = DUPLICATE.alias(), DUPLICATE.alias()
    query = (
        select(func.count())
        .select_from(APART)
        .join(one, one.c.sha256 == APART.c.first)
        .join(other, other.c.sha256 == APART.c.second)
        .where(one.c.group_id == other.c.group_id)
    )
    if connection.scalar(query):
        raise CatalogError(
            "somebody said meanwhile that photos of one group are not the same; nothing"
            " was changed by this step, run the same command again"
        )


def _standing(connection: Connection) -> set[Pair]:
    rows = connection.execute(select(APART.c.first, APART.c.second))
    return {(row.first, row.second) for row in rows}
