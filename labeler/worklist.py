"""Which photo comes next, and how far the work is: pure.

A photo is *decided* once a person said what it is, that it is of no use, or that they
can't tell. It is *doubtful* while it is undecided and either in conflict (found under
several categories) or flagged (tiny, nearly blank, ...).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

DECIDED = frozenset({"labelled", "rejected", "unsure"})
CONFLICT = "conflict"
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


AnyItem = TypeVar("AnyItem", bound=Item)


class Queue(StrEnum):
    """What a curator may choose to go through; the value is what the page says."""

    DOUBTFUL = "Doubtful first"
    FLAGGED = "Flagged only"
    CATEGORY = "One category"
    SCRAPED = "All, as scraped"
    MINE = "Decided by me"


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
class Progress:
    """How far the work is."""

    photos: Share
    conflicts: int  # undecided ones
    flagged: int  # undecided ones that are not in conflict
    categories: Mapping[str, Share]  # by the label that photos have now


def is_decided(item: Item) -> bool:
    """Whether a person gave the photo its present state."""
    return item.status in DECIDED


def order_photos(
    photos: Sequence[AnyItem],
    queue: Queue,
    *,
    category: str | None = None,
    mine: Sequence[str] = (),
    passed: Sequence[str] = (),
) -> list[AnyItem]:
    """Return the photos of a queue, the next one first.

    Args:
        photos: All of them, in the order they were found.
        queue: Which to go through. ``DOUBTFUL`` takes conflicts, then flagged photos,
            then the rest, a category at a time in turn, so that a sitting that is cut
            short has looked at every category.
        category: For ``CATEGORY``: found under it, or held for it now.
        mine: For ``MINE``: what this curator decided, newest first, by sha256.
        passed: What was skipped, in that order, by sha256: it comes last.
    """
    chosen = _choose(photos, queue, category, mine)
    turn = {sha256: place for place, sha256 in enumerate(passed, start=1)}
    return sorted(chosen, key=lambda photo: turn.get(photo.sha256, 0))


def measure_progress(
    photos: Iterable[Item], categories: Sequence[str] = ()
) -> Progress:
    """Count what is decided and what is still doubtful.

    The categories come in the order given, labels that are none of them after those.
    """
    total: dict[str, int] = dict.fromkeys(categories, 0)
    decided: dict[str, int] = dict.fromkeys(categories, 0)
    conflicts = flagged = 0
    for photo in photos:
        label = photo.label or NO_LABEL
        total[label] = total.get(label, 0) + 1
        decided[label] = decided.get(label, 0) + is_decided(photo)
        if is_decided(photo):
            continue
        if photo.status == CONFLICT:
            conflicts += 1
        elif photo.flags:
            flagged += 1
    return Progress(
        Share(sum(decided.values()), sum(total.values())),
        conflicts,
        flagged,
        {label: Share(decided[label], total[label]) for label in total},
    )


def _choose(
    photos: Sequence[AnyItem], queue: Queue, category: str | None, mine: Sequence[str]
) -> list[AnyItem]:
    if queue is Queue.MINE:
        known = {photo.sha256: photo for photo in photos if is_decided(photo)}
        return [known[sha256] for sha256 in dict.fromkeys(mine) if sha256 in known]
    open_ones = [photo for photo in photos if not is_decided(photo)]
    match queue:
        case Queue.FLAGGED:
            return [photo for photo in open_ones if photo.flags]
        case Queue.CATEGORY:
            return [
                photo
                for photo in open_ones
                if category == photo.label or category in photo.scraped_as
            ]
        case Queue.SCRAPED:
            return open_ones
    conflicts = [photo for photo in open_ones if photo.status == CONFLICT]
    calm = [photo for photo in open_ones if photo.status != CONFLICT]
    flagged = [photo for photo in calm if photo.flags]
    rest = [photo for photo in calm if not photo.flags]
    return [*conflicts, *flagged, *_in_turn(rest, photos)]


def _in_turn(chosen: Iterable[AnyItem], photos: Iterable[Item]) -> list[AnyItem]:
    """Deal photos out by category: the first found of each, the second of each, ...

    The places are those among all photos, decided ones too, so that a decision
    doesn't send the curator back to the first category.
    """
    places: dict[str, int] = {}
    dealt: dict[str | None, int] = {}
    for photo in photos:
        category = photo.scraped_as[0] if photo.scraped_as else photo.label
        places[photo.sha256] = dealt.get(category, 0)
        dealt[category] = places[photo.sha256] + 1
    return sorted(chosen, key=lambda photo: places[photo.sha256])
