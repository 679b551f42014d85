"""A folder → its pairs of copies: what that costs and how right it is, as a whole.

The folder is made of real photos, enlarged to what a camera or a shop delivers, so that
decoding costs what it does in practice. Some of them have copies of eight kinds. All
pairs of a family count, those of two copies too.
"""

import itertools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from benchmarks.dedup.groups import group_files, one_core
from benchmarks.dedup.peers import NO_PEER, PeerPairs, has_peer, imagededup
from benchmarks.dedup.planted import plant
from benchmarks.figures import Figure
from pipeline.images import Pixels, decode_image, encode_jpeg

ROUNDS = 3
PHOTOS = 1200
WITH_COPIES = 250  # of the photos
PIXELS = 1_160_000  # of a photo, about 200 kB
VARIANTS = (
    "resize",
    "jpeg",
    "greyscale",
    "brightness",
    "watermark",
    "crop5",
    "mirror",
)  # and the same bytes once more
_QUALITY = 92

Pairs = set[tuple[str, str]]


@dataclass(frozen=True)
class Rightness:
    """How right a list of pairs is."""

    recall: float
    precision: float


def pair_figures(
    photos: Sequence[Path], folder: Path, *, share: int
) -> dict[str, Figure]:
    """Find the pairs of one folder, in turn with imagededup; CPU seconds, one core.

    Args:
        photos: At least ``PHOTOS`` of them, of which none is a copy of another.
        folder: An empty one, for what is made.
        share: Every how manieth photo takes part.
    """
    wanted = folder / "photos"
    truth = make_folder(photos[:PHOTOS:share], WITH_COPIES // share, wanted)
    files = sorted(wanted.iterdir())
    spent, theirs = [], []
    peer = PeerPairs(0, [])
    with one_core():
        for n in range(ROUNDS):
            began = time.process_time()
            groups = group_files(files, folder / f"cache-{n}")
            found = pairs_of_groups([file.name for file in files], groups)
            spent.append(time.process_time() - began)
            if has_peer("imagededup"):
                peer = imagededup("folder", wanted, folder)
                theirs.append(peer.cpu_s)
    ours, other = rightness(found, truth), rightness(peer.pairs, truth)
    ratio = median(theirs) / median(spent) if theirs else None
    cost = f"{len(files):,} files: {median(spent):.1f} CPU s"
    return {
        "pairs_cpu_vs_imagededup": Figure(
            ratio,
            goal=4.0,
            unit="theirs ÷ ours",
            peer=median(theirs) if theirs else None,
            note=f"find_duplicates; ours: {cost}" if theirs else f"{NO_PEER}; {cost}",
        ),
        "pairs_recall": Figure(
            ours.recall,
            goal=0.97,
            unit="share",
            peer=other.recall if theirs else None,
            note=f"of {len(truth):,} pairs",
        ),
        "pairs_precision": Figure(
            ours.precision,
            goal=0.998,
            unit="share",
            peer=other.precision if theirs else None,
            note=f"of {len(found):,} pairs",
        ),
    }


def make_folder(photos: Sequence[Path], with_copies: int, folder: Path) -> Pairs:
    """Write the photos, enlarged, and copies of the first; return the pairs there are.

    The first are those whose names come first after a seeded shuffle.
    """
    folder.mkdir()
    order = np.random.default_rng(0).permutation(len(photos))
    truth: Pairs = set()
    for place, n in enumerate(order.tolist()):
        image = _enlarged(decode_image(photos[n]))
        name = f"{n:04}"
        made = {f"{name}.jpg": encode_jpeg(image, _QUALITY)}
        if place < with_copies:
            made[f"{name}-exact.jpg"] = made[f"{name}.jpg"]
            for kind in VARIANTS:
                made[f"{name}-{kind}.jpg"] = plant(kind, image, name)
        for file, content in made.items():
            (folder / file).write_bytes(content)
        truth |= _all_pairs(made)
    return truth


def pairs_of_groups(names: Sequence[str], groups: Sequence[int]) -> Pairs:
    """Return every pair of names, in order, that share a group."""
    members: dict[int, list[str]] = {}
    for name, group in zip(names, groups, strict=True):
        members.setdefault(group, []).append(name)
    return {pair for group in members.values() for pair in _all_pairs(group)}


def rightness(found: Iterable[tuple[str, str]], truth: Pairs) -> Rightness:
    """Compare the pairs found with those there are."""
    pairs = set(found)
    right = len(pairs & truth)
    return Rightness(right / max(len(truth), 1), right / max(len(pairs), 1))


def _all_pairs(names: Iterable[str]) -> Pairs:
    return set(itertools.combinations(sorted(names), 2))


def _enlarged(image: Pixels) -> Pixels:
    height, width = image.shape[:2]
    scale = (PIXELS / (height * width)) ** 0.5
    size = round(width * scale), round(height * scale)
    picture = Image.fromarray(image).resize(size, Image.Resampling.LANCZOS)
    return np.asarray(picture)
