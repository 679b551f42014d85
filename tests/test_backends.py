"""A model saved under one backend answers the same under another.

The other backend lives in a virtual environment of its own: ``make test-jax`` names
the one with TensorFlow in ``MEKIKI_OTHER_PYTHON``.
"""

import os
import subprocess
import sys

import numpy as np
import pytest

pytestmark = pytest.mark.slow

OTHER = os.environ.get("MEKIKI_OTHER_PYTHON", "")


def photos():
    return np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)


def save(folder):
    """Save a network as a run does, with what it says of some pictures."""
    from pipeline.networks.backbones import add_head, build_backbone
    from pipeline.networks.backend import keras

    keras.utils.set_random_seed(1)
    model = add_head(build_backbone("MobileNetV2", "none", 32), 3)
    rng = np.random.default_rng(2)  # moving averages as if it had been trained
    model.set_weights(
        [w + 0.1 * rng.random(w.shape, np.float32) for w in model.get_weights()]
    )
    model.save(folder / "model.keras")
    np.save(folder / "said.npy", np.asarray(model(photos(), training=False)))


def ask(folder):
    """Return what a saved network says of the same pictures."""
    from pipeline.networks.backend import keras

    model = keras.models.load_model(folder / "model.keras", compile=False)
    return np.asarray(model(photos(), training=False))


def test_models_go_from_one_backend_to_the_other_and_back(tmp_path):
    if not OTHER:
        pytest.skip("one virtual environment has one backend: make test-jax")
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    save(here)
    environment = {
        name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"
    }
    subprocess.run(
        [OTHER, __file__, here, there], check=True, env=environment, timeout=300
    )
    assert np.load(here / "asked.npy") == pytest.approx(
        np.load(here / "said.npy"), abs=1e-5
    )
    assert ask(there) == pytest.approx(np.load(there / "said.npy"), abs=1e-5)


if __name__ == "__main__":
    from pathlib import Path

    ours, theirs = map(Path, sys.argv[1:])
    np.save(ours / "asked.npy", ask(ours))
    save(theirs)
