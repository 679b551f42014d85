"""The photos of a set: their groups and flags, and which of them are trained.

What is trained: the kept image of each group, with the newest human label on any of
its members, else the scraped one. A group whose newest human word is *rejected* or
*unsure*, an unresolved conflict, and a flagged picture that no person has confirmed
are not trained. Three flags are only shown (``SHOWN_FLAGS``): a blurry, dark or grey
photo still shows what its label says, and such photos are met in use. A blank or a
placeholder shows nothing, and would teach that nothing is something.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, func, insert, select

from pipeline.catalog.engine import Database, update_each
from pipeline.catalog.partings import refuse_joined
from pipeline.catalog.provenance import Provenances
from pipeline.catalog.tables import (
    CANDIDATE,
    DUPLICATE,
    EVENT,
    IMAGE,
    ITEM,
    Part,
    Status,
)

SHOWN_FLAGS = frozenset({"blurry", "dark", "greyscale"})  # and trained all the same
HUMAN_ACTIONS = ("confirm", "relabel", "reject", "unsure", "undo")


@dataclass(frozen=True)
class StoredImage:
    """A file of the store, with what dedup needs of it."""

    sha256: str
    candidate_id: int
    origin: str
    category: str  # of the owner
    format: str
    extension: str
    width: int
    height: int
    size: int  # bytes


@dataclass(frozen=True)
class Grouping:
    """What dedup found out about one image."""

    sha256: str
    group_id: int
    kept: bool
    reason: str
    phash: str
    flags: tuple[str, ...]
    scores: Mapping[str, float] = field(default_factory=dict)  # 0..1, 1 surely so


@dataclass(frozen=True)
class Photo:
    """A group's kept image, as the curator and the trainer see it."""

    sha256: str
    extension: str
    group_id: int
    copies: int  # images in the group beside this one
    origin: str
    page: str
    title: str
    author: str
    licence: str
    scraped_as: tuple[str, ...]  # every category its group was found under
    label: str | None
    status: Status
    version: int  # of this image's item
    flags: tuple[str, ...]

    @property
    def is_trained(self) -> bool:
        """Whether the group has a label that training may believe."""
        if self.label is None:
            return False
        if self.status is Status.LABELLED:
            return True
        return self.status is Status.SCRAPED and SHOWN_FLAGS.issuperset(self.flags)


class Photos:
    """Reading and writing images, their groups and what is trained of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def stored(self) -> list[StoredImage]:
        """List every image of the store, by its owner's id."""
        query = (
            select(
                *IMAGE.c["sha256", "candidate_id"],
                *CANDIDATE.c["origin", "category"],
                *IMAGE.c["format", "extension", "width", "height", "size"],
            )
            .join(CANDIDATE, IMAGE.c.candidate_id == CANDIDATE.c.id)
            .order_by(IMAGE.c.candidate_id)
        )
        with self._database.read() as connection:
            return [StoredImage(*row) for row in connection.execute(query)]

    def provenances(self) -> Provenances:
        """Return where every image of the store comes from, by its owner's id."""
        return Provenances(self._database)

    def groupings(self) -> list[Grouping]:
        """Return what dedup last wrote, by the owner's id."""
        query = (
            select(DUPLICATE, IMAGE.c.phash, IMAGE.c.flags, IMAGE.c.scores)
            .join(IMAGE, IMAGE.c.sha256 == DUPLICATE.c.sha256)
            .order_by(IMAGE.c.candidate_id)
        )
        with self._database.read() as connection:
            return [
                Grouping(
                    row.sha256,
                    row.group_id,
                    row.kept,
                    row.reason,
                    row.phash,
                    _split(row.flags),
                    json.loads(row.scores or "{}"),
                )
                for row in connection.execute(query)
            ]

    def write_groupings(self, groupings: Iterable[Grouping]) -> None:
        """Replace every group, in one transaction.

        Raises:
            CatalogError: Two images of a group were said not to be the same.
        """
        rows = list(groupings)
        with self._database.write() as connection:
            connection.execute(delete(DUPLICATE))
            if not rows:
                return
            connection.execute(
                insert(DUPLICATE),
                [
                    {
                        "sha256": row.sha256,
                        "group_id": row.group_id,
                        "kept": row.kept,
                        "reason": row.reason,
                    }
                    for row in rows
                ],
            )
            refuse_joined(connection)
            connection.execute(
                update_each(*IMAGE.c["sha256", "phash", "flags", "scores"]),
                [
                    {
                        "key": row.sha256,
                        "new_phash": row.phash,
                        "new_flags": ",".join(row.flags),
                        "new_scores": json.dumps(row.scores) if row.scores else "",
                    }
                    for row in rows
                ],
            )

    def listings(self) -> list[tuple[str, str, str]]:
        """List where each image was met: sha256, category, page (or ""); sorted."""
        columns = CANDIDATE.c["sha256", "category", "page"]
        query = select(*columns).join(IMAGE, IMAGE.c.sha256 == columns.sha256)
        with self._database.read() as connection:
            met = connection.execute(query.distinct())
            return sorted((row[0], row[1], row[2]) for row in met)

    def categories_of_groups(self) -> dict[int, tuple[str, ...]]:
        """Return the categories each group was found under, in order of finding."""
        with self._database.read() as connection:
            return _categories_of_groups(connection)

    def official_parts(self) -> dict[int, Part]:
        """Return the part of the groups whose data says one; test where both are said.

        What counts is every place that an image of the group was found in.
        """
        query = (
            select(DUPLICATE.c.group_id, CANDIDATE.c.part)
            .join(CANDIDATE, CANDIDATE.c.sha256 == DUPLICATE.c.sha256)
            .where(CANDIDATE.c.part.is_not(None))
            .distinct()
        )
        with self._database.read() as connection:
            said = connection.execute(query).all()
        in_test = {row.group_id for row in said if row.part == Part.TEST}
        return {
            row.group_id: Part.TEST if row.group_id in in_test else Part(row.part)
            for row in said
        }

    def photos(self) -> list[Photo]:
        """List the kept image of every group, with the group's label and status.

        A group found under several categories is a conflict from then on, also before
        dedup has marked it.
        """
        query = (
            select(
                IMAGE,
                DUPLICATE.c.group_id,
                ITEM.c.label,
                ITEM.c.status,
                ITEM.c.version,
                CANDIDATE.c.origin,
                CANDIDATE.c.page,
                CANDIDATE.c.title,
                CANDIDATE.c.author,
                CANDIDATE.c.licence,
            )
            .join(DUPLICATE, DUPLICATE.c.sha256 == IMAGE.c.sha256)
            .join(ITEM, ITEM.c.sha256 == IMAGE.c.sha256)
            .join(CANDIDATE, CANDIDATE.c.id == IMAGE.c.candidate_id)
            .where(DUPLICATE.c.kept)
            .order_by(DUPLICATE.c.group_id)
        )
        with self._database.read() as connection:
            categories = _categories_of_groups(connection)
            human = _newest_human_words(connection)
            copies = _copies(connection)
            rows = connection.execute(query).all()
        found = []
        for row in rows:
            scraped_as = categories.get(row.group_id, ())
            label, status = human.get(row.group_id, (row.label, Status(row.status)))
            if status is Status.SCRAPED and len(scraped_as) > 1:
                status = Status.CONFLICT
            found.append(
                Photo(
                    sha256=row.sha256,
                    extension=row.extension,
                    group_id=row.group_id,
                    copies=copies[row.group_id] - 1,
                    origin=row.origin,
                    page=row.page,
                    title=row.title,
                    author=row.author,
                    licence=row.licence,
                    scraped_as=scraped_as,
                    label=label,
                    status=status,
                    version=row.version,
                    flags=_split(row.flags),
                )
            )
        return found

    def trained(self) -> list[Photo]:
        """List what may be trained: one photo a group, with a label to believe."""
        return [photo for photo in self.photos() if photo.is_trained]

    def item_counts(self) -> Mapping[str, int]:
        """Count items by status."""
        query = select(ITEM.c.status, func.count()).group_by(ITEM.c.status)
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}


def _categories_of_groups(connection: Connection) -> dict[int, tuple[str, ...]]:
    query = (
        select(DUPLICATE.c.group_id, CANDIDATE.c.category)
        .join(CANDIDATE, CANDIDATE.c.sha256 == DUPLICATE.c.sha256)
        .group_by(DUPLICATE.c.group_id, CANDIDATE.c.category)
        .order_by(DUPLICATE.c.group_id, func.min(CANDIDATE.c.id))
    )
    categories: dict[int, tuple[str, ...]] = {}
    for group_id, category in connection.execute(query):
        categories[group_id] = (*categories.get(group_id, ()), category)
    return categories


def _newest_human_words(
    connection: Connection,
) -> dict[int, tuple[str | None, Status]]:
    """Return each group's newest human label and status, where there is one.

    Only items whose present state a person gave count: an undo back to what was
    scraped is no human word.
    """
    newest = (
        select(EVENT.c.sha256, func.max(EVENT.c.id).label("newest"))
        .where(EVENT.c.accepted, EVENT.c.action.in_(HUMAN_ACTIONS))
        .group_by(EVENT.c.sha256)
        .subquery()
    )
    query = (
        select(DUPLICATE.c.group_id, ITEM.c.label, ITEM.c.status)
        .join(newest, newest.c.sha256 == DUPLICATE.c.sha256)
        .join(ITEM, ITEM.c.sha256 == DUPLICATE.c.sha256)
        .where(ITEM.c.status.in_(["labelled", "rejected", "unsure"]))
        .order_by(newest.c.newest)
    )
    return {
        row.group_id: (row.label, Status(row.status))
        for row in connection.execute(query)
    }


def _copies(connection: Connection) -> dict[int, int]:
    """Count the images of each group."""
    query = select(DUPLICATE.c.group_id, func.count()).group_by(DUPLICATE.c.group_id)
    return {row[0]: row[1] for row in connection.execute(query)}


def _split(flags: str | None) -> tuple[str, ...]:
    return tuple(flags.split(",")) if flags else ()
