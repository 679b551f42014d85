"""The photos of a set as people left them, followed through the journal."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.catalog import Catalog, Status
from pipeline.catalog.entries import Entry
from pipeline.catalog.photos import SHOWN_FLAGS
from pipeline.suggest.classify import UNKNOWN
from pipeline.suggest.learn import Known
from pipeline.suggest.space import Features

DECIDED = frozenset({Status.LABELLED, Status.REJECTED, Status.UNSURE})


class Watched:
    """The photos of a catalog, read whole once and then by what changed."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._event = -1
        self._entries: dict[str, Entry] = {}

    @property
    def entries(self) -> list[Entry]:
        """The photos, in the order found."""
        return list(self._entries.values())

    def follow(self) -> int:
        """Take over what happened; return how many photos it is about.

        Raises:
            CatalogError: The catalog can't be read.
        """
        touched = self._catalog.journal.touched(self._event)
        if touched.newest == self._event:
            return 0
        if self._event < 0 or touched.more:
            self._read_whole()
        else:
            self._read_some(touched.sha256s)
        self._event = touched.newest
        return max(1, len(touched.sha256s))

    def _read_whole(self) -> None:
        found = self._catalog.photos.entries()
        self._entries = {entry.sha256: entry for entry in found}

    def _read_some(self, sha256s: Sequence[str]) -> None:
        found = self._catalog.photos.entries(sha256s)
        kept = {entry.sha256 for entry in found}
        if kept <= self._entries.keys() and not any(
            sha256 in self._entries and sha256 not in kept for sha256 in sha256s
        ):
            self._entries.update((entry.sha256, entry) for entry in found)
        else:  # photos came or went: their order is the catalog's
            self._read_whole()


def known_of(
    entries: Sequence[Entry], features: Features, names: Sequence[str]
) -> Known:
    """Return what is known of photos, in their order.

    Args:
        entries: N photos.
        features: (N, d).
        names: The K categories; a label that is none of them teaches nothing.
    """
    places = {name: place for place, name in enumerate(names)}
    said = np.full(len(entries), UNKNOWN, np.int64)
    found = np.full(len(entries), UNKNOWN, np.int64)
    is_open: NDArray[np.bool_] = np.zeros(len(entries), np.bool_)
    for row, entry in enumerate(entries):
        place = places.get(entry.label or "", UNKNOWN)
        is_open[row] = entry.status not in DECIDED
        if entry.status is Status.LABELLED:
            said[row] = place
        elif is_open[row] and SHOWN_FLAGS.issuperset(entry.flags):
            found[row] = place
    return Known(features, said, found, is_open, len(names))
