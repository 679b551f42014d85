"""Accuracy and flip rate, corruption by corruption, severity by severity.

flip rate: the share of photos whose predicted class is another one than that of the
clean photo, whether the clean one was right or not.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.robustness.corruptions import CORRUPTIONS, SEVERITIES, Pixels, corrupt

CLEAN = "clean"
BATCH = 64  # pictures corrupted and predicted at a time
EXAMPLES = 2  # flipped photos kept of each corruption

Predict = Callable[[NDArray[np.uint8]], NDArray[np.float32]]  # (N, S, S, 3) → (N, K)


@dataclass(frozen=True)
class ValPhotos:
    """Photos at the network's size, with what they truly are."""

    images: NDArray[np.uint8]  # (N, S, S, 3), RGB
    sha256: Sequence[str]
    y_true: NDArray[np.intp]  # (N,), index of the label


@dataclass(frozen=True)
class Measured:
    """One row of robustness.csv; severity 0 is the clean photos."""

    corruption: str
    severity: int
    accuracy: float  # 0..1
    flip_rate: float  # 0..1
    num_photos: int


@dataclass(frozen=True)
class Flip:
    """A photo whose predicted class a corruption changed."""

    corruption: str
    severity: int  # the mildest that did it
    clean: Pixels
    corrupted: Pixels
    clean_class: int
    corrupted_class: int


@dataclass(frozen=True)
class Robustness:
    """All that was measured of a run."""

    rows: list[Measured]  # the clean row first, then by corruption and severity
    flips: list[Flip]


def measure(
    photos: ValPhotos, predict: Predict, *, seed: int, advance: Callable[[int], None]
) -> Robustness:
    """Predict every photo clean, then under each corruption at each severity.

    Args:
        photos: At least one.
        predict: The network: class probabilities of a batch.
        seed: Of the corruptions; a photo's own name is mixed in, so that its noise
            does not depend on which other photos there are.
        advance: Called with the number of pictures just predicted.
    """
    clean = _predict_all([photos.images], predict, advance)
    y_clean = clean.argmax(axis=1)
    rows = [_row(CLEAN, 0, y_clean, y_clean, photos.y_true)]
    flips: list[Flip] = []
    # Of a corruption's flips, those the network was right and most sure about first.
    order = np.argsort(-(clean.max(axis=1) + (y_clean == photos.y_true)), kind="stable")
    for name in CORRUPTIONS:
        shown: list[int] = []
        for severity in SEVERITIES:
            batches = _corrupted(photos, name, severity, seed)
            y_pred = _predict_all(batches, predict, advance).argmax(axis=1)
            rows.append(_row(name, severity, y_pred, y_clean, photos.y_true))
            fresh = [i for i in order if y_pred[i] != y_clean[i] and i not in shown]
            for i in fresh[: EXAMPLES - len(shown)]:
                shown.append(i)
                flips.append(
                    Flip(
                        corruption=name,
                        severity=severity,
                        clean=photos.images[i],
                        corrupted=_corrupted_one(photos, i, name, severity, seed),
                        clean_class=int(y_clean[i]),
                        corrupted_class=int(y_pred[i]),
                    )
                )
    return Robustness(rows, flips)


def num_predictions(num_photos: int) -> int:
    """Count the pictures that ``measure`` predicts for so many photos."""
    return num_photos * (1 + len(CORRUPTIONS) * len(SEVERITIES))


def _row(
    name: str,
    severity: int,
    y_pred: NDArray[np.intp],
    y_clean: NDArray[np.intp],
    y_true: NDArray[np.intp],
) -> Measured:
    return Measured(
        corruption=name,
        severity=severity,
        accuracy=float((y_pred == y_true).mean()),
        flip_rate=float((y_pred != y_clean).mean()),
        num_photos=len(y_true),
    )


def _predict_all(
    batches: Sequence[NDArray[np.uint8]] | Iterator[NDArray[np.uint8]],
    predict: Predict,
    advance: Callable[[int], None],
) -> NDArray[np.float32]:
    probs = []
    for images in batches:
        probs.append(predict(images))
        advance(len(images))
    return np.concatenate(probs)


def _corrupted(
    photos: ValPhotos, name: str, severity: int, seed: int
) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, len(photos.images), BATCH):
        chosen = range(start, min(start + BATCH, len(photos.images)))
        yield np.stack(
            [_corrupted_one(photos, i, name, severity, seed) for i in chosen]
        )


def _corrupted_one(
    photos: ValPhotos, i: int, name: str, severity: int, seed: int
) -> Pixels:
    """Corrupt a photo; all severities of a corruption draw the same randomness."""
    entropy = (seed, int(photos.sha256[i][:16], 16), zlib.crc32(name.encode()))
    return corrupt(photos.images[i], name, severity, np.random.default_rng(entropy))
