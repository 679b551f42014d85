"""Training a network: early stopping on the best snapshot, resumable.

The learning rate rises over the warm-up and falls as a cosine over the rest of the
epochs (arXiv 1608.03983). The snapshot with the lowest validation loss is kept.
"""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline.errors import RunError
from pipeline.networks.backend import keras
from pipeline.progress import Advance, Progress
from pipeline.train.batches import PlainBatches, TrainBatches
from pipeline.train.state import Arrays, Standing, StateFile

logger = logging.getLogger(__name__)

MOMENTUM = 0.9
# A head that starts from a finished fit is steep: unclipped, the first batches throw a
# pretrained network from 86 % to 50 % (MobileNetV2, six guitars, rate 0.001 and 0.003).
CLIP_NORM = 1.0  # of all gradients together
WEIGHT_DECAY = 0.02  # of AdamW, a step, times the learning rate
COMPILING = 2  # batches of a start that are not timed: the first ones compile
TIMED = 4  # batches after which the cost is known well enough to say


@dataclass(frozen=True)
class Schedule:
    """How long and how fast a network learns."""

    epochs: int
    learning_rate: float  # the highest
    warmup_epochs: float
    patience: int  # epochs without a better val_loss
    optimizer: Literal["sgd", "adamw"] = "sgd"  # with Nesterov momentum, that is
    max_minutes: float | None = None


def fit(
    model: Any,
    train: TrainBatches,
    val: PlainBatches,
    schedule: Schedule,
    state: StateFile,
    *,
    progress: Progress,
    on_rate: Callable[[float, int], None],
    log_dir: Path | None = None,
) -> Standing:
    """Train ``model`` in place, from where ``state`` says, to its best snapshot.

    Args:
        model: Gives class probabilities (B, K).
        train: What to learn from.
        val: What chooses the snapshot.
        schedule: How long and how fast.
        state: Written after each epoch.
        progress: How the work is shown, in batches.
        on_rate: Told once, after the first batches: the photos a second, and how many
            epochs this start has to do.
        log_dir: Where TensorBoard's logs go, one file more each start.

    Raises:
        RunError: The loss is no number from the first epoch on.
    """
    _compile(model, schedule, train.num_batches)
    variables = _all_variables(model)
    standing, best = state.restore(variables) or (Standing(), [])
    if not standing.stopped_because:
        total = (schedule.epochs - standing.epochs) * train.num_batches
        with progress("training", total) as advance:
            keeper = _Keeper(
                train=train,
                schedule=schedule,
                state=state,
                standing=standing,
                best=best,
                variables=variables,
                advance=advance,
                on_rate=on_rate,
            )
            model.fit(
                train,
                validation_data=val,
                epochs=schedule.epochs,
                initial_epoch=standing.epochs,
                callbacks=[keeper, *_logs(log_dir)],
                shuffle=False,
                verbose=0,
            )
        standing, best = keeper.standing, keeper.best
    if not best:
        raise RunError(
            "the loss became infinite in the first epoch: lower [train]"
            f" learning_rate (it was {schedule.learning_rate:g}) and train again"
        )
    model.set_weights(best)
    return standing


def _logs(folder: Path | None) -> list[Any]:
    """Return what writes TensorBoard's logs, where they are wanted and can be."""
    if folder is None or find_spec("tensorboard") is None:
        return []
    return [keras.callbacks.TensorBoard(str(folder), write_graph=False)]


def _all_variables(model: Any) -> list[Any]:
    """List all that changes in training: weights, averages, seeds, the optimizer's."""
    metrics = {id(variable) for variable in model.metrics_variables}
    kept = [variable for variable in model.variables if id(variable) not in metrics]
    return [*kept, *model.optimizer.variables]


def _compile(model: Any, schedule: Schedule, steps: int) -> None:
    warmup = round(schedule.warmup_epochs * steps)
    highest = schedule.learning_rate
    rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.1 * highest if warmup else highest,
        decay_steps=max(1, schedule.epochs * steps - warmup),
        warmup_target=highest if warmup else None,
        warmup_steps=warmup,
    )
    if schedule.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY)
    else:
        optimizer = keras.optimizers.SGD(
            rate, momentum=MOMENTUM, nesterov=True, global_clipnorm=CLIP_NORM
        )
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    model.optimizer.build(model.trainable_variables)
    _build_metrics(model)


def _build_metrics(model: Any) -> None:
    """Build loss and metrics, which ``fit`` would do by taking a batch beforehand.

    On JAX that batch is lost, and those made behind it, an epoch too early, are served
    in its place (Keras 3.15).
    """
    targets = np.eye(1, model.output_shape[-1], dtype=np.float32)
    model.compute_loss(y=targets, y_pred=targets, training=False)
    model.compute_metrics(None, targets, targets)
    model.reset_metrics()


class _Keeper(keras.callbacks.Callback):  # type: ignore[misc]  # Keras carries no types
    """Early stopping, the clock, the history, and the state after each epoch."""

    def __init__(
        self,
        *,
        train: TrainBatches,
        schedule: Schedule,
        state: StateFile,
        standing: Standing,
        best: Arrays,
        variables: list[Any],
        advance: Advance,
        on_rate: Callable[[float, int], None],
    ) -> None:
        super().__init__()
        self.standing, self.best = standing, best
        self._train, self._schedule, self._state = train, schedule, state
        self._variables, self._advance, self._on_rate = variables, advance, on_rate
        self._began = time.perf_counter() - standing.elapsed
        self._epochs = schedule.epochs - standing.epochs  # for this start to do
        self._batches = 0  # since this start
        self._last = 0.0  # when the batch before ended
        self._out_of_time = False

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        self._train.epoch = epoch
        self._last = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        self._advance(1)
        self._batches += 1
        now = time.perf_counter()
        if self._batches > COMPILING:
            self.standing.photos_timed += self._train.photos_in(batch)
            self.standing.photos_seconds += now - self._last
        self._last = now
        if self._batches == COMPILING + TIMED:
            self._on_rate(self.standing.images_per_second, self._epochs)
        limit = self._schedule.max_minutes
        if limit and now - self._began > 60 * limit:
            self._out_of_time = True
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        standing = self.standing
        found = {name: float(value) for name, value in (logs or {}).items()}
        rate = float(self.model.optimizer.learning_rate)
        elapsed = time.perf_counter() - self._began
        standing.history.append(
            {"epoch": epoch + 1, "learning_rate": rate, **found, "seconds": elapsed}
        )
        standing.epochs, standing.elapsed = epoch + 1, elapsed
        if found["val_loss"] < standing.best_loss:  # never so where it is no number
            standing.best_loss, standing.best_epoch = found["val_loss"], epoch + 1
            self.best = self.model.get_weights()
        standing.stopped_because = self._reason_to_stop(found["loss"])
        if standing.stopped_because:
            self.model.stop_training = True
        self._state.save(standing, self._variables, self.best)
        logger.info("epoch %d: %s", epoch + 1, found)

    def _reason_to_stop(self, loss: float) -> str:
        """Say why training is over, empty where it goes on."""
        standing, schedule = self.standing, self._schedule
        if not math.isfinite(loss):
            return f"the loss became infinite in epoch {standing.epochs}"
        if self._out_of_time:
            return f"max_minutes = {schedule.max_minutes:g} were over"
        if standing.epochs >= schedule.epochs:
            return "all epochs done"
        if standing.epochs - standing.best_epoch >= schedule.patience:
            return f"val_loss did not fall for {schedule.patience} epochs"
        return ""
