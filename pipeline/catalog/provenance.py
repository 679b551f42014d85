"""Where the photos of the store come from, and who made them."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from pipeline.catalog.tables import CANDIDATE, IMAGE


@dataclass(frozen=True)
class Provenance:
    """What is known of a photo's origin; of the candidate that owns its bytes."""

    sha256: str
    extension: str
    category: str
    title: str
    author: str
    author_url: str
    licence: str
    licence_version: str
    licence_url: str
    page: str
    origin: str
    source: str
    retrieved_at: str
    attribution: str


_AT_ONCE = 1000  # rows held in memory
_OF_CANDIDATE = (
    "category",
    "title",
    "author",
    "author_url",
    "licence",
    "licence_version",
    "licence_url",
    "page",
    "origin",
    "source",
    "tried_at",
    "attribution",
)


def read_provenances(connection: Connection) -> Iterator[Provenance]:
    """Yield the provenance of every image, by its owner's id."""
    of_image = [IMAGE.c[name] for name in ("sha256", "extension")]
    query = (
        select(*of_image, *(CANDIDATE.c[name] for name in _OF_CANDIDATE))
        .join(CANDIDATE, IMAGE.c.candidate_id == CANDIDATE.c.id)
        .order_by(IMAGE.c.candidate_id)
    )
    streamed = connection.execution_options(yield_per=_AT_ONCE)
    return (Provenance(*row) for row in streamed.execute(query))
