"""``quick``: a backbone's frozen features and a linear head; minutes on a CPU.

How good such a head is, is measured a second time by five folds over the photos of
train and val, where each is judged by a head that was fitted to the others: on five
times as many photos as val alone has. The test part is kept out of it.
"""

import time
from collections.abc import Sequence

import numpy as np

from pipeline.catalog import Part
from pipeline.metrics import accuracy, log_loss
from pipeline.networks.backbones import HEAD, add_head, build_backbone, features_key
from pipeline.networks.embeddings import Embeddings, embed_photos
from pipeline.networks.folds import FOLDS, judge_unseen
from pipeline.networks.head import QUICK_C, fit_head
from pipeline.progress import Progress
from pipeline.train.job import Examples, Job, Right, Trained
from pipeline.train.state import Standing


def quick(job: Job) -> Trained:
    """Fit a linear classifier to frozen features; categories weigh the same."""
    material, settings = job.material, job.material.settings
    backbone = build_backbone(settings.backbone, settings.weights, settings.image_size)
    began = time.perf_counter()
    train, val = material.parts[Part.TRAIN], material.parts[Part.VAL]
    rates: list[float] = []

    def announce(number: int, rate: float) -> None:
        rates.append(rate)
        job.say(
            f"training takes about {round(number / rate) + 5} s on this machine:"
            f" {number} photos to look at, {rate:.0f} a second"
        )

    embeddings = embed_photos(
        job.folder,
        [*train.photos, *val.photos],
        backbone,
        features_key(settings, material.weights),
        progress=job.progress,
        on_rate=announce,
    )
    num_train = len(train.photos)
    head = fit_head(
        embeddings[:num_train], train.y_true, len(material.labels), c=QUICK_C
    )
    model = add_head(backbone, len(material.labels))
    model.get_layer(HEAD).set_weights([head.kernel, head.bias])
    row = {"epoch": 1.0}
    for prefix, examples, part in (
        ("", train, embeddings[:num_train]),
        ("val_", val, embeddings[num_train:]),
    ):
        pred_probs = head.pred_probs(part)
        row[f"{prefix}loss"] = log_loss(examples.y_true, pred_probs)
        row[f"{prefix}accuracy"] = accuracy(
            examples.y_true, np.asarray(pred_probs.argmax(axis=1), np.int64)
        )
    seconds = time.perf_counter() - began
    return Trained(
        model,
        Standing(
            epochs=1,
            best_epoch=1,
            best_loss=row["val_loss"],
            elapsed=seconds,
            photos_timed=round(sum(rates)),  # in a second, where it was measured
            photos_seconds=len(rates),
            history=[{**row, "seconds": seconds}],
            stopped_because="the linear head was fitted",
        ),
        out_of_fold=out_of_fold_right(embeddings, [train, val], job.progress),
    )


def out_of_fold_right(
    embeddings: Embeddings, parts: Sequence[Examples], progress: Progress
) -> Right | None:
    """Count the photos that heads fitted without them call by their right name.

    Args:
        embeddings: (N, D), of the photos of all parts, in order.
        parts: Whose labels count; one photo of each duplicate group.
        progress: How the work is shown, in folds.

    Returns:
        ``None`` where fewer than two categories have two photos. The only photo of a
        category is not judged: nothing could be learned of it.
    """
    y_true = np.concatenate([examples.y_true for examples in parts])
    names, counts = np.unique(y_true, return_counts=True)
    judged = np.isin(y_true, names[counts > 1])
    y_true = np.unique(y_true[judged], return_inverse=True)[1].astype(np.int64)
    num_classes = int((counts > 1).sum())
    if num_classes < 2:
        return None
    with progress("measuring out of fold", FOLDS) as advance:
        pred_probs = judge_unseen(
            embeddings[judged], y_true, num_classes, c=QUICK_C, advance=advance
        )
    right = int((pred_probs.argmax(axis=1) == y_true).sum())
    return Right(right, len(y_true))
