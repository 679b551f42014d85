"""Muon: convolutions stepped as orthogonal matrices, all else as AdamW steps it."""

import numpy as np
import pytest

from pipeline.networks.backend import keras
from pipeline.train.muon import Muon

RATE = 0.01


def stepped(optimizer, shape, *, name="kernel", steps=1):
    """Return a variable's values before and after a few steps along drawn gradients."""
    rng = np.random.default_rng(0)
    start = rng.normal(size=shape).astype(np.float32)
    variable = keras.Variable(start, name=name)
    for _ in range(steps):
        gradient = rng.normal(size=shape).astype(np.float32)
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    return start, keras.ops.convert_to_numpy(variable)


def muon(**more):
    return Muon(RATE, weight_decay=None, adam_weight_decay=None, **more)


@pytest.mark.parametrize(
    ("shape", "longer"), [((3, 3, 8, 16), 72), ((1, 1, 8, 64), 64), ((40, 6), 40)]
)
def test_a_kernels_step_is_orthogonal_and_as_large_as_adams(shape, longer):
    before, after = stepped(muon(), shape)

    step = (before - after).reshape(-1, shape[-1]) / RATE
    strengths = np.linalg.svd(step, compute_uv=False) / (0.2 * longer**0.5)
    assert strengths.min() > 0.4  # of drawn gradients the least is far below the most
    assert strengths.max() < 1.3
    assert np.sqrt(np.mean(step**2)) == pytest.approx(0.2, rel=0.2)


@pytest.mark.parametrize(
    ("shape", "name"),
    [((16,), "gain"), ((3, 3, 16, 1), "depthwise"), ((8, 4), "categories")],
)
def test_what_is_no_matrix_or_is_named_steps_as_adamw_does(shape, name):
    _, ours = stepped(muon(exclude_layers=["categories"]), shape, name=name, steps=5)

    adamw = keras.optimizers.AdamW(RATE, weight_decay=0.0)
    _, theirs = stepped(adamw, shape, name=name, steps=5)
    assert ours == pytest.approx(theirs, abs=1e-6)


def test_weights_decay_by_the_rate():
    decaying = Muon(RATE, weight_decay=0.5, adam_weight_decay=0.5)
    before, decayed = stepped(decaying, (3, 3, 8, 16))
    _, plain = stepped(muon(), (3, 3, 8, 16))
    assert decayed - plain == pytest.approx(-0.5 * RATE * before, abs=1e-6)


def test_a_model_saved_with_it_is_loaded_with_it(tmp_path):
    photo = keras.Input((8, 8, 3))
    maps = keras.layers.Conv2D(4, 3)(photo)
    model = keras.Model(photo, keras.layers.GlobalAveragePooling2D()(maps))
    model.compile(muon(exclude_layers=["categories"]), "mse")
    model.train_on_batch(np.ones((2, 8, 8, 3)), np.ones((2, 4)))
    model.save(tmp_path / "model.keras")

    loaded = keras.models.load_model(tmp_path / "model.keras")

    assert isinstance(loaded.optimizer, Muon)
    for found, expected in zip(
        loaded.optimizer.variables, model.optimizer.variables, strict=True
    ):
        assert np.array_equal(found, expected)
