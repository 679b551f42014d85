"""Out-of-fold probabilities: what a classifier says of photos it has never seen.

Embeddings and labels in; each fold of the photos is judged by a linear head that was
fitted to the others. One photo of each duplicate group comes here, so no copy of a
photo is in another fold.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.networks.embeddings import Embeddings
from pipeline.networks.head import fit_head
from pipeline.progress import Advance

FOLDS = 5


def deal_folds(y_true: NDArray[np.int64], folds: int = FOLDS) -> NDArray[np.int64]:
    """Deal photos to folds, (N,): each category evenly, all folds of a size.

    A category of two photos or more is never in one fold alone.
    """
    dealt = np.empty(len(y_true), np.int64)
    dealt[np.argsort(y_true, kind="stable")] = np.arange(len(y_true)) % folds
    return dealt


def judge_unseen(
    embeddings: Embeddings,
    y_true: NDArray[np.int64],
    num_classes: int,
    *,
    c: float,
    advance: Advance = lambda _: None,
) -> NDArray[np.float64]:
    """Return the probabilities (N, K) of photos by classifiers that never saw them.

    Args:
        embeddings: (N, D).
        y_true: (N,) labels 0..K-1, each there at least twice.
        num_classes: K, at least 2.
        c: As of ``fit_head``.
        advance: Told 1 after each fold.
    """
    if num_classes < 2 or np.bincount(y_true, minlength=num_classes).min() < 2:
        raise ValueError("expected at least 2 classes, of at least 2 photos each")
    pred_probs = np.empty((len(y_true), num_classes))
    folds = deal_folds(y_true)
    for fold in np.unique(folds):
        unseen = folds == fold
        head = fit_head(embeddings[~unseen], y_true[~unseen], num_classes, c=c)
        pred_probs[unseen] = head.pred_probs(embeddings[unseen])
        advance(1)
    return pred_probs
