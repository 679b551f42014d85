"""Embeddings → few features: of length one, turned to their main directions.

The directions are those along which a sample of the photos differs most (principal
components). The features are scaled by one number, so that the photos' distances from
their mean come to one in the mean square: what a classifier's smoothness means is then
the same for every network.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.networks.embeddings import Embeddings

# With 256 of MobileNetV2's 1,280, accuracy on clothing10, flowers12 and guitars6 was
# that of all of them, and fitting five times as fast.
DIMENSIONS = 256
SAMPLE = 10_000  # photos that the directions are taken from

Features = NDArray[np.float32]  # (N, d)


@dataclass(frozen=True)
class Space:
    """Where the photos lie."""

    mean: NDArray[np.float32]  # (D,)
    axes: NDArray[np.float32]  # (D, d), scaled

    def project(self, embeddings: Embeddings) -> Features:
        """Return the features (N, d) of embeddings (N, D)."""
        return np.asarray((_unit(embeddings) - self.mean) @ self.axes, np.float32)


def fit_space(sample: Embeddings) -> Space:
    """Return the space of a sample (N, D) of the photos, at least two."""
    unit = _unit(sample)
    mean = unit.mean(axis=0)
    centred = unit - mean
    variances, axes = np.linalg.eigh(centred.T @ centred / np.float32(len(sample)))
    total = float(max(variances.sum(), 1e-12))
    kept = axes[:, ::-1][:, :DIMENSIONS]
    return Space(mean, np.asarray(kept / np.sqrt(total), np.float32))


def _unit(embeddings: Embeddings) -> Embeddings:
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return np.asarray(embeddings / np.maximum(lengths, 1e-12), np.float32)
