"""All pictures → the pairs that are worth comparing, and in which ways.

Hashes propose: plain against plain and plain against mirrored, whole pictures and
trimmed contents alike, and contents against the cut-outs of others. A look at their
coarse brightness drops the hopeless.

Ten thousand pictures with one hash, blank ones say, would be fifty million pairs. Of
such a crowd each is compared with its likes, in the order of coarse brightness, and a
few stand for all of it where other hashes lie close.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.dedup.aligning import MAX_STRETCH
from pipeline.dedup.features import Features
from pipeline.dedup.hashing import CROP_SIDE, CROPS, View
from pipeline.dedup.neighbours import Hashes, Indices, near_pairs

_COARSE_RESIDUAL = 45.0  # levels left in the worst of 8x8 cells; copies reach 40
_WORST = 3
_OVERLAID = 4  # bits by which text or a scribble takes two whole pictures further apart
_CROWD = 32  # views with the very same hash; and that many stand for more
_LIKES = 8  # of a crowd, with which each is compared
_BLOCK = 65_536  # pairs looked at coarsely at a time


@dataclass(frozen=True)
class Attempt:
    """A way in which two pictures may be the same."""

    bits: int  # of 64 that differ between the hashes
    mirrored: bool
    first_layer: int  # of ``hashing.layers``
    second_layer: int
    crop: int = -1  # of ``hashing.CROPS``: which cut-out of the one the other is like
    is_first_cut: bool = False  # the first picture is like a cut-out of the second


Attempts = dict[tuple[int, int], list[Attempt]]  # by pair of pictures, likeliest first


def propose(features: Sequence[Features | None], max_distance: int) -> Attempts:
    """Propose the pairs worth comparing, and how."""
    owned = [(n, v) for n, found in enumerate(features) if found for v in found.views]
    owners = [owner for owner, _ in owned]
    views = [view for _, view in owned]
    attempts: Attempts = {}
    for i, j, bits, mirrored in _proposed_views(views, owners, max_distance):
        attempt = Attempt(bits, mirrored, views[i].layer, views[j].layer)
        attempts.setdefault((owners[i], owners[j]), []).append(attempt)
    for pair, attempt in _proposed_crops(features, max_distance):
        attempts.setdefault(pair, []).append(attempt)
    for tries in attempts.values():
        tries.sort(key=_order)
    return attempts


def _order(attempt: Attempt) -> tuple[bool, bool, int, bool, int, int, int]:
    """Try whole pictures first: where they fit, neither has a border of its own."""
    layers = attempt.first_layer, attempt.second_layer
    is_crop = attempt.crop >= 0
    is_part = layers != (0, 0)
    return is_crop, is_part, attempt.bits, attempt.mirrored, *layers, attempt.crop


def _proposed_crops(
    features: Sequence[Features | None], max_distance: int
) -> Iterator[tuple[tuple[int, int], Attempt]]:
    """Propose pictures whose content is like a cut-out of another's, the likeliest."""
    owner = np.array([n for n, found in enumerate(features) if found], np.int64)
    views = [found.views[-1] for found in features if found]
    if not views:
        return
    stands, _ = _thin_out(_hashes(views), _coarse(views))
    owner = owner[stands]
    views = [view for view, is_one in zip(views, stands, strict=True) if is_one]
    layer = [view.layer for view in views]
    plain, coarse = _hashes(views), _coarse(views)
    crops = np.stack([view.crops for view in views])
    shape = np.log([view.aspect for view in views])
    best: dict[tuple[int, int], Attempt] = {}
    for crop, box in enumerate(CROPS):
        cut = np.ascontiguousarray(crops[:, crop])
        cut_coarse = _cut_coarse(coarse, box)
        for is_first_cut in (False, True):
            sides = (plain, cut) if is_first_cut else (cut, plain)
            i, j, bits = near_pairs(*sides, max_distance)
            fits = np.abs(shape[i] - shape[j]) <= MAX_STRETCH
            i, j, bits = i[fits], j[fits], bits[fits]
            looks = (coarse, cut_coarse) if is_first_cut else (cut_coarse, coarse)
            alike = _alike(*looks, i, j)
            rows = np.stack([i[alike], j[alike], bits[alike]], axis=1)
            for a, b, distance in rows.tolist():
                pair = int(owner[a]), int(owner[b])
                known = best.get(pair)
                if known is None or distance < known.bits:
                    best[pair] = Attempt(
                        distance, False, layer[a], layer[b], crop, is_first_cut
                    )
    yield from best.items()


def _cut_coarse(
    coarse: NDArray[np.uint8], box: tuple[float, float]
) -> NDArray[np.uint8]:
    """Return the coarse brightness of a cut-out of each picture, ``(N, 8, 8)``."""
    side = coarse.shape[1]
    left, top = (share * side for share in box)
    # cell n of the cut-out lies at CROP_SIDE * n, by the middles of the cells
    middle = (CROP_SIDE - 1) / 2
    warp = np.array(
        [[CROP_SIDE, 0, left + middle], [0, CROP_SIDE, top + middle]], np.float32
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.stack(
        [
            cv2.warpAffine(
                cells, warp, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE
            )
            for cells in coarse
        ]
    )


def _proposed_views(
    views: Sequence[View], owners: Sequence[int], max_distance: int
) -> Iterator[tuple[int, int, int, bool]]:
    """Propose views that are alike, as they are or one of them mirrored."""
    if not views:
        return
    owner = np.array(owners)
    layer = np.array([view.layer for view in views])
    shape = np.log([view.aspect for view in views])
    plain, coarse = _hashes(views), _coarse(views)
    turned = np.array([view.mirrored_phash for view in views], np.uint64)
    stands, likes = _thin_out(plain, coarse)
    one = np.flatnonzero(stands)
    looked_up = plain[one]
    for mirrored in (False, True):
        # the very same array: each two are then compared but once
        other = turned[one] if mirrored else looked_up
        other_coarse = coarse[:, :, ::-1] if mirrored else coarse
        reach = max_distance + (0 if mirrored else _OVERLAID)
        i, j, bits = near_pairs(looked_up, other, reach)
        i, j = one[i], one[j]
        if not mirrored and len(likes):
            known = np.unique(np.concatenate([i * len(views) + j, likes]))
            i, j = np.divmod(known, len(views))
            bits = np.bitwise_count(plain[i] ^ plain[j]).astype(np.int64)
        fits = (owner[i] != owner[j]) & (np.abs(shape[i] - shape[j]) <= MAX_STRETCH)
        fits &= (bits <= max_distance) | ((layer[i] == 0) & (layer[j] == 0))
        i, j, bits = i[fits], j[fits], bits[fits]
        alike = _alike(coarse, other_coarse, i, j)
        rows = np.stack([i[alike], j[alike], bits[alike]], axis=1)
        yield from ((a, b, distance, mirrored) for a, b, distance in rows.tolist())


def _thin_out(
    hashes: Hashes, coarse: NDArray[np.uint8]
) -> tuple[NDArray[np.bool_], Indices]:
    """Say which views are looked up, and of crowds with one hash, which are likes.

    Returns:
        Of each view whether it is looked up, ``(N,)``; and the likes, ``i < j``, each
        as ``i * N + j``.
    """
    count = len(hashes)
    looked_up, likes = np.ones(count, bool), [np.zeros(0, np.int64)]
    order = np.argsort(hashes, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(hashes[order]) != 0, True])
    for n in np.flatnonzero(np.diff(starts) > _CROWD):
        crowd = order[starts[n] : starts[n + 1]]
        cells = coarse[crowd].reshape(len(crowd), -1)
        crowd = crowd[np.lexsort((*cells.T, cells.mean(axis=1)))]
        looked_up[crowd] = False
        looked_up[crowd[:: -(-len(crowd) // _CROWD)]] = True
        for step in range(1, _LIKES + 1):
            pair = np.sort(np.stack([crowd[:-step], crowd[step:]]), axis=0)
            likes.append(pair[0] * count + pair[1])
    return looked_up, np.concatenate(likes)


def _hashes(views: Sequence[View]) -> Hashes:
    return np.array([view.phash for view in views], np.uint64)


def _coarse(views: Sequence[View]) -> NDArray[np.uint8]:
    return np.stack([view.coarse for view in views])


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
