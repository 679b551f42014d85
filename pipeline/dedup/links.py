"""What comparing two pictures showed, and how it is kept in the cache.

    cache/dedup_pairs.npz    every pair that was compared, by sha256

So pictures that come later are compared, and no two pictures twice.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.dedup.cached import Arrays, read_cached, write_cached

CACHE_FILE = "dedup_pairs.npz"
_VERSION = 2  # of what comparing finds, and of what is kept; another one is not read
_NO_LINK = -1
_NOT_KNOWN = -1
_COLUMNS = ("is_copy", "mirrored", "residual", "sides", "is_brightened")

Pair = tuple[int, int]  # indices, the smaller first


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


def read_links(
    cache: Path, max_distance: int, sha256s: list[str]
) -> dict[Pair, Link | None]:
    """Return what is known of pairs, by index; ``None`` where they are not alike.

    Args:
        cache: The folder where it is kept.
        max_distance: The bits at which pairs were proposed.
        sha256s: The pictures there are; pairs of others are left out.
    """
    index = {sha256: n for n, sha256 in enumerate(sha256s)}

    def parse(stored: Arrays) -> dict[Pair, Link | None]:
        names = stored["sha256"].tolist()
        place = np.array([index.get(name, -1) for name in names], np.int64)
        pairs = place[stored["pair"]]
        known = (pairs[:, 0] >= 0) & (pairs[:, 0] < pairs[:, 1])
        rows = zip(
            pairs[known].tolist(),
            *(stored[name][known].tolist() for name in _COLUMNS),
            strict=True,
        )
        found: dict[Pair, Link | None] = {}
        for (first, second), is_copy, mirrored, residual, sides, is_brightened in rows:
            bordered, overlaid, cropped = (
                None if _NOT_KNOWN in side else (bool(side[0]), bool(side[1]))
                for side in sides
            )
            found[first, second] = (
                None
                if is_copy == _NO_LINK
                else Link(
                    first,
                    second,
                    bool(is_copy),
                    mirrored,
                    residual,
                    bordered,
                    overlaid or (False, False),
                    cropped or (False, False),
                    is_brightened,
                )
            )
        return found

    return read_cached(cache / CACHE_FILE, (_VERSION, max_distance), parse)


def read_copies(cache: Path, max_distance: int, sha256s: Collection[str]) -> set[str]:
    """Return all that chains of copies lead to from some pictures, and these.

    What other pictures there are has no part in how these are grouped.

    Args:
        cache: The folder where links are kept.
        max_distance: The bits at which pairs were proposed.
        sha256s: Where to start.
    """

    def parse(stored: Arrays) -> dict[str, bool]:
        names, pairs = stored["sha256"], stored["pair"][stored["is_copy"] == 1]
        reached = np.isin(names, list(sha256s))
        while len(new := pairs[reached[pairs].sum(axis=1) == 1]):
            reached[new] = True
        return dict.fromkeys(names[reached].tolist(), True)

    found = read_cached(cache / CACHE_FILE, (_VERSION, max_distance), parse)
    return {*sha256s, *found}


def write_links(
    cache: Path,
    max_distance: int,
    sha256s: list[str],
    known: Mapping[Pair, Link | None],
) -> None:
    """Keep what is known of pairs; the arguments are those of ``read_links``."""
    none = Link(0, 0, is_copy=False, mirrored=False, residual=0.0)
    links = [link or none for link in known.values()]
    unknown = (_NOT_KNOWN, _NOT_KNOWN)
    arrays = {
        "sha256": np.array(sha256s),
        "pair": np.array(list(known), np.int64).reshape(-1, 2),
        "is_copy": np.array(
            [_NO_LINK if link is None else link.is_copy for link in known.values()],
            np.int8,
        ),
        "mirrored": np.array([link.mirrored for link in links], bool),
        "residual": np.array([link.residual for link in links], np.float32),
        "sides": np.array(
            [
                (
                    unknown if link.bordered is None else link.bordered,
                    link.overlaid,
                    link.cropped,
                )
                for link in links
            ],
            np.int8,
        ).reshape(-1, 3, 2),
        "is_brightened": np.array([link.is_brightened for link in links], bool),
    }
    write_cached(cache / CACHE_FILE, (_VERSION, max_distance), arrays)
