"""What a training computes on: chosen, told, and spread over several devices."""

import csv
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from pipeline.catalog import opened
from pipeline.home import set_folder
from pipeline.machine import nvidia_gpus
from pipeline.settings import TrainSettings

pytestmark = pytest.mark.slow  # its module loads Keras

CPU, GPU, TPU = ["cpu:0"], ["gpu:0", "gpu:1"], ["tpu:0"]


@pytest.mark.parametrize(
    ("asked", "recipe", "devices", "expected"),
    [
        ("auto", "finetune", CPU, "float32"),
        ("auto", "finetune", GPU, "mixed_bfloat16"),
        ("auto", "small-cnn", TPU, "mixed_bfloat16"),
        ("auto", "quick", GPU, "float32"),
        ("float32", "finetune", GPU, "float32"),
        ("mixed_bfloat16", "finetune", CPU, "mixed_bfloat16"),
    ],
)
def test_the_precision_suits_the_devices_unless_the_set_says(
    asked, recipe, devices, expected
):
    from pipeline.train.devices import choose_precision

    settings = TrainSettings(precision=asked, recipe=recipe)
    assert choose_precision(settings, devices) == expected


@pytest.mark.parametrize(
    ("backend", "devices", "gpus", "line"),
    [
        ("tensorflow", CPU, 0, ""),
        (
            "tensorflow",
            CPU,
            1,
            "a GPU is there, and TensorFlow as it is installed can't use it: training"
            " on the CPU; pip install 'mekiki[gpu]' changes that (docs/gpu.md)",
        ),
        ("jax", GPU, 2, "training on gpu:0, gpu:1 in mixed_bfloat16"),
        (
            "tensorflow",
            GPU,
            2,
            "training on gpu:0 in mixed_bfloat16; TensorFlow uses one of 2 devices,"
            " KERAS_BACKEND=jax all (docs/gpu.md)",
        ),
    ],
    ids=["cpu", "unusable", "several", "one-of-several"],
)
def test_what_is_computed_on_is_told_in_a_line(backend, devices, gpus, line):
    from pipeline.train.devices import devices_line

    assert devices_line(backend, devices, gpus, "mixed_bfloat16") == line


def test_gpus_are_counted_by_their_device_files(tmp_path):
    assert nvidia_gpus(tmp_path) == 0
    for name in ("nvidia0", "nvidia1", "nvidiactl", "null"):
        (tmp_path / name).touch()
    assert nvidia_gpus(tmp_path) == 2


@pytest.mark.parametrize(
    ("installed", "gpus", "backend"),
    [
        ({"tensorflow"}, 1, None),
        ({"tensorflow", "jax"}, 1, None),
        ({"tensorflow", "jax", "jax_cuda13_plugin"}, 0, None),
        ({"tensorflow", "jax", "jax_cuda13_plugin"}, 1, "jax"),
        ({"jax"}, 0, "jax"),
    ],
    ids=["no jax", "jax for CPUs", "no GPU", "a GPU", "no TensorFlow"],
)
def test_jax_computes_where_it_can_use_a_gpu_or_is_alone(installed, gpus, backend):
    from pipeline.networks.backend import choose_backend

    assert choose_backend(installed.__contains__, gpus) == backend


def only_jax():
    from pipeline.networks.backend import keras

    if keras.backend.backend() != "jax":
        pytest.skip("keras.distribution spreads a training on JAX alone: make test-jax")


def mekiki(home, devices, *arguments):
    """Run the command as if the machine had so many devices."""
    flags = f"--xla_force_host_platform_device_count={devices}"
    flags = f"{os.environ.get('XLA_FLAGS', '')} {flags}"
    ended = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "--home", home, *arguments],
        env=os.environ | {"XLA_FLAGS": flags},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended


def trained(home):
    (run,) = [f for f in (home / "models" / "things").iterdir() if not f.is_symlink()]
    text = (run / "history.csv").read_text(encoding="utf-8")
    rows = [
        {name: float(value) for name, value in row.items() if name != "seconds"}
        for row in csv.DictReader(text.splitlines())
    ]
    return json.loads((run / "metrics.json").read_text(encoding="utf-8")), rows


@pytest.fixture
def make_homes(tmp_path, folder, add_photos):
    """Return a function that makes two homes with one set of 24 photos in them."""

    def make(val):
        names = ("cat", "dog", "owl")
        folder.settings_file.write_text(
            "".join(f'[[category]]\nname = "{name}"\n' for name in names)
            + f"[split]\nval = {val}\n"
            '[train]\nrecipe = "small-cnn"\nimage_size = 16\nbatch_size = 4\n'
            "epochs = 2\n",
            encoding="utf-8",
        )
        with opened(folder) as catalog:
            add_photos(catalog, folder, *[(names[n % 3], n) for n in range(24)])
        mekiki(tmp_path, 1, "split", "things")
        other = set_folder(tmp_path / "other", "things").folder
        shutil.copytree(folder.folder, other)
        return tmp_path, tmp_path / "other"

    return make


def test_two_devices_learn_what_one_does(make_homes):
    only_jax()
    one, two = make_homes(val=4)  # 12 + 12 photos: every batch of 4 is full
    mekiki(one, 1, "train", "things")
    ended = mekiki(two, 2, "train", "things")
    assert "training on" not in ended.stdout  # of CPUs nothing is said
    alone, alone_rows = trained(one)
    shared, shared_rows = trained(two)
    assert alone["hardware"]["devices"] == ["cpu:0"]
    assert shared["hardware"]["devices"] == ["cpu:0", "cpu:1"]
    for found, expected in zip(shared_rows, alone_rows, strict=True):
        assert found == pytest.approx(expected, rel=0.01)


def test_batches_that_devices_can_not_share_evenly_are_measured_all_the_same(
    make_homes,
):
    only_jax()
    _, home = make_homes(val=5)  # 9 + 15 photos: the last batches have 1 and 3
    mekiki(home, 2, "train", "things")
    metrics, rows = trained(home)
    best = rows[metrics["best_epoch"] - 1]
    assert best["val_loss"] == pytest.approx(metrics["val_loss"], rel=1e-3)
    assert best["val_accuracy"] == pytest.approx(metrics["val_accuracy"])


@pytest.mark.parametrize("multiple_of", [1, 2, 3, 8])
def test_batches_to_be_shared_hold_their_photos_and_fill_up_with_the_same(multiple_of):
    from pipeline.networks.pixels import MappedPixels
    from pipeline.train.batches import PlainBatches

    squares = np.arange(7, dtype=np.uint8)[:, None, None, None] + np.zeros(
        (1, 2, 2, 3), np.uint8
    )
    y_true = np.arange(7) % 2
    batches = PlainBatches(
        MappedPixels(squares, np.arange(7)),
        y_true,
        2,
        batch_size=4,
        multiple_of=multiple_of,
    )
    total = weighed = 0.0
    filled = 0
    for number in range(batches.num_batches):
        images, targets, *weights = batches[number]
        assert len(images) == len(targets)
        assert len(images) % multiple_of == 0
        values = images[:, 0, 0, 0].astype(float)
        weight = weights[0] if weights else np.ones(len(images), np.float32)
        total += (weight * values).sum()
        weighed += weight.sum()
        filled += len(images)
        assert set(values) <= set(range(4 * number, min(4 * number + 4, 7)))
    assert total / filled == pytest.approx(3)  # as Keras' mean of the loss
    assert total / weighed == pytest.approx(3)  # as its weighted accuracy
