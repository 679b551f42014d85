"""Photos → features, as far as they can be looked at.

What a network saw is kept in the cache; a photo that can't be read any more is left
out. Embeddings are turned into features piece by piece: those of a hundred thousand
photos would not fit beside everything else.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from pipeline.catalog.entries import Entry
from pipeline.errors import InputError
from pipeline.home import SetFolder
from pipeline.networks.embeddings import embed_photos
from pipeline.settings import TrainSettings
from pipeline.suggest.space import SAMPLE, Features, fit_space

PIECE = 256  # photos looked at between two words of how far it is
HELD = 4096  # photos whose embeddings are in memory at once


class Network(Protocol):
    """What looks at photos."""

    @property
    def model(self) -> Any:
        """RGB 0..255 in, features out: a Keras model."""

    @property
    def key(self) -> str:
        """What tells it from all others."""


# the set, its settings, what is told in a line → what looks
Choose = Callable[[SetFolder, TrainSettings, Callable[[str], None]], Network]


class Looking:
    """A set's photos under one network."""

    def __init__(self, folder: SetFolder, network: Network) -> None:
        self._folder = folder
        self._network = network
        self._seen = set[str]()
        self._broken = set[str]()

    def unseen(self, entries: Sequence[Entry]) -> list[Entry]:
        """List the photos that ``see`` has not met."""
        met = self._seen | self._broken
        return [entry for entry in entries if entry.sha256 not in met]

    def see(self, entries: Sequence[Entry], advance: Callable[[int], None]) -> None:
        """Look at photos; ``advance`` is told how many more were done."""
        for start in range(0, len(entries), PIECE):
            piece = entries[start : start + PIECE]
            self._see_piece(piece)
            advance(len(piece))

    def there(self, entries: Sequence[Entry]) -> list[Entry]:
        """Return those of the photos that were seen."""
        return [entry for entry in entries if entry.sha256 in self._seen]

    def features(self, entries: Sequence[Entry]) -> tuple[list[Entry], Features]:
        """Return those of the photos that were seen, and their features (N, d)."""
        there = self.there(entries)
        if not there:
            return [], np.zeros((0, 1), np.float32)
        rng = np.random.default_rng(0)
        sample = rng.permutation(len(there))[:SAMPLE]
        space = fit_space(self._embeddings([there[place] for place in sample]))
        pieces = [
            space.project(self._embeddings(there[start : start + HELD]))
            for start in range(0, len(there), HELD)
        ]
        return there, np.concatenate(pieces)

    def _see_piece(self, piece: Sequence[Entry]) -> None:
        """Look at a few photos; where one is broken, at each by itself."""
        try:
            self._embeddings(piece)
        except InputError:
            if len(piece) == 1:
                self._broken.add(piece[0].sha256)
                return
            for entry in piece:
                self._see_piece([entry])
            return
        self._seen.update(entry.sha256 for entry in piece)

    def _embeddings(self, entries: Sequence[Entry]) -> Features:
        return embed_photos(
            self._folder, entries, self._network.model, self._network.key
        )
