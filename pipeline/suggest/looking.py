"""Photos → features, as far as they can be looked at.

What a network saw is kept in the cache; a photo that can't be read any more is left
out. Embeddings are turned into features piece by piece: those of a hundred thousand
photos would not fit beside everything else.
"""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pipeline.catalog.entries import Entry
from pipeline.errors import InputError
from pipeline.home import SetFolder
from pipeline.networks.embeddings import embed_photos
from pipeline.networks.weights import IMAGENET, NONE
from pipeline.runs import newest_run
from pipeline.settings import TrainSettings
from pipeline.suggest.kept import KeptFeatures, write_features
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

    @property
    def broken(self) -> list[str]:
        """The photos that can't be looked at."""
        return sorted(self._broken)

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


def look_at_all(
    folder: SetFolder,
    train: TrainSettings,
    entries: Sequence[Entry],
    choose: Choose,
    advance: Callable[[int], None],
) -> None:
    """Look at photos and keep what they look like, for processes without a network.

    Raises:
        MekikiError: No network can be had.
    """
    tag = tag_of(folder, train)
    looking = Looking(folder, choose(folder, train, lambda _: None))
    looking.see(entries, advance)
    seen, features = looking.features(entries)
    shas = [entry.sha256 for entry in seen]
    write_features(folder, KeptFeatures(tag, shas, features, looking.broken))


def tag_of(folder: SetFolder, train: TrainSettings) -> str:
    """Return a text that is another one where another network would look."""
    facts = [train.backbone, train.weights, train.recipe, train.image_size, train.seed]
    if Path(train.weights).is_file():
        stat = Path(train.weights).stat()
        facts += [stat.st_size, stat.st_mtime_ns]
    newest = newest_run(folder)
    return f"{facts} {newest.name if newest else None}"


def why_no_network(folder: SetFolder, train: TrainSettings) -> str | None:
    """Say why no network can look, as far as that is known before one is loaded.

    Weights are never fetched here: what is asked for by the labeler stays on the
    machine.
    """
    if newest_run(folder) is not None:
        return None
    otherwise = f"or train first (`mekiki train {folder.name}`): its network looks then"
    if train.weights == NONE or train.recipe == "small-cnn":
        return (
            "no network knows anything of photos yet: set [train] weights to a file's"
            f" path, {otherwise}"
        )
    if train.weights == IMAGENET and not _is_cached(train.backbone):
        return (
            f"the ImageNet weights of {train.backbone} are not on this machine, and the"
            f" labeler fetches nothing: `mekiki suspects {folder.name}` fetches them,"
            f" {otherwise}"
        )
    if train.weights != IMAGENET and not Path(train.weights).is_file():
        return (
            f"[train] weights: there is no file {train.weights}: put it there,"
            f" {otherwise}"
        )
    return None


def _is_cached(backbone: str) -> bool:
    """Whether Keras has fetched weights of that name before, without their top."""
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    names = [_plain(file.name) for file in (home / "models").glob("*.h5")]
    return any("notop" in name and _plain(backbone) in name for name in names)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
