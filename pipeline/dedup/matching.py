"""All pictures → which are copies of which, and which surely are not.

``proposing`` names the pairs, ``verify.compare`` decides on them from the pictures,
decoded once more and larger.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from pipeline.dedup.aligning import Warp
from pipeline.dedup.features import Features
from pipeline.dedup.hashing import CROP_SIDE, CROPS, layers
from pipeline.dedup.proposing import Attempt, propose
from pipeline.dedup.verify import (
    SIDE,
    Comparison,
    Square,
    Verdict,
    compare,
    make_square,
)
from pipeline.errors import ImageError
from pipeline.images import decode_image
from pipeline.machine import usable_cores
from pipeline.progress import Progress

logger = logging.getLogger(__name__)

_SAME_FRAME = 0.03  # of a side; pictures moved by less have the same frame
_CHUNK = 32  # pairs a thread takes at a time
_DECODED_SIDE = 256  # pixels of the shorter side
_REMEMBERED = 2048  # pictures kept decoded: at most 400 MB


@dataclass(frozen=True)
class Picture:
    """A picture to find the copies of; ``None`` where it can't be decoded."""

    path: Path
    features: Features | None


@dataclass(frozen=True)
class Link:
    """Two pictures, by index (``first < second``), that were compared."""

    first: int
    second: int
    is_copy: bool  # False: shown to be another picture
    mirrored: bool
    residual: float  # what was left over, levels of 255
    bordered: tuple[bool, bool] | None = None  # which has a border beside the other
    overlaid: tuple[bool, bool] = (False, False)  # which has text, ink, ... over it
    cropped: tuple[bool, bool] = (False, False)  # which shows a part of the other
    is_brightened: bool = False  # one is brighter than the other


Squares = tuple[Square, Square, Square]  # of each layer


def find_links(
    pictures: Sequence[Picture], max_distance: int, *, progress: Progress
) -> list[Link]:
    """Compare all pictures whose hashes lie close; list copies and sure strangers.

    Args:
        pictures: What to compare.
        max_distance: Bits of 64 at which two hashes propose a pair.
        progress: How the work is shown.

    Returns:
        Sorted by first, then second picture; at most one link a pair.
    """
    attempts = propose([picture.features for picture in pictures], max_distance)
    cv2.setNumThreads(1)

    @lru_cache(_REMEMBERED)
    def squares(picture: int) -> Squares | None:
        return _squares(pictures[picture].path)

    def try_pairs(pairs: Sequence[tuple[int, int]]) -> list[Link | None]:
        return [try_pair(*pair) for pair in pairs]

    def try_pair(a: int, b: int) -> Link | None:
        first, second = squares(a), squares(b)
        if first is None or second is None:
            return None
        found = _try((a, b), attempts[a, b], first, second)
        if found is None and np.array_equal(first[0].image, second[0].image):
            return _equal((a, b), pictures[a].path, pictures[b].path)
        return found

    links: list[Link] = []
    pairs = sorted(attempts)
    chunks = [pairs[n : n + _CHUNK] for n in range(0, len(pairs), _CHUNK)]
    workers = ThreadPoolExecutor(usable_cores())
    with workers, progress("comparing pictures", len(pairs)) as advance:
        for tried in workers.map(try_pairs, chunks):
            links += [link for link in tried if link is not None]
            advance(len(tried))
    return links


def _squares(path: Path) -> Squares | None:
    """Decode a picture, larger, and make each of its layers ready to compare."""
    try:
        image = decode_image(path, min_side=_DECODED_SIDE)
    except ImageError as error:
        logger.warning("unreadable %s: %s", path, error)
        return None
    boxes = layers(image)
    made = {
        (top, bottom, left, right): make_square(image[top:bottom, left:right])
        for top, bottom, left, right in set(boxes)
    }
    return made[boxes[0]], made[boxes[1]], made[boxes[2]]


def _try(
    pair: tuple[int, int],
    attempts: Sequence[Attempt],
    first: Squares,
    second: Squares,
) -> Link | None:
    """Compare two pictures in the ways proposed, until one shows all there is to know.

    That is: that they are copies, and which of them has a border.
    """
    known: Link | None = None
    for attempt in attempts:
        one, other = first[attempt.first_layer], second[attempt.second_layer]
        # beside a border, what is inside it looks like a part
        has_no_border = one is first[-1] and other is second[-1]
        if attempt.mirrored:
            other = other.mirrored
        start = None if attempt.crop < 0 else _start(attempt.crop)
        if start is None or attempt.is_first_cut:
            found = compare(one, other, start)
        else:
            found = compare(other, one, start).swapped
        if found.verdict is Verdict.UNLIKE:
            continue
        is_copy = found.verdict is Verdict.COPY
        bordered = _bordered(attempt, found) if is_copy else None
        if known is None or is_copy > known.is_copy or bordered is not None:
            known = Link(
                *pair,
                is_copy,
                attempt.mirrored,
                found.residual,
                bordered,
                found.overlaid,
                found.cropped if has_no_border else (False, False),
                found.is_brightened,
            )
        if bordered is not None:
            break
    return known


def _start(crop: int) -> Warp:
    """Return how a picture lies on its cut-out."""
    left, top = CROPS[crop]
    return np.array(
        [[CROP_SIDE, 0, left * SIDE], [0, CROP_SIDE, top * SIDE]], np.float32
    )


def have_same_pixels(first: Path, second: Path) -> bool:
    """Decode two pictures whole, and say whether they are equal."""
    try:
        return np.array_equal(decode_image(first), decode_image(second))
    except ImageError:  # only its first part can be decoded
        return False


def _equal(pair: tuple[int, int], first: Path, second: Path) -> Link | None:
    """Link pictures with too little contrast to be compared, where they are equal."""
    if not have_same_pixels(first, second):
        return None
    return Link(*pair, True, False, 0.0, (False, False))


def _bordered(attempt: Attempt, found: Comparison) -> tuple[bool, bool] | None:
    """Tell which picture has a border beside the other, where comparing showed it."""
    inside = attempt.first_layer > 0, attempt.second_layer > 0
    if inside[0] != inside[1]:  # the whole of one fits inside the other's border
        return inside
    if not any(inside) and found.moved < _SAME_FRAME:
        return False, False
    return None
