"""Training a network: early stopping on the best snapshot, resumable.

The snapshot with the lowest validation loss is kept, or the last where the schedule
says so.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import RunError
from pipeline.networks.backend import keras
from pipeline.progress import Progress
from pipeline.train.batches import PlainBatches, TrainBatches
from pipeline.train.keeper import Keeper
from pipeline.train.logs import event_logs
from pipeline.train.schedule import Schedule, build_optimizer, learning_rate
from pipeline.train.state import Standing, StateFile


# Registered, for a copy of a model takes its loss along.
@keras.saving.register_keras_serializable("mekiki")
class CrossEntropy(keras.losses.CategoricalCrossentropy):  # type: ignore[misc]
    """The cross-entropy of photos that weigh as much as their targets sum to.

    Keras' own is not to be given such targets: on TensorFlow its gradients are those of
    targets that sum to 1, and training drives the outputs without bound.
    """

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return it, in nats, (B,).

        Args:
            y_true: Targets (B, K), of sums above 0.
            y_pred: Probabilities (B, K), a softmax.
        """
        weights = keras.ops.sum(y_true, axis=-1, keepdims=True)
        return weights[..., 0] * super().call(y_true / weights, y_pred)


def fit(
    model: Any,
    train: TrainBatches,
    val: PlainBatches,
    schedule: Schedule,
    state: StateFile,
    *,
    progress: Progress,
    on_rate: Callable[[float, int], None],
    on_interrupt: Callable[[Standing], None] = lambda standing: None,
    log_dir: Path | None = None,
    is_enough: bool = False,
) -> Standing:
    """Train ``model`` in place, from where ``state`` says, to the snapshot to keep.

    Args:
        model: Gives class probabilities (B, K).
        train: What to learn from.
        val: What chooses the snapshot.
        schedule: How long and how fast. Where ``max_minutes`` leaves no time for all
            epochs, the rate falls over those that the first one leaves time for.
        state: Written after an epoch; after each, unless that takes long.
        progress: How the work is shown, in batches.
        on_rate: Told once, after the first batches: the photos a second, and how many
            epochs this start has to do.
        on_interrupt: Called where Ctrl-C ends the training and there is a snapshot,
            which the model then holds.
        log_dir: Where TensorBoard's logs go, one file more each start.
        is_enough: Train no further than the last start did.

    Raises:
        RunError: The loss of every snapshot that could be kept is no number.
    """
    _compile(model, schedule, train.num_batches, train.num_classes)
    variables = _all_variables(model)
    standing, best = state.restore(variables) or (Standing(), [])
    if standing.kept_epoch and is_enough and not standing.stopped_because:
        standing.stopped_because = "ended by hand"
    keeper = Keeper(
        train=train,
        schedule=schedule,
        state=state,
        standing=standing,
        best=best,
        variables=variables,
        on_rate=on_rate,
    )
    try:
        while not standing.stopped_because:
            if standing.planned_epochs != schedule.epochs:
                _plan(model, standing.planned_epochs, schedule, train.num_batches)
                state.restore(variables)  # Keras ends with the averages in place
            _train(model, train, val, keeper, progress=progress, log_dir=log_dir)
    except KeyboardInterrupt:
        if keeper.best:
            model.set_weights(keeper.best)
            on_interrupt(standing)
        raise
    _keep(model, keeper, schedule)
    return standing


def _keep(model: Any, keeper: Keeper, schedule: Schedule) -> None:
    """Leave the snapshot that is to be kept in the model."""
    standing = keeper.standing
    if not standing.has_snapshot:
        raise RunError(
            f"the loss became infinite in epoch {standing.epochs}: lower [train]"
            f" learning_rate (it was {schedule.learning_rate:g}) and train again"
        )
    model.set_weights(keeper.best or model.get_weights())


def _train(
    model: Any,
    train: TrainBatches,
    val: PlainBatches,
    keeper: Keeper,
    *,
    progress: Progress,
    log_dir: Path | None,
) -> None:
    """Train until the keeper stops it, or for all the epochs that are planned."""
    standing = keeper.standing
    epochs = standing.planned_epochs
    # after the keeper, which sees the averages before they give way again
    averaging = [keras.callbacks.SwapEMAWeights()] if model.optimizer.use_ema else []
    batches = (epochs - standing.epochs) * train.num_batches
    with progress("training", batches) as keeper.advance:
        model.fit(
            train,
            validation_data=val,
            epochs=epochs,
            initial_epoch=standing.epochs,
            callbacks=[keeper, *averaging, *event_logs(log_dir)],
            shuffle=False,
            verbose=0,
        )


def _all_variables(model: Any) -> list[Any]:
    """List all that changes in training: weights, averages, seeds, the optimizer's."""
    metrics = {id(variable) for variable in model.metrics_variables}
    kept = [variable for variable in model.variables if id(variable) not in metrics]
    return [*kept, *model.optimizer.variables]


def _compile(model: Any, schedule: Schedule, steps: int, num_classes: int) -> None:
    model.compile(
        optimizer=build_optimizer(schedule, steps),
        loss=CrossEntropy(label_smoothing=schedule.label_smoothing),
        weighted_metrics=["accuracy"],  # photos that fill up a batch weigh nothing
    )
    model.optimizer.build(model.trainable_variables)
    _build_metrics(model, num_classes)


def _plan(model: Any, epochs: int, schedule: Schedule, steps: int) -> None:
    """Let the learning rate fall over other epochs than compiled."""
    planned = replace(schedule, epochs=epochs)
    model.optimizer.learning_rate = learning_rate(planned, steps)
    model.make_train_function(force=True)  # the rate is part of what was traced


def _build_metrics(model: Any, num_classes: int) -> None:
    """Build loss and metrics, which ``fit`` would do by taking a batch beforehand.

    On JAX that batch is lost, and those made behind it, an epoch too early, are served
    in its place (Keras 3.15).
    """
    targets = np.eye(1, num_classes, dtype=np.float32)
    model.compute_loss(y=targets, y_pred=targets, training=False)
    model.compute_metrics(None, targets, targets)
    model.reset_metrics()
