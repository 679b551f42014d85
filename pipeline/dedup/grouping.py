"""Links between pictures → groups, the one kept of each, and why the others are copies.

Copies of copies are copies: a chain is not broken by a pair that was not shown to be
one. It is broken by positive evidence: two pictures shown to differ, or said to by a
person, never share a group. The surest links are made first, and nothing depends on the
order of work.

Reasons, the first that holds of a copy beside the kept picture:

    same pixels    decodes to the very same picture
    mirrored       left and right exchanged
    overlaid       text, a watermark, a scribble over it
    cropped        shows a part of it
    bordered       more flat border around the same content
    greyscale      the colours gone
    brightness     brighter or darker
    resized        other measures
    recompressed   the same measures, other bytes (also sharpened, ...)
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.dedup.links import Link

SAME_PIXELS = "same pixels"
_BORDER = 0.03  # of a side, by which a content's share must be smaller
_SHAPE = 0.1  # by which the logarithms of two contents' aspects may differ
_REAL_SIZE = 0.5  # of the most pixels in the group: less can't be the original


@dataclass(frozen=True)
class Traits:
    """What choosing the best of a group's pictures looks at."""

    path: Path
    candidate_id: int
    width: int  # pixels
    height: int
    size: int  # bytes
    content: tuple[float, float]  # share of width and height inside a flat border
    is_coloured: bool
    # by candidate id of another: whether this has a border beside it, where known
    bordered: Mapping[int, bool] = field(default_factory=dict)
    # candidate ids of others, beside which this was shown to be ...
    overlaid: frozenset[int] = frozenset()
    cropped: frozenset[int] = frozenset()
    brightened: frozenset[int] = frozenset()  # or darkened

    @property
    def content_pixels(self) -> float:
        """Count the pixels that show something."""
        return self.width * self.height * self.content[0] * self.content[1]

    @property
    def content_aspect(self) -> float:
        """Return the width ÷ height of what is inside a flat border."""
        return self.width * self.content[0] / (self.height * self.content[1])


@dataclass(frozen=True)
class Member:
    """A picture's place in its group."""

    group: int  # index of the group's first picture
    mirrored: bool  # beside that first picture


def group_links(
    count: int, links: Sequence[Link], apart: Iterable[tuple[int, int]] = ()
) -> list[Member]:
    """Put pictures into groups; one without copies is alone in its own.

    Args:
        count: Of the pictures.
        links: Which are copies, and which surely are not.
        apart: Pairs, by index, that are not the same whatever the links say.
    """
    group = list(range(count))
    mirrored = [False] * count
    members = [[n] for n in range(count)]
    strangers: list[set[int]] = [set() for _ in range(count)]
    differing = [(link.first, link.second) for link in links if not link.is_copy]
    for first, second in (*differing, *apart):
        strangers[first].add(second)
        strangers[second].add(first)
    copies = [link for link in links if link.is_copy]
    for link in sorted(copies, key=lambda c: (c.residual, c.first, c.second)):
        low, high = sorted((group[link.first], group[link.second]))
        if low == high or not strangers[low].isdisjoint(members[high]):
            continue
        flip = mirrored[link.first] ^ mirrored[link.second] ^ link.mirrored
        for member in members[high]:
            group[member] = low
            mirrored[member] ^= flip
        members[low] += members[high]
        strangers[low] |= strangers[high]
        members[high] = []
    return [Member(*place) for place in zip(group, mirrored, strict=True)]


def choose_kept(traits: Sequence[Traits], mirrored: Sequence[bool]) -> int:
    """Choose the best picture of a group; return its index.

    Of those that are not much smaller than the largest: with nothing over it, whole,
    without a border before with one, coloured before grey, the way round that most are,
    most pixels, most bytes a pixel, the first found.

    Args:
        traits: Of each member.
        mirrored: Which way round each is.
    """
    most = max(one.content_pixels for one in traits)
    bordered = [any(_has_border_beside(one, its) for its in traits) for one in traits]
    others = {one.candidate_id for one in traits}
    usual = sum(mirrored) * 2 > len(mirrored)
    coloured = any(one.is_coloured for one in traits)

    def rank(n: int) -> tuple[float, ...]:
        one = traits[n]
        return (
            one.content_pixels < _REAL_SIZE * most,
            bool(one.overlaid & others),
            bool(one.cropped & others),
            bordered[n],
            coloured and not one.is_coloured,
            mirrored[n] != usual,
            -one.width * one.height,
            -one.size / (one.width * one.height),
            one.candidate_id,
        )

    return min(range(len(traits)), key=rank)


def reason_of_copy(
    copy: Traits,
    kept: Traits,
    *,
    mirrored: bool,
    has_same_pixels: Callable[[Path, Path], bool],
) -> str:
    """Say why ``copy`` is one of ``kept``.

    Args:
        copy: The picture that is not kept.
        kept: The picture that is.
        mirrored: Whether one shows the other's mirror image.
        has_same_pixels: Decodes both and compares; asked only where it may be so.
    """
    same_size = (copy.width, copy.height) == (kept.width, kept.height)
    if same_size and not mirrored and has_same_pixels(copy.path, kept.path):
        return SAME_PIXELS
    shown = (
        ("mirrored", mirrored),
        ("overlaid", kept.candidate_id in copy.overlaid),
        ("cropped", kept.candidate_id in copy.cropped),
        ("bordered", _has_border_beside(copy, kept)),
        ("greyscale", kept.is_coloured and not copy.is_coloured),
        ("brightness", kept.candidate_id in copy.brightened),
        ("resized", not same_size),
    )
    return next((reason for reason, holds in shown if holds), "recompressed")


def _has_border_beside(copy: Traits, other: Traits) -> bool:
    """Tell whether ``copy`` has more border: as compared, else by their contents."""
    known = copy.bordered.get(other.candidate_id)
    if known is not None:
        return known
    narrower = any(
        own < its - _BORDER
        for own, its in zip(copy.content, other.content, strict=True)
    )
    shape = math.log(copy.content_aspect / other.content_aspect)
    return narrower and abs(shape) < _SHAPE
