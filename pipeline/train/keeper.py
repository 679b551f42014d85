"""What happens beside Keras' own training: early stopping, the clock, what is kept."""

import logging
import math
import time
from collections.abc import Callable
from typing import Any

from pipeline.networks.backend import keras
from pipeline.progress import Advance
from pipeline.train.batches import TrainBatches
from pipeline.train.schedule import Schedule
from pipeline.train.state import Arrays, Standing, StateFile

logger = logging.getLogger(__name__)

Logs = dict[str, float] | None  # as Keras' callbacks are given them

COMPILING = 2  # batches of a start that are not timed: the first ones compile
TIMED = 4  # batches after which the cost is known well enough to say
SAVING = 0.1  # share of the time that may go into saving the state, at most


class Keeper(keras.callbacks.Callback):  # type: ignore[misc]  # Keras carries no types
    """Early stopping, the clock, the history, and the state after an epoch.

    A large network's state takes seconds to write: it is then not written after each
    epoch, and what a kill undoes is trained again, the same.

    Args:
        train: Told which epoch it is.
        schedule: When to stop.
        state: Where the standing is kept.
        standing: How far training has come; kept up to date.
        best: Weights of the best snapshot so far; empty where there is none.
        variables: All that changes in training.
        on_rate: Told once how fast it trains, and how many epochs are to do.
    """

    def __init__(
        self,
        *,
        train: TrainBatches,
        schedule: Schedule,
        state: StateFile,
        standing: Standing,
        best: Arrays,
        variables: list[Any],
        on_rate: Callable[[float, int], None],
    ) -> None:
        super().__init__()
        standing.is_last_kept = schedule.keep == "last"
        self.standing, self.best = standing, best
        self.advance: Advance = lambda steps: None
        standing.planned_epochs = standing.planned_epochs or schedule.epochs
        self._train, self._schedule, self._state = train, schedule, state
        self._variables, self._on_rate = variables, on_rate
        self._began = time.perf_counter() - standing.elapsed
        self._epochs = schedule.epochs - standing.epochs  # for this start to do
        self._batches = 0  # since this start
        self._batch = 0  # of this epoch, the last one done
        self._last = 0.0  # when the batch before ended
        self._trained = 0.0  # seconds from the start to the end of a batch
        self._out_of_time = False
        self._validated: Arrays = []  # the averages, where there are any
        self._saved, self._saving = -math.inf, 0.0  # when, and how long that took

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        """Let the batches be those of the epoch."""
        self._train.epoch = epoch
        self._last = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Show progress, take the time, stop where it is over."""
        self.advance(1)
        self._batches += 1
        self._batch = batch
        if self._batches in {COMPILING, COMPILING + TIMED}:
            _wait_for(logs)
        now = time.perf_counter()
        self._trained = now - self._began
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

    def on_test_begin(self, logs: object = None) -> None:
        """Stop the clock of training: what follows is validation."""
        _wait_for(self.model.get_metrics_result())  # of the epoch's training
        now = time.perf_counter()
        self._trained = now - self._began
        if self._batches > COMPILING:
            self.standing.photos_seconds += now - self._last

    def on_test_end(self, logs: object = None) -> None:
        """Take the averages, which were validated and now give way."""
        if self._schedule.ema:
            self._validated = self.model.get_weights()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the epoch down, keep what is best, and decide whether to go on."""
        standing = self.standing
        found = {name: float(value) for name, value in (logs or {}).items()}
        rate = float(self.model.optimizer.learning_rate)
        elapsed = time.perf_counter() - self._began
        before = standing.history[-1].get("photos", 0) if standing.history else 0
        standing.history.append(
            {
                "epoch": epoch + 1,
                "photos": before + self._train.photos_through(self._batch),
                "learning_rate": rate,
                **found,
                "seconds": elapsed,
            }
        )
        standing.epochs, standing.elapsed = epoch + 1, elapsed
        if found["val_loss"] < standing.best_loss:  # never so where it is no number
            standing.best_loss, standing.best_epoch = found["val_loss"], epoch + 1
            if not standing.is_last_kept:
                self.best = self._validated or self.model.get_weights()
        if self._schedule.max_minutes and standing.epochs == 1:
            standing.planned_epochs = self._epochs_in_time(elapsed)
        standing.stopped_because = self._reason_to_stop(found["loss"])
        is_replanned = standing.planned_epochs != self.params["epochs"]
        if standing.stopped_because or is_replanned:
            self.model.stop_training = True
        self._save()
        logger.info("epoch %d: %s", epoch + 1, found)

    def _save(self) -> None:
        """Write the state, unless too much time would go into that."""
        began = time.perf_counter()
        due = self._saved + self._saving / SAVING
        if began >= due or self.model.stop_training:
            self._state.save(self.standing, self._variables, self.best)
            self._saved = time.perf_counter()
            self._saving = self._saved - began

    def _epochs_in_time(self, elapsed: float) -> int:
        """Say how many epochs there is time for, by what the first one took."""
        standing, schedule = self.standing, self._schedule
        photos = self._train.photos_through(self._train.num_batches - 1)
        rate = standing.images_per_second
        training = photos / rate if rate else elapsed
        seconds = training + max(0.0, elapsed - self._trained)  # and validating
        left = 60 * (schedule.max_minutes or 0) - elapsed
        return min(schedule.epochs, standing.epochs + max(0, int(left / seconds)))

    def _reason_to_stop(self, loss: float) -> str:
        """Say why training is over, empty where it goes on."""
        standing, schedule = self.standing, self._schedule
        if not math.isfinite(loss):
            return f"the loss became infinite in epoch {standing.epochs}"
        if self._out_of_time:
            return f"max_minutes = {schedule.max_minutes:g} were over"
        if standing.epochs >= schedule.epochs:
            return "all epochs done"
        if standing.epochs >= standing.planned_epochs:
            return f"max_minutes = {schedule.max_minutes:g} had no room for more epochs"
        if standing.epochs - standing.best_epoch >= schedule.patience:
            return f"val_loss did not fall for {schedule.patience} epochs"
        return ""


def _wait_for(logs: Logs) -> None:
    """Wait until a loss is known: a GPU, and JAX, run behind what they are told."""
    for value in (logs or {}).values():
        float(value)
