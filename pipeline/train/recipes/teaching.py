"""Trains a recipe's network on a job's photos, and says beforehand what it costs."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pipeline.catalog import Part
from pipeline.networks.pixels import map_pixels
from pipeline.networks.saved import save_model
from pipeline.networks.weights import NONE
from pipeline.train.augment import Strength, cached_size
from pipeline.train.batches import PlainBatches, TrainBatches
from pipeline.train.consistency import Consistent
from pipeline.train.devices import is_cpu, list_devices, num_replicas
from pipeline.train.fit import fit
from pipeline.train.job import Job, Trained
from pipeline.train.recipes.going_on import take_weights
from pipeline.train.schedule import Schedule
from pipeline.train.state import Standing, StateFile

QUICKER = 4  # times as fast to look at a photo as to train on it (measured: 4 to 6)


def teach(
    job: Job, model: Any, schedule: Schedule, strength: Strength | None
) -> Trained:
    """Train ``model`` on the job's photos, augmented, or as they are."""
    schedule = as_set(job, schedule)
    batches = train_batches(job, schedule, strength)
    if not state_file(job).exists:
        take_weights(job, model)
    is_consistent = job.material.settings.noise == "augmix"
    return learn(
        job,
        model,
        batches,
        schedule,
        learner=Consistent(model.input, model.output) if is_consistent else model,
        on_interrupt=lambda standing: _keep_snapshot(job, model, standing),
    )


def train_batches(
    job: Job, schedule: Schedule, strength: Strength | None
) -> TrainBatches:
    """Return what a job trains on, from the cache."""
    material, settings = job.material, job.material.settings
    examples, size = material.parts[Part.TRAIN], settings.image_size
    cached = size if strength is None else cached_size(size)
    return TrainBatches(
        map_pixels(job.folder, examples.photos, cached, progress=job.progress),
        examples.y_true,
        len(material.labels),
        batch_size=settings.batch_size,
        image_size=size,
        strength=strength,
        seed=settings.seed,
        noise=settings.noise,
        num_batches=schedule.batches_per_epoch,
        multiple_of=num_replicas(),
        balanced=schedule.balanced,
    )


def learn(
    job: Job,
    model: Any,
    batches: TrainBatches,
    schedule: Schedule,
    *,
    learner: Any,
    on_interrupt: Callable[[Standing], None],
) -> Trained:
    """Train ``model`` by ``learner``, validated on the job's photos.

    Args:
        job: Whose state, progress and logs are used.
        model: What is left in the end.
        batches: To learn from.
        schedule: How long and how fast.
        learner: What is fitted: ``model`` itself, or one that shares its layers.
        on_interrupt: As of ``fit``.
    """
    material, settings = job.material, job.material.settings
    val = material.parts[Part.VAL]
    val_batches = PlainBatches(
        map_pixels(job.folder, val.photos, settings.image_size, progress=job.progress),
        val.y_true,
        len(material.labels),
        batch_size=settings.batch_size,
        multiple_of=num_replicas(),
    )
    standing = fit(
        learner,
        batches,
        val_batches,
        schedule,
        state_file(job),
        progress=job.progress,
        on_rate=lambda rate, epochs: job.say(
            cost_line(job, epochs, batches.num_batches, rate)
        ),
        on_interrupt=on_interrupt,
        log_dir=job.run.folder / "tensorboard",
        is_enough=job.is_enough,
    )
    return Trained(model, standing)


def _keep_snapshot(job: Job, model: Any, standing: Standing) -> None:
    """Leave the best snapshot where it can be used, and say what can be done."""
    save_model(job.run, model)
    row = standing.history[standing.best_epoch - 1]
    job.say(
        f"interrupted after epoch {standing.epochs}: {job.run.model_file} holds the"
        f" best snapshot, of epoch {standing.best_epoch} (val accuracy"
        f" {100 * row['val_accuracy']:.1f} %); `mekiki train {job.folder.name}` goes"
        " on, with --finish it ends with that snapshot"
    )


def state_file(job: Job) -> StateFile:
    """Return where the job keeps how far it has come."""
    return StateFile(job.run.folder)


def as_set(job: Job, schedule: Schedule) -> Schedule:
    """Return the recipe's schedule, overruled by what the set says."""
    settings = job.material.settings
    epochs = settings.epochs or schedule.epochs
    batches = settings.batches_per_epoch or schedule.batches_per_epoch
    return replace(
        schedule,
        epochs=epochs,
        learning_rate=settings.learning_rate or schedule.learning_rate,
        warmup_epochs=min(schedule.warmup_epochs, epochs / 2),
        patience=settings.patience or schedule.patience,
        max_minutes=settings.max_minutes,
        batches_per_epoch=None if isinstance(batches, str) else batches,
    )


def cost_line(job: Job, epochs: int, batches: int, rate: float) -> str:
    """Say what a training will cost.

    Args:
        job: What is trained.
        epochs: Yet to do.
        batches: Of an epoch.
        rate: Photos a second of the first batches.
    """
    settings = job.material.settings
    num_train = len(job.material.parts[Part.TRAIN].photos)
    num_val = len(job.material.parts[Part.VAL].photos)
    one_pass = -(-num_train // settings.batch_size)
    photos = num_train * batches / one_pass  # of an epoch
    seconds = epochs * (photos + num_val / QUICKER) / rate
    if settings.max_minutes:
        seconds = min(seconds, 60 * settings.max_minutes)
    line = (
        f"training takes about {spoken(seconds)} on this machine:"
        f" {epochs} epochs x {batches} batches at {rate:.0f} photos/s"
    )
    slow = settings.weights != NONE and is_cpu(list_devices())
    if settings.recipe == "finetune" and slow:
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
