"""What is flagged of pictures that were spoilt, and of good ones by mistake.

Real photos of the test data (``MEKIKI_TEST_DATA``), as they are and spoilt
(``spoilt``), and drawn cards (``cards``). ``found_<flag>`` is the share of the spoilt
pictures that carry the flag, of the mildest way to spoil them;
``false_alarms_<flag>_per_1000`` counts photos that nobody spoilt: one that is dark or
grey by itself is among them. ``placeholder_of_<way>`` says how many of the photos that
were spoilt in some other way are taken for cards.

The threshold of ``placeholder`` was set on the first family of cards and on half of the
photos: ``found_placeholder`` is that of the second family, drawn from other seeds than
were looked at. ``strangers`` and the test part of CIFAR-10 set no threshold.
``--quick`` takes every eighth photo and a fifth of the cards.
"""

import os
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import TypeVar

import cv2

from benchmarks.figures import Figure
from benchmarks.quality.cards import FIRST, SECOND, draw_card
from benchmarks.quality.spoilt import SPOILT, spoil
from pipeline.dedup.hashing import DECODED_SIDE, layers
from pipeline.dedup.quality import (
    LOOKS,
    THRESHOLDS,
    flags_of,
    look_scores,
    shape_scores,
)
from pipeline.images import Pixels, decode_image, inspect_image
from pipeline.machine import usable_cores

SETS = ("guitars6", "clothing10", "flowers12", "strangers")
CIFAR = "cifar10_test_2000.tar"  # 32x32 pixels
CIFAR_SIDE = 32  # pixels that such a set takes
MIN_SIDE = 64  # pixels that a set takes, unless it says otherwise
CARDS = 100  # of each style
FIRST_SEED = 1000  # cards of lower seeds were looked at as the measure was chosen
FLAGS = tuple(flag for flag in THRESHOLDS if flag != "unreadable")

Flags = tuple[str, ...]
_T = TypeVar("_T")


def measure(*, quick: bool) -> dict[str, Figure]:
    """Spoil photos, draw cards, flag all of them, count.

    Raises:
        SystemExit: ``MEKIKI_TEST_DATA`` does not name the test data.
    """
    data = Path(os.environ.get("MEKIKI_TEST_DATA", "")).absolute()
    missing = [name for name in (*SETS, CIFAR) if not (data / name).exists()]
    if missing:
        sys.exit(
            f"MEKIKI_TEST_DATA must name the folder that holds {', '.join(missing)};"
            f" it names {data}"
        )
    step = 8 if quick else 1
    photos = {
        name: [file.read_bytes() for file in _jpegs(data / name)[::step]]
        for name in SETS
    }
    cv2.setNumThreads(1)
    every = [photo for found in photos.values() for photo in found]
    figures = _good_figures(photos, _members(data / CIFAR)[::step])
    figures |= _spoilt_figures(every)
    figures |= _card_figures(CARDS // 5 if quick else CARDS)
    return figures | _time_figure(photos["guitars6"][:500])


def flags_by_look(picture: bytes, min_side: int = MIN_SIDE) -> Flags:
    """Return the flags that dedup gives a picture for its pixels and its size."""
    facts = inspect_image(picture)
    scores = _look(decode_image(picture, min_side=DECODED_SIDE))
    return flags_of(scores | shape_scores(facts.width, facts.height, min_side=min_side))


def _look(image: Pixels) -> dict[str, float]:
    height, width = image.shape[:2]
    top, bottom, left, right = layers(image)[-1]
    box = (top / height, bottom / height, left / width, right / width)
    return look_scores(image, box)


def _good_figures(
    photos: Mapping[str, Sequence[bytes]], cifar: Sequence[bytes]
) -> dict[str, Figure]:
    """Count the flags of photos that nobody spoilt; those of CIFAR apart."""
    flagged = {name: _each(flags_by_look, found) for name, found in photos.items()}
    flagged["cifar"] = _each(lambda photo: flags_by_look(photo, CIFAR_SIDE), cifar)
    number = sum(len(found) for found in photos.values())
    figures = {}
    for flag in FLAGS:
        alarms = {name: _count(flag, found) for name, found in flagged.items()}
        told = (f"{name} {alarms[name]} of {len(flagged[name])}" for name in flagged)
        figures[f"false_alarms_{flag}_per_1000"] = Figure(
            1000 * sum(alarms[name] for name in photos) / number,
            goal=0 if flag == "placeholder" else None,
            unit="photos",
            lower_is_better=True,
            note=", ".join(told) + " (not in the rate)",
        )
    return figures


def _spoilt_figures(photos: Sequence[bytes]) -> dict[str, Figure]:
    """Spoil every photo in every way; the mildest that has the flag counts."""
    found: dict[str, list[tuple[str, float]]] = {}
    figures = {}
    for way, (flag, _) in SPOILT.items():

        def judge(numbered: tuple[int, bytes], way: str = way) -> Flags:
            number, photo = numbered
            return flags_by_look(spoil(way, decode_image(photo), str(number)))

        flagged = _each(judge, list(enumerate(photos)))
        taken = Counter(other for flags in flagged for other in flags)
        if flag:
            found.setdefault(flag, []).append((way, taken[flag] / len(photos)))
        figures[f"placeholder_of_{way.replace(' ', '_')}"] = Figure(
            1000 * taken["placeholder"] / len(photos),
            unit="photos of 1000",
            lower_is_better=True,
            note=", ".join(f"{other} {n}" for other, n in sorted(taken.items())),
        )
        print(f"{way}: {dict(taken)} of {len(photos)}", flush=True)
    return {
        f"found_{flag}": Figure(
            min(share for _, share in ways),
            unit="share",
            note="; ".join(f"{way}: {share:.3f}" for way, share in ways),
        )
        for flag, ways in found.items()
    } | figures


def _card_figures(number: int) -> dict[str, Figure]:
    """Count the cards that are found, of each family."""
    shares, notes = {}, {}
    for family, styles in (("first", FIRST), ("second", SECOND)):
        found = {}
        for style in styles:
            seeds = range(FIRST_SEED, FIRST_SEED + number)
            cards = [draw_card(style, seed) for seed in seeds]
            found[style] = _count("placeholder", _each(flags_by_look, cards)) / number
        shares[family] = sum(found.values()) / len(found)
        notes[family] = "; ".join(f"{s}: {share:.2f}" for s, share in found.items())
    return {
        "found_placeholder": Figure(
            shares["second"],
            goal=0.95,
            unit="share",
            note=f"cards of the second family, which set nothing: {notes['second']}",
        ),
        "found_placeholder_first_family": Figure(
            shares["first"], unit="share", note=notes["first"]
        ),
    }


def _time_figure(photos: Sequence[bytes]) -> dict[str, Figure]:
    images = [decode_image(photo, min_side=DECODED_SIDE) for photo in photos]
    spent = []
    for _ in range(5):
        began = time.process_time()
        for image in images:
            look_scores(image)
        spent.append(1000 * (time.process_time() - began) / len(images))
    return {
        "look_ms": Figure(
            median(spent),
            goal=1.2,
            unit="CPU ms a photo",
            lower_is_better=True,
            note=f"{len(LOOKS)} scores of a decoded photo; the median of 5 rounds",
        )
    }


def _each(judge: Callable[[_T], Flags], pictures: Sequence[_T]) -> list[Flags]:
    with ThreadPoolExecutor(usable_cores()) as workers:
        return list(workers.map(judge, pictures))


def _count(flag: str, flagged: Sequence[Flags]) -> int:
    return sum(flag in flags for flags in flagged)


def _jpegs(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.jpg"))


def _members(archive: Path) -> list[bytes]:
    with tarfile.open(archive) as opened:
        files = (opened.extractfile(member) for member in opened if member.isfile())
        read = [file.read() for file in files if file is not None]
    return [data for data in read if data.startswith(b"\xff\xd8")]
