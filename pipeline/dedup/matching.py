"""All pictures → which are copies of which, and which surely are not.

``proposing`` names the pairs, ``verify.compare`` decides on them from the pictures,
decoded once more and larger.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from pipeline.dedup.aligning import Warp
from pipeline.dedup.cached import saving
from pipeline.dedup.features import Features
from pipeline.dedup.hashing import CROP_SIDE, CROPS, Box
from pipeline.dedup.links import Link, Pair, read_links, write_links
from pipeline.dedup.proposing import Attempt, Attempts, propose
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
from pipeline.processes import spread_over_cores
from pipeline.progress import Progress

logger = logging.getLogger(__name__)

_SAME_FRAME = 0.03  # of a side; pictures moved by less have the same frame
_SECONDS = 0.005  # of comparing a pair
_CHUNK = 16  # pairs compared at a time
_DECODED_SIDE = 256  # pixels of the shorter side
_REMEMBERED = max(512, 4096 // usable_cores())  # pictures kept decoded: 300 MB in all


@dataclass(frozen=True)
class Picture:
    """A picture to find the copies of; ``None`` where it can't be decoded."""

    path: Path
    features: Features | None
    sha256: str = ""  # by which what comparing showed is kept


class _Source(NamedTuple):
    """Where a picture lies, and which layers of it are compared."""

    path: Path
    boxes: tuple[tuple[int, Box], ...]  # by layer
    innermost: int  # the layer without any border


class _Task(NamedTuple):
    """Two pictures to be compared."""

    pair: Pair
    attempts: Sequence[Attempt]
    first: _Source
    second: _Source


@dataclass(frozen=True)
class _Decoded:
    """Layers of a picture, ready to be compared."""

    squares: Mapping[int, Square]  # by layer
    innermost: int  # the layer without any border


def find_links(
    pictures: Sequence[Picture],
    max_distance: int,
    *,
    progress: Progress,
    cache: Path | None = None,
) -> list[Link]:
    """Compare all pictures whose hashes lie close; list copies and sure strangers.

    Args:
        pictures: What to compare.
        max_distance: Bits of 64 at which two hashes propose a pair.
        progress: How the work is shown.
        cache: The folder where what comparing showed is kept, so that no two pictures
            are compared twice; each needs its sha256 then.

    Returns:
        Sorted by first, then second picture; at most one link a pair.
    """
    attempts = propose([picture.features for picture in pictures], max_distance)
    sha256s = [picture.sha256 for picture in pictures]
    known: dict[Pair, Link | None] = {}
    if cache is not None:
        kept = read_links(cache, max_distance, sha256s)
        known = {pair: kept[pair] for pair in attempts if pair in kept}
    missing = sorted(attempts.keys() - known.keys())
    if missing:
        sources = _sources(pictures, attempts)
        pieces = [missing[n : n + _CHUNK] for n in range(0, len(missing), _CHUNK)]
        tasks = (
            [_Task((a, b), attempts[a, b], sources[a], sources[b]) for a, b in piece]
            for piece in pieces
        )

        def save() -> None:
            if cache is not None:
                write_links(cache, max_distance, sha256s, known)

        with (
            spread_over_cores(_SECONDS * len(missing)) as spread,
            progress("comparing pictures", len(missing)) as advance,
            saving(save) as save_where_due,
        ):
            for piece, found in zip(pieces, spread(_compare_all, tasks), strict=True):
                known |= found
                advance(len(piece))
                save_where_due()
        _decoded.cache_clear()
        if unread := len(attempts.keys() - known.keys()):
            logger.warning("%d pairs can't be compared: unreadable by now", unread)
    return [link for _, link in sorted(known.items()) if link is not None]


def _sources(pictures: Sequence[Picture], attempts: Attempts) -> dict[int, _Source]:
    """Return where each picture lies that is compared, and which layers of it."""
    wanted: dict[int, set[int]] = {}
    for (first, second), tries in attempts.items():
        wanted.setdefault(first, set()).update(t.first_layer for t in tries)
        wanted.setdefault(second, set()).update(t.second_layer for t in tries)
    sources = {}
    for n, layers in wanted.items():
        features = pictures[n].features
        if features is not None:
            boxes = {view.layer: view.box for view in features.views}
            named = tuple((layer, boxes[layer]) for layer in sorted(layers))
            innermost = features.views[-1].layer
            sources[n] = _Source(pictures[n].path, named, innermost)
    return sources


def _compare_all(tasks: Sequence[_Task]) -> dict[Pair, Link | None]:
    """Compare pairs; ``None`` where they are not alike.

    Left out are those of which one can't be decoded (any more).
    """
    cv2.setNumThreads(1)  # the processes are enough
    found = {}
    for task in tasks:
        first, second = _decoded(task.first), _decoded(task.second)
        if first is None or second is None:
            continue
        link = _try(task.pair, task.attempts, first, second)
        if link is None and _look_equal(task.attempts, first, second):
            link = _equal(task.pair, task.first.path, task.second.path)
        found[task.pair] = link
    return found


@lru_cache(_REMEMBERED)
def _decoded(source: _Source) -> _Decoded | None:
    """Decode a picture, larger, and make layers of it ready to compare."""
    try:
        image = decode_image(source.path, min_side=_DECODED_SIDE)
    except ImageError:
        return None
    made = {layer: make_square(image, box) for layer, box in source.boxes}
    return _Decoded(made, source.innermost)


def _try(
    pair: Pair,
    attempts: Sequence[Attempt],
    first: _Decoded,
    second: _Decoded,
) -> Link | None:
    """Compare two pictures in the ways proposed, until one shows all there is to know.

    That is: that they are copies, and which of them has a border.
    """
    known: Link | None = None
    for attempt in attempts:
        layers = attempt.first_layer, attempt.second_layer
        one, other = first.squares[layers[0]], second.squares[layers[1]]
        # beside a border, what is inside it looks like a part
        has_no_border = layers == (first.innermost, second.innermost)
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
        is_sure_other = not is_copy and layers == (0, 0)
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
        if bordered is not None or is_sure_other:
            break
    return known


def _start(crop: int) -> Warp:
    """Return how a picture lies on its cut-out."""
    left, top = CROPS[crop]
    return np.array(
        [[CROP_SIDE, 0, left * SIDE], [0, CROP_SIDE, top * SIDE]], np.float32
    )


def _look_equal(attempts: Sequence[Attempt], first: _Decoded, second: _Decoded) -> bool:
    return any(
        np.array_equal(
            first.squares[attempt.first_layer].image,
            second.squares[attempt.second_layer].image,
        )
        for attempt in attempts
    )


def have_same_pixels(first: Path, second: Path) -> bool:
    """Decode two pictures whole, and say whether they are equal."""
    try:
        return np.array_equal(decode_image(first), decode_image(second))
    except ImageError:  # only its first part can be decoded
        return False


def _equal(pair: Pair, first: Path, second: Path) -> Link | None:
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
