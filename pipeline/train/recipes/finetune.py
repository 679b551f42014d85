"""``finetune``: all layers of a backbone that was trained on other pictures."""

from typing import Any

from pipeline.catalog import Part
from pipeline.networks.backbones import (
    HEAD,
    add_head,
    build_backbone,
    features_key,
    freeze_batch_norm,
)
from pipeline.networks.embeddings import embed_photos
from pipeline.networks.head import fit_head
from pipeline.networks.weights import NONE
from pipeline.train.augment import Strength
from pipeline.train.job import Job, Trained
from pipeline.train.recipes.teaching import state_file, teach
from pipeline.train.schedule import Schedule

FROM_WEIGHTS = Schedule(
    epochs=10, learning_rate=0.01, warmup_epochs=1, patience=5, balanced=True
)
# Much change at a high rate: a small set is soon known by heart otherwise
# (benchmarks/README.md, "What finetune's choices are worth").
WIDE = Strength(turn=25.0, shift=0.15, zoom=0.4, light=0.25)
FROM_CHANCE = Schedule(epochs=60, learning_rate=0.05, warmup_epochs=3, patience=12)
START_C = 0.003  # smoother than quick's: training goes on from it


def finetune(job: Job) -> Trained:
    """Teach all layers of a backbone; its head starts where frozen features end.

    With weights, BatchNorm stays as it was learned. Without, everything starts from
    chance: more epochs at a higher rate.
    """
    settings = job.material.settings
    backbone = build_backbone(settings.backbone, settings.weights, settings.image_size)
    if settings.weights == NONE:
        model = add_head(backbone, len(job.material.labels))
        return teach(job, model, FROM_CHANCE, Strength())
    freeze_batch_norm(backbone)
    model = add_head(backbone, len(job.material.labels))
    if not state_file(job).exists:
        _start_head(job, backbone, model)
    return teach(job, model, FROM_WEIGHTS, WIDE)


def _start_head(job: Job, backbone: Any, model: Any) -> None:
    """Give the head the weights that fit the features as they are."""
    examples = job.material.parts[Part.TRAIN]
    embeddings = embed_photos(
        job.folder,
        examples.photos,
        backbone,
        features_key(job.material.settings, job.material.weights),
        progress=job.progress,
    )
    head = fit_head(embeddings, examples.y_true, len(job.material.labels), c=START_C)
    model.get_layer(HEAD).set_weights([head.kernel, head.bias])
