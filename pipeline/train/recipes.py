"""The recipes, by name: how a network is made and taught.

Each takes a ``Job`` and hands back a model that takes raw RGB 0..255.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pipeline.catalog import Part
from pipeline.networks.backbones import (
    add_head,
    build_backbone,
    features_key,
    freeze_batch_norm,
)
from pipeline.networks.backend import keras
from pipeline.networks.embeddings import embed_photos
from pipeline.networks.head import fit_head
from pipeline.networks.pixels import map_pixels
from pipeline.networks.weights import NONE
from pipeline.train.augment import Strength, cached_size
from pipeline.train.batches import PlainBatches, TrainBatches
from pipeline.train.consistency import Consistent
from pipeline.train.fit import Schedule, fit
from pipeline.train.job import Job, Trained
from pipeline.train.quick import quick
from pipeline.train.state import StateFile

Recipe = Callable[[Job], Trained]

FROM_WEIGHTS = Schedule(epochs=10, learning_rate=0.003, warmup_epochs=1, patience=5)
FROM_CHANCE = Schedule(epochs=60, learning_rate=0.05, warmup_epochs=3, patience=12)
# SGD stays at chance for 600 batches on 370 drawn guitars; AdamW reaches 95 %.
SMALL = Schedule(
    epochs=80, learning_rate=0.004, warmup_epochs=2, patience=25, optimizer="adamw"
)
SMALL_BATCHES = 1600  # in all: enough for 370 to 500 drawn guitars, 16 a batch
SMALL_LEAST_EPOCHS = 12
START_C = 0.003  # smoother than quick's: training goes on from it
QUICKER = 4  # times as fast to look at a photo as to train on it (measured: 4 to 6)


def finetune(job: Job) -> Trained:
    """Teach all layers of a backbone; its head starts where frozen features end.

    With weights, BatchNorm stays as it was learned. Without, everything starts from
    chance: more epochs at a higher rate.
    """
    settings = job.material.settings
    backbone = build_backbone(settings.backbone, settings.weights, settings.image_size)
    if settings.weights == NONE:
        model = add_head(backbone, len(job.material.labels))
        return _teach(job, model, FROM_CHANCE, Strength())
    freeze_batch_norm(backbone)
    model = add_head(backbone, len(job.material.labels))
    if not _state(job).exists:
        _start_head(job, backbone, model)
    return _teach(job, model, FROM_WEIGHTS, Strength())


def small_cnn(job: Job) -> Trained:
    """Teach a few convolutions from chance: for small pictures.

    The more photos, the fewer epochs: what counts is how many batches it sees.
    """
    model = build_small_cnn(job.material.settings.image_size, len(job.material.labels))
    num_train = len(job.material.parts[Part.TRAIN].photos)
    batches = -(-num_train // job.material.settings.batch_size)
    epochs = max(SMALL_LEAST_EPOCHS, min(SMALL.epochs, -(-SMALL_BATCHES // batches)))
    return _teach(
        job, model, replace(SMALL, epochs=epochs), Strength(turn=20, light=0.2)
    )


RECIPES: dict[str, Recipe] = {
    "finetune": finetune,
    "quick": quick,
    "small-cnn": small_cnn,
}


def follow_recipe(job: Job) -> Trained:
    """Train as the set's recipe says, from the set's seed."""
    keras.utils.set_random_seed(job.material.settings.seed)
    return RECIPES[job.material.settings.recipe](job)


def build_small_cnn(image_size: int, num_classes: int) -> Any:
    """Build the network of ``small-cnn``: RGB 0..255 in, class probabilities out.

    A strided 5x5 convolution, then pairs of 3x3 ones with pooling between them, each
    with BatchNorm, averaged over the picture: 170,000 weights.
    """
    photo = keras.Input((image_size, image_size, 3), name="photo")
    features = keras.layers.Rescaling(1 / 127.5, -1.0)(photo)
    features = _convolve(features, 24, 5, strides=2)
    for filters in (24, 48, 96):
        if filters > 24:
            features = keras.layers.MaxPooling2D(3, 2, padding="same")(features)
        features = _convolve(features, filters, 3)
        features = _convolve(features, filters, 3)
    features = keras.layers.GlobalAveragePooling2D()(features)
    return add_head(keras.Model(photo, features), num_classes, dropout=0.3)


def _convolve(features: Any, filters: int, side: int, strides: int = 1) -> Any:
    """Apply a convolution, BatchNorm and ReLU."""
    features = keras.layers.Conv2D(
        filters, side, strides=strides, padding="same", use_bias=False
    )(features)
    # a small set has few steps an epoch: its averages must follow quickly
    features = keras.layers.BatchNormalization(momentum=0.9)(features)
    return keras.layers.ReLU()(features)


def _as_set(job: Job, schedule: Schedule) -> Schedule:
    """Return the recipe's schedule, overruled by what the set says."""
    settings = job.material.settings
    epochs = settings.epochs or schedule.epochs
    return replace(
        schedule,
        epochs=epochs,
        learning_rate=settings.learning_rate or schedule.learning_rate,
        warmup_epochs=min(schedule.warmup_epochs, epochs / 2),
        patience=settings.patience or schedule.patience,
        max_minutes=settings.max_minutes,
    )


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
    model.get_layer("categories").set_weights([head.kernel, head.bias])


def _teach(job: Job, model: Any, schedule: Schedule, strength: Strength) -> Trained:
    """Train ``model`` on the job's photos, augmented."""
    material, settings = job.material, job.material.settings
    schedule = _as_set(job, schedule)
    examples, val = material.parts[Part.TRAIN], material.parts[Part.VAL]
    cached = cached_size(settings.image_size)
    train_batches = TrainBatches(
        map_pixels(job.folder, examples.photos, cached, progress=job.progress),
        examples.y_true,
        len(material.labels),
        batch_size=settings.batch_size,
        image_size=settings.image_size,
        strength=strength,
        seed=settings.seed,
        noise=settings.noise,
    )
    val_batches = PlainBatches(
        map_pixels(job.folder, val.photos, settings.image_size, progress=job.progress),
        val.y_true,
        len(material.labels),
        batch_size=settings.batch_size,
    )
    is_consistent = settings.noise == "augmix"
    standing = fit(
        Consistent(model.input, model.output) if is_consistent else model,
        train_batches,
        val_batches,
        schedule,
        _state(job),
        progress=job.progress,
        on_rate=lambda rate, epochs: job.say(cost_line(job, epochs, rate)),
        log_dir=job.run.folder / "tensorboard",
    )
    return Trained(model, standing)


def _state(job: Job) -> StateFile:
    return StateFile(job.run.folder)


def cost_line(job: Job, epochs: int, rate: float) -> str:
    """Say what a training will cost, from the photos a second of its first batches."""
    settings = job.material.settings
    num_train = len(job.material.parts[Part.TRAIN].photos)
    num_val = len(job.material.parts[Part.VAL].photos)
    batches = -(-num_train // settings.batch_size)
    seconds = epochs * (num_train + num_val / QUICKER) / rate
    if settings.max_minutes:
        seconds = min(seconds, 60 * settings.max_minutes)
    line = (
        f"training takes about {spoken(seconds)} on this machine:"
        f" {epochs} epochs x {batches} batches at {rate:.0f} photos/s"
    )
    if settings.recipe == "finetune" and settings.weights != NONE and _is_cpu():
        quick_seconds = (num_train + num_val) / (QUICKER * rate)
        line += f'; recipe = "quick" would take about {spoken(quick_seconds)}'
    return line


def spoken(seconds: float) -> str:
    """Say a duration as people do: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def _is_cpu() -> bool:
    return all(
        str(name).startswith("cpu") for name in keras.distribution.list_devices()
    )
