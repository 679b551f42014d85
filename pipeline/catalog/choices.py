"""Choices: which image of a group a person wants to be kept.

A choice is of an image, and holds in whatever group the image comes to be, until it is
taken back or the image is taken down. Of two in one group the newer holds; where it is
taken back, the older holds again. Like a parting (``partings``) it changes no item: a
label is the group's, whichever of its images is kept.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select

from pipeline.catalog.engine import Database
from pipeline.catalog.tables import CHOICE, DUPLICATE
from pipeline.errors import CatalogError


@dataclass(frozen=True)
class Choice:
    """An image that a person chose, and who did when."""

    id: int  # counts up
    sha256: str
    user: str
    at: str


class Choices:
    """Choosing images to keep, and taking it back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def said(self) -> list[Choice]:
        """List what was chosen and stands, the oldest first."""
        with self._database.read() as connection:
            return read_choices(connection)

    def chosen(self) -> list[str]:
        """List the images that were chosen, once each, the newest choice last."""
        newest = {choice.sha256: choice.id for choice in self.said()}
        return sorted(newest, key=lambda sha256: newest[sha256])


def read_choices(
    connection: Connection, sha256s: Collection[str] | None = None
) -> list[Choice]:
    """List what was chosen and stands, of all images or of some, the oldest first."""
    query = select(CHOICE).order_by(CHOICE.c.id)
    if sha256s is not None:
        query = query.where(CHOICE.c.sha256.in_(sha256s))
    return [
        Choice(row.id, row.sha256, row.user, row.at)
        for row in connection.execute(query)
    ]


def add_choice(connection: Connection, sha256: str, user: str, now: str) -> Choice:
    """Choose an image, from now on."""
    top = connection.scalar(select(func.max(CHOICE.c.id))) or 0
    choice = Choice(top + 1, sha256, user, now)
    connection.execute(insert(CHOICE).values(vars(choice)))
    return choice


def remove_choice(connection: Connection, choice: Choice) -> bool:
    """Take a choice back; return whether it stood."""
    which = [CHOICE.c[name] == value for name, value in vars(choice).items()]
    return connection.execute(delete(CHOICE).where(*which)).rowcount > 0


def erase_choices(connection: Connection, sha256s: Collection[str]) -> None:
    """Remove the choices of some images, inside the caller's transaction."""
    connection.execute(delete(CHOICE).where(CHOICE.c.sha256.in_(sha256s)))


def chosen_of_group(connection: Connection, group_id: int) -> str | None:
    """Return the image of a group that was chosen last, if one was."""
    return connection.scalar(
        select(CHOICE.c.sha256)
        .join(DUPLICATE, DUPLICATE.c.sha256 == CHOICE.c.sha256)
        .where(DUPLICATE.c.group_id == group_id)
        .order_by(CHOICE.c.id.desc())
        .limit(1)
    )


def refuse_unchosen(connection: Connection) -> None:
    """Let no grouping be written that knows less than what was chosen by now.

    Raises:
        CatalogError: A group keeps another image than the one that was chosen last.
    """
    newest = (
        select(DUPLICATE.c.group_id, func.max(CHOICE.c.id).label("choice"))
        .join(DUPLICATE, DUPLICATE.c.sha256 == CHOICE.c.sha256)
        .group_by(DUPLICATE.c.group_id)
        .subquery()
    )
    query = (
        select(func.count())
        .select_from(newest)
        .join(CHOICE, CHOICE.c.id == newest.c.choice)
        .join(DUPLICATE, DUPLICATE.c.sha256 == CHOICE.c.sha256)
        .where(DUPLICATE.c.kept.is_(False))
    )
    if connection.scalar(query):
        raise CatalogError(
            "somebody chose meanwhile which photo of a group is kept; nothing was"
            " changed by this step, run the same command again"
        )
