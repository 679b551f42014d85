"""What was learned while labelling, as it is kept between the processes.

``cache/suggestions.npz`` holds arrays alone (no pickle), ``cache/suggestions.json``
says in words where the learner stands. Both are written whole or not at all, and need
nothing but numpy to be read.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from pipeline.home import SetFolder
from pipeline.writing import write_atomically

_VERSION = 1  # goes up when the arrays change their meaning
_UNREADABLE = (OSError, EOFError, ValueError, KeyError, IndexError, BadZipFile)


class Learning(StrEnum):
    """Where the learner stands."""

    STARTING = "starting"
    LOOKING = "looking"  # at photos it has not seen: ``done`` of ``total``
    WAITING = "waiting"  # for labels; there are no suggestions yet
    READY = "ready"
    OFF = "off"  # ``reason`` says why


@dataclass(frozen=True)
class LearnState:
    """Where the learner stands, for people."""

    state: Learning
    done: int = 0
    total: int = 0
    reason: str = ""  # English
    labels_used: int = 0


@dataclass(frozen=True)
class Suggestion:
    """What the learner makes of a photo."""

    label: str
    confidence: float  # 0..1, calibrated: of those at 0.8, four in five are right
    doubt: float  # 0..1: how surely the present label is wrong


@dataclass(frozen=True)
class Learned:
    """Everything there is to keep of one round of learning, N photos."""

    sha256s: Sequence[str]
    names: Sequence[str]  # the K categories
    places: NDArray[np.int64]  # (N,) of the suggestion in ``names``
    confidence: NDArray[np.float64]  # (N,)
    doubt: NDArray[np.float64]  # (N,)
    helpful: NDArray[np.int64]  # (M,) places in ``sha256s``, what helps most first
    wrong: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Suggestions:
    """What the learner makes of the photos of a set."""

    made_at: str
    stamp: tuple[int, int]  # of the file; another one has another
    helpful: Sequence[str] = field(repr=False)  # undecided, what helps most first
    wrong: tuple[int, int, int] | None  # estimated wrong labels left, 95 % interval
    _names: Sequence[str] = field(repr=False)
    _rows: Mapping[str, tuple[int, float, float]] = field(repr=False)

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, sha256: str) -> Suggestion | None:
        """Return what is suggested for a photo; ``None`` where nothing is."""
        row = self._rows.get(sha256)
        if row is None:
            return None
        return Suggestion(self._names[row[0]], row[1], row[2])


@dataclass(frozen=True)
class KeptFeatures:
    """What photos look like to a network."""

    tag: str  # of the network and all that it depends on
    sha256s: Sequence[str]
    rows: NDArray[np.float32]  # (N, d)
    broken: Sequence[str]  # photos that can't be looked at


def suggestions_file(folder: SetFolder) -> Path:
    """Return where suggestions are kept."""
    return folder.cache / "suggestions.npz"


def features_file(folder: SetFolder) -> Path:
    """Return where it is kept what the photos look like."""
    return folder.cache / "suggestions-features.npz"


def state_file(folder: SetFolder) -> Path:
    """Return where it is kept how far the learner is."""
    return folder.cache / "suggestions.json"


def write_suggestions(folder: SetFolder, learned: Learned, made_at: str) -> None:
    """Keep what was learned, in place of what was before."""
    content = BytesIO()
    np.savez(
        content,
        version=np.int64(_VERSION),
        made_at=np.array(made_at),
        sha256s=np.array(list(learned.sha256s), "S64"),
        names=np.array(list(learned.names), np.str_),
        places=learned.places.astype(np.int32),
        confidence=learned.confidence.astype(np.float32),
        doubt=learned.doubt.astype(np.float32),
        helpful=learned.helpful.astype(np.int32),
        wrong=np.array(learned.wrong or (), np.int64),
    )
    write_atomically(suggestions_file(folder), content.getvalue(), sync=False)


def read_suggestions(
    folder: SetFolder, newer_than: Suggestions | None = None
) -> Suggestions | None:
    """Return the suggestions kept last; ``None`` where there are none to be read.

    Args:
        folder: The set.
        newer_than: What was read before: returned itself where nothing is newer, which
            costs one look at the file's name.
    """
    try:
        with suggestions_file(folder).open("rb") as file:
            facts = os.fstat(file.fileno())
            stamp = (facts.st_mtime_ns, facts.st_ino)
            if newer_than is not None and newer_than.stamp == stamp:
                return newer_than
            content = BytesIO(file.read())
        return _read(content, stamp)
    # a file of another version, or damaged: it is made anew before long
    except _UNREADABLE:
        return None


def write_features(folder: SetFolder, features: KeptFeatures) -> None:
    """Keep what the photos look like."""
    content = BytesIO()
    np.savez(
        content,
        tag=np.array(features.tag),
        sha256s=np.array(list(features.sha256s), "S64"),
        rows=features.rows.astype(np.float32),
        broken=np.array(list(features.broken), "S64"),
    )
    write_atomically(features_file(folder), content.getvalue(), sync=False)


def read_features(folder: SetFolder, tag: str) -> KeptFeatures | None:
    """Return what the photos look like to the network of that tag, if it is kept."""
    try:
        with np.load(features_file(folder), allow_pickle=False) as kept:
            if str(kept["tag"]) != tag:
                return None
            found = KeptFeatures(
                tag,
                [key.decode("ascii") for key in kept["sha256s"].tolist()],
                kept["rows"],
                [key.decode("ascii") for key in kept["broken"].tolist()],
            )
    except _UNREADABLE:
        return None
    return found if len(found.sha256s) == len(found.rows) else None


def write_state(folder: SetFolder, state: LearnState) -> None:
    """Keep how far the learner is."""
    text = json.dumps(asdict(state), ensure_ascii=False)
    write_atomically(state_file(folder), text.encode(), sync=False)


def read_state(folder: SetFolder) -> LearnState:
    """Return how far the learner is."""
    try:
        kept = json.loads(state_file(folder).read_text("utf-8"))
        return LearnState(
            Learning(kept["state"]),
            int(kept["done"]),
            int(kept["total"]),
            str(kept["reason"]),
            int(kept["labels_used"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return LearnState(Learning.OFF, reason="nothing has been learned yet")


def _read(content: BytesIO, stamp: tuple[int, int]) -> Suggestions:
    with np.load(content, allow_pickle=False) as kept:
        if int(kept["version"]) != _VERSION:
            raise ValueError("another version")
        sha256s = [key.decode("ascii") for key in kept["sha256s"].tolist()]
        names = tuple(str(name) for name in kept["names"].tolist())
        places = kept["places"].tolist()
        confidence, doubt = kept["confidence"].tolist(), kept["doubt"].tolist()
        helpful = tuple(sha256s[place] for place in kept["helpful"].tolist())
        wrong = tuple(int(number) for number in kept["wrong"].tolist())
        made_at = str(kept["made_at"])
    rows = dict(zip(sha256s, zip(places, confidence, doubt, strict=True), strict=True))
    if any(not 0 <= place < len(names) for place in places):
        raise ValueError("a category that is not there")
    if not all(map(math.isfinite, [*confidence, *doubt])):
        raise ValueError("a number that is none")
    return Suggestions(
        made_at,
        stamp,
        helpful,
        (wrong[0], wrong[1], wrong[2]) if wrong else None,
        names,
        rows,
    )
