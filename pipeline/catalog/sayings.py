"""What people last said of every image, as lists of labels need it, in and out."""

from dataclasses import dataclass

from sqlalchemy import func, or_, select

from pipeline.catalog.engine import Database
from pipeline.catalog.events import CHANGED, MACHINE
from pipeline.catalog.tables import EVENT

TAKING_BACK = "back-"  # what the clients that take imports back begin with


@dataclass(frozen=True, slots=True)
class Saying:
    """The newest human word on one image; an undo is one too."""

    event_id: int
    user: str
    client: str
    version: int  # of the item, afterwards
    note: str
    at: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """A word that a file was read for."""

    client: str
    seq: int
    sha256: str
    accepted: bool
    is_undone: bool
    is_cancelled: bool  # undone by taking the file back


class Sayings:
    """Reading what people said, image by image and file by file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self) -> dict[str, Saying]:
        """Return the newest human word on every image that has one.

        Words of a file that was taken back, and the taking back, are left out: they
        cancel each other.
        """
        ours = EVENT.c.client.startswith(TAKING_BACK)
        cancelled = select(EVENT.c.undoes).where(
            ours, EVENT.c.accepted, EVENT.c.undoes.is_not(None)
        )
        newest = (
            select(func.max(EVENT.c.id).label("id"))
            .where(
                CHANGED, EVENT.c.user != MACHINE, ~ours, EVENT.c.id.not_in(cancelled)
            )
            .group_by(EVENT.c.sha256)
            .subquery()
        )
        columns = EVENT.c["sha256", "id", "user", "client", "version", "note", "at"]
        query = select(*columns).join(newest, newest.c.id == EVENT.c.id)
        with self._database.read() as connection:
            return {row[0]: Saying(*row[1:]) for row in connection.execute(query)}

    def spoken(self, client: str) -> list[Spoken]:
        """List the words of a client and of those named ``client-…``, newest first."""
        undone = select(EVENT.c.undoes).where(
            EVENT.c.undoes.is_not(None), EVENT.c.accepted
        )
        cancelled = undone.where(EVENT.c.client.startswith(TAKING_BACK))
        of_client = or_(
            EVENT.c.client == client,
            EVENT.c.client.startswith(f"{client}-", autoescape=True),
        )
        query = (
            select(
                *EVENT.c["client", "seq", "sha256", "accepted"],
                EVENT.c.id.in_(undone).label("undone"),
                EVENT.c.id.in_(cancelled).label("cancelled"),
            )
            .where(of_client)
            .order_by(EVENT.c.id.desc())
        )
        with self._database.read() as connection:
            return [
                Spoken(row[0], row[1], row[2], row[3], row[4], row[5])
                for row in connection.execute(query)
            ]
