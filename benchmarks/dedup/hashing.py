"""How fast a photo is hashed, beside imagehash, imagededup and decoding alone."""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import TypeVar

import imagehash
import numpy as np
from PIL import Image

from benchmarks.dedup.groups import one_core
from benchmarks.dedup.peers import NO_PEER, has_peer, imagededup
from benchmarks.figures import Figure
from pipeline.dedup.features import describe
from pipeline.dedup.hashing import DECODED_SIDE, phash
from pipeline.images import decode_image, encode_jpeg
from pipeline.progress import silent

ROUNDS = 5
LARGE = (1600, 1067)  # pixels of the photos that are hashed for speed

Given = TypeVar("Given")


def hash_figures(photos: Sequence[Path], folder: Path) -> dict[str, Figure]:
    """Time the plain hash of large photos and others', in turn, CPU seconds, one core.

    ``described_per_s`` is all that dedup works out of a photo: the hashes of every
    layer and of its cut-outs, and the scores of its look.
    """
    large = [_enlarged(photo, folder) for photo in photos]
    methods: dict[str, Callable[[], float]] = {
        "ours": lambda: _spent(large, _hash),
        "imagehash": lambda: _spent(large, lambda f: imagehash.phash(Image.open(f))),
        "limit": lambda: _spent(large, _decode_scaled),
        "described": lambda: _spent([large], _describe),
    }
    if has_peer("imagededup"):
        methods["imagededup"] = lambda: imagededup("hash", large, folder).cpu_s
    spent: dict[str, list[float]] = {name: [] for name in methods}
    with one_core():
        for _ in range(ROUNDS):
            for name, method in methods.items():
                spent[name].append(method())
    rate = {name: len(large) / median(times) for name, times in spent.items()}
    ours = f"ours: {rate['ours']:.0f} a second and core"
    apart = [_bits_apart(photo) for photo in photos]
    return {
        "hash_vs_imagehash": Figure(
            rate["ours"] / rate["imagehash"],
            goal=2.5,
            unit="ours ÷ theirs",
            peer=rate["imagehash"],
            note=f"imagehash.phash of the whole picture; {ours}",
        ),
        "hash_vs_imagededup": Figure(
            rate["ours"] / rate["imagededup"] if "imagededup" in rate else None,
            goal=4.0,
            unit="ours ÷ theirs",
            peer=rate.get("imagededup"),
            note=f"PHash.encode_image; {ours}" if "imagededup" in rate else NO_PEER,
        ),
        "hash_vs_limit": Figure(
            rate["ours"] / rate["limit"],
            goal=0.7,
            unit="share",
            peer=rate["limit"],
            note="of decoding alone, at the same scale",
        ),
        "described_per_s": Figure(
            rate["described"],
            unit="photos a CPU s",
            note="hashes of all layers and cut-outs, and the scores of its look",
        ),
        "hash_bits_mean": Figure(
            float(np.mean(apart)),
            goal=0.6,
            unit="bits of 64",
            lower_is_better=True,
            note=f"beside imagehash on the whole picture; at most {max(apart)}",
        ),
    }


def _spent(many: Sequence[Given], method: Callable[[Given], object]) -> float:
    began = time.process_time()
    for one in many:
        method(one)
    return time.process_time() - began


def _hash(file: Path) -> None:
    phash(decode_image(file, min_side=DECODED_SIDE))


def _describe(files: Sequence[Path]) -> None:
    with tempfile.TemporaryDirectory(prefix="mekiki-bench-") as cache:
        describe({str(file): file for file in files}, Path(cache), progress=silent)


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
