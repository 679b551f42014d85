"""Preferences: how each curator wants the page to be, as JSON under their name."""

import json
from collections.abc import Mapping

from sqlalchemy import insert, select, update

from pipeline.catalog.engine import Database
from pipeline.catalog.tables import PREFERENCE


class Preferences:
    """Reading and writing what a curator set."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, user: str) -> dict[str, object]:
        """Return what a curator set; empty before the first time."""
        query = select(PREFERENCE.c.wishes).where(PREFERENCE.c.user == user)
        with self._database.read() as connection:
            wishes = json.loads(connection.scalar(query) or "{}")
        return dict(wishes)

    def write(self, user: str, wishes: Mapping[str, object]) -> None:
        """Replace what a curator set.

        Raises:
            TypeError: It can't be said in JSON.
        """
        text = json.dumps(dict(wishes))
        mine = update(PREFERENCE).where(PREFERENCE.c.user == user)
        with self._database.write() as connection:
            if not connection.execute(mine.values(wishes=text)).rowcount:
                connection.execute(insert(PREFERENCE).values(user=user, wishes=text))
