"""64-bit hashes → the pairs that differ in few bits: proposals, not decisions.

Exact: every pair within the distance is found. Few hashes are compared each with each.
Many are looked up (multi-index hashing, Norouzi, Punjani & Fleet 2012): of the four
16-bit parts of two hashes that lie close, one at least lies closer still, so that only
those need comparing that share a part, or nearly. Either way memory stays flat.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1024  # rows and columns compared at a time: 8 MB
_PARTS = 4
_PART_BITS = 16
_PART = np.uint64(2**_PART_BITS - 1)
_AT_ONCE = 2**21  # pairs compared at a time: 64 MB
_LOOKUP_S = 3e-5  # of one probe, however many hashes there are
_PAIR_S = 2e-9  # of comparing one pair in a block
_PROBE_S = 6e-9  # of probing with one hash, and of comparing what it meets

Hashes = NDArray[np.uint64]  # (N,)
Indices = NDArray[np.int64]
Near = tuple[Indices, Indices]  # rows of the one, rows of the other


def near_pairs(
    first: Hashes, second: Hashes, max_distance: int
) -> tuple[Indices, Indices, Indices]:
    """Find all ``i < j`` where ``first[i]`` and ``second[j]`` lie close.

    Args:
        first: One hash a picture.
        second: The same pictures' hashes of the same kind, or of their mirror images.
        max_distance: Bits of 64 that may differ.

    Returns:
        ``i``, ``j`` and the bits that differ, sorted by ``i``, then ``j``.
    """
    count = len(first)
    near = _looked_up if _is_lookup_faster(count, max_distance) else _each_with_each
    empty = np.zeros(0, np.int64)
    found = [i * count + j for i, j in near(first, second, max_distance)]
    codes = np.unique(np.concatenate(found)) if found else empty
    i, j = np.divmod(codes, max(count, 1))
    return i, j, np.bitwise_count(first[i] ^ second[j]).astype(np.int64)


def _each_with_each(first: Hashes, second: Hashes, reach: int) -> Iterator[Near]:
    for top in range(0, len(first), _BLOCK):
        rows = first[top : top + _BLOCK, None]
        for left in range(top, len(second), _BLOCK):
            distance = np.bitwise_count(rows ^ second[None, left : left + _BLOCK])
            i, j = np.nonzero(distance <= reach)
            ordered = i + top < j + left
            yield i[ordered] + top, j[ordered] + left


def _looked_up(first: Hashes, second: Hashes, reach: int) -> Iterator[Near]:
    for part, masks in enumerate(_masks(reach)):
        own, other = _sorted_by(part, first), _sorted_by(part, second)
        starts = np.searchsorted(other.keys, np.arange(2**_PART_BITS + 1))
        for mask in masks:
            met = own.keys ^ mask
            counts = starts[met + 1] - starts[met]
            if first is second:  # each two parts meet twice; once is enough
                counts = np.where(own.keys <= met, counts, 0)
            for rows, columns in _spread(counts, starts[met]):
                apart = np.bitwise_count(own.hashes[rows] ^ other.hashes[columns])
                near = np.flatnonzero(apart <= reach)
                i, j = own.order[rows[near]], other.order[columns[near]]
                if first is second:
                    i, j = np.minimum(i, j), np.maximum(i, j)
                ordered = i < j
                yield i[ordered], j[ordered]


class _Sorted(NamedTuple):
    """Hashes in the order of one of their parts."""

    order: Indices  # where each was
    keys: Indices  # the part, 0..65535
    hashes: Hashes


def _sorted_by(part: int, hashes: Hashes) -> _Sorted:
    keys = ((hashes >> np.uint64(part * _PART_BITS)) & _PART).astype(np.int64)
    order = np.argsort(keys, kind="stable")
    return _Sorted(order, keys[order], hashes[order])


def _spread(counts: Indices, starts: Indices) -> Iterator[Near]:
    """Yield row and column of every pair, where each row meets a run of columns."""
    rows = np.flatnonzero(counts)
    counts, starts = counts[rows], starts[rows]
    ends = np.cumsum(counts)
    at, before = 0, 0
    while at < len(rows):
        to = max(at + 1, int(np.searchsorted(ends, before + _AT_ONCE, side="right")))
        some = slice(at, to)
        total = int(ends[to - 1]) - before
        shift = starts[some] - (ends[some] - before - counts[some])
        yield (
            np.repeat(rows[some], counts[some]),
            np.arange(total) + np.repeat(shift, counts[some]),
        )
        at, before = to, int(ends[to - 1])


def _masks(reach: int) -> list[list[int]]:
    """Return by which bits each part is probed.

    Two hashes ``reach = 4r + a`` apart are at most ``r`` apart in one of the first
    ``a + 1`` parts, or at most ``r - 1`` in one of the others.
    """
    radius, rest = divmod(reach, _PARTS)
    return [
        [
            sum(1 << bit for bit in bits)
            for size in range(radius + (part <= rest))
            for bits in combinations(range(_PART_BITS), size)
        ]
        for part in range(_PARTS)
    ]


def _is_lookup_faster(count: int, reach: int) -> bool:
    probes = sum(map(len, _masks(min(reach, 24))))
    met = count * count / 2 / 2**_PART_BITS
    lookup = probes * (_LOOKUP_S + _PROBE_S * (count + met))
    return bool(lookup < _PAIR_S * count * count / 2)
