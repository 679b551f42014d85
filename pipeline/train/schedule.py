"""How long and how fast a network learns, and the optimizer that follows from it."""

from dataclasses import dataclass
from typing import Any, Literal

from pipeline.networks.backbones import HEAD
from pipeline.networks.backend import keras
from pipeline.train.muon import Muon

MOMENTUM = 0.9
# A head that starts from a finished fit is steep: unclipped, the first batches throw a
# pretrained network from 86 % to 50 % (MobileNetV2, six guitars, rate 0.001 and 0.003).
CLIP_NORM = 1.0  # of all gradients together
WEIGHT_DECAY = 0.02  # of AdamW and Muon, a step, times the learning rate


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a network learns."""

    epochs: int
    learning_rate: float  # the highest
    warmup_epochs: float
    patience: int  # epochs without a better val_loss
    optimizer: Literal["sgd", "adam", "adamw", "muon"] = "sgd"  # sgd: with Nesterov
    # After the warm-up the rate falls as a cosine over the rest of the epochs
    # (arXiv 1608.03983), or stays but for `time_decay`.
    rate: Literal["cosine", "steady"] = "cosine"
    time_decay: float = 0.0  # of a steady rate: after n batches, 1 / (1 + n * this)
    momentum: float = MOMENTUM  # of sgd
    clip_norm: float | None = CLIP_NORM  # of sgd: of all gradients together
    label_smoothing: float = 0.0  # probability spread over all categories
    balanced: bool = False  # categories weigh alike, however few photos they have
    # Momentum of a moving average of the weights, batch by batch; it is what is
    # validated and kept. 0 keeps the weights themselves.
    ema: float = 0.0
    batches_per_epoch: int | None = None  # one pass over the photos where not said
    max_minutes: float | None = None
    # Which snapshot is the model: the one of the lowest val_loss, or the last.
    keep: Literal["best", "last"] = "best"


def build_optimizer(schedule: Schedule, steps: int) -> Any:
    """Return a Keras optimizer; ``steps`` are the batches of an epoch."""
    rate = learning_rate(schedule, steps)
    averaged: dict[str, Any] = {
        "use_ema": schedule.ema > 0,
        "ema_momentum": schedule.ema,
        "ema_overwrite_frequency": None,
    }
    if schedule.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY, **averaged)
    if schedule.optimizer == "muon":
        return Muon(
            rate,
            weight_decay=WEIGHT_DECAY,
            adam_weight_decay=WEIGHT_DECAY,
            exclude_layers=[HEAD],
            **averaged,
        )
    if schedule.optimizer == "adam":
        return keras.optimizers.Adam(rate, **averaged)
    return keras.optimizers.SGD(
        rate,
        momentum=schedule.momentum,
        nesterov=schedule.momentum > 0,
        global_clipnorm=schedule.clip_norm,
        **averaged,
    )


def learning_rate(schedule: Schedule, steps: int) -> Any:
    """Return how the rate goes, batch by batch; ``steps`` are those of an epoch."""
    highest = schedule.learning_rate
    if schedule.rate == "steady":
        return keras.optimizers.schedules.InverseTimeDecay(
            highest, decay_steps=1, decay_rate=schedule.time_decay
        )
    warmup = round(schedule.warmup_epochs * steps)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.1 * highest if warmup else highest,
        decay_steps=max(1, schedule.epochs * steps - warmup),
        warmup_target=highest if warmup else None,
        warmup_steps=warmup,
    )
