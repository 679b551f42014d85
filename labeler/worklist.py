"""Which photo comes next, and how far the work is: pure.

A photo is *decided* once a person said what it is, that it is of no use, or that they
can't tell. It is *doubtful* while it is undecided and either in conflict (found under
several categories), flagged (tiny, nearly blank, ...) or labelled otherwise than the
machine, having learned from what people said, suggests.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

DECIDED = frozenset({"labelled", "rejected", "unsure"})
CONFLICT = "conflict"
CANT_TELL = "unsure"
NO_LABEL = "(none)"


class Item(Protocol):
    """What the order needs to know of a photo."""

    @property
    def sha256(self) -> str:
        """The photo's name."""

    @property
    def label(self) -> str | None:
        """What it is held for now."""

    @property
    def status(self) -> str:
        """One of the catalog's statuses."""

    @property
    def flags(self) -> tuple[str, ...]:
        """What speaks against its quality."""

    @property
    def scraped_as(self) -> tuple[str, ...]:
        """The categories it was found under."""


class Suggestion(Protocol):
    """What the machine makes of a photo."""

    @property
    def label(self) -> str:
        """What it takes it for."""

    @property
    def confidence(self) -> float:
        """How sure it is, 0..1."""

    @property
    def doubt(self) -> float:
        """How surely the label it has is wrong, 0..1."""


class Suggestions(Protocol):
    """What the machine makes of all photos."""

    @property
    def helpful(self) -> Sequence[str]:
        """Undecided photos, what helps the machine most first, by sha256."""

    def get(self, sha256: str) -> Suggestion | None:
        """Return what it makes of a photo, if it has looked at it."""


class Queue(StrEnum):
    """What a curator may choose to go through."""

    DOUBTFUL = "doubtful"
    UNSURE = "least-sure"  # what the machine is least sure of
    CATEGORY = "category"
    RANDOM = "random"
    FLAGGED = "flagged"
    HELPFUL = "helpful"  # what the machine would learn most from
    MINE = "mine"
    ALL = "all"
    SECOND = "second"  # to be judged blind, a second time
    DISAGREE = "disagree"  # judged twice, and not the same
    NOTED = "noted"  # somebody could not tell, or left a note


@dataclass(frozen=True)
class Share:
    """How many of some photos are decided."""

    decided: int
    total: int

    @property
    def left(self) -> int:
        """How many are still undecided."""
        return self.total - self.decided


@dataclass(frozen=True)
class Counts:
    """How far the work is."""

    photos: Share
    conflicts: int  # undecided ones
    flagged: int  # undecided ones that are not in conflict
    categories: Mapping[str, Share]  # by the label that photos have now


@dataclass
class Tally:
    """Counts that are kept up to date photo by photo."""

    _total: Counter[str] = field(default_factory=Counter)  # by label
    _decided: Counter[str] = field(default_factory=Counter)
    _conflicts: int = 0
    _flagged: int = 0

    def add(self, item: Item, times: int = 1) -> None:
        """Count a photo; ``times=-1``: it is not there, or not so, any more."""
        label = item.label or NO_LABEL
        self._total[label] += times
        if is_decided(item):
            self._decided[label] += times
        elif item.status == CONFLICT:
            self._conflicts += times
        elif item.flags:
            self._flagged += times

    def counts(self) -> Counts:
        """Return what was counted, labels by name."""
        categories = {
            label: Share(self._decided[label], total)
            for label, total in sorted(self._total.items())
            if total
        }
        photos = Share(self._decided.total(), self._total.total())
        return Counts(photos, self._conflicts, self._flagged, categories)


def is_decided(item: Item) -> bool:
    """Whether a person gave the photo its present state."""
    return item.status in DECIDED


def order(
    entries: Sequence[Item],
    queue: Queue,
    *,
    category: str | None = None,
    chosen: Sequence[str] = (),
    suggestions: Suggestions | None = None,
    seed: int = 0,
) -> list[str]:
    """Return the photos of a queue by sha256, the next one first.

    Args:
        entries: All photos, in the order they were found.
        queue: Which to go through. ``DOUBTFUL`` takes conflicts, then flagged photos,
            then labels that the machine contradicts, most surely wrong first, then
            the rest: what helps the machine most first, else a category at a time in
            turn, so that a sitting that is cut short has looked at every category.
            ``UNSURE`` and ``HELPFUL`` fall back to that order where the machine has
            said nothing.
        category: For ``CATEGORY``: found under it, or held for it now.
        chosen: What the journal alone knows, first come first, by sha256. For
            ``MINE``: what this curator said; for ``SECOND``: what they may judge
            blind; for ``DISAGREE`` and ``NOTED``: what is open.
        suggestions: What the machine makes of the photos.
        seed: Of the order of ``RANDOM`` and ``SECOND``: each curator has their own.
    """
    match queue:
        case Queue.MINE | Queue.DISAGREE | Queue.NOTED | Queue.SECOND:
            return _from_journal(entries, queue, chosen, seed)
        case Queue.DOUBTFUL | Queue.UNSURE | Queue.HELPFUL:
            return _by_doubt(entries, queue, suggestions)
    if queue is Queue.ALL:
        return [entry.sha256 for entry in entries]
    open_ones = [entry for entry in entries if not is_decided(entry)]
    if queue is Queue.RANDOM:
        return _shuffled([entry.sha256 for entry in open_ones], seed)
    if queue is Queue.FLAGGED:
        return [entry.sha256 for entry in open_ones if entry.flags]
    return [
        entry.sha256
        for entry in open_ones
        if category == entry.label or category in entry.scraped_as
    ]


def _from_journal(
    entries: Sequence[Item], queue: Queue, chosen: Sequence[str], seed: int
) -> list[str]:
    there = {entry.sha256 for entry in entries}
    found = [sha256 for sha256 in dict.fromkeys(chosen) if sha256 in there]
    if queue is Queue.SECOND:
        return _shuffled(found, seed)
    if queue is Queue.NOTED:
        cant_tell = [one.sha256 for one in entries if one.status == CANT_TELL]
        return list(dict.fromkeys([*found, *cant_tell]))
    return found


def _by_doubt(
    entries: Sequence[Item], queue: Queue, suggestions: Suggestions | None
) -> list[str]:
    open_ones = [entry for entry in entries if not is_decided(entry)]
    doubtful = _doubtful_first(open_ones, entries, suggestions)
    if suggestions is None or queue is Queue.DOUBTFUL:
        return doubtful
    if queue is Queue.HELPFUL:
        there = set(doubtful)
        helpful = (sha256 for sha256 in suggestions.helpful if sha256 in there)
        return list(dict.fromkeys([*helpful, *doubtful]))
    found = {sha256: suggestions.get(sha256) for sha256 in doubtful}
    sure = {sha256: one.confidence if one else 1.0 for sha256, one in found.items()}
    return sorted(doubtful, key=sure.__getitem__)


def _doubtful_first(
    open_ones: Sequence[Item],
    entries: Sequence[Item],
    suggestions: Suggestions | None,
) -> list[str]:
    conflicts, flagged, rest = list[str](), list[str](), list[str]()
    doubts: dict[str, float] = {}
    for entry in open_ones:
        if entry.status == CONFLICT:
            conflicts.append(entry.sha256)
        elif entry.flags:
            flagged.append(entry.sha256)
        else:
            said = suggestions.get(entry.sha256) if suggestions else None
            if said is not None and said.label != entry.label:
                doubts[entry.sha256] = said.doubt
            else:
                rest.append(entry.sha256)
    contradicted = sorted(doubts, key=doubts.__getitem__, reverse=True)
    calm = _in_turn(rest, entries)
    if suggestions is not None:
        there = set(calm)
        helpful = (sha256 for sha256 in suggestions.helpful if sha256 in there)
        calm = list(dict.fromkeys([*helpful, *calm]))
    return [*conflicts, *flagged, *contradicted, *calm]


def _in_turn(chosen: Iterable[str], entries: Iterable[Item]) -> list[str]:
    """Deal photos out by category: the first found of each, the second of each, ...

    The places are those among all photos, decided ones too, so that a decision
    doesn't send the curator back to the first category.
    """
    places: dict[str, int] = {}
    dealt: dict[str | None, int] = {}
    for entry in entries:
        category = entry.scraped_as[0] if entry.scraped_as else entry.label
        place = dealt.get(category, 0)
        places[entry.sha256] = place
        dealt[category] = place + 1
    return sorted(chosen, key=places.__getitem__)


def _shuffled(sha256s: Iterable[str], seed: int) -> list[str]:
    """Shuffle; where a photo comes or goes, the others keep their order."""
    salt = seed.to_bytes(16, signed=True)

    def place(sha256: str) -> bytes:
        return hashlib.blake2b(sha256.encode(), key=salt, digest_size=8).digest()

    return sorted(sha256s, key=place)
