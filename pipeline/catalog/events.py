"""The rows of the journal, inside the caller's transaction.

Events and the other changes of the photos (a new grouping, a takedown) are counted on
one line: each takes the next number, and no number is given twice. So whoever knows
the newest number knows the photos; a number that is no event's was another change.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import (
    Connection,
    Row,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from pipeline.catalog.engine import in_parts
from pipeline.catalog.tables import CANDIDATE, CHANGE, EVENT, IMAGE, ITEM, Status

MACHINE = "mekiki"  # the user name of what no person did
_AT_ONCE = 500  # rows that are held in memory
_UNDO = EVENT.alias("later")

# An event that changed its item; remarks, and what takes them back, do not.
CHANGED = and_(EVENT.c.accepted, EVENT.c.version > EVENT.c.base_version)
# An event that no other one took back.
STANDING = ~exists().where(_UNDO.c.undoes == EVENT.c.id, _UNDO.c.accepted)


# What is asked for every word is put together once.
_NEWEST = select(
    select(func.max(EVENT.c.id)).scalar_subquery(),
    select(func.max(CHANGE.c.number)).scalar_subquery(),
)
_NAMED = select(EVENT).where(
    EVENT.c.client == bindparam("client"),
    EVENT.c.seq.in_(bindparam("seqs", expanding=True)),
)
_CHANGES = (
    select(CHANGE.c.sha256)
    .where(CHANGE.c.number > bindparam("after"))
    .order_by(CHANGE.c.number)
)


def newest_number(connection: Connection) -> int:
    """Return the number of the newest event or other change; 0 before the first."""
    row = connection.execute(_NEWEST).one()
    return max(row[0] or 0, row[1] or 0)


def note_change(connection: Connection, sha256s: Collection[str] = ()) -> None:
    """Give the next number to a change of the photos that is no event.

    Whoever changes what the photos are, beside the journal, calls this in the same
    transaction: labelers then read the photos again.

    Args:
        connection: Of the transaction that changes them.
        sha256s: The images whose groups it changes: all that were in one of them, and
            all that are. None: any.
    """
    number = newest_number(connection) + 1
    if not sha256s:
        connection.execute(delete(CHANGE))  # what this one says, says all of it
    rows = [{"number": number, "sha256": sha256} for sha256 in sorted(set(sha256s))]
    connection.execute(insert(CHANGE), rows or [{"number": number, "sha256": ""}])


def changes_since(connection: Connection, after: int) -> tuple[list[str], bool]:
    """Return the images whose groups changed after a number, and whether any did."""
    sha256s = list(connection.scalars(_CHANGES, {"after": after}))
    return [sha256 for sha256 in sha256s if sha256], "" in sha256s


def append_event(connection: Connection, **values: object) -> None:
    """Add an event to the journal, under the next number."""
    append_events(connection, [values])


def append_events(
    connection: Connection, events: Sequence[Mapping[str, object]]
) -> None:
    """Add events to the journal, in order, numbered on from the newest."""
    top = newest_number(connection)
    connection.execute(
        insert(EVENT),
        [{"id": top + number, **row} for number, row in enumerate(events, start=1)],
    )


def start_items(connection: Connection, now: str) -> int:
    """Give every stored image that has none an item, labelled as it was found.

    Returns:
        How many there were.
    """
    query = (
        select(IMAGE.c.sha256, IMAGE.c.candidate_id, CANDIDATE.c.category)
        .join(CANDIDATE, CANDIDATE.c.id == IMAGE.c.candidate_id)
        .outerjoin(ITEM, ITEM.c.sha256 == IMAGE.c.sha256)
        .where(ITEM.c.sha256.is_(None))
        .order_by(IMAGE.c.candidate_id)
        .limit(_AT_ONCE)
    )
    started, last = 0, 0
    while rows := connection.execute(query.where(IMAGE.c.candidate_id > last)).all():
        items = [
            {
                "sha256": row.sha256,
                "label": row.category,
                "status": Status.SCRAPED,
                "version": 0,
            }
            for row in rows
        ]
        connection.execute(insert(ITEM), items)
        append_events(
            connection,
            [
                {
                    "sha256": row.sha256,
                    "user": MACHINE,
                    "client": "scrape",
                    "seq": row.candidate_id,
                    "action": "scraped",
                    "accepted": True,
                    "new_label": row.category,
                    "new_status": Status.SCRAPED,
                    "base_version": 0,
                    "version": 0,
                    "at": now,
                }
                for row in rows
            ],
        )
        started, last = started + len(rows), rows[-1].candidate_id
    return started


def next_seq(connection: Connection, client: str) -> int:
    """Return the number that the client's next op takes."""
    query = select(func.max(EVENT.c.seq)).where(EVENT.c.client == client)
    return int(connection.scalar(query) or 0) + 1


def set_by_machine(
    connection: Connection,
    item: Row[tuple[object, ...]],
    status: Status,
    client: str,
    now: str,
) -> None:
    """Change an item's status as no person did, its label kept."""
    append_event(
        connection,
        sha256=item.sha256,
        user=MACHINE,
        client=client,
        seq=next_seq(connection, client),
        action=str(status),
        accepted=True,
        old_label=item.label,
        old_status=item.status,
        new_label=item.label,
        new_status=status,
        base_version=item.version,
        version=item.version + 1,
        at=now,
    )
    connection.execute(
        update(ITEM)
        .where(ITEM.c.sha256 == item.sha256)
        .values(status=status, version=item.version + 1)
    )


def events_named(
    connection: Connection, names: Iterable[tuple[str, int]]
) -> list[Row[tuple[object, ...]]]:
    """Return the events that have one of these names, ``(client, seq)``."""
    seqs: dict[str, set[int]] = {}
    for client, seq in names:
        seqs.setdefault(client, set()).add(seq)
    found: list[Row[tuple[object, ...]]] = []
    for client, mine in seqs.items():
        for some in in_parts(mine):
            named = {"client": client, "seqs": some}
            found += connection.execute(_NAMED, named).all()
    return found
