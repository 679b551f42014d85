"""How good predictions are: pure functions of labels and probabilities.

``y_true`` and ``y_pred`` are (N,) classes 0..K-1; ``pred_probs`` is (N, K), rows sum
to 1. Nothing is modified.
"""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Classes = NDArray[np.int64]  # (N,)
PredProbs = NDArray[np.float32]  # (N, K)

Z_95 = 1.959964  # of the normal distribution, two-sided 95 %


@dataclass(frozen=True)
class Calibration:
    """How well confidence and accuracy agree, by bins of confidence."""

    expected_error: float  # 0 (honest) .. 1; weighted by the photos of a bin
    mean_confidence: float
    accuracy: float
    edges: tuple[float, ...]  # B + 1
    counts: tuple[int, ...]  # B photos
    confidences: tuple[float, ...]  # B means; 0 where a bin is empty
    accuracies: tuple[float, ...]  # B; 0 where a bin is empty


@dataclass(frozen=True)
class ClassScore:
    """How one class fares; ``None`` where there is nothing to divide by."""

    precision: float | None  # of those called so, the share that are
    recall: float | None  # of those that are, the share called so
    num_photos: int


def accuracy(y_true: Classes, y_pred: Classes) -> float:
    """Return the share that is right, 0..1."""
    _same_length(y_true, y_pred)
    return float(np.mean(y_true == y_pred))


def wilson_interval(num_right: int, num_all: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927): it stays within 0..1."""
    if not 0 <= num_right <= num_all or num_all == 0:
        raise ValueError(f"expected 0 <= right <= all, got {num_right} of {num_all}")
    share = num_right / num_all
    spread = Z_95**2 / num_all
    centre = (share + spread / 2) / (1 + spread)
    half = math.sqrt(share * (1 - share) * spread + spread**2 / 4) / (1 + spread)
    # rounding must not leave the share itself outside
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def mcnemar(first_only: int, second_only: int) -> float:
    """Return the p-value of two classifiers judged on the same photos, 0..1.

    The exact test of McNemar 1947: of the photos that one alone has right, each is
    either's with the same chance; two-sided, by the binomial distribution.

    Args:
        first_only: Photos that the first has right and the second wrong.
        second_only: The reverse.
    """
    number = first_only + second_only
    if first_only == second_only:
        return 1.0
    tail = math.fsum(
        math.exp(
            math.lgamma(number + 1)
            - math.lgamma(fewer + 1)
            - math.lgamma(number - fewer + 1)
            - number * math.log(2)
        )
        for fewer in range(min(first_only, second_only) + 1)
    )
    return min(1.0, 2 * tail)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values that hold for all together (Holm 1979), in the order given.

    Of many comparisons some look unlikely by chance alone; each p-value is raised so
    that one in twenty such families has any below 0.05 where nothing differs.
    """
    adjusted = [0.0] * len(p_values)
    so_far = 0.0
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    for rank, place in enumerate(order):
        so_far = max(so_far, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = so_far
    return adjusted


def confusion_counts(
    y_true: Classes, y_pred: Classes, num_classes: int
) -> NDArray[np.int64]:
    """Count photos by class (rows) and by what they were called (columns): (K, K)."""
    _same_length(y_true, y_pred)
    counts = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(counts, (y_true, y_pred), 1)
    return counts


def class_scores(confusion: NDArray[np.int64]) -> list[ClassScore]:
    """Return precision and recall of each class, from ``confusion_counts``."""
    right = confusion.diagonal()
    called, are = confusion.sum(axis=0), confusion.sum(axis=1)
    return [
        ClassScore(
            int(right[k]) / int(called[k]) if called[k] else None,
            int(right[k]) / int(are[k]) if are[k] else None,
            int(are[k]),
        )
        for k in range(len(confusion))
    ]


def calibration(
    y_true: Classes, pred_probs: PredProbs, num_bins: int = 10
) -> Calibration:
    """Compare confidence with accuracy in ``num_bins`` equal bins of confidence.

    The expected calibration error of Guo et al. 2017 (arXiv 1706.04599).
    """
    _same_length(y_true, pred_probs)
    confidence = pred_probs.max(axis=1).astype(np.float64)
    right = (pred_probs.argmax(axis=1) == y_true).astype(np.float64)
    edges = np.linspace(0.0, 1.0, num_bins + 1)
    bins = np.clip(np.ceil(confidence * num_bins).astype(int) - 1, 0, num_bins - 1)
    counts = np.bincount(bins, minlength=num_bins)
    filled = np.maximum(counts, 1)
    confidences = np.bincount(bins, confidence, num_bins) / filled
    accuracies = np.bincount(bins, right, num_bins) / filled
    error = float(np.abs(confidences - accuracies) @ counts / len(y_true))
    return Calibration(
        error,
        float(confidence.mean()),
        float(right.mean()),
        tuple(edges.tolist()),
        tuple(counts.tolist()),
        tuple(confidences.tolist()),
        tuple(accuracies.tolist()),
    )


def log_loss(y_true: Classes, pred_probs: PredProbs) -> float:
    """Return the mean of -log of the probability given to the truth."""
    _same_length(y_true, pred_probs)
    given = pred_probs[np.arange(len(y_true)), y_true].astype(np.float64)
    return float(-np.log(np.maximum(given, 1e-12)).mean())


def kappa(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Return how far two judges agree beyond chance (Cohen 1960): 1 at most, 0 chance.

    Args:
        pairs: What each of the two said of the same thing.

    Returns:
        ``None`` where it is not defined: nothing was judged, or both said one and the
        same of everything, so that chance would have agreed as well.
    """
    if not pairs:
        return None
    num_pairs = len(pairs)
    agreed = sum(first == second for first, second in pairs) / num_pairs
    firsts = Counter(first for first, _ in pairs)
    seconds = Counter(second for _, second in pairs)
    both = sum(number * seconds[said] for said, number in firsts.items())
    by_chance = both / num_pairs**2
    return None if both == num_pairs**2 else (agreed - by_chance) / (1 - by_chance)


def _same_length(first: NDArray[np.generic], second: NDArray[np.generic]) -> None:
    if len(first) != len(second) or len(first) == 0:
        raise ValueError(
            f"expected as many predictions as labels, at least one;"
            f" got {len(first)} and {len(second)}"
        )
