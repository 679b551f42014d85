"""How candidates ended, written inside the caller's transaction.

Where several candidates bring the same bytes, the one with the lowest id owns them,
whatever order they arrived in.

However many endings there are, the catalog is asked and told in a few statements: it
is read first, what they come to is worked out here, then it is written.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, insert, select

from pipeline.catalog.engine import in_parts, update_each
from pipeline.catalog.tables import (
    CANDIDATE,
    FORGOTTEN,
    IMAGE,
    TAKEN_DOWN,
    Kind,
    Outcome,
)
from pipeline.images import ImageFacts

SAME_BYTES = "same bytes as another candidate"

_SETTLED = (Outcome.STORED, Outcome.KNOWN)


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
    stored, known or forgotten already stays so; bytes that were taken down meanwhile
    are refused.
    """
    names = {ending.facts.sha256 for ending in endings if ending.facts}
    buried = _buried(connection, names)
    endings = [_unless_buried(ending, buried) for ending in endings]
    ids = {ending.candidate_id for ending in endings}
    state = _State(
        _outcomes(connection, ids),
        _owners(connection, names - buried),
        _taken_down(connection, ids),
    )
    for ending in endings:
        state.take(ending)
    _write(connection, state, now)
    return [state.outcomes[ending.candidate_id] for ending in endings]


@dataclass
class _State:
    """What the catalog says of the candidates and the bytes at hand, as it changes."""

    outcomes: dict[int, Outcome]  # by candidate; those that have one
    owners: dict[str, int]  # by sha256: the candidate that owns the bytes
    taken_down: set[int]  # candidates
    endings: dict[int, Ending] = field(default_factory=dict)  # to write
    beaten: dict[int, None] = field(default_factory=dict)  # lost their bytes
    images: dict[str, ImageFacts] = field(default_factory=dict)  # new ones
    moved: dict[str, None] = field(default_factory=dict)  # images with another owner

    def take(self, ending: Ending) -> None:
        """Work out what an ending comes to."""
        mine = ending.candidate_id
        if self.outcomes.get(mine) in _SETTLED or mine in self.taken_down:
            return
        self.endings[mine] = ending
        self.outcomes[mine] = ending.outcome
        if ending.facts is not None:
            is_owner = self._own(mine, ending.facts)
            self.outcomes[mine] = Outcome.STORED if is_owner else Outcome.KNOWN

    def _own(self, mine: int, facts: ImageFacts) -> bool:
        """Make the candidate the owner of the bytes, unless a lower one is."""
        owner = self.owners.get(facts.sha256)
        if owner is None:
            self.images[facts.sha256] = facts
        elif owner < mine:
            return False
        elif owner > mine:
            self.moved[facts.sha256] = None
            self.outcomes[owner] = Outcome.KNOWN
            self.beaten[owner] = None
        self.owners[facts.sha256] = mine
        return True


def _outcomes(connection: Connection, ids: Collection[int]) -> dict[int, Outcome]:
    found: dict[int, Outcome] = {}
    for some in in_parts(ids):
        query = select(CANDIDATE.c.id, CANDIDATE.c.outcome).where(
            CANDIDATE.c.id.in_(some), CANDIDATE.c.outcome.is_not(None)
        )
        found |= {row.id: Outcome(row.outcome) for row in connection.execute(query)}
    return found


def _taken_down(connection: Connection, ids: Collection[int]) -> set[int]:
    found = set[int]()
    for some in in_parts(ids):
        query = select(CANDIDATE.c.id).where(
            CANDIDATE.c.id.in_(some), CANDIDATE.c.reason == TAKEN_DOWN
        )
        found.update(connection.scalars(query))
    return found


def _buried(connection: Connection, names: Collection[str]) -> set[str]:
    """Return those of some bytes that were taken down."""
    found = set[str]()
    for some in in_parts(names):
        query = select(FORGOTTEN.c.value).where(
            FORGOTTEN.c.kind == Kind.SHA256, FORGOTTEN.c.value.in_(some)
        )
        found.update(connection.scalars(query))
    return found


def _unless_buried(ending: Ending, buried: Collection[str]) -> Ending:
    if ending.facts is None or ending.facts.sha256 not in buried:
        return ending
    return replace(ending, outcome=Outcome.REFUSED, reason=TAKEN_DOWN, facts=None)


def _owners(connection: Connection, names: Collection[str]) -> dict[str, int]:
    owners: dict[str, int] = {}
    for some in in_parts(names):
        query = select(IMAGE.c.sha256, IMAGE.c.candidate_id).where(
            IMAGE.c.sha256.in_(some)
        )
        owners |= {row.sha256: row.candidate_id for row in connection.execute(query)}
    return owners


def _write(connection: Connection, state: _State, now: str) -> None:
    """Write what changed: new images, new owners, endings, and who was beaten."""
    for query, rows in (
        (insert(IMAGE), [_image_row(state, name) for name in state.images]),
        (
            update_each(IMAGE.c.sha256, IMAGE.c.candidate_id),
            [
                {"key": name, "new_candidate_id": state.owners[name]}
                for name in state.moved
                if name not in state.images
            ],
        ),
        (_ENDED, [_ended_row(state, one, now) for one in state.endings.values()]),
        (
            update_each(CANDIDATE.c.id, CANDIDATE.c.outcome, CANDIDATE.c.reason),
            [
                {"key": one, "new_outcome": Outcome.KNOWN, "new_reason": SAME_BYTES}
                for one in state.beaten
                if one not in state.endings
            ],
        ),
    ):
        if rows:
            connection.execute(query, rows)


def _image_row(state: _State, sha256: str) -> Mapping[str, object]:
    facts = state.images[sha256]
    return {
        "sha256": sha256,
        "candidate_id": state.owners[sha256],
        "format": facts.format,
        "extension": facts.extension,
        "width": facts.width,
        "height": facts.height,
        "size": facts.size,
        "flags": "",
    }


def _ended_row(state: _State, ending: Ending, now: str) -> Mapping[str, object]:
    outcome = state.outcomes[ending.candidate_id]
    reason = ending.reason
    if ending.facts is not None:
        reason = "" if outcome is Outcome.STORED else SAME_BYTES
    return {
        "key": ending.candidate_id,
        "new_outcome": outcome,
        "new_reason": _plain(reason),
        "new_sha256": ending.facts.sha256 if ending.facts else None,
        "new_http_status": ending.http_status,
        "new_content_type": _plain(ending.content_type),
        "new_final_url": ending.final_url,
        "new_tried_at": now,
    }


_ENDED = update_each(
    CANDIDATE.c.id,
    CANDIDATE.c.outcome,
    CANDIDATE.c.reason,
    CANDIDATE.c.sha256,
    CANDIDATE.c.http_status,
    CANDIDATE.c.content_type,
    CANDIDATE.c.final_url,
    CANDIDATE.c.tried_at,
)


def _plain(text: str | None) -> str | None:
    """Return what a server or a decoder says without what PostgreSQL can't hold."""
    return text.replace("\0", " ") if text else text
