"""All pictures → which are copies of which, and which surely are not.

Hashes propose: plain against plain and plain against mirrored, whole pictures and
trimmed contents alike. A look at their coarse brightness drops the hopeless, and
``verify.compare`` decides on the rest from the pictures, decoded once more and larger.
"""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.dedup.features import Features
from pipeline.dedup.hashing import View, layers
from pipeline.dedup.neighbours import Indices, near_pairs
from pipeline.dedup.verify import (
    MAX_STRETCH,
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

_COARSE_RESIDUAL = 45.0  # levels left in the worst of 8x8 cells; copies reach 40
_WORST = 3
_SAME_FRAME = 0.03  # of a side; pictures moved by less have the same frame
_BLOCK = 65_536  # pairs looked at coarsely at a time
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


@dataclass(frozen=True)
class Attempt:
    """A way in which two pictures may be the same."""

    bits: int  # of 64 that differ between the hashes
    mirrored: bool
    first_layer: int  # of ``hashing.layers``
    second_layer: int


Squares = tuple[Square, Square, Square]  # of each layer
Attempts = dict[tuple[int, int], list[Attempt]]  # by pair of pictures, likeliest first


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


def propose(features: Sequence[Features | None], max_distance: int) -> Attempts:
    """Propose the pairs worth comparing, and how."""
    owned = [(n, v) for n, found in enumerate(features) if found for v in found.views]
    owners = [owner for owner, _ in owned]
    views = [view for _, view in owned]
    attempts: Attempts = {}
    for mirrored in (False, True):
        for i, j, bits in _proposed_views(views, owners, max_distance, mirrored):
            attempt = Attempt(bits, mirrored, views[i].layer, views[j].layer)
            attempts.setdefault((owners[i], owners[j]), []).append(attempt)
    for tries in attempts.values():
        tries.sort(key=_order)
    return attempts


def _order(attempt: Attempt) -> tuple[bool, int, bool, int, int]:
    """Try whole pictures first: where they fit, neither has a border of its own."""
    layers = attempt.first_layer, attempt.second_layer
    return layers != (0, 0), attempt.bits, attempt.mirrored, *layers


def _proposed_views(
    views: Sequence[View], owners: Sequence[int], max_distance: int, mirrored: bool
) -> Iterator[tuple[int, int, int]]:
    if not views:
        return
    owner = np.array(owners)
    shape = np.log([view.aspect for view in views])
    plain = np.array([view.phash for view in views], np.uint64)
    coarse = np.stack([view.coarse for view in views])
    other, other_coarse = plain, coarse
    if mirrored:
        other = np.array([view.mirrored_phash for view in views], np.uint64)
        other_coarse = coarse[:, :, ::-1]
    i, j, bits = near_pairs(plain, other, max_distance)
    fits = (owner[i] != owner[j]) & (np.abs(shape[i] - shape[j]) <= MAX_STRETCH)
    i, j, bits = i[fits], j[fits], bits[fits]
    alike = _alike(coarse, other_coarse, i, j)
    rows = np.stack([i[alike], j[alike], bits[alike]], axis=1)
    yield from ((a, b, distance) for a, b, distance in rows.tolist())


def _alike(
    first: NDArray[np.uint8], second: NDArray[np.uint8], i: Indices, j: Indices
) -> NDArray[np.bool_]:
    """Tell of each proposed pair whether one's brightness explains the other's."""
    alike = np.zeros(len(i), bool)
    for start in range(0, len(i), _BLOCK):
        part = slice(start, start + _BLOCK)
        a = first[i[part]].reshape(-1, first[0].size).astype(np.float32)
        b = second[j[part]].reshape(-1, first[0].size).astype(np.float32)
        a -= a.mean(axis=1, keepdims=True)
        b -= b.mean(axis=1, keepdims=True)
        together = (a * b).sum(axis=1, keepdims=True)
        left = np.minimum(_left(a, b, together), _left(b, a, together))
        alike[part] = left <= _COARSE_RESIDUAL
    return alike


def _left(
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    together: NDArray[np.float32],
) -> NDArray[np.float32]:
    spread = np.maximum((first**2).sum(axis=1, keepdims=True), 1e-6)
    rest = np.abs(second - np.clip(together / spread, 0.5, 2.0) * first)
    worst = np.partition(rest, -_WORST, axis=1)[:, -_WORST:]
    return np.asarray(worst.mean(axis=1), np.float32)


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
        other = second[attempt.second_layer]
        if attempt.mirrored:
            other = other.mirrored
        found = compare(first[attempt.first_layer], other)
        if found.verdict is Verdict.UNLIKE:
            continue
        is_copy = found.verdict is Verdict.COPY
        bordered = _bordered(attempt, found) if is_copy else None
        if known is None or is_copy > known.is_copy or bordered is not None:
            known = Link(*pair, is_copy, attempt.mirrored, found.residual, bordered)
        if bordered is not None:
            break
    return known


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
