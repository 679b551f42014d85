"""Finding copies: how fast a hash is made and looked up, and what is found of copies.

The copies are planted (``planted``): every kind of every photo of ``clothing10`` of the
test data (``MEKIKI_TEST_DATA``), one kind at a time, beside all the originals, of which
none is a copy of another. ``--quick`` takes every fourth photo.

Peers: ``imagehash.phash`` on the whole decoded picture, for the hash.
"""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import imagehash
import numpy as np
from PIL import Image

from benchmarks.dedup.planted import KINDS, plant
from benchmarks.figures import Figure
from pipeline.cli.group import shown_progress
from pipeline.dedup.features import describe
from pipeline.dedup.grouping import group_links
from pipeline.dedup.hashing import DECODED_SIDE, phash
from pipeline.dedup.matching import Picture, find_links
from pipeline.dedup.neighbours import near_pairs
from pipeline.images import decode_image, encode_jpeg

ROUNDS = 5
LARGE = (1600, 1067)  # pixels of the photos that are hashed for speed
MAX_DISTANCE = 10  # of a set, unless it says otherwise
GOALS = dict.fromkeys(KINDS, 0.95) | {
    "resize": 0.99,
    "jpeg": 0.99,
    "brightness": 0.99,
    "greyscale": 0.99,
    "crop10": 0.9,
    "scribble": 0.9,
}


def measure(*, quick: bool) -> dict[str, Figure]:
    """Measure hashing, neighbours and what is found of planted copies."""
    where = os.environ.get("MEKIKI_TEST_DATA", "")
    photos = sorted((Path(where) / "clothing10").glob("*/*.jpg")) if where else []
    figures = neighbour_figures(quick=quick)
    if not photos:
        missing = Figure(None, note="MEKIKI_TEST_DATA holds no clothing10")
        return figures | dict.fromkeys(
            ("hash_vs_imagehash", "hash_vs_limit", "hash_bits_mean"), missing
        )
    with tempfile.TemporaryDirectory(prefix="mekiki-bench-") as folder:
        figures |= hash_figures(photos[:60], Path(folder))
        chosen = photos[::4] if quick else photos
        figures |= recall_figures(chosen, Path(folder))
    return figures


def hash_figures(photos: Sequence[Path], folder: Path) -> dict[str, Figure]:
    """Time the plain hash of large photos against imagehash, in turn, CPU seconds."""
    large = [_enlarged(photo, folder) for photo in photos]
    methods: dict[str, Callable[[Path], object]] = {
        "ours": lambda file: phash(decode_image(file, min_side=DECODED_SIDE)),
        "imagehash": lambda file: imagehash.phash(Image.open(file)),
        "limit": _decode_scaled,
    }
    spent: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(ROUNDS):
        for name, method in methods.items():
            began = time.process_time()
            for file in large:
                method(file)
            spent[name].append(time.process_time() - began)
    rate = {name: len(large) / median(times) for name, times in spent.items()}
    apart = [_bits_apart(photo) for photo in photos]
    return {
        "hash_vs_imagehash": Figure(
            rate["ours"] / rate["imagehash"],
            goal=2.5,
            unit="ours ÷ theirs",
            peer=rate["imagehash"],
            note=f"{rate['ours']:.0f} a second and core",
        ),
        "hash_vs_limit": Figure(
            rate["ours"] / rate["limit"],
            goal=0.7,
            unit="share",
            peer=rate["limit"],
            note="of decoding alone, at the same scale",
        ),
        "hash_bits_mean": Figure(
            float(np.mean(apart)),
            goal=0.6,
            unit="bits of 64",
            lower_is_better=True,
            note=f"beside imagehash on the whole picture; at most {max(apart)}",
        ),
    }


def neighbour_figures(*, quick: bool) -> dict[str, Figure]:
    """Time looking up all pairs within 8 bits of random hashes with planted pairs."""
    figures = {}
    for name, count, goal in (("1e5", 10**5, 1.0), ("1e6", 10**6, 60.0)):
        if quick and count > 10**5:
            continue
        rng = np.random.default_rng(count)
        hashes = rng.integers(0, 2**64, count, np.uint64)
        planted = count // 50
        for n in range(planted):
            flipped = rng.choice(64, n % 9, replace=False)
            mask = np.uint64(sum(1 << int(bit) for bit in flipped))
            hashes[n] = hashes[planted + n] ^ mask
        began = time.process_time()
        i, j, _ = near_pairs(hashes, hashes, 8)
        spent = time.process_time() - began
        found = set(zip(i.tolist(), j.tolist(), strict=True))
        hits = sum((n, planted + n) in found for n in range(planted))
        figures[f"neighbours_{name}_s"] = Figure(
            spent,
            goal=goal,
            unit="CPU s",
            lower_is_better=True,
            note=f"{hits:,} of {planted:,} planted pairs found",
        )
    return figures


def recall_figures(photos: Sequence[Path], folder: Path) -> dict[str, Figure]:
    """Plant copies of one kind after the other, and count those that are found."""
    figures = {}
    joined = 0
    for kind in KINDS:
        copies = []
        for photo in photos:
            copy = folder / f"{kind}-{photo.stem}.jpg"
            copy.write_bytes(plant(kind, decode_image(photo), photo.stem))
            copies.append(copy)
        groups = _groups([*photos, *copies], folder / kind)
        found = sum(
            groups[n] == groups[len(photos) + n] for n in range(len(photos))
        ) / len(photos)
        joined = max(joined, len(photos) - len(set(groups[: len(photos)])))
        figures[f"recall_{kind}"] = Figure(found, goal=GOALS[kind], unit="share")
    figures["false_merges_per_1000"] = Figure(
        1000 * joined / len(photos),
        goal=1.0,
        unit="photos",
        lower_is_better=True,
        note=f"of {len(photos):,} originals, the worst of all kinds",
    )
    return figures


def _groups(files: Sequence[Path], cache: Path) -> list[int]:
    named = {str(file): file for file in files}
    seen = describe(named, cache, progress=shown_progress())
    pictures = [Picture(file, seen.get(str(file))) for file in files]
    links = find_links(pictures, MAX_DISTANCE, progress=shown_progress())
    return [place.group for place in group_links(len(files), links)]


def _enlarged(photo: Path, folder: Path) -> Path:
    image = Image.fromarray(decode_image(photo)).resize(LARGE, Image.Resampling.LANCZOS)
    file = folder / f"large-{photo.stem}.jpg"
    file.write_bytes(encode_jpeg(np.asarray(image), 92))
    return file


def _decode_scaled(file: Path) -> None:
    with Image.open(file) as image:
        longer = DECODED_SIDE * max(image.size) // min(image.size)
        image.draft("RGB", (longer, DECODED_SIDE))
        image.load()


def _bits_apart(photo: Path) -> int:
    whole = int(str(imagehash.phash(Image.open(photo))), 16)
    return (phash(decode_image(photo, min_side=DECODED_SIDE))[0] ^ whole).bit_count()
