"""Which photo's label would help most: pure.

A label tells of the photo itself and of those like it. The classifier is linear, so how
unsure it is of each photo follows from which photos it has learned from (the posterior
covariance of a Bayesian linear model), and so does by how much one more label would
lessen that, before the label is known. Photos between two categories tell most, and
count most. They are taken greedily: the one that lessens the doubt of all photos most,
then the one that does so beside it, ... : near copies are not asked for twice.
This is the V-optimal design of experiments, weighted, in the manner of Yu, Bi & Tresp,
"Active Learning via Transductive Experimental Design" (ICML 2006).
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.suggest.classify import Weights
from pipeline.suggest.space import Features

# Four times the classifier's own, which was worse on clothing10 and flowers12, as they
# are and with a tenth of what the curator says swapped. 1 to 4: worse on clothing10.
RIDGE = 0.5
LEAST = 0.02  # of what a photo tells, where the classifier is sure of it
LEAST_KNOWN = 0.05  # of what one told that is learned from
SHORTLIST = 20  # times as many as are wanted are looked at closely
ROUNDS = 10  # of k-means

Rows = NDArray[np.int64]  # places of photos, the first one first
PredProbs = NDArray[np.float32]  # (N, K)


def closeness(pred_probs: PredProbs) -> NDArray[np.float64]:
    """Return how near each photo is to the border of two categories: 0 to 1, (N,)."""
    best = np.partition(pred_probs.astype(np.float64), -2, axis=1)[:, -2:]
    return np.asarray(1 - (best[:, 1] - best[:, 0]), np.float64)


def order_by_help(
    features: Features,
    pred_probs: PredProbs,
    known: Weights,
    candidates: Rows,
    number: int,
) -> Rows:
    """Return ``candidates``, what helps most first.

    Args:
        features: (N, d).
        pred_probs: (N, K) what is thought of the photos now.
        known: (N,) how much of each photo's label is learned from already.
        candidates: Places of photos that may be asked for.
        number: So many are chosen with care; the rest follow by their doubt.
    """
    if len(candidates) == 0:
        return candidates
    near = closeness(pred_probs)
    told = np.maximum(near, LEAST)
    learned = np.where(known > 0, known * np.maximum(near, LEAST_KNOWN), 0.0)
    covariance = _covariance(features, learned)
    wanted = _products(features, near)  # (d, d)
    rows = features[candidates]
    carried = np.asarray(rows @ covariance, np.float32)  # (n, d)
    gains = _gains(carried, carried @ wanted, rows, told[candidates])
    order = np.argsort(-gains, kind="stable")
    short = np.sort(order[: SHORTLIST * number])
    chosen = _greedy(
        carried[short], rows[short], wanted, told[candidates[short]], number
    )
    first = candidates[short[chosen]]
    is_first = np.zeros(len(features), np.bool_)
    is_first[first] = True
    rest = candidates[~is_first[candidates]]
    rest = rest[np.argsort(-near[rest], kind="stable")]
    return np.concatenate([first, rest])


def spread_out(features: Features, number: int, rng: np.random.Generator) -> Rows:
    """Return ``number`` photos that stand for all (N, d): the first to be asked for.

    They are the nearest to the centres of as many clusters, of the largest one first.
    """
    number = min(number, len(features))
    centres = features[_far_apart(features, number, rng)].astype(np.float64)
    for _ in range(ROUNDS):
        nearest = _distances(features, centres).argmin(axis=1)
        sizes = np.bincount(nearest, minlength=number)
        for place in np.flatnonzero(sizes):
            centres[place] = features[nearest == place].mean(axis=0)
    distances = _distances(features, centres)
    sizes = np.bincount(distances.argmin(axis=1), minlength=number)
    chosen = list[int]()
    for place in np.argsort(-sizes, kind="stable"):
        row = int(distances[:, place].argmin())
        distances[row] = np.inf
        chosen.append(row)
    return np.array(chosen, np.int64)


def _greedy(
    carried: Features,
    rows: Features,
    wanted: Features,
    told: NDArray[np.float64],
    number: int,
) -> Rows:
    """Choose one after the other; each lessens what the next ones would tell."""
    carried, onward = carried.copy(), carried @ wanted  # (n, d) each
    is_left = np.ones(len(rows), np.bool_)
    chosen = list[int]()
    for _ in range(min(number, len(rows))):
        gains = np.where(is_left, _gains(carried, onward, rows, told), -np.inf)
        best = int(gains.argmax())
        is_left[best] = False
        chosen.append(best)
        along = carried @ rows[best]  # (n,)
        along *= told[best] / (1 + told[best] * along[best])
        carried -= along[:, None] * carried[best]
        onward -= along[:, None] * onward[best]
    return np.array(chosen, np.int64)


def _gains(
    carried: Features,
    onward: Features,
    rows: Features,
    told: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return by how much each row's label would lessen the doubt of all, (n,).

    Args:
        carried: (n, d) the rows times the covariance.
        onward: (n, d) that times what is wanted.
        rows: (n, d).
        told: (n,) how much a label tells.
    """
    lessened = np.einsum("nd,nd->n", onward, carried)
    variance = np.einsum("nd,nd->n", carried, rows)
    return np.asarray(told * lessened / (1 + told * variance), np.float64)


def _covariance(features: Features, weights: Weights) -> Features:
    precision = _products(features, weights).astype(np.float64)
    precision[np.diag_indices_from(precision)] += RIDGE
    return np.asarray(np.linalg.inv(precision), np.float32)


def _products(features: Features, weights: Weights) -> Features:
    """Return the weighted sum of the features' outer products, (d, d)."""
    used = weights > 0
    weighted = features[used] * weights[used, None].astype(np.float32)
    return np.asarray(weighted.T @ features[used], np.float32)


def _far_apart(features: Features, number: int, rng: np.random.Generator) -> Rows:
    """Draw starting points as k-means++ does."""
    chosen = [int(rng.integers(len(features)))]
    nearest = _distances(features, features[chosen].astype(np.float64))[:, 0]
    while len(chosen) < number:
        nearest = np.maximum(nearest, 0)
        total = nearest.sum()
        even = np.full(len(features), 1 / len(features))
        row = int(rng.choice(len(features), p=nearest / total if total > 0 else even))
        chosen.append(row)
        found = _distances(features, features[[row]].astype(np.float64))[:, 0]
        nearest = np.minimum(nearest, found)
    return np.array(chosen, np.int64)


def _distances(features: Features, centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return squared distances (N, C)."""
    lengths = np.einsum("nd,nd->n", features, features)
    there = centres.astype(np.float32)
    squares = np.einsum("cd,cd->c", there, there)
    return np.asarray(lengths[:, None] - 2 * features @ there.T + squares, np.float64)
