"""A known truth replayed: in which order do labels come, and what is learned when.

A simulated curator starts with no label and says the truth of the photos asked for,
some at a time; after each time a classifier learns from the labels so far, and is
measured on photos that are held out. Pure, and seeded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from pipeline.metrics import accuracy
from pipeline.suggest.classify import UNKNOWN, Places, Training, fit
from pipeline.suggest.order import Rows, order_by_help, spread_out
from pipeline.suggest.space import Features

FIRST = 2  # labels a category that are asked for at first, typical ones


class Order(StrEnum):
    """How the photos are chosen."""

    OURS = "ours"
    RANDOM = "random"


@dataclass(frozen=True)
class Part:
    """Photos and what they show."""

    features: Features  # (N, d)
    y_true: Places  # (N,)

    def take(self, rows: Rows) -> "Part":
        """Return some of them."""
        return Part(self.features[rows], self.y_true[rows])


@dataclass(frozen=True)
class Curve:
    """Accuracy on the photos held out, by the number of labels."""

    labels: NDArray[np.int64]  # (S,) grows
    accuracies: NDArray[np.float64]  # (S,)

    def labels_for(self, wanted: float) -> float:
        """Return how many labels it takes; infinity where all are too few.

        Between two points of the curve it is taken to be straight; what counts is
        where it first gets there.
        """
        there = np.flatnonzero(self.accuracies >= wanted)
        if len(there) == 0:
            return np.inf
        after = int(there[0])
        if after == 0:
            return float(self.labels[0])
        x0, x1 = self.labels[after - 1 : after + 1].astype(np.float64)
        y0, y1 = self.accuracies[after - 1 : after + 1]
        return float(x0 + (wanted - y0) / (y1 - y0) * (x1 - x0))


def replay(
    pool: Part,
    held_out: Part,
    num_classes: int,
    *,
    order: Order,
    rng: np.random.Generator,
    steps: Sequence[int],
    on_step: Callable[[int], None] = lambda _: None,
) -> Curve:
    """Label the pool in an order, and return what was learned when.

    Args:
        pool: What may be labelled.
        held_out: What is measured on; no order sees it.
        num_classes: K.
        order: Ours or random.
        rng: Draws the order, or where ours begins.
        steps: How many labels there are at each point of the curve, ascending.
        on_step: Told 1 after each point.
    """
    total = len(pool.y_true)
    labels = np.full(total, UNKNOWN, np.int64)
    shuffled = rng.permutation(total)
    counts, reached = list[int](), list[float]()
    pred_probs = np.full((total, num_classes), 1 / num_classes, np.float32)
    for number in steps:
        known = labels != UNKNOWN
        more = number - int(known.sum())
        if order is Order.RANDOM:
            chosen = shuffled[:number]
        elif not known.any():
            chosen = spread_out(pool.features, more, rng)
        else:
            left = np.flatnonzero(~known)
            weights = known.astype(np.float64)
            ordered = order_by_help(pool.features, pred_probs, weights, left, more)
            chosen = ordered[:more]
        labels[chosen] = pool.y_true[chosen]
        if len(np.unique(labels[labels != UNKNOWN])) > 1:
            training = Training(pool.features, labels, np.ones(total), num_classes)
            head = fit(training)
            pred_probs = head.pred_probs(pool.features)
            called = head.pred_probs(held_out.features).argmax(axis=1)
            counts.append(number)
            reached.append(accuracy(held_out.y_true, called))
        on_step(1)
    return Curve(np.array(counts, np.int64), np.array(reached))


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """Return the mean of curves, where all of them have a point."""
    shared = set.intersection(*(set(curve.labels.tolist()) for curve in curves))
    labels = np.array(sorted(shared), np.int64)
    reached = [curve.accuracies[np.isin(curve.labels, labels)] for curve in curves]
    return Curve(labels, np.mean(reached, axis=0))
