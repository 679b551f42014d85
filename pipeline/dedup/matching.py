"""All pictures → which are copies of which, and which surely are not.

``proposing`` names the pairs, ``verify.compare`` decides on them from the pictures,
decoded once more and larger.
"""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from pipeline.dedup.aligning import Warp
from pipeline.dedup.cached import batch_size
from pipeline.dedup.features import Features
from pipeline.dedup.hashing import CROP_SIDE, CROPS
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
from pipeline.progress import Progress

logger = logging.getLogger(__name__)

_SAME_FRAME = 0.03  # of a side; pictures moved by less have the same frame
_CHUNK = 32  # pairs a thread takes at a time
_DECODED_SIDE = 256  # pixels of the shorter side
_REMEMBERED = 4096  # pictures kept decoded: 300 MB


@dataclass(frozen=True)
class Picture:
    """A picture to find the copies of; ``None`` where it can't be decoded."""

    path: Path
    features: Features | None
    sha256: str = ""  # by which what comparing showed is kept


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
        cv2.setNumThreads(1)  # the threads here are enough
        comparer = _Comparer(pictures, attempts)
        workers = ThreadPoolExecutor(usable_cores())
        with workers, progress("comparing pictures", len(missing)) as advance:
            while missing:
                size = batch_size(len(known))
                batch, missing = missing[:size], missing[size:]
                chunks = [batch[n : n + _CHUNK] for n in range(0, size, _CHUNK)]
                found = workers.map(comparer.compare, chunks)
                for chunk, links in zip(chunks, found, strict=True):
                    known |= links
                    advance(len(chunk))
                if cache is not None:
                    write_links(cache, max_distance, sha256s, known)
    return [link for _, link in sorted(known.items()) if link is not None]


class _Comparer:
    """Compares pairs of pictures, decoding each once as long as memory allows."""

    def __init__(self, pictures: Sequence[Picture], attempts: Attempts) -> None:
        self._pictures = pictures
        self._attempts = attempts
        self._wanted: dict[int, set[int]] = {}  # by picture: its layers
        for (first, second), tries in attempts.items():
            for n, layers in (
                (first, (t.first_layer for t in tries)),
                (second, (t.second_layer for t in tries)),
            ):
                self._wanted.setdefault(n, set()).update(layers)
        self._decoded = lru_cache(_REMEMBERED)(self._decode)

    def compare(self, pairs: Sequence[Pair]) -> dict[Pair, Link | None]:
        """Compare pairs; ``None`` where they are not alike.

        Left out are those of which one can't be decoded (any more).
        """
        found = {}
        for a, b in pairs:
            first, second = self._decoded(a), self._decoded(b)
            if first is None or second is None:
                continue
            tries = self._attempts[a, b]
            link = _try((a, b), tries, first, second)
            if link is None and _look_equal(tries, first, second):
                link = _equal((a, b), self._pictures[a].path, self._pictures[b].path)
            found[a, b] = link
        return found

    def _decode(self, n: int) -> _Decoded | None:
        """Decode a picture, larger, and make layers of it ready to compare."""
        picture = self._pictures[n]
        if picture.features is None:
            return None
        try:
            image = decode_image(picture.path, min_side=_DECODED_SIDE)
        except ImageError as error:
            logger.warning("unreadable %s: %s", picture.path, error)
            return None
        boxes = {view.layer: view.box for view in picture.features.views}
        made = {layer: make_square(image, boxes[layer]) for layer in self._wanted[n]}
        return _Decoded(made, picture.features.views[-1].layer)


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
