"""Embeddings around one centre a class, and labels of which some are wrong."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def clouds(
    num_classes: int, per_class: int, *, apart: float = 4.0, seed: int = 0
) -> tuple[NDArray[np.float32], Ints]:
    """Return embeddings (N, 16), and the class of each (N,)."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, apart, (num_classes, 16))
    y_true = np.repeat(np.arange(num_classes), per_class)
    embeddings = centres[y_true] + rng.normal(0, 1, (len(y_true), 16))
    return embeddings.astype(np.float32), y_true


def swap(y_true: Ints, number: int, seed: int = 0) -> tuple[Ints, NDArray[np.bool_]]:
    """Return labels with ``number`` of them another class's, and which."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(y_true), number, replace=False)
    num_classes = int(y_true.max()) + 1
    labels = y_true.copy()
    labels[chosen] += rng.integers(1, num_classes, number)
    return labels % num_classes, np.isin(np.arange(len(y_true)), chosen)
