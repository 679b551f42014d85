"""``quick``: a backbone's frozen features and a linear head; minutes on a CPU."""

import time

import numpy as np

from pipeline.catalog import Part
from pipeline.metrics import accuracy, log_loss
from pipeline.networks.backbones import add_head, build_backbone, features_key
from pipeline.networks.embeddings import embed_photos
from pipeline.networks.head import QUICK_C, fit_head
from pipeline.train.job import Job, Trained
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
    model.get_layer("categories").set_weights([head.kernel, head.bias])
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
    )
