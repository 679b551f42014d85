"""Leases: which photos are before somebody just now, so that others get other ones.

A lease only spares people the same work twice: what they say is guarded by the photo's
version, with a lease or without. It ends by itself.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select, update

from pipeline.catalog.engine import Database, in_parts
from pipeline.catalog.tables import ITEM, LEASE


class Leases:
    """Taking photos for a while, and giving them back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(
        self,
        wanted: Sequence[str],
        client: str,
        user: str,
        now: str,
        until: str,
        *,
        limit: int,
    ) -> list[str]:
        """Take the first photos that nobody else has just now; renew one's own.

        Args:
            wanted: sha256, the most wanted first.
            client: Who takes them: a browser tab.
            user: Whose tab that is.
            now: Leases that end before are void.
            until: When these end.
            limit: How many at most.

        Returns:
            Those taken, in the order wanted; none that is in no item any more.
        """
        with self._database.write() as connection:
            connection.execute(delete(LEASE).where(LEASE.c.until <= now))
            others = select(LEASE.c.sha256).where(LEASE.c.client != client)
            held = set(connection.scalars(others))
            free = [sha256 for sha256 in dict.fromkeys(wanted) if sha256 not in held]
            taken = _first_known(connection, free, limit)
            for some in in_parts(taken):
                connection.execute(delete(LEASE).where(LEASE.c.sha256.in_(some)))
            if taken:
                of_lease = {"client": client, "user": user, "until": until}
                connection.execute(
                    insert(LEASE), [{"sha256": sha256, **of_lease} for sha256 in taken]
                )
        return taken

    def renew(self, client: str, until: str, now: str) -> int:
        """Hold what a client still has until then; return how many those are."""
        query = update(LEASE).where(LEASE.c.client == client, LEASE.c.until > now)
        with self._database.write() as connection:
            return connection.execute(query.values(until=until)).rowcount

    def release(self, client: str, sha256s: Sequence[str] | None = None) -> None:
        """Give back what a client has taken: all, or some images of it."""
        query = delete(LEASE).where(LEASE.c.client == client)
        with self._database.write() as connection:
            if sha256s is None:
                connection.execute(query)
                return
            for some in in_parts(set(sha256s)):
                connection.execute(query.where(LEASE.c.sha256.in_(some)))

    def held(self, now: str) -> dict[str, tuple[str, str]]:
        """Return who has which photo: client and user, by sha256."""
        query = select(LEASE).where(LEASE.c.until > now)
        with self._database.read() as connection:
            return {
                row.sha256: (row.client, row.user) for row in connection.execute(query)
            }


def erase_leases(connection: Connection, sha256s: Sequence[str]) -> None:
    """Remove the leases of some images, inside the caller's transaction."""
    connection.execute(delete(LEASE).where(LEASE.c.sha256.in_(sha256s)))


def _first_known(connection: Connection, sha256s: list[str], limit: int) -> list[str]:
    """Return the first images that are in the catalog, in the order given."""
    found: list[str] = []
    start = 0
    while len(found) < limit and start < len(sha256s):
        some = sha256s[start : start + max(limit, 50)]
        start += len(some)
        known = set[str]()
        for few in in_parts(some):
            query = select(ITEM.c.sha256).where(ITEM.c.sha256.in_(few))
            known.update(connection.scalars(query))
        found += [sha256 for sha256 in some if sha256 in known]
    return found[:limit]
