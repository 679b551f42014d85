"""From a few labels to suggestions: what is asked, what is said, how sure that is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.metrics import calibration
from pipeline.suggest.classify import UNKNOWN, Training, fit
from pipeline.suggest.learn import (
    MOST,
    Known,
    best_temperature,
    calibrated,
    deal,
    is_enough,
    learn,
)
from pipeline.suggest.order import order_by_help, spread_out
from pipeline.suggest.space import fit_space
from tests.doubles.clouds import clouds, swap


def seen_clouds(num_classes: int, per_class: int, *, apart: float = 4.0, seed: int = 0):
    """Return the features of clouds off the origin, and the classes."""
    embeddings, y_true = clouds(num_classes, per_class, apart=apart, seed=seed)
    embeddings += 1
    return fit_space(embeddings).project(embeddings), y_true


def known_of(features, *, said=None, found=None, num_classes=3) -> Known:
    none = np.full(len(features), UNKNOWN, np.int64)
    said = none if said is None else said
    found = none if found is None else np.where(said == UNKNOWN, found, UNKNOWN)
    return Known(features, said, found, said == UNKNOWN, num_classes)


def no_estimate(pred_probs, labels):
    return 0, 0, len(labels)


def judge(known: Known):
    return learn(known, np.random.default_rng(0), no_estimate)


def test_features_have_one_scale_whatever_the_network_gives():
    rng = np.random.default_rng(0)
    for width, scale in ((8, 1e-3), (1280, 50.0)):
        embeddings = (rng.normal(1, 1, (300, width)) * scale).astype(np.float32)
        features = fit_space(embeddings).project(embeddings)
        assert features.shape == (300, min(width, 256))
        assert (features**2).sum(axis=1).mean() == pytest.approx(1, abs=0.35)


def test_photos_that_all_look_the_same_are_no_trouble():
    same = np.ones((6, 4), np.float32)
    features = fit_space(same).project(same)
    assert np.isfinite(features).all()
    assert len(set(spread_out(features, 4, np.random.default_rng(0)))) == 4


def test_three_labels_a_category_are_enough_for_clouds_far_apart():
    features, y_true = seen_clouds(5, 40)
    said = np.full(len(y_true), UNKNOWN)
    for place in range(5):
        said[np.flatnonzero(y_true == place)[:3]] = place

    verdict = judge(known_of(features, said=said, num_classes=5))

    assert (verdict.pred_probs.argmax(axis=1) == y_true).mean() > 0.97
    assert np.allclose(verdict.pred_probs.sum(axis=1), 1, atol=1e-5)


def test_a_category_that_has_no_label_is_never_suggested():
    features, y_true = seen_clouds(3, 20)
    said = np.where((np.arange(60) % 4 == 0) & (y_true != 1), y_true, UNKNOWN)

    verdict = judge(known_of(features, said=said))

    assert set(verdict.pred_probs.argmax(axis=1)) == {0, 2}
    assert np.isfinite(verdict.pred_probs).all()


def test_scraped_labels_that_are_wrong_are_doubted_most_and_put_right():
    features, y_true = seen_clouds(4, 60)
    found, swapped = swap(y_true, 24)

    verdict = judge(known_of(features, found=found, num_classes=4))

    worst = np.argsort(-verdict.doubt)[: swapped.sum()]
    assert swapped[worst].mean() > 0.95
    assert (verdict.pred_probs.argmax(axis=1) == y_true).mean() > 0.97


def test_a_persons_word_is_doubted_half_as_much_and_counts_more():
    features, y_true = seen_clouds(3, 30, apart=1.0)
    found, swapped = swap(y_true, 9)
    wrong = np.flatnonzero(swapped)[0]
    said = np.full(len(y_true), UNKNOWN)
    before = judge(known_of(features, found=found)).doubt[wrong]
    said[wrong] = found[wrong]  # somebody confirmed it

    after = judge(known_of(features, said=said, found=found)).doubt[wrong]

    assert after <= 0.5
    assert after == pytest.approx(before / 2, abs=0.2)


def test_what_a_photo_is_labelled_hardly_touches_what_is_suggested_for_it():
    features, y_true = seen_clouds(3, 20)
    found = y_true.copy()
    found[0] = 2
    verdict = judge(known_of(features, found=found))
    assert verdict.pred_probs[0].argmax() == y_true[0]


def test_the_same_labels_give_the_same_suggestions():
    features, y_true = seen_clouds(3, 20, apart=1.0)
    one, other = (judge(known_of(features, found=y_true)) for _ in range(2))
    assert np.array_equal(one.pred_probs, other.pred_probs)
    assert np.array_equal(one.helpful, other.helpful)


def test_confidence_is_about_the_share_that_is_right():
    features, y_true = seen_clouds(6, 200, apart=0.7)  # hard: many are doubtful
    said = np.where(np.arange(len(y_true)) % 6 == 0, y_true, UNKNOWN)

    verdict = judge(known_of(features, said=said, num_classes=6))

    rest = said == UNKNOWN
    found = calibration(y_true[rest], verdict.pred_probs[rest])
    assert found.accuracy < 0.9
    assert found.expected_error < 0.08


def test_the_temperature_undoes_what_made_probabilities_too_sure():
    rng = np.random.default_rng(0)
    honest = rng.dirichlet(np.ones(4), 4000)
    labels = np.array([rng.choice(4, p=row) for row in honest])
    too_sure = calibrated(honest, 0.5)

    found = best_temperature(too_sure, labels, np.ones(len(labels)))

    assert found == pytest.approx(2.0, rel=0.12)


@pytest.mark.parametrize(
    ("said", "found", "enough"),
    [
        ([], [], False),
        ([0] * 9, [], False),
        ([0, 0, 0, 1, 1], [], False),
        ([0, 0, 0, 1, 1, 1], [], True),
        ([], [0] * 10 + [1] * 9, False),
        ([], [0] * 10 + [1] * 10, True),
        ([1], [0] * 10 + [1] * 9, True),
    ],
    ids=["none", "one", "too few", "a few", "few scraped", "scraped", "together"],
)
def test_it_begins_when_there_is_enough(said, found, enough):
    number = len(said) + len(found)
    known = Known(
        np.zeros((number, 2), np.float32),
        np.array([*said, *[UNKNOWN] * len(found)], np.int64),
        np.array([*[UNKNOWN] * len(said), *found], np.int64),
        np.ones(number, np.bool_),
        2,
    )
    assert is_enough(known) is enough


def test_of_very_many_labels_each_category_is_learned_from_and_people_first():
    rng = np.random.default_rng(0)
    number = MOST + 4000
    y_true = (np.arange(number) < number - 30).astype(np.int64)  # 30 of class 0
    features = rng.normal(0, 0.2, (number, 4)).astype(np.float32)
    features[:, 0] += y_true
    verdict = judge(known_of(features, found=y_true, num_classes=2))
    assert (verdict.pred_probs.argmax(axis=1) == y_true).mean() > 0.95


def test_only_open_photos_are_asked_for_all_of_them_once():
    features, y_true = seen_clouds(3, 50, apart=1.0)
    said = np.where(np.arange(150) % 3 == 0, y_true, UNKNOWN)
    helpful = judge(known_of(features, said=said)).helpful
    assert sorted(helpful) == np.flatnonzero(said == UNKNOWN).tolist()


@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(2, 6))
def test_the_order_holds_every_candidate_once(seed, number, num_classes):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(60, 5)).astype(np.float32)
    pred_probs = rng.dirichlet(np.ones(num_classes), 60).astype(np.float32)
    known = (rng.random(60) < 0.2).astype(np.float64)
    candidates = np.flatnonzero(known == 0)

    ordered = order_by_help(features, pred_probs, known, candidates, number)

    assert sorted(ordered) == candidates.tolist()


def test_near_copies_of_one_photo_are_not_asked_for_twice():
    rng = np.random.default_rng(0)
    kinds = rng.normal(size=(8, 16))
    features = np.repeat(kinds, 20, axis=0) + rng.normal(0, 1e-3, (160, 16))
    pred_probs = np.full((160, 2), 0.5, np.float32)

    ordered = order_by_help(
        features.astype(np.float32), pred_probs, np.zeros(160), np.arange(160), 8
    )

    assert set(ordered[:8] // 20) == set(range(8))
    first = spread_out(features.astype(np.float32), 8, rng)
    assert set(first // 20) == set(range(8))


def test_where_it_is_sure_of_a_photo_it_asks_for_another_first():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(40, 8)).astype(np.float32)
    pred_probs = np.tile(np.array([0.99, 0.01], np.float32), (40, 1))
    pred_probs[7] = 0.5

    ordered = order_by_help(features, pred_probs, np.zeros(40), np.arange(40), 5)

    assert ordered[0] == 7


@pytest.mark.parametrize("counts", [(2, 2), (3, 7, 50), (5,) * 40])
def test_every_fold_leaves_a_label_of_each_category_to_learn_from(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    labels = np.r_[np.random.default_rng(0).permutation(labels), [UNKNOWN] * 4]

    folds = deal(labels)

    assert (folds[-4:] == UNKNOWN).all()
    for fold in range(5):
        there = labels[(folds != fold) & (folds != UNKNOWN)]
        assert set(there) == set(range(len(counts)))


def test_one_category_alone_is_our_mistake_here():
    training = Training(
        np.zeros((3, 2), np.float32), np.zeros(3, np.int64), np.ones(3), 2
    )
    with pytest.raises(ValueError, match="two categories"):
        fit(training)
