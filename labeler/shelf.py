"""The photos of a set, held in memory between presses, for every curator of a process.

Reading thousands of photos takes longer than a press may. So they are read whole once,
and after that each new event of the journal is followed: one word about one photo is
applied to what is held; anything else (several events at once, an undo, whose outcome
may lie with a copy) reads the whole again. What is not in the journal, such as a new
grouping, shows after ``FRESH_S``.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from pipeline.catalog import Catalog, Status
from pipeline.catalog.journal import Action, Happened
from pipeline.catalog.photos import Photo

FRESH_S = 30.0  # seconds after which everything is read again


class Shelf:
    """The photos as the journal's newest event left them."""

    def __init__(
        self, catalog: Catalog, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._catalog = catalog
        self._clock = clock
        self._lock = threading.Lock()
        self._photos: list[Photo] = []
        self._event_id = -1  # the newest that is in _photos
        self._read_at = -FRESH_S

    def photos(self) -> list[Photo]:
        """List the photos as they are now; not to be modified."""
        with self._lock:
            newest = self._catalog.journal.history(limit=1)
            event_id = newest[0].event_id if newest else 0
            if not self._is_fresh() or event_id != self._event_id:
                self._follow(event_id, newest)
            return self._photos

    def _is_fresh(self) -> bool:
        return self._clock() - self._read_at < FRESH_S

    def _follow(self, event_id: int, newest: list[Happened]) -> None:
        told = None
        if self._is_fresh() and event_id == self._event_id + 1:
            told = _tell(self._photos, newest[0])
        if told is None:
            self._read_at = self._clock()
            told = self._catalog.photos.photos()
        self._photos, self._event_id = told, event_id


def _tell(photos: list[Photo], happened: Happened) -> list[Photo] | None:
    """Return the photos after one event; ``None`` where that takes a look at all."""
    if not happened.accepted:
        return photos
    if happened.action not in set(Action) or happened.new_status is None:
        return None
    for place, photo in enumerate(photos):
        if photo.sha256 == happened.sha256:
            now = replace(
                photo,
                label=happened.new_label,
                status=Status(happened.new_status),
                version=photo.version + 1,
            )
            return [*photos[:place], now, *photos[place + 1 :]]
    return None
