"""Pairs of hashes that lie close: all of them, by whichever way is faster."""

import numpy as np
import pytest

from pipeline.dedup.neighbours import near_pairs


def hashes_with_neighbours(count: int, seed: int) -> np.ndarray:
    """Return random hashes, a fifth of which lie 0 to 12 bits from another one."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 2**64, count, np.uint64)
    for n in range(count // 5):
        flipped = rng.choice(64, rng.integers(0, 13), replace=False)
        mask = sum(1 << int(bit) for bit in flipped)
        hashes[count - 1 - n] = hashes[n] ^ np.uint64(mask)
    return hashes


@pytest.mark.parametrize("max_distance", [0, 3, 8, 10, 14])
@pytest.mark.parametrize("count", [300, 9000])
def test_all_pairs_within_the_distance_are_found_and_no_others(count, max_distance):
    hashes = hashes_with_neighbours(count, max_distance)

    i, j, bits = near_pairs(hashes, hashes, max_distance)

    expected = {
        (n, n + 1 + int(m))
        for n in range(count)
        for m in np.flatnonzero(
            np.bitwise_count(hashes[n] ^ hashes[n + 1 :]) <= max_distance
        )
    }
    assert list(zip(i.tolist(), j.tolist(), strict=True)) == sorted(expected)
    assert (np.bitwise_count(hashes[i] ^ hashes[j]) == bits).all()


@pytest.mark.parametrize("count", [300, 9000])
def test_hashes_of_two_kinds_are_compared_across(count):
    first, second = hashes_with_neighbours(count, 1), hashes_with_neighbours(count, 2)
    second[count // 2 :] = first[: count - count // 2] ^ np.uint64(0b101)

    i, j, bits = near_pairs(first, second, 8)

    assert {(int(a), int(b)) for a, b in zip(i, j, strict=True)} >= {
        (n, n + count // 2) for n in range(count - count // 2)
    }
    assert (i < j).all()
    assert (np.bitwise_count(first[i] ^ second[j]) == bits).all()


def test_many_equal_hashes_are_all_paired():
    equal = np.full(700, 2**63 + 5, np.uint64)

    i, _, bits = near_pairs(equal, equal, 8)

    assert len(i) == 700 * 699 // 2
    assert not bits.any()
