"""64-bit hashes → the pairs that differ in few bits: proposals, not decisions.

Exact: every pair within the distance is found. Hashes are compared in blocks, so
that memory stays flat however many there are.
"""

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1024  # rows and columns compared at a time: 8 MB

Hashes = NDArray[np.uint64]  # (N,)
Indices = NDArray[np.int64]


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
    found: list[tuple[Indices, Indices, Indices]] = []
    for top in range(0, len(first), _BLOCK):
        rows = first[top : top + _BLOCK, None]
        for left in range(top, len(second), _BLOCK):
            distance = np.bitwise_count(rows ^ second[None, left : left + _BLOCK])
            i, j = np.nonzero(distance <= max_distance)
            ordered = i + top < j + left
            i, j = i[ordered], j[ordered]
            found.append((i + top, j + left, distance[i, j].astype(np.int64)))
    if not found:
        empty = np.zeros(0, np.int64)
        return empty, empty, empty
    i, j, bits = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.lexsort((j, i))
    return i[order], j[order], bits[order]
