import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.metrics import (
    ClassScore,
    accuracy,
    calibration,
    class_scores,
    confusion_counts,
    kappa,
    log_loss,
    wilson_interval,
)


def test_accuracy_is_the_share_that_is_right():
    assert accuracy(np.array([0, 1, 2, 2]), np.array([0, 1, 2, 0])) == 0.75


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    # Newcombe 1998, table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)],
    ids=["81 of 263", "15 of 148", "none of 20"],
)
def test_wilson_interval_agrees_with_the_published_figures(right, total, low, high):
    assert wilson_interval(right, total) == pytest.approx((low, high), abs=5e-5)


@given(
    st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
)
def test_wilson_interval_holds_the_share_and_stays_within_bounds(counts):
    right, total = counts
    low, high = wilson_interval(right, total)
    assert 0 <= low <= right / total <= high <= 1


def test_wilson_interval_of_nothing_is_refused():
    with pytest.raises(ValueError, match="got 0 of 0"):
        wilson_interval(0, 0)


def test_confusion_has_a_row_for_the_truth_and_a_column_for_the_guess():
    counts = confusion_counts(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 1]), 3)
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 0]]


def test_class_scores_are_none_where_there_is_nothing_to_divide_by():
    scores = class_scores(np.array([[3, 1, 0], [1, 1, 0], [0, 0, 0]]))
    assert scores == [
        ClassScore(0.75, 0.75, 4),
        ClassScore(0.5, 0.5, 2),
        ClassScore(None, None, 0),
    ]


def test_calibration_error_is_zero_where_confidence_is_honest():
    pred_probs = np.tile(np.array([[0.75, 0.25]], np.float32), (4, 1))
    found = calibration(np.array([0, 0, 0, 1]), pred_probs)
    assert found.expected_error == pytest.approx(0)
    assert found.mean_confidence == found.accuracy == 0.75
    assert found.counts == (0, 0, 0, 0, 0, 0, 0, 4, 0, 0)


def test_calibration_error_weighs_bins_by_their_photos():
    pred_probs = np.array([[1, 0], [1, 0], [0.6, 0.4], [0.4, 0.6]], np.float32)
    found = calibration(np.array([0, 1, 0, 1]), pred_probs)
    # two sure ones, half right: 0.5 off; two at 0.6, both right: 0.4 off
    assert found.expected_error == pytest.approx((2 * 0.5 + 2 * 0.4) / 4)
    assert sum(found.counts) == 4
    assert len(found.edges) == len(found.counts) + 1


def test_log_loss_is_the_mean_surprise():
    pred_probs = np.array([[0.5, 0.5], [0.25, 0.75]], np.float32)
    found = log_loss(np.array([0, 1]), pred_probs)
    assert found == pytest.approx(-(np.log(0.5) + np.log(0.75)) / 2)


def test_log_loss_of_an_impossible_truth_is_finite():
    assert np.isfinite(log_loss(np.array([1]), np.array([[1, 0]], np.float32)))


def test_kappa_takes_off_what_chance_would_agree_on():
    # both say a: 20, a and b: 5, b and a: 10, both say b: 15. They agree on 35 of 50;
    # by chance on (25 * 30 + 25 * 20) / 50² = 0.5
    pairs = [("a", "a")] * 20 + [("a", "b")] * 5 + [("b", "a")] * 10 + [("b", "b")] * 15
    assert kappa(pairs) == pytest.approx((0.7 - 0.5) / (1 - 0.5))


@pytest.mark.parametrize(
    ("pairs", "value"),
    [
        ([("a", "a"), ("b", "b")], 1.0),
        ([("a", "b"), ("b", "a")], -1.0),
        ([("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")], 0.0),
        ([("a", "b"), ("a", "b")], 0.0),
        ([("a", "a"), ("a", "a")], None),
        ([], None),
    ],
    ids=["always", "never", "by chance", "each their own", "one class", "nothing"],
)
def test_kappa_of_judges_who_agree(pairs, value):
    assert kappa(pairs) == (None if value is None else pytest.approx(value))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc"))))
def test_kappa_is_the_same_whoever_is_called_first(pairs):
    turned = kappa([(second, first) for first, second in pairs])
    found = kappa(pairs)
    assert found is None if turned is None else found == pytest.approx(turned)
    assert found is None or -1 - 1e-9 <= found <= 1 + 1e-9


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="got 2 and 1"):
        accuracy(np.array([0, 1]), np.array([0]))
