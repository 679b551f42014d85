"""The loss of AugMix against values worked out by hand."""

import numpy as np
import pytest

pytestmark = pytest.mark.slow


def probabilities(*shape, seed=0):
    return np.random.default_rng(seed).dirichlet([1, 1, 1, 1], shape).astype("float32")


def slow_divergence(views):
    """Work out the mean over photos of the mean of each view's KL to their mean."""
    found = []
    for photo in range(views.shape[1]):
        mean = views[:, photo].mean(axis=0)
        apart = [(p * np.log(p / mean)).sum() for p in views[:, photo]]
        found.append(np.mean(apart))
    return np.mean(found)


def test_views_given_the_same_do_not_diverge():
    from pipeline.train.consistency import divergence

    views = np.repeat(probabilities(1, 5), 3, axis=0)
    assert float(divergence(views)) == pytest.approx(0, abs=1e-6)


def test_views_each_sure_of_another_category_diverge_by_the_logarithm_of_three():
    from pipeline.train.consistency import divergence

    views = np.eye(3, 4, dtype="float32")[:, None]
    assert float(divergence(views)) == pytest.approx(np.log(3), rel=1e-4)


def test_the_divergence_is_that_of_the_definition():
    from pipeline.train.consistency import divergence

    views = probabilities(3, 6)
    assert float(divergence(views)) == pytest.approx(slow_divergence(views), rel=1e-4)


def test_training_asks_for_consistency_and_measuring_does_not():
    from pipeline.networks.backend import keras
    from pipeline.train.consistency import WEIGHT, Consistent

    photo = keras.Input((4,))
    plain = keras.Model(photo, keras.layers.Softmax()(photo))
    model = Consistent(plain.input, plain.output)
    model.compile(loss=keras.losses.CategoricalCrossentropy())
    views = probabilities(3, 6)
    targets = np.eye(4, dtype="float32")[np.arange(6) % 4]
    together, thrice = views.reshape(18, 4), np.tile(targets, (3, 1))

    learned = float(model.compute_loss(y=thrice, y_pred=together))
    measured = float(model.compute_loss(y=targets, y_pred=views[0], training=False))

    entropy = -np.log((views[0] * targets).sum(axis=1)).mean()
    assert measured == pytest.approx(entropy, rel=1e-4)
    assert WEIGHT == 12
    expected = entropy + 12 * slow_divergence(views)
    assert learned == pytest.approx(expected, rel=1e-4)


def test_the_plain_network_shares_what_the_other_learned():
    from pipeline.networks.backend import keras
    from pipeline.train.consistency import Consistent

    photo = keras.Input((4,))
    plain = keras.Model(photo, keras.layers.Dense(2, activation="softmax")(photo))
    before = [weights.copy() for weights in plain.get_weights()]
    model = Consistent(plain.input, plain.output)
    model.compile("sgd", keras.losses.CategoricalCrossentropy())
    model.fit(probabilities(6), np.eye(2)[np.arange(6) % 2], batch_size=6, verbose=0)
    assert type(plain) is not Consistent
    assert not np.array_equal(plain.get_weights()[0], before[0])
    assert np.array_equal(plain.get_weights()[0], model.get_weights()[0])
