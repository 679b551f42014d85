"""The committed sets load, and those of published pictures train as they stand."""

import gzip
import shutil
import struct
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import numpy as np
import pytest
import tomli_w
from PIL import Image

from pipeline.catalog import Part, opened
from pipeline.dedup import dedup
from pipeline.errors import InputError, WeightsError
from pipeline.home import list_sets, set_folder
from pipeline.progress import silent
from pipeline.scrape import scrape
from pipeline.settings import load_settings
from pipeline.split import split
from pipeline.train import train

ROOT = Path(__file__).parents[1]
DIGITS = tuple("0123456789")
THINGS = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
NOW = "2026-03-04T05:06:07+00:00"


def load(name, home=ROOT):
    return load_settings(set_folder(home, name).settings_file)


@pytest.mark.parametrize("name", list_sets(ROOT))
def test_a_committed_set_loads(name):
    settings = load(name)
    assert len(settings.category) >= 2
    assert settings.source


def test_the_published_sets_are_there_with_a_recipe_for_their_pictures():
    mnist, cifar10 = load("mnist"), load("cifar10")
    assert mnist.category_names == DIGITS
    assert cifar10.category_names == THINGS
    assert (mnist.train.recipe, mnist.train.image_size) == ("mnist-tuned", 28)
    assert (cifar10.train.recipe, cifar10.train.image_size) == ("cifar10-tuned", 32)
    for settings in (mnist, cifar10):
        assert settings.scrape.min_side == 0
        assert settings.dedup.enabled == "exact"


@pytest.fixture
def home(tmp_path):
    for name in ("mnist", "cifar10"):
        folder = set_folder(tmp_path, name).folder
        folder.mkdir(parents=True)
        shutil.copy(ROOT / "datasets" / name / "categories.toml", folder)
    return tmp_path


def change(folder, part, **changes):
    """Set keys of a table of the set's file."""
    written = tomllib.loads(folder.settings_file.read_text(encoding="utf-8"))
    written[part] |= changes
    folder.settings_file.write_text(tomli_w.dumps(written), encoding="utf-8")


def collect(home, name):
    """Scrape, dedup and split; return how many photos each part has."""
    folder = set_folder(home, name)
    with opened(folder) as catalog:
        settings = load(name, home)
        scrape(folder, settings, catalog, progress=silent, now=lambda: NOW)
        dedup(folder, settings, catalog, progress=silent, now=lambda: NOW)
        counts = split(settings, catalog).counts
    return {part: sum(counts[part].values()) for part in Part}


def run(home, name, **changes):
    folder = set_folder(home, name)
    change(folder, "train", **changes)
    with opened(folder) as catalog:
        settings = load(name, home)
        return train(
            folder, settings, catalog, progress=silent, now=lambda: NOW, say=print
        )


def picture(number, side, colours):
    """Draw noise with a bar where its class has it."""
    rng = np.random.default_rng(number)
    pixels = rng.integers(0, 60, (side, side, colours), dtype=np.uint8)
    place = 2 + 2 * (number % 10)
    pixels[place : place + 2] = 250
    return pixels.squeeze()


def publish_mnist(folder, sizes=(60, 20)):
    (folder / "idx").mkdir()
    first = 0
    for name, size in zip(("train", "t10k"), sizes, strict=True):
        numbers = range(first, first + size)
        first += size
        pixels = b"".join(picture(number, 28, 1).tobytes() for number in numbers)
        labels = bytes(number % 10 for number in numbers)
        for kind, header, values in (
            ("images-idx3", struct.pack(">IIII", 2051, size, 28, 28), pixels),
            ("labels-idx1", struct.pack(">II", 2049, size), labels),
        ):
            file = folder / "idx" / f"{name}-{kind}-ubyte.gz"
            file.write_bytes(gzip.compress(header + values))


def publish_cifar10(folder, sizes=(60, 20)):
    """Pack class folders, which is what the archive may hold as well."""
    files = folder / "unpacked"
    first = 0
    for name, size in zip(("train", "test"), sizes, strict=True):
        for number in range(first, first + size):
            file = files / name / THINGS[number % 10] / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture(number, 32, 3)).save(file)
        first += size
    with tarfile.open(folder / "cifar-10-python.tar.gz", "w:gz") as tar:
        tar.add(files, "cifar10")


PUBLISH = {"mnist": publish_mnist, "cifar10": publish_cifar10}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("mnist", r"mnist/idx does not exist; .*train-images-idx3-ubyte.*yann\.lecun"),
        ("cifar10", r"cifar-10-python\.tar\.gz does not exist; .*toronto\.edu/~kriz"),
    ],
)
def test_a_missing_file_is_told_with_where_it_comes_from(home, name, told):
    with pytest.raises(InputError, match=told) as caught:
        collect(home, name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", PUBLISH)
def test_the_published_test_part_is_the_test(home, name):
    PUBLISH[name](set_folder(home, name).folder)
    change(set_folder(home, name), "split", val=1)
    assert collect(home, name) == {Part.TRAIN: 50, Part.VAL: 10, Part.TEST: 20}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "recipe", "precision"),
    [
        ("mnist", "mnist-cnn", "float32"),
        ("mnist", "mnist-tuned", "mixed_bfloat16"),
        ("cifar10", "cifar10-cnn", "mixed_bfloat16"),
        ("cifar10", "cifar10-tuned", "float32"),
    ],
)
def test_a_recipe_trains_and_its_model_is_loaded_by_keras_alone(
    home, name, recipe, precision
):
    folder = set_folder(home, name)
    PUBLISH[name](folder.folder)
    change(folder, "split", val=1)
    collect(home, name)
    chosen = {"recipe": recipe, "precision": precision}
    summary = run(home, name, epochs=1, batch_size=10, **chosen)
    assert summary.run.metrics["measured_on"] == "test"
    assert summary.run.metrics["num_test"] == 20

    side = 28 if name == "mnist" else 32
    images = np.stack([picture(number, side, 3) for number in range(60, 70)])
    np.save(home / "images.npy", images)
    elsewhere = (
        "import sys, numpy, keras\n"
        "model = keras.saving.load_model(sys.argv[1])\n"
        "numpy.save(sys.argv[3], model.predict(numpy.load(sys.argv[2]), verbose=0))\n"
        "assert not any(name.startswith('pipeline') for name in sys.modules)"
    )
    files = [summary.run.model_file, home / "images.npy", home / "probs.npy"]
    order = [sys.executable, "-c", elsewhere, *map(str, files)]
    subprocess.run(order, check=True, cwd=home)
    from pipeline.networks.saved import load_model

    found = np.load(home / "probs.npy")
    assert found.shape == (10, 10)
    assert found == pytest.approx(load_model(summary.run).predict(images), abs=1e-5)


@pytest.mark.slow
def test_training_goes_on_from_the_model_that_a_run_left(home):
    folder = set_folder(home, "mnist")
    publish_mnist(folder.folder)
    change(folder, "split", val=1)
    collect(home, "mnist")
    chosen = {"recipe": "mnist-cnn", "batch_size": 10, "epochs": 1}
    first = run(home, "mnist", learning_rate=0.05, **chosen)
    latest = "../../models/mnist/latest/model.keras"
    # at such a rate nothing moves: it ends where it began
    again = run(home, "mnist", weights=latest, learning_rate=1e-9)
    assert again.is_new
    assert again.run != first.run
    found = again.run.metrics["test_loss"]
    assert found == pytest.approx(first.run.metrics["test_loss"], abs=1e-4)
    other = run(home, "mnist", weights="none")
    assert abs(other.run.metrics["test_loss"] - found) > 1e-3

    model = str(first.run.model_file)
    with pytest.raises(WeightsError, match=r'"mnist-tuned" builds for 10 categories'):
        run(home, "mnist", recipe="mnist-tuned", weights=model)
    labels = str(first.run.folder / "labels.json")
    with pytest.raises(WeightsError, match=r"can't be loaded: .* goes on from a run's"):
        run(home, "mnist", recipe="mnist-cnn", weights=labels)
