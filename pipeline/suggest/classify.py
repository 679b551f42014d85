"""A classifier that does with a few labels a category: logistic regression.

Labels that nobody confirmed take part with less weight than a person's. Every category
weighs the same, however many labels it has. One that has none yet is never suggested.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from pipeline.networks.head import LinearHead
from pipeline.suggest.space import Features

# With 3 to 100 labels a category of clothing10 and flowers12: at most 0.01 below the
# best of 0.4 to 400 for each number; with many, wrong ones among them, the best.
SMOOTHNESS = 8.0
UNKNOWN = -1  # in place of a label

Places = NDArray[np.int64]  # (N,) categories 0..K-1, UNKNOWN where there is none
Weights = NDArray[np.float64]  # (N,)


@dataclass(frozen=True)
class Training:
    """What to learn from."""

    features: Features  # (N, d)
    labels: Places  # (N,)
    weights: Weights  # (N,) 0 where a label is not to be learned from
    num_classes: int


def fit(training: Training, chosen: NDArray[np.bool_] | None = None) -> LinearHead:
    """Fit to the photos that have a label and a weight, and are ``chosen``.

    Raises:
        ValueError: They are of fewer than two categories.
    """
    used = (training.labels != UNKNOWN) & (training.weights > 0)
    if chosen is not None:
        used &= chosen
    labels, weights = training.labels[used], training.weights[used]
    of_class = np.bincount(labels, weights, training.num_classes)
    there = np.flatnonzero(of_class)
    if len(there) < 2:
        raise ValueError("expected labels of at least two categories")
    even = weights.sum() / (len(there) * of_class[labels])
    regression = LogisticRegression(C=SMOOTHNESS, max_iter=300, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near enough
        regression.fit(training.features[used], labels, sample_weight=weights * even)
    kernel, bias = regression.coef_.T, regression.intercept_  # (d, K'), (K',)
    if len(there) == 2:  # one column: the odds of the second
        kernel = np.hstack([-kernel / 2, kernel / 2])
        bias = np.concatenate([-bias / 2, bias / 2])
    full = np.zeros((training.features.shape[1], training.num_classes), np.float32)
    full[:, there] = kernel
    offsets = np.full(training.num_classes, -np.inf, np.float32)
    offsets[there] = bias
    return LinearHead(full, offsets)
