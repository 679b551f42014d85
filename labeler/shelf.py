"""The photos of a set, held in memory for all curators of a process.

Reading a hundred thousand photos takes a second, which is longer than a press may. So
they are read whole once, and from then on the journal is followed: only the groups
that its new events are about are read again. Other processes write to the journal
too. A new grouping or a takedown takes a number on the journal's line: the photos of
the groups it names, or all, are then read again. A scrape under way takes none:
whether photos were met under more categories is asked every ``FRESH_S``.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from labeler.worklist import Counts, Tally
from pipeline.catalog import Catalog, Status
from pipeline.catalog.entries import Entry
from pipeline.catalog.journal import Touched

FRESH_S = 30.0  # seconds between questions for what the journal does not tell
REMEMBERED = 20_000  # changes of photos that pages can be told of


class Shelf:
    """The photos as the journal's newest event left them."""

    def __init__(
        self, catalog: Catalog, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._catalog = catalog
        self._clock = clock
        self._lock = threading.Lock()
        self._held = _Held([], -1)
        self._num_listed = -1
        self._asked_at = -FRESH_S
        self._epoch = 0

    @property
    def event(self) -> int:
        """The number of the newest event that is known; -1 before the first look."""
        return self._held.event

    @property
    def epoch(self) -> int:
        """How often photos may have come and gone."""
        return self._epoch

    def follow(self) -> int:
        """Take over what happened since; return the number of the newest event.

        Raises:
            CatalogError: The catalog can't be read.
        """
        with self._lock:
            touched = self._catalog.journal.touched(self._held.event)
            if self._held.event < 0 or touched.more or self._is_listing_new():
                self._read_whole(touched.newest)
            elif touched.newest != self._held.event:
                self._read_some(touched)
            return self._held.event

    def entry(self, sha256: str) -> Entry | None:
        """Return the photo of that name, as far as ``follow`` has gone."""
        held = self._held
        place = held.places.get(sha256)
        return None if place is None else held.entries[place]

    def entries(self) -> Sequence[Entry]:
        """Return the photos in the order found; not to be modified.

        While they are gone through, one may be replaced by what it has become.
        """
        return self._held.entries

    def changed(self, after_event: int) -> list[Entry] | None:
        """Return what events after that one touched; ``None``: read everything."""
        with self._lock:
            return self._held.changed(after_event)

    def counts(self) -> Counts:
        """Return how far the work is."""
        with self._lock:
            return self._held.tally.counts()

    def _is_listing_new(self) -> bool:
        """Ask, now and then, whether photos were met under more categories."""
        now = self._clock()
        if now - self._asked_at < FRESH_S:
            return False
        self._asked_at = now
        num_listed = self._catalog.photos.num_listed()
        return num_listed != self._num_listed

    def _read_some(self, touched: Touched) -> None:
        sha256s, newest = touched.sha256s, touched.newest
        entries = None if touched.is_regrouped else self._read_alone(sha256s)
        if entries is None:
            entries = self._catalog.photos.entries(sha256s)
        if self._held.take(sha256s, entries, newest):
            return
        gone = {*sha256s, *(entry.sha256 for entry in entries)}
        left = [entry for entry in self._held.entries if entry.sha256 not in gone]
        in_order = sorted([*left, *entries], key=lambda entry: entry.group_id)
        self._held = _Held(in_order, newest)
        self._epoch += 1

    def _read_alone(self, sha256s: list[str]) -> list[Entry] | None:
        """Return photos as they are now where none has copies: theirs is all there is.

        What a word changes of such a photo is its item, which is one question.
        """
        held = [self.entry(sha256) for sha256 in sha256s]
        alone = [entry for entry in held if entry is not None and not entry.copies]
        if len(alone) < len(sha256s):
            return None
        states = self._catalog.photos.states(sha256s)
        if len(states) < len(sha256s):
            return None
        return [_become(entry, *states[entry.sha256]) for entry in alone]

    def _read_whole(self, newest: int) -> None:
        # What happens while this reads is in the entries or in a later event, or both.
        num_listed = self._catalog.photos.num_listed()
        self._held = _Held(self._catalog.photos.entries(), newest)
        self._num_listed, self._asked_at = num_listed, self._clock()
        self._epoch += 1


def _become(entry: Entry, label: str | None, status: Status, version: int) -> Entry:
    if status is Status.SCRAPED and len(entry.scraped_as) > 1:
        status = Status.CONFLICT
    return replace(entry, label=label, status=status, version=version)


class _Held:
    """The photos of one reading, and what has changed of them since."""

    def __init__(self, entries: list[Entry], event: int) -> None:
        self.entries = entries
        self.places = {entry.sha256: place for place, entry in enumerate(entries)}
        self.event = event
        self.tally = Tally()
        for entry in entries:
            self.tally.add(entry)
        self._since = event  # all changes after this event are remembered
        self._changes: dict[str, int] = {}  # sha256 → event, the newest change last

    def take(self, sha256s: list[str], entries: list[Entry], event: int) -> bool:
        """Put what the photos of some images have become in their place.

        Returns:
            Whether they could be: no photo came, and none went.
        """
        now = {entry.sha256 for entry in entries}
        if not now <= self.places.keys() or any(
            sha256 in self.places and sha256 not in now for sha256 in sha256s
        ):
            return False
        for entry in entries:
            place = self.places[entry.sha256]
            self.tally.add(self.entries[place], -1)
            self.tally.add(entry)
            self.entries[place] = entry
            self._changes.pop(entry.sha256, None)
            self._changes[entry.sha256] = event
        while len(self._changes) > REMEMBERED:
            oldest = next(iter(self._changes))
            self._since = self._changes.pop(oldest)
        self.event = event
        return True

    def changed(self, after: int) -> list[Entry] | None:
        """Return what changed after an event, the newest change first."""
        if not self._since <= after <= self.event:
            return None
        found = []
        for sha256 in reversed(self._changes):
            if self._changes[sha256] <= after:
                break
            found.append(self.entries[self.places[sha256]])
        return found
