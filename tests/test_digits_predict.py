"""``mekiki predict`` of a set of digits: a photo of a page in, the digit out.

The network was made by hand: it compares with five pictures as MNIST has them.
"""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from pipeline.check.digits.shape import as_mnist
from pipeline.cli.exits import cli
from pipeline.home import set_folder
from pipeline.images import Pixels
from pipeline.runs import Run, point_latest

pytestmark = pytest.mark.slow

DIGITS = "14725"


def page(digit: str) -> Pixels:
    """White paper with a digit in a font's strokes, and a camera's noise."""
    noise = np.random.default_rng(0).normal(0, 3, (900, 700, 3))
    photo = np.clip(215 + noise, 0, 255).astype(np.uint8)
    cv2.putText(photo, digit, (260, 560), 0, 7, (40, 45, 120), 12, cv2.LINE_AA)
    return photo


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a finished run of the recipe ``mnist-cnn``."""
    import keras

    wanted = [as_mnist(page(digit)[..., 0] < 128)[..., 0] / 255 for digit in DIGITS]
    flat = [cv2.GaussianBlur(picture, (0, 0), 1.5).ravel() for picture in wanted]
    weights = np.stack([one / np.linalg.norm(one) for one in flat], axis=1)
    inputs = keras.Input((28, 28, 3))
    first = keras.layers.Flatten()(inputs)
    outputs = keras.layers.Dense(len(DIGITS), activation="softmax")(first)
    model = keras.Model(inputs, outputs)
    thirds = np.repeat(weights * 4 / 3 / 255, 3, axis=0).astype(np.float32)
    model.set_weights([thirds, np.zeros(len(DIGITS), np.float32)])
    folder = set_folder(tmp_path, "numbers")
    folder.folder.mkdir(parents=True)
    settings = [f'[[category]]\nname = "{digit}"\n' for digit in DIGITS]
    folder.settings_file.write_text("".join(settings), encoding="utf-8")
    run = Run(tmp_path / "models" / "numbers" / "20260102-030405")
    run.folder.mkdir(parents=True)
    model.save(run.model_file)
    run.write_json("labels.json", list(DIGITS))
    run.write_json("metrics.json", {"val_accuracy": 1.0, "recipe": "mnist-cnn"})
    point_latest(folder, run)
    return tmp_path


def predict(home: Path, *arguments: str) -> list[dict[str, object]]:
    done = CliRunner().invoke(
        cli, ["--home", str(home), "predict", "numbers", *arguments, "--json"]
    )
    assert done.exit_code == 0, done.output
    return list(json.loads(done.stdout))


@pytest.mark.parametrize("digit", list(DIGITS))
def test_a_digit_on_a_page_is_read(home, digit):
    photo = home / "photo.jpg"
    Image.fromarray(page(digit)).save(photo)

    [answer] = predict(home, str(photo))

    assert answer["predicted_tag"] == digit


def test_a_photo_that_the_phone_held_sideways_is_turned_first(home):
    photo = home / "photo.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to the right to look at it
    Image.fromarray(np.rot90(page("7"))).save(photo, exif=exif)

    [answer] = predict(home, str(photo))

    assert answer["predicted_tag"] == "7"


def test_a_photo_without_a_digit_gets_its_reason_and_the_others_their_answer(home):
    Image.fromarray(page("4")).save(home / "four.jpg")
    Image.fromarray(page("")).save(home / "none.jpg")

    none, four = predict(home, str(home / "none.jpg"), str(home / "four.jpg"))

    assert str(none["error"]).startswith("no digit found: expected one handwritten")
    assert four["predicted_tag"] == "4"


def test_long_and_japanese_names_stand_on_the_sheet(home):
    names = [
        "手書きの数字をノートに書いて電話で撮った写真その一.jpg",
        f"{'long-' * 30}2.jpg",
    ]
    for name in names:
        Image.fromarray(page("2")).save(home / name)

    predict(home, *[str(home / name) for name in names], "--show", str(home / "s.png"))

    with Image.open(home / "s.png") as sheet:
        assert sheet.width > sheet.height  # two photos and what was cut out of them
