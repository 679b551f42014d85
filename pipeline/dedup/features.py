"""What dedup needs of every stored picture, worked out once and kept in the cache.

    cache/dedup.npz    hashes, coarse brightness, scores of its look, coloured or not

The file is written whole or not at all, every now and then, so a run that was killed
goes on from there. Where it can't be read, everything is worked out
again. Pictures that can't be decoded are not kept: they are tried again the next time.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.dedup.cached import Arrays, read_cached, saving, write_cached
from pipeline.dedup.hashing import COARSE_SIDE, CROPS, DECODED_SIDE, View, views_of
from pipeline.dedup.quality import LOOKS, look_scores
from pipeline.dedup.verify import is_coloured
from pipeline.errors import ImageError
from pipeline.images import decode_image
from pipeline.processes import spread_over_cores
from pipeline.progress import Progress

logger = logging.getLogger(__name__)

CACHE_FILE = "dedup.npz"
_VERSION = 5  # of what is kept; another one is not read
_SECONDS = 0.005  # of describing a picture
_CHUNK = 32  # pictures described at a time
_OF_PICTURES = ("sha256", "look", "coloured")
_OF_VIEWS = (
    "owner",
    "layer",
    "box",
    "aspect",
    "phash",
    "mirrored_phash",
    "coarse",
    "crops",
)


@dataclass(frozen=True)
class Features:
    """A picture that could be decoded, as dedup sees it."""

    views: tuple[View, ...]  # the whole first, then what is inside its borders
    look: Mapping[str, float]  # score by name of ``quality.LOOKS``
    is_coloured: bool


def describe(
    paths: Mapping[str, Path], cache: Path, *, progress: Progress
) -> dict[str, Features]:
    """Return the features of every picture that can be decoded.

    Args:
        paths: Where each picture lies, by sha256.
        cache: The folder to keep them in; made where it is missing.
        progress: How the work is shown.
    """
    file = cache / CACHE_FILE
    kept = read_cached(file, (_VERSION,), _parse)
    known = {sha256: kept[sha256] for sha256 in paths if sha256 in kept}
    missing = [sha256 for sha256 in paths if sha256 not in known]
    if not missing:
        return known
    pieces = [missing[n : n + _CHUNK] for n in range(0, len(missing), _CHUNK)]

    def save() -> None:
        if known:
            write_cached(file, (_VERSION,), _arrays(known))

    with (
        spread_over_cores(_SECONDS * len(missing)) as spread,
        progress("describing photos", len(missing)) as advance,
        saving(save) as save_where_due,
    ):
        described = spread(_describe_all, ([paths[s] for s in p] for p in pieces))
        for piece, found in zip(pieces, described, strict=True):
            for sha256, seen in zip(piece, found, strict=True):
                if isinstance(seen, Features):
                    known[sha256] = seen
                else:
                    logger.warning("unreadable %s: %s", paths[sha256], seen)
            advance(len(piece))
            save_where_due()
    return known


def describe_few(paths: Mapping[str, Path], cache: Path) -> dict[str, Features]:
    """Do as ``describe`` does, at once and in this process; nothing more is kept."""

    def parse(stored: Arrays) -> dict[str, Features]:
        wanted = np.isin(stored["sha256"], list(paths))
        rows = wanted[stored["owner"]]
        places = np.cumsum(wanted) - 1
        few: dict[str, NDArray[Any]] = {
            name: stored[name][wanted if name in _OF_PICTURES else rows]
            for name in (*_OF_PICTURES, *_OF_VIEWS)
        }
        return _parse({**few, "owner": places[few["owner"]]})

    known = read_cached(cache / CACHE_FILE, (_VERSION,), parse)
    for sha256 in paths.keys() - known.keys():
        seen = _describe(paths[sha256])
        if isinstance(seen, Features):
            known[sha256] = seen
    return known


def _describe_all(paths: Sequence[Path]) -> list[Features | str]:
    """Describe pictures; or say why one can't be decoded."""
    cv2.setNumThreads(1)  # the processes are enough
    return [_describe(path) for path in paths]


def _describe(path: Path) -> Features | str:
    try:
        image = decode_image(path, min_side=DECODED_SIDE)
    except ImageError as error:
        return str(error)
    views = tuple(views_of(image))
    look = look_scores(image, views[-1].box)
    return Features(views, look, is_coloured(image))


def _parse(stored: Arrays) -> dict[str, Features]:
    owners = stored["owner"].tolist()
    rows = zip(
        stored["layer"].tolist(),
        (tuple(box) for box in stored["box"].tolist()),
        stored["aspect"].tolist(),
        stored["phash"].tolist(),
        stored["mirrored_phash"].tolist(),
        stored["coarse"],
        stored["crops"],
        strict=True,
    )
    sha256s = stored["sha256"].tolist()
    sides = stored["box"].reshape(-1, 4).T
    if (
        stored["coarse"].shape[1:] != (COARSE_SIDE, COARSE_SIDE)
        or stored["crops"].shape[1:] != (len(CROPS),)
        or set(owners) != set(range(len(sha256s)))
        or not ((sides[0] < sides[1]) & (sides[2] < sides[3])).all()
    ):
        raise ValueError("arrays of other shapes, or views of no picture")
    views: list[list[View]] = [[] for _ in sha256s]
    for owner, row in zip(owners, rows, strict=True):
        views[owner].append(View(*row))
    looks, coloured = stored["look"].tolist(), stored["coloured"].tolist()
    return {
        sha256: Features(tuple(seen), dict(zip(LOOKS, look, strict=True)), has_colour)
        for sha256, seen, look, has_colour in zip(
            sha256s, views, looks, coloured, strict=True
        )
    }


def _arrays(known: Mapping[str, Features]) -> Arrays:
    owned = [(n, v) for n, found in enumerate(known.values()) for v in found.views]
    views = [view for _, view in owned]
    return {
        "sha256": np.array(list(known)),
        "look": np.array([[f.look[name] for name in LOOKS] for f in known.values()]),
        "coloured": np.array([f.is_coloured for f in known.values()]),
        "owner": np.array([owner for owner, _ in owned]),
        "layer": np.array([view.layer for view in views]),
        "box": np.array([view.box for view in views]),
        "aspect": np.array([view.aspect for view in views]),
        "phash": np.array([view.phash for view in views], np.uint64),
        "mirrored_phash": np.array([v.mirrored_phash for v in views], np.uint64),
        "coarse": np.stack([view.coarse for view in views]),
        "crops": np.stack([view.crops for view in views]),
    }
