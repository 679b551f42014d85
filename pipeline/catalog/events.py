"""The rows of the journal, inside the caller's transaction."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Row, func, insert, select, update

from pipeline.catalog.tables import CANDIDATE, EVENT, IMAGE, ITEM, Status
from pipeline.errors import CatalogError

MACHINE = "mekiki"  # the user name of what no person did
_AT_ONCE = 500  # rows that are held in memory


def append_event(connection: Connection, **values: object) -> None:
    """Add an event to the journal, under the next number."""
    append_events(connection, [values])


def append_events(
    connection: Connection, events: Sequence[Mapping[str, object]]
) -> None:
    """Add events to the journal, in order, numbered on from the newest."""
    top = connection.scalar(select(func.max(EVENT.c.id))) or 0
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


def set_item(
    connection: Connection,
    sha256: str,
    label: str | None,
    status: Status,
    version: int,
) -> None:
    """Change what is true now of an item."""
    connection.execute(
        update(ITEM)
        .where(ITEM.c.sha256 == sha256)
        .values(label=label, status=status, version=version)
    )


def item_of(connection: Connection, sha256: str) -> Row[tuple[object, ...]]:
    """Return an image's item.

    Raises:
        CatalogError: There is none, or none any more: it was taken down.
    """
    row = connection.execute(select(ITEM).where(ITEM.c.sha256 == sha256)).first()
    if row is None:
        raise CatalogError(
            f"no item {sha256[:12]} in the catalog: it may have been taken down;"
            " reload the page"
        )
    return row


def event_of(
    connection: Connection, client: str, seq: int
) -> Row[tuple[object, ...]] | None:
    """Return the event that an op of a client became, if it was sent before."""
    query = select(EVENT).where(EVENT.c.client == client, EVENT.c.seq == seq)
    return connection.execute(query).first()


def newest_word(
    connection: Connection, user: str, actions: Sequence[str]
) -> Row[tuple[object, ...]] | None:
    """Return the user's newest accepted event that no undo has tried to take back."""
    tried = select(EVENT.c.undoes).where(EVENT.c.undoes.is_not(None))
    return connection.execute(
        select(EVENT)
        .where(
            EVENT.c.user == user,
            EVENT.c.accepted,
            EVENT.c.action.in_(actions),
            EVENT.c.id.not_in(tried),
        )
        .order_by(EVENT.c.id.desc())
        .limit(1)
    ).first()


def newest_standing(
    connection: Connection, sha256: str
) -> Row[tuple[object, ...]] | None:
    """Return an image's newest accepted event that was not taken back."""
    taken_back = select(EVENT.c.undoes).where(
        EVENT.c.undoes.is_not(None), EVENT.c.accepted
    )
    return connection.execute(
        select(EVENT)
        .where(
            EVENT.c.sha256 == sha256,
            EVENT.c.accepted,
            EVENT.c.action != "undo",
            EVENT.c.id.not_in(taken_back),
        )
        .order_by(EVENT.c.id.desc())
        .limit(1)
    ).first()


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
    set_item(connection, item.sha256, item.label, status, item.version + 1)
