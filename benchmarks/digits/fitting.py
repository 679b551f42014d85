"""The weights of ``pipeline.check.digits.likeness``, found anew and printed.

``python -m benchmarks.digits.fitting HOME``: HOME holds a trained run of digits. Marks
are found on photos drawn of MNIST's training digits and on one half of the photos of
other things (the other half is what the benchmark counts). A mark is a digit where the
network reads it as the one that was written.
"""

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, fields
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.articles.pixels import IDX
from benchmarks.articles.stages import test_data
from benchmarks.digits import draw_photos, label_of, other_photos, trained
from pipeline.check.digits import LEAST_SIDE, marks_of_any_score, shrunk
from pipeline.check.digits.likeness import Traits
from pipeline.check.digits.shape import as_mnist
from pipeline.images import Pixels, decode_image
from pipeline.networks.saved import load_model

SEEDS = {2001: 120, 2002: 120, 5001: 160}  # of the photos drawn, and how many
WORKERS = 3
_CALM = 0.3  # the inverse of the penalty on weights, of traits in their own deviations

Found = tuple[list[tuple[float, ...]], list[Pixels]]  # traits, and as MNIST has them


def look(file: Path) -> Found:
    """Return all marks of a photo."""
    cv2.setNumThreads(1)
    marks = marks_of_any_score(shrunk(decode_image(file, min_side=LEAST_SIDE)))
    return [astuple(mark.traits) for mark in marks], [as_mnist(m.mask) for m in marks]


def fit(
    traits: NDArray[np.float64], is_digit: NDArray[np.bool_], photo: NDArray[np.int64]
) -> tuple[NDArray[np.float64], float]:
    """Return weights and bias by logistic regression; all photos count the same."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=_CALM, max_iter=1000))
    share = 1 / np.bincount(photo)[photo]
    model.fit(traits, is_digit, logisticregression__sample_weight=share)
    scaler, regression = model[0], model[1]
    weights = regression.coef_[0] / scaler.scale_
    return weights, float(regression.intercept_[0] - (weights * scaler.mean_).sum())


def main(home: Path) -> None:
    """Fit and print."""
    idx = test_data(IDX) / IDX
    drawn = [
        file
        for seed, number in SEEDS.items()
        for file in draw_photos(home / "photos", idx, "train", number, seed)
    ]
    files = [*drawn, *other_photos(0)]
    model = load_model(trained(home, idx))
    with ProcessPoolExecutor(WORKERS) as pool:
        found = list(pool.map(look, files, chunksize=8))
    rows, answers, photo = [], [], []
    for number, (file, (traits, pictures)) in enumerate(zip(files, found, strict=True)):
        if not traits:
            continue
        probs = model.classify(pictures)
        wanted = model.labels.index(label_of(file)) if number < len(drawn) else None
        rows += traits
        answers += [wanted is not None and float(line[wanted]) > 0.5 for line in probs]
        photo += [number] * len(traits)
    weights, bias = fit(np.array(rows), np.array(answers), np.array(photo))
    sys.stdout.write(
        f"of {len(rows)} marks, {sum(answers)} digits\nBIAS = {bias:.2f}\n"
    )
    for field, weight in zip(fields(Traits), weights, strict=True):
        sys.stdout.write(f"    {field.name}={weight:.2f},\n")


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main(Path(sys.argv[1]))
