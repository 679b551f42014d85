"""What lies behind the routes: one set's photos, orders, pictures; one a process."""

import hashlib
import logging
import threading
from collections.abc import Callable, Collection, Hashable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from labeler.lines import Line, Lines, Stretch
from labeler.pictures import Pictures, Stored
from labeler.presence import Presence
from labeler.shelf import Shelf
from labeler.worklist import Queue, is_decided, order
from pipeline.catalog import Catalog, opened
from pipeline.catalog.entries import Entry
from pipeline.catalog.journal import Answer, Op
from pipeline.errors import CatalogError, MekikiError
from pipeline.home import SetFolder
from pipeline.settings import SetSettings, load_settings
from pipeline.suggest.kept import Suggestions, read_state, read_suggestions

logger = logging.getLogger(__name__)

LEASE_S = 180.0  # after a page was last heard of
WALKED = frozenset({Queue.MINE, Queue.ALL, Queue.DISAGREE, Queue.NOTED})  # decided too
BY_SUGGESTIONS = frozenset({Queue.DOUBTFUL, Queue.HELPFUL, Queue.UNSURE})
EARLIER = datetime.min.replace(tzinfo=UTC)
MINE = 5000  # of one's own words that are shown again


_OPEN: list["Office"] = []  # the pages run in the server's process, called by Streamlit


def utc_now() -> datetime:
    """Return the time, as the journal tells it."""
    return datetime.now(UTC)


@dataclass
class Office:
    """A set whose labeler is open."""

    folder: SetFolder
    settings: SetSettings
    catalog: Catalog
    shelf: Shelf
    pictures: Pictures
    stack: ExitStack
    opened_file: tuple[int, int] | None  # which catalog this is
    now: Callable[[], datetime] = utc_now
    lines: Lines = field(default_factory=Lines)
    presence: Presence = field(default_factory=Presence)
    _suggestions: Suggestions | None = None
    _ordering: threading.Lock = field(default_factory=threading.Lock)
    _renewed: dict[str, datetime] = field(default_factory=dict)  # by client

    def suggestions(self) -> Suggestions | None:
        """Return what the machine thinks of the photos, as far as it has looked."""
        self._suggestions = read_suggestions(self.folder, newer_than=self._suggestions)
        return self._suggestions

    def learning(self) -> dict[str, object]:
        """Tell how far the machine is with learning."""
        state = read_state(self.folder)
        return {
            "state": state.state,
            "done": state.done,
            "total": state.total,
            "reason": state.reason,
        }

    def line(self, queue: Queue, category: str | None, user: str) -> Line:
        """Return the order in which a queue is gone through, as of now."""
        self.shelf.follow()
        key = line_key(queue, category, user)
        with self._ordering:  # many who ask at once get one order, made once
            return self._line(key, queue, category, user)

    def _line(
        self, key: Hashable, queue: Queue, category: str | None, user: str
    ) -> Line:
        suggestions = self.suggestions()
        stamp: tuple[object, ...] = (self.shelf.epoch,)
        if queue in BY_SUGGESTIONS and suggestions is not None:
            stamp += (suggestions.stamp,)
        if queue in WALKED or queue is Queue.SECOND:
            stamp += (self.shelf.event,)
        if (known := self.lines.newest(key, stamp)) is not None:
            return known
        shas = order(
            self.shelf.entries(),
            queue,
            category=category,
            chosen=self._chosen(queue, user),
            suggestions=suggestions,
            seed=int.from_bytes(hashlib.sha256(user.encode()).digest()[:8]),
        )
        return self.lines.add(key, stamp, shas)

    def claim(self, stretch: Stretch, who: tuple[str, str]) -> list[Entry]:
        """Take the next open photos of an order for a client, past those of others.

        Args:
            stretch: Of the order: from where on, and how many at most.
            who: The client and its user.
        """
        line, start, number = stretch
        now = self.now()
        self._take_over(*who, now)
        until = now + timedelta(seconds=LEASE_S)
        taken: list[Entry] = []
        open_ones = (
            entry
            for sha256 in islice(line.shas, start, None)
            if (entry := self.shelf.entry(sha256)) is not None and not is_decided(entry)
        )
        step = number
        while len(taken) < number:
            wanted = [entry.sha256 for entry in islice(open_ones, step)]
            if not wanted:
                break
            got = self.catalog.leases.claim(
                wanted,
                *who,
                now.isoformat(),
                until.isoformat(),
                limit=number - len(taken),
            )
            taken += [found for sha in got if (found := self.shelf.entry(sha))]
            step = min(step * 4, 5000)
        return taken

    def _take_over(self, client: str, user: str, now: datetime) -> None:
        """Free what a page of the same curator held that was closed."""
        self.presence.hear(client, user, now)
        for other in self.presence.forget_closed(user, now):
            self.catalog.leases.release(other)

    def renew(self, client: str, user: str) -> None:
        """Hold a client's photos for longer; written when half of the time is over."""
        now = self.now()
        if client:
            self.presence.hear(client, user, now)
        half = timedelta(seconds=LEASE_S / 2)
        if not client or now - self._renewed.get(client, EARLIER) < half:
            return
        self._renewed[client] = now
        until = now + timedelta(seconds=LEASE_S)
        self.catalog.leases.renew(client, until.isoformat(), now.isoformat())

    def stored(self, sha256s: Sequence[str]) -> list[Stored | None]:
        """Return the files of photos, copies too; ``None`` for what is not there."""
        found = {sha: self.shelf.entry(sha) for sha in sha256s}
        missing = [sha for sha, entry in found.items() if entry is None]
        copies = self.catalog.groups.extensions(missing) if missing else {}
        extensions = {sha: entry.extension for sha, entry in found.items() if entry}
        extensions |= copies
        return [
            Stored(sha, extensions[sha]) if sha in extensions else None
            for sha in sha256s
        ]

    def say_photo(self, entry: Entry, *, blind: bool = False) -> dict[str, Any]:
        """Tell the page of a photo; without what others think of it where blind."""
        said: dict[str, Any] = {
            "sha256": entry.sha256,
            "label": entry.label,
            "status": entry.status,
            "version": entry.version,
            "scraped_as": entry.scraped_as,
            "flags": entry.flags,
            "copies": entry.copies,
            "suggested": None,
            "confidence": None,
            "doubt": None,
        }
        if blind:
            return said | {"label": None, "status": "scraped", "scraped_as": ()}
        suggestions = self._suggestions
        suggestion = suggestions.get(entry.sha256) if suggestions else None
        if suggestion is not None:
            said["suggested"] = suggestion.label
            said["confidence"] = round(suggestion.confidence, 3)
            said["doubt"] = round(suggestion.doubt, 3)
        return said

    def counts(self) -> dict[str, object]:
        """Tell how far the work is, as the page reads it."""
        counts = self.shelf.counts()
        return {
            "total": counts.photos.total,
            "decided": counts.photos.decided,
            "conflicts": counts.conflicts,
            "flagged": counts.flagged,
        }

    def write(self, ops: Sequence[Op]) -> list[Answer]:
        """Write what curators said, in one transaction; know at once what became of it.

        Raises:
            CatalogError: It can't be written.
        """
        self.check_catalog()
        answers = self.catalog.journal.apply(ops, self.now().isoformat())
        self.shelf.follow()
        return answers

    def check_catalog(self) -> None:
        """Refuse to write where nobody would find it: into a deleted file.

        Raises:
            CatalogError: The file is another one than was opened, or none.
        """
        if _identity(self.folder) != self.opened_file:
            raise CatalogError(
                f"{self.folder.catalog_file} was deleted or replaced meanwhile;"
                " start the labeler again"
            )

    def close(self) -> None:
        """Give everything back."""
        self.pictures.close()
        self.stack.close()
        _OPEN.remove(self)

    def opinions(self, sha256s: Collection[str]) -> dict[str, list[dict[str, object]]]:
        """Return what people said of photos, as a reviewer reads it."""
        return {
            sha256: [
                {
                    "by": one.user,
                    "label": one.label,
                    "status": one.status,
                    "note": one.note,
                }
                for one in said
            ]
            for sha256, said in self.catalog.opinions.said_of(sha256s).items()
        }

    def _chosen(self, queue: Queue, user: str) -> Sequence[str]:
        """List the photos of a queue that the journal alone knows, the first first."""
        opinions = self.catalog.opinions
        match queue:
            case Queue.MINE:
                words = self.catalog.journal.mine(user, limit=MINE)
                return list(dict.fromkeys(word.sha256 for word in words))
            case Queue.SECOND:
                return opinions.without_second(user)
            case Queue.DISAGREE:
                return [pair.sha256 for pair in opinions.disagreements()]
            case Queue.NOTED:
                return [note.sha256 for note in opinions.notes()]
        return ()


def line_key(queue: Queue, category: str | None, user: str) -> Hashable:
    """Return what tells a queue's orders from those of others; some are personal."""
    is_personal = queue in {Queue.MINE, Queue.RANDOM, Queue.SECOND}
    return queue, category, user if is_personal else ""


def open_office(folder: SetFolder) -> Office:
    """Open a set for its curators; its photos are read in the background.

    Raises:
        MekikiError: Its file is wrong, or its catalog can't be opened.
    """
    settings = load_settings(folder.settings_file)
    stack = ExitStack()
    catalog = stack.enter_context(opened(folder))
    office = Office(
        folder,
        settings,
        catalog,
        Shelf(catalog),
        Pictures(folder),
        stack,
        _identity(folder),
    )
    threading.Thread(target=_read, args=(office,), daemon=True).start()
    _OPEN.append(office)
    return office


def current_office() -> Office:
    """Return the office that was opened last in this process: the pages' own."""
    return _OPEN[-1]


def known(office: Office, sha256s: Collection[str]) -> list[Entry]:
    """Return the entries of photos that are there, in order."""
    return [found for sha in sha256s if (found := office.shelf.entry(sha)) is not None]


def _identity(folder: SetFolder) -> tuple[int, int] | None:
    """Tell the catalog's file from one in its place; ``None`` where there is none."""
    try:
        file = folder.catalog_file.stat()
    except FileNotFoundError:
        return None
    return file.st_dev, file.st_ino


def _read(office: Office) -> None:
    try:
        office.shelf.follow()
    except MekikiError as error:
        logger.warning("the photos could not be read: %s", error)
