import math
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import RunError
from pipeline.progress import silent
from pipeline.train.state import StateFile

pytestmark = pytest.mark.slow

SIDE, CACHED, NUMBER = 16, 18, 22


def squares(one_of=2):
    """Return dark and light noise, one of so many light, and which is which."""
    from pipeline.networks.pixels import MappedPixels

    rng = np.random.default_rng(0)
    y_true = (np.arange(NUMBER) % one_of == one_of - 1).astype(np.int64)
    light = 60 + 100 * y_true[:, None, None, None]
    noise = rng.integers(0, 60, (NUMBER, CACHED, CACHED, 3))
    return MappedPixels((light + noise).astype(np.uint8), np.arange(NUMBER)), y_true


def build():
    """Build a network with all that carries state: dropout, BatchNorm."""
    from pipeline.networks.backend import keras

    keras.utils.set_random_seed(5)
    photo = keras.Input((SIDE, SIDE, 3))
    features = keras.layers.Rescaling(1 / 255)(photo)
    features = keras.layers.Conv2D(4, 3, strides=2)(features)
    features = keras.layers.BatchNormalization()(features)
    features = keras.layers.GlobalAveragePooling2D()(features)
    features = keras.layers.Dropout(0.3)(features)
    return keras.Model(photo, keras.layers.Dense(2, activation="softmax")(features))


def train(
    folder,
    *,
    progress=silent,
    on_rate=lambda rate, epochs: None,
    noise="none",
    one_of=2,
    file=StateFile,
    **schedule,
):
    """Train the small network; return it and how it went."""
    from pipeline.networks.pixels import MappedPixels
    from pipeline.train.augment import Strength
    from pipeline.train.batches import PlainBatches, TrainBatches
    from pipeline.train.consistency import Consistent
    from pipeline.train.fit import fit
    from pipeline.train.schedule import Schedule

    pixels, y_true = squares(one_of)
    cropped = MappedPixels(pixels.squares[:, 1:-1, 1:-1], pixels.places)
    model = build()
    standing = fit(
        Consistent(model.input, model.output) if noise == "augmix" else model,
        TrainBatches(
            pixels,
            y_true,
            2,
            batch_size=4,
            image_size=SIDE,
            strength=Strength(),
            seed=0,
            noise=noise,
            balanced=schedule.get("balanced", False),
        ),
        PlainBatches(cropped, y_true, 2, batch_size=8),
        replace(Schedule(4, 0.05, 1, 10), **schedule),
        file(folder),
        progress=progress,
        on_rate=on_rate,
    )
    return model, standing


def without_times(history):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in history]


def killing_progress(batch):
    """Return what kills this process after so many batches of a start."""

    @contextmanager
    def progress(description, total):
        done = []

        def advance(steps):
            done.append(steps)
            if len(done) == batch:
                os.kill(os.getpid(), signal.SIGKILL)

        yield advance

    return progress


def test_a_training_killed_at_any_batch_ends_as_an_undisturbed_one(tmp_path):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    # before anything is saved; on the last batch of the first epoch; in the second;
    # in the fourth and last, of 6 batches each
    for batch in (1, 6, 9, 17):
        ended = subprocess.run(
            [sys.executable, __file__, str(killed), str(batch)],
            check=False,
            capture_output=True,
        )
        assert ended.returncode == -signal.SIGKILL
        assert ended.stderr == b""  # the backend's start-up lines are kept off it

    resumed, resumed_standing = train(killed)
    undisturbed, standing = train(whole)

    assert resumed_standing.epochs == standing.epochs == standing.planned_epochs == 4
    assert [row["photos"] for row in standing.history] == [22, 44, 66, 88]
    assert without_times(resumed_standing.history) == without_times(standing.history)
    for found, expected in zip(
        resumed.get_weights(), undisturbed.get_weights(), strict=True
    ):
        assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    "more",
    [
        {"noise": "shop"},
        {"noise": "augmix"},
        {"ema": 0.9},
        {"ema": 0.9, "optimizer": "adamw", "label_smoothing": 0.1},
        {"optimizer": "muon"},
    ],
    ids=["shop", "augmix", "averages", "adamw", "muon"],
)
def test_a_training_of_any_kind_that_was_cut_off_ends_as_an_undisturbed_one(
    tmp_path, more
):
    @contextmanager
    def interrupting(description, total):
        done = []

        def advance(steps):
            done.append(steps)
            if len(done) == 15:  # in the middle of the third epoch
                raise KeyboardInterrupt

        yield advance

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "cut", **more, progress=interrupting)
    resumed, resumed_standing = train(tmp_path / "cut", **more)
    whole, standing = train(tmp_path / "whole", **more)
    plain, _ = train(tmp_path / "plain")

    assert without_times(resumed_standing.history) == without_times(standing.history)
    assert all(map(np.array_equal, resumed.get_weights(), whole.get_weights()))
    assert not all(map(np.array_equal, whole.get_weights(), plain.get_weights()))


def test_validation_with_augmix_is_of_plain_photos_by_the_plain_loss(tmp_path):
    from pipeline.networks.backend import keras

    model, standing = train(tmp_path, noise="augmix")
    pixels, y_true = squares()
    pred_probs = np.asarray(model(pixels.squares[:, 1:-1, 1:-1], training=False))
    loss = keras.losses.SparseCategoricalCrossentropy()(y_true, pred_probs)
    assert float(loss) == pytest.approx(standing.best_loss, rel=1e-3)
    best = standing.history[standing.best_epoch - 1]
    assert best["val_accuracy"] == pytest.approx(
        np.mean(pred_probs.argmax(axis=1) == y_true)
    )


def test_no_batch_is_taken_before_its_epoch_begins(tmp_path):
    from pipeline.train.batches import PlainBatches
    from pipeline.train.fit import _compile
    from pipeline.train.schedule import Schedule

    pixels, y_true = squares()
    inner = pixels.squares[:, 1:-1, 1:-1]
    batches = PlainBatches(type(pixels)(inner, pixels.places), y_true, 2, batch_size=8)
    model = build()
    _compile(model, Schedule(4, 0.05, 1, 10), 6, 2)
    before = model.get_weights()

    class Unwanted:
        def __iter__(self):
            raise AssertionError("Keras asked for a batch to build itself")

    model._symbolic_build(iterator=Unwanted())
    found = model.evaluate(batches, verbose=0, return_dict=True)
    assert set(found) == {"loss", "accuracy"}
    assert all(map(np.array_equal, model.get_weights(), before))


def test_a_training_that_is_over_is_not_continued(tmp_path):
    model, standing = train(tmp_path, epochs=2)
    again, same = train(tmp_path, epochs=2)
    assert same == standing
    for found, expected in zip(again.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(found, expected)


def test_the_schedule_warms_up_and_ends_low(tmp_path):
    _, standing = train(tmp_path, epochs=4, learning_rate=0.05)
    rates = [row["learning_rate"] for row in standing.history]
    assert rates[0] == pytest.approx(0.05, rel=0.2)
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.001
    assert standing.stopped_because == "all epochs done"


def test_training_stops_where_validation_gets_no_better(tmp_path):
    _, standing = train(tmp_path, epochs=30, learning_rate=2.0, patience=2)
    assert standing.epochs < 30
    assert standing.epochs - standing.best_epoch == 2
    assert standing.stopped_because == "val_loss did not fall for 2 epochs"


@pytest.mark.parametrize("ema", [0.0, 0.8])
def test_the_best_snapshot_is_what_is_left(tmp_path, ema):
    from pipeline.networks.backend import keras

    model, standing = train(tmp_path, epochs=6, learning_rate=0.8, ema=ema)
    pixels, y_true = squares()
    inner = pixels.squares[:, 1:-1, 1:-1]
    pred_probs = np.asarray(model(inner, training=False))
    loss = keras.losses.SparseCategoricalCrossentropy()(y_true, pred_probs)
    lowest = min(row["val_loss"] for row in standing.history)
    assert float(loss) == pytest.approx(lowest, rel=1e-3)
    assert standing.best_loss == lowest


def test_the_last_snapshot_is_what_is_left_where_it_is_wanted(tmp_path):
    from pipeline.networks.backend import keras

    model, standing = train(
        tmp_path / "last", epochs=6, learning_rate=0.3, keep="last", patience=99
    )
    again, same = train(
        tmp_path / "last", epochs=6, learning_rate=0.3, keep="last", patience=99
    )
    pixels, y_true = squares()
    inner = pixels.squares[:, 1:-1, 1:-1]
    pred_probs = np.asarray(model(inner, training=False))
    loss = keras.losses.SparseCategoricalCrossentropy()(y_true, pred_probs)
    assert float(loss) == pytest.approx(standing.history[-1]["val_loss"], rel=1e-3)
    assert (standing.kept_epoch, same) == (6, standing)
    assert all(map(np.array_equal, again.get_weights(), model.get_weights()))
    with pytest.raises(RunError, match=r"became infinite in epoch 1: lower \[train\]"):
        train(tmp_path / "infinite", learning_rate=1e30, keep="last")


class SlowFile(StateFile):
    """Takes longer to write than the training takes; counts how often it is."""

    def save(self, standing, variables, best):
        super().save(standing, variables, best)
        with (self.run_folder / "saves").open("a") as file:
            file.write(f"{standing.epochs}\n")
        until = time.perf_counter() + 0.5
        while time.perf_counter() < until:
            pass


def test_a_state_that_is_slow_to_write_is_not_written_after_each_epoch(tmp_path):
    slow, whole = tmp_path / "slow", tmp_path / "whole"

    @contextmanager
    def interrupting(description, total):
        done = []

        def advance(steps):
            done.append(steps)
            if len(done) == 21:  # in the fourth epoch
                raise KeyboardInterrupt

        yield advance

    with pytest.raises(KeyboardInterrupt):
        train(slow, progress=interrupting, file=SlowFile)
    assert (slow / "saves").read_text().split() == ["1"]
    resumed, resumed_standing = train(slow, file=SlowFile)
    undisturbed, standing = train(whole)

    assert (slow / "saves").read_text().split() == ["1", "2", "4"]
    assert without_times(resumed_standing.history) == without_times(standing.history)
    assert all(map(np.array_equal, resumed.get_weights(), undisturbed.get_weights()))


def test_max_minutes_ends_training_within_an_epoch(tmp_path):
    steps: list[int] = []

    @contextmanager
    def progress(description, total):
        yield steps.append

    _, standing = train(tmp_path, progress=progress, epochs=50, max_minutes=1e-6)
    assert len(steps) == 1
    assert standing.epochs == 1
    assert standing.stopped_because == "max_minutes = 1e-06 were over"


def test_where_max_minutes_has_room_for_some_epochs_the_rate_falls_over_those(tmp_path):
    first = train(tmp_path / "first", epochs=2)[1].history[0]["seconds"]
    _, standing = train(tmp_path / "cut", epochs=10**6, max_minutes=4 * first / 60)
    planned = standing.planned_epochs
    assert 1 <= standing.epochs <= planned < 10**6  # a busy machine may do fewer
    for row in standing.history[1:]:  # the first is the warm-up
        share = (row["epoch"] - 1) / (planned - 1)
        assert row["learning_rate"] == pytest.approx(
            0.05 * (1 + math.cos(math.pi * share)) / 2, abs=1e-6
        )
    assert standing.stopped_because.startswith("max_minutes = ")


def test_averages_lag_behind_the_weights_and_training_goes_on_from_the_weights(
    tmp_path,
):
    averaged, plain = (train(tmp_path / str(ema), ema=ema)[1] for ema in (0.95, 0.0))
    losses = [[row["loss"] for row in one.history] for one in (averaged, plain)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)  # but for rounding
    assert averaged.history[0]["val_loss"] != plain.history[0]["val_loss"]


def test_max_minutes_that_are_enough_change_nothing(tmp_path):
    _, plain = train(tmp_path / "plain", epochs=3)
    _, timed = train(tmp_path / "timed", epochs=3, max_minutes=1000.0)
    assert without_times(timed.history) == without_times(plain.history)
    assert timed.stopped_because == "all epochs done"


def test_a_loss_that_is_no_number_is_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(
        RunError, match=r"lower \[train\] learning_rate \(it was 1e\+30"
    ):
        train(tmp_path, learning_rate=1e30)


def test_the_rate_is_told_once_and_progress_counts_batches(tmp_path):
    told: list[tuple[float, int]] = []

    def tell(rate, epochs):
        told.append((rate, epochs))

    announced: list[tuple[str, int | None]] = []
    steps: list[int] = []

    @contextmanager
    def progress(description, total):
        announced.append((description, total))
        yield steps.append

    _, standing = train(tmp_path, progress=progress, on_rate=tell, epochs=2)
    assert len(told) == 1
    assert told[0][0] > 0
    assert told[0][1] == 2
    assert announced == [("training", 12)]
    assert sum(steps) == 12
    assert standing.images_per_second > 0


def test_a_steady_rate_falls_by_the_batches_alone(tmp_path):
    _, standing = train(tmp_path, epochs=3, rate="steady", time_decay=0.5)
    rates = [row["learning_rate"] for row in standing.history]
    assert rates == pytest.approx([0.05 / 4, 0.05 / 7, 0.05 / 10])


def test_a_rare_category_that_weighs_more_is_learned(tmp_path):
    _, standing = train(tmp_path, epochs=30, patience=30, one_of=4, balanced=True)
    assert standing.best_loss < 0.25


def test_a_photo_weighs_what_its_targets_sum_to():
    from pipeline.networks.backend import keras
    from pipeline.train.fit import CrossEntropy

    rng = np.random.default_rng(0)
    features = rng.normal(size=(8, 5)).astype(np.float32)
    targets = np.eye(3, dtype=np.float32)[np.arange(8) % 3]
    weights = rng.uniform(0.2, 4, 8).astype(np.float32)

    def taught(loss, targets, weights=None):
        keras.utils.set_random_seed(0)
        given = keras.Input((5,))
        head = keras.layers.Dense(3, activation="softmax")(given)
        model = keras.Model(given, head)
        model.compile(keras.optimizers.SGD(1.0), loss)
        told = model.train_on_batch(features, targets, sample_weight=weights)
        return float(told), model.get_weights()[0]

    ours = taught(CrossEntropy(), targets * weights[:, None])
    theirs = taught("categorical_crossentropy", targets, weights)
    assert ours[0] == pytest.approx(theirs[0], rel=1e-5)
    assert ours[1] == pytest.approx(theirs[1], abs=1e-5)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "muon"])
def test_each_optimizer_learns_what_is_easy(tmp_path, optimizer):
    _, standing = train(tmp_path, epochs=12, optimizer=optimizer)
    assert standing.history[-1]["loss"] < 0.8 * standing.history[0]["loss"]


if __name__ == "__main__":
    train(Path(sys.argv[1]), progress=killing_progress(int(sys.argv[2])))
