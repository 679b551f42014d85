"""The photos of a set: their groups and flags, and which of them are trained.

What is trained: the kept image of each group, with the newest human label on any of
its members, else the scraped one. A group whose newest human word is *rejected* or
*unsure*, an unresolved conflict, and a flagged picture that no person has confirmed
are not trained. Three flags are only shown (``SHOWN_FLAGS``): a blurry, dark or grey
photo still shows what its label says, and such photos are met in use. A blank or a
placeholder shows nothing, and would teach that nothing is something.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select

from pipeline.catalog.choices import refuse_unchosen
from pipeline.catalog.engine import Database, in_parts, update_each
from pipeline.catalog.entries import (
    Entry,
    categories_of_groups,
    read_entries,
    split_flags,
)
from pipeline.catalog.events import note_change
from pipeline.catalog.partings import refuse_joined
from pipeline.catalog.provenance import Moment, Provenance, Provenances
from pipeline.catalog.tables import (
    CANDIDATE,
    DUPLICATE,
    IMAGE,
    ITEM,
    Part,
    Status,
)

SHOWN_FLAGS = frozenset({"blurry", "dark", "greyscale"})  # and trained all the same


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


@dataclass(frozen=True, slots=True)  # there may be 100,000
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


_STATES = select(*ITEM.c["sha256", "label", "status", "version"]).where(
    ITEM.c.sha256.in_(bindparam("sha256s", expanding=True))
)


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
                    split_flags(row.flags),
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
            note_change(connection)
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
            refuse_unchosen(connection)
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
            return categories_of_groups(connection)

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

    def entries(self, sha256s: Collection[str] | None = None) -> list[Entry]:
        """List the photos slim, in the order found.

        Args:
            sha256s: Of any images: the photos of their groups alone. ``None``: all.
        """
        with self._database.read() as connection:
            return read_entries(connection, sha256s)

    def states(
        self, sha256s: Collection[str]
    ) -> dict[str, tuple[str | None, Status, int]]:
        """Return label, status and version of images' own items."""
        found: dict[str, tuple[str | None, Status, int]] = {}
        with self._database.read() as connection:
            for some in in_parts(sha256s):
                for row in connection.execute(_STATES, {"sha256s": some}):
                    found[row[0]] = (row[1], Status(row[2]), row[3])
        return found

    def photos(self) -> list[Photo]:
        """List the kept image of every group, with the group's label and status.

        A group found under several categories is a conflict from then on, also before
        dedup has marked it.
        """
        with self._database.read() as connection:
            return _photos(connection, None)

    def photo(self, sha256: str) -> Photo | None:
        """Return the photo that an image's group keeps; ``None`` without a group."""
        with self._database.read() as connection:
            found = _photos(connection, [sha256])
        return found[0] if found else None

    def about(self, sha256s: Collection[str]) -> dict[str, Provenance]:
        """Return where images come from, copies too; none that is not stored."""
        with self._database.read() as connection:
            found = Moment(connection).of(sha256s)
            return {provenance.sha256: provenance for provenance in found}

    def num_listed(self) -> int:
        """Count the places that images were met in: more of them, more categories."""
        with self._database.read() as connection:
            query = select(func.count(CANDIDATE.c.sha256))
            return int(connection.scalar(query) or 0)

    def trained(self) -> list[Photo]:
        """List what may be trained: one photo a group, with a label to believe."""
        return [photo for photo in self.photos() if photo.is_trained]

    def item_counts(self) -> Mapping[str, int]:
        """Count items by status."""
        query = select(ITEM.c.status, func.count()).group_by(ITEM.c.status)
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}


def _photos(connection: Connection, sha256s: Collection[str] | None) -> list[Photo]:
    entries = read_entries(connection, sha256s)
    query = (
        select(
            IMAGE.c.sha256,
            *CANDIDATE.c["origin", "page", "title", "author", "licence"],
        )
        .join(CANDIDATE, CANDIDATE.c.id == IMAGE.c.candidate_id)
        .join(DUPLICATE, DUPLICATE.c.sha256 == IMAGE.c.sha256)
        .where(DUPLICATE.c.kept)
    )
    if sha256s is None:
        rows: Iterable[Row[Any]] = connection.execute(query)
    else:
        kept = [entry.sha256 for entry in entries]
        rows = [
            row
            for some in in_parts(kept)
            for row in connection.execute(query.where(IMAGE.c.sha256.in_(some)))
        ]
    owners = {row.sha256: row for row in rows}
    found = []
    for entry in entries:
        owner = owners.pop(entry.sha256)
        found.append(
            Photo(
                sha256=entry.sha256,
                extension=entry.extension,
                group_id=entry.group_id,
                copies=entry.copies,
                origin=owner.origin,
                page=owner.page,
                title=owner.title,
                author=owner.author,
                licence=owner.licence,
                scraped_as=entry.scraped_as,
                label=entry.label,
                status=entry.status,
                version=entry.version,
                flags=entry.flags,
            )
        )
    return found
