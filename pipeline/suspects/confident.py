"""Confident learning: out-of-fold probabilities → which labels look wrong.

After Northcutt, Jiang & Chuang, "Confident Learning: Estimating Uncertainty in Dataset
Labels" (JAIR 70, 2021), pruned by noise rate, as cleanlab's ``find_label_issues`` does:

1. a category's threshold is the mean confidence that its own photos reach in it;
2. a photo is counted as *labelled i, in truth j* where its probability of j reaches
   j's threshold: the confident joint, brought to the number of photos of each label;
3. of the photos labelled i, as many as the joint holds under j are taken, those with
   the largest margin of j over i first. Where the label itself is the most probable
   one, it never looks wrong.
"""

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1e-6  # below a threshold by less than that still reaches it


def find_wrong(
    pred_probs: NDArray[np.float64], y_true: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which labels look wrong, (N,).

    Args:
        pred_probs: (N, K) out-of-fold probabilities.
        y_true: (N,) labels as they stand, 0..K-1, each there at least once.
    """
    joint = confident_joint(pred_probs, y_true)
    wrong = np.zeros(len(y_true), np.bool_)
    for label in range(len(joint)):
        rows = np.flatnonzero(y_true == label)
        for other, number in enumerate(joint[label]):
            if other != label and number > 0:
                margin = pred_probs[rows, other] - pred_probs[rows, label]
                wrong[rows[np.argsort(-margin, kind="stable")[:number]]] = True
    own = self_confidence(pred_probs, y_true)
    wrong[own >= pred_probs.max(axis=1)] = False
    return wrong


def confident_joint(
    pred_probs: NDArray[np.float64], y_true: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Count photos by label and by what they seem to be, (K, K).

    Each row sums to the number of photos with that label.
    """
    num_classes = pred_probs.shape[1]
    counts = np.bincount(y_true, minlength=num_classes)
    own = self_confidence(pred_probs, y_true)
    thresholds = np.bincount(y_true, own, num_classes) / counts
    reaches = pred_probs >= thresholds - ROUNDING  # (N, K)
    seems = np.where(
        reaches.sum(axis=1) > 1, pred_probs.argmax(axis=1), reaches.argmax(axis=1)
    )
    is_sure = reaches.any(axis=1)
    joint = np.zeros((num_classes, num_classes))
    np.add.at(joint, (y_true[is_sure], seems[is_sure]), 1)
    np.fill_diagonal(joint, np.maximum(joint.diagonal(), 1))
    # cleanlab's own order of operations: halves are then rounded as there
    joint = (joint.T / joint.sum(axis=1) * counts).T
    joint = joint / joint.sum() * counts.sum()
    return np.array([_rounded(row) for row in joint], np.int64)


def self_confidence(
    pred_probs: NDArray[np.float64], y_true: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the probability of each photo's own label, (N,)."""
    return np.asarray(pred_probs[np.arange(len(y_true)), y_true], np.float64)


def _rounded(row: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to whole numbers of the same sum; what changes most is rounded last."""
    whole = np.round(row)
    short = int(np.round(row.sum()) - whole.sum())
    order = np.argsort(row - whole, kind="stable")
    if short > 0:
        whole[order[::-1][:short]] += 1
    elif short < 0:
        whole[order[:-short]] -= 1
    return whole
