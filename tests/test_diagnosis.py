"""What learning curves are said to show, on histories whose truth is known."""

import math

import numpy as np
import pytest

from pipeline.report.diagnosis import Circumstances, Kind, diagnose


def history(accuracy, val_accuracy, loss=None, val_loss=None):
    """Lay out a history by its columns; losses follow accuracies where not given."""
    accuracy, val_accuracy = list(accuracy), list(val_accuracy)
    loss = list(loss) if loss is not None else [2 * (1.02 - a) for a in accuracy]
    val_loss = (
        list(val_loss)
        if val_loss is not None
        else [2 * (1.02 - a) for a in val_accuracy]
    )
    return [
        {"epoch": n, "accuracy": a, "val_accuracy": va, "loss": lo, "val_loss": vl}
        for n, (a, va, lo, vl) in enumerate(
            zip(accuracy, val_accuracy, loss, val_loss, strict=True), start=1
        )
    ]


def rising(start, end, epochs, pace=4.0):
    """Rise from ``start`` to ``end``, ever more slowly: level at the end."""
    return end - (end - start) * np.exp(-pace * np.linspace(0, 1, epochs) * 2)


def given(num_val=600, **more):
    return Circumstances(num_val=num_val, chance=more.pop("chance", 0.2), **more)


BY_HEART = history(
    rising(0.5, 1.0, 100),
    rising(0.5, 0.6, 100),
    rising(0.7, 0.001, 100),
    [0.7 - 0.01 * n for n in range(12)] + [0.6 + 0.02 * n for n in range(88)],
)
DIVERGED = [
    *history([0.3, 0.5, 0.6], [0.3, 0.5, 0.55]),
    {
        "epoch": 4,
        "accuracy": 0.1,
        "val_accuracy": 0.1,
        "loss": math.nan,
        "val_loss": math.nan,
    },
]
JUMPING = rising(0.3, 0.8, 40)
JUMPING[[22, 27, 33]] -= 0.4
CASES = {
    "learned by heart on ten photos": (
        BY_HEART,
        given(10, chance=0.5),
        Kind.OVERFITTED,
    ),
    "from scratch, 99 and 84": (
        history(rising(0.2, 0.99, 36), rising(0.2, 0.84, 36)),
        given(650),
        Kind.OVERFITTED,
    ),
    "a good fine-tuning ends a little ahead": (
        history(rising(0.7, 0.995, 10), rising(0.85, 0.96, 10)),
        given(666),
        Kind.FINE,
    ),
    "nine of ten is within chance of all": (
        history(rising(0.5, 1.0, 30), rising(0.5, 0.9, 30)),
        given(10, chance=0.5),
        Kind.UNCLEAR,
    ),
    "accuracies agree but the loss rises": (
        history(
            rising(0.5, 0.97, 40),
            rising(0.5, 0.95, 40),
            rising(1.0, 0.02, 40),
            [1.0 - 0.07 * n for n in range(12)] + [0.24 + 0.02 * n for n in range(28)],
        ),
        given(600),
        Kind.OVERFITTED,
    ),
    "a jitter of the loss is no rise": (
        history(
            rising(0.5, 0.96, 40),
            rising(0.5, 0.95, 40),
            rising(1.0, 0.1, 40),
            rising(1.0, 0.2, 40) + 0.03 * np.sin(np.arange(40) * 2.5),
        ),
        given(600),
        Kind.FINE,
    ),
    "diverged": (DIVERGED, given(kept_epoch=3), Kind.DIVERGED),
    "ended by an infinite loss": (
        history([0.4, 0.5], [0.4, 0.5]),
        given(stopped_because="the loss became infinite in epoch 3"),
        Kind.DIVERGED,
    ),
    "never left chance": (
        history([0.2] * 12, [0.2] * 12, [1.61] * 12, [1.61] * 12),
        given(300),
        Kind.CHANCE,
    ),
    "mixed pictures look like chance in training alone": (
        history([0.22] * 12, [0.92] * 12, [1.5] * 12, [0.4] * 12),
        given(300),
        Kind.FINE,
    ),
    "cut off while it was rising": (
        history(np.linspace(0.3, 0.7, 10), np.linspace(0.3, 0.68, 10)),
        given(stopped_because="all epochs done"),
        Kind.UNDONE,
    ),
    "out of time while it was rising": (
        history(np.linspace(0.3, 0.5, 3), np.linspace(0.3, 0.5, 3)),
        given(stopped_because="max_minutes = 2 were over"),
        Kind.UNDONE,
    ),
    "all right and rising still": (
        history(np.linspace(0.9, 0.97, 4), [0.97, 0.98, 0.99, 1.0]),
        given(stopped_because="all epochs done"),
        Kind.FINE,
    ),
    "level and low": (
        history(rising(0.2, 0.62, 40), rising(0.2, 0.6, 40)),
        given(stopped_because="val_loss did not fall for 12 epochs"),
        Kind.UNDERFITTED,
    ),
    "jumping": (
        history(rising(0.3, 0.82, 40), JUMPING, val_loss=[0.5] * 39 + [0.49]),
        given(600),
        Kind.UNSTABLE,
    ),
    "the same jumps on ten photos are chance": (
        history(rising(0.3, 0.82, 40), JUMPING, val_loss=[0.5] * 39 + [0.49]),
        given(10),
        Kind.UNCLEAR,
    ),
    "training loss jumps": (
        history(
            rising(0.3, 0.95, 40),
            rising(0.3, 0.93, 40),
            [0.2 if n not in {25, 30, 36} else 3.0 for n in range(40)],
        ),
        given(600),
        Kind.UNSTABLE,
    ),
    "ahead, but validation is catching up": (
        history(np.linspace(0.5, 0.95, 4), [0.2, 0.25, 0.4, 0.6]),
        given(600, stopped_because="all epochs done"),
        Kind.UNDONE,
    ),
    "one epoch": (history([0.99], [0.95]), given(600), Kind.NO_CURVE),
    "levelled off together": (
        history(rising(0.2, 0.95, 60), rising(0.2, 0.94, 60)),
        given(2000),
        Kind.FINE,
    ),
}


@pytest.mark.parametrize(("rows", "known", "kind"), CASES.values(), ids=CASES)
def test_a_history_of_known_kind_is_called_so(rows, known, kind):
    found = diagnose(rows, known)

    assert found is not None
    assert found.kind == kind, found.words


def words(rows, known):
    found = diagnose(rows, known)
    assert found is not None
    return found.words


def test_learning_by_heart_is_said_with_its_figures_and_what_would_help():
    assert words(BY_HEART, given(10, chance=0.5, kept_epoch=12)) == (
        "Overfitted: training accuracy 100 %, validation 60 %; the network has learned"
        " these photos by heart. From epoch 12 on validation loss rose, from 0.59 to"
        " 2.32, while training loss went on falling; the snapshot that was kept is from"
        " before. More photos, augmentation, or a network trained on other photos would"
        " help."
    )


def test_transfer_is_not_advised_where_it_was_used():
    said = words(BY_HEART, given(10, is_transfer=True))

    assert said.endswith("More photos or stronger augmentation would help.")


def test_a_divergence_names_its_epoch_and_what_was_kept():
    assert words(DIVERGED, given(kept_epoch=3)) == (
        "Diverged: in epoch 4 the loss became infinite. The snapshot of epoch 3, before"
        " it, was kept. A lower [train] learning_rate would help."
    )


def test_of_two_photos_a_wrong_one_says_nothing_against_training():
    assert "better than others" not in words(history([1.0], [0.5]), given(2))
    assert "better than others" in words(history([1.0], [0.5]), given(20))


def test_shares_near_all_are_said_with_a_decimal():
    rows = history(rising(0.9, 0.998, 60), rising(0.9, 0.994, 60))

    assert "validation 99.4 % (98.7 % to 99.7 % with 95 %)" in words(rows, given(1000))


def test_few_photos_are_said_to_say_little():
    rows = history(rising(0.5, 0.9, 30), rising(0.5, 0.9, 30))

    assert "90 % right may stand for anything from 60 % to 98.2 %" in words(
        rows, given(10, chance=0.5)
    )


def test_one_epoch_that_fits_its_photos_far_better_than_others_says_so():
    said = words(history([1.0], [0.6]), given(100))

    assert "Training accuracy is 100 %, validation 60 %" in said


@pytest.mark.parametrize("rows", [[], [{"epoch": 1.0, "loss": 0.5}]])
def test_where_there_is_nothing_to_go_by_nothing_is_said(rows):
    assert diagnose(rows, given()) is None


def test_nothing_is_said_without_validation_photos():
    assert diagnose(BY_HEART, given(0)) is None


@pytest.mark.parametrize("num_val", [1, 10, 100, 10_000])
@pytest.mark.parametrize("seed", range(20))
def test_any_curve_of_numbers_gets_words(num_val, seed):
    rng = np.random.default_rng(seed)
    epochs = int(rng.integers(1, 40))
    rows = history(
        rng.random(epochs), rng.random(epochs), rng.gamma(1, 1, epochs),
        rng.gamma(1, 1, epochs),
    )  # fmt: skip

    found = diagnose(rows, given(num_val))

    assert found is not None
    assert found.words.endswith(".")
