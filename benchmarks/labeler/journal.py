"""What is committed when: a reader beside the server, who sees rows once they hold."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.labeler.photos import NAME

LOOK_EVERY_S = 0.002
OURS = "SELECT id, sha256 FROM event WHERE id > ? ORDER BY id"
MINIMAL = "SELECT id, photo FROM label WHERE id > ? ORDER BY id"
WORDS = frozenset({"confirm", "relabel", "reject", "unsure"})
_EVENTS = (
    'SELECT id, sha256, "user", action, accepted, new_label, base_version, version'
    " FROM event ORDER BY id"
)
_ITEMS = "SELECT sha256, status, label, version FROM item"


@dataclass
class Watch:
    """The rows that came, each with when it was first seen (seconds since 1970)."""

    rows: list[tuple[str, float]] = field(default_factory=list)

    def when(self) -> dict[str, float]:
        """Return when each photo's first row came."""
        first: dict[str, float] = {}
        for photo, at in self.rows:
            first.setdefault(photo, at)
        return first


@dataclass(frozen=True)
class Event:
    """A row of our journal."""

    id: int
    sha256: str
    user: str
    action: str
    accepted: bool
    label: str | None
    base_version: int
    version: int


@contextmanager
def watched(database: Path, query: str) -> Iterator[Watch]:
    """Watch a table from now on; ``query`` asks for the rows after an id."""
    watch = Watch()
    is_over = threading.Event()
    ready = threading.Event()
    thread = threading.Thread(
        target=_look, args=[database, query, watch, ready, is_over], daemon=True
    )
    thread.start()
    ready.wait()
    try:
        yield watch
    finally:
        is_over.set()
        thread.join()


def _look(
    database: Path,
    query: str,
    watch: Watch,
    ready: threading.Event,
    is_over: threading.Event,
) -> None:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        last = max((row[0] for row in connection.execute(query, [0])), default=0)
        ready.set()
        while not is_over.wait(LOOK_EVERY_S):
            found = connection.execute(query, [last]).fetchall()
            now = time.time()
            for last, photo in found:  # noqa: B007  it is where the next look begins
                watch.rows.append((str(photo), now))
    finally:
        ready.set()
        connection.close()


def said(database: Path | str) -> list[Event]:
    """List what people said, in order.

    Args:
        database: The file of SQLite, or the address of PostgreSQL.
    """
    with _connected(database) as cursor:
        cursor.execute(_EVENTS)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return [
        Event(number, sha256, user, action, bool(accepted), label, base, version)
        for number, sha256, user, action, accepted, label, base, version in rows
        if action in WORDS
    ]


def items(database: Path | str) -> dict[str, tuple[str, str | None, int]]:
    """Return what is true of each photo now: status, label, version."""
    with _connected(database) as cursor:
        cursor.execute(_ITEMS)
        return {row[0]: (row[1], row[2], row[3]) for row in cursor.fetchall()}


@contextmanager
def _connected(database: Path | str) -> Iterator[Any]:
    if isinstance(database, Path):
        connection: Any = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    else:
        import psycopg

        path = f'-csearch_path="mekiki_{NAME}"'
        connection = psycopg.connect(database, options=path)
    try:
        yield connection.cursor()
    finally:
        connection.close()
