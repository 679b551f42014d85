"""Networks that compute in 16 bits, and their copies that don't."""

import numpy as np
import pytest

pytestmark = pytest.mark.slow


def build(precision):
    """Build a network that has what real ones have: an operation, BatchNorm."""
    from pipeline.networks.backbones import add_head, freeze_batch_norm
    from pipeline.networks.backend import keras
    from pipeline.networks.precision import built_in

    keras.utils.set_random_seed(3)
    with built_in(precision):
        photo = keras.Input((8, 8, 3))
        features = keras.ops.flip(photo, axis=-1)
        features = keras.layers.Rescaling(1 / 255)(features)
        features = keras.layers.Conv2D(8, 3)(features)
        features = keras.layers.BatchNormalization()(features)
        features = keras.layers.GlobalAveragePooling2D()(features)
        backbone = keras.Model(photo, features)
        freeze_batch_norm(backbone)
        return add_head(backbone, 3)


def photos():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)


def computing_in(model):
    return {layer.compute_dtype for layer in model.layers}


def test_weights_and_probabilities_are_float32_though_layers_compute_in_16_bits():
    model = build("mixed_bfloat16")
    assert "bfloat16" in computing_in(model)
    assert {str(weights.dtype) for weights in model.weights} == {"float32"}
    pred_probs = np.asarray(model(photos()))
    assert pred_probs.dtype == np.float32
    assert pred_probs.sum(axis=1) == pytest.approx(1, abs=1e-6)


def test_what_is_built_afterwards_computes_as_before():
    from pipeline.networks.backend import keras
    from pipeline.networks.precision import built_in

    with pytest.raises(KeyError), built_in("mixed_bfloat16"):
        raise KeyError
    assert keras.layers.Dense(2).compute_dtype == "float32"


def test_the_copy_in_float32_answers_as_a_network_that_always_was():
    from pipeline.networks.precision import in_float32

    mixed, plain = build("mixed_bfloat16"), build("float32")
    copy = in_float32(mixed)
    assert computing_in(copy) == {"float32"}
    expected = np.asarray(plain(photos(), training=False))
    assert np.array_equal(np.asarray(copy(photos(), training=False)), expected)
    near = np.asarray(mixed(photos(), training=False))
    assert near == pytest.approx(expected, abs=0.02)
    assert [layer.trainable for layer in copy.layers] == [
        layer.trainable for layer in mixed.layers
    ]


def test_a_network_in_float32_is_its_own_copy():
    from pipeline.networks.precision import in_float32

    model = build("float32")
    assert in_float32(model) is model
