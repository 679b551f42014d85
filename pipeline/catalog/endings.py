"""How candidates ended, written inside the caller's transaction.

Where several candidates bring the same bytes, the one with the lowest id owns them,
whatever order they arrived in.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from pipeline.catalog.tables import CANDIDATE, IMAGE, Outcome
from pipeline.images import ImageFacts

SAME_BYTES = "same bytes as another candidate"


@dataclass(frozen=True)
class Ending:
    """How trying a candidate ended; ``facts`` where its bytes are in the store."""

    candidate_id: int
    outcome: Outcome
    reason: str = ""
    facts: ImageFacts | None = None
    http_status: int | None = None
    content_type: str | None = None
    final_url: str | None = None


def finish(
    connection: Connection, endings: Sequence[Ending], now: str
) -> list[Outcome]:
    """Record endings; return the outcome that each of them came to.

    A ``stored`` one whose bytes are owned by a lower id becomes ``known``. What is
    stored or known already stays so.
    """
    return [_finish(connection, ending, now) for ending in endings]


def _finish(connection: Connection, ending: Ending, now: str) -> Outcome:
    mine = CANDIDATE.c.id == ending.candidate_id
    before = connection.scalar(select(CANDIDATE.c.outcome).where(mine))
    if before in {Outcome.STORED, Outcome.KNOWN}:
        return Outcome(before)
    outcome, reason = ending.outcome, ending.reason
    if ending.facts is not None:
        owns = _own(connection, ending.candidate_id, ending.facts)
        outcome = Outcome.STORED if owns else Outcome.KNOWN
        reason = "" if owns else SAME_BYTES
    connection.execute(
        update(CANDIDATE)
        .where(mine)
        .values(
            outcome=outcome,
            reason=_plain(reason),
            sha256=ending.facts.sha256 if ending.facts else None,
            http_status=ending.http_status,
            content_type=_plain(ending.content_type),
            final_url=ending.final_url,
            tried_at=now,
        )
    )
    return outcome


def _own(connection: Connection, candidate_id: int, facts: ImageFacts) -> bool:
    """Make the candidate the owner of the bytes, unless a lower one is."""
    same = IMAGE.c.sha256 == facts.sha256
    owner = connection.scalar(select(IMAGE.c.candidate_id).where(same))
    if owner is None:
        connection.execute(
            insert(IMAGE).values(
                sha256=facts.sha256,
                candidate_id=candidate_id,
                format=facts.format,
                extension=facts.extension,
                width=facts.width,
                height=facts.height,
                size=facts.size,
                flags="",
            )
        )
        return True
    if owner > candidate_id:
        connection.execute(update(IMAGE).where(same).values(candidate_id=candidate_id))
        connection.execute(
            update(CANDIDATE)
            .where(CANDIDATE.c.id == owner)
            .values(outcome=Outcome.KNOWN, reason=SAME_BYTES)
        )
    return bool(owner >= candidate_id)


def _plain(text: str | None) -> str | None:
    """Return what a server or a decoder says without what PostgreSQL can't hold."""
    return text.replace("\0", " ") if text else text
