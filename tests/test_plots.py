import numpy as np
import pytest
from PIL import Image

from pipeline.report.plots import (
    Picture,
    draw_confusion,
    draw_curves,
    draw_predictions,
    draw_samples,
    shorten,
)

RED = np.array([0xC8, 0x1E, 0x1E])
NAMES = ["ストラトキャスター", "$x$ & <b>", "A" * 80, "Flying V"]


def grey(side=24):
    return np.full((side, side, 3), 128, np.uint8)


def drawn(file):
    with Image.open(file) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


def count(pixels, colour):
    return int((np.abs(pixels - colour).max(axis=2) < 8).sum())


def row(epoch, **values):
    return {"epoch": epoch, "loss": 1 / epoch, "accuracy": 0.5, **values}


@pytest.mark.parametrize("epochs", [1, 3, 60])
def test_curves_are_drawn_for_any_number_of_epochs(tmp_path, epochs):
    history = [row(n, val_loss=2 / n, val_accuracy=0.4) for n in range(1, epochs + 1)]
    draw_curves(tmp_path / "curves.png", history, kept_epoch=1)
    pixels = drawn(tmp_path / "curves.png")
    assert pixels.shape[1] > pixels.shape[0]
    assert count(pixels, np.array([0x16, 0x67, 0xB7])) > 50  # the validation curve


def test_of_a_distilled_run_the_training_loss_is_not_drawn(tmp_path):
    history = [row(n, val_loss=2 / n, val_accuracy=0.4) for n in range(1, 61)]
    training = np.array([0x9A, 0xA5, 0xB1])
    sizes = []
    for is_distilled in (False, True):
        out = tmp_path / "curves.png"
        draw_curves(out, history, kept_epoch=1, is_distilled=is_distilled)
        pixels = drawn(out)
        half = pixels.shape[1] // 2
        sizes.append(
            [count(part, training) for part in (pixels[:, :half], pixels[:, half:])]
        )
    (accuracy, loss), (still, gone) = sizes
    assert min(accuracy, still, loss) > 5 * gone  # of which letters have a few


def test_a_loss_that_is_no_number_does_not_stop_the_drawing(tmp_path):
    history = [row(1, val_loss=float("nan"), val_accuracy=0.1), row(2, val_loss=1.0)]
    draw_curves(tmp_path / "curves.png", history, kept_epoch=0)
    assert drawn(tmp_path / "curves.png").size


def test_the_interval_of_few_photos_is_a_broad_band(tmp_path):
    history = [row(n, val_loss=2 / n, val_accuracy=0.6) for n in range(1, 9)]
    band = np.array([0xE3, 0xEC, 0xF6])
    sizes = []
    for number in (10, 1000, 0):
        draw_curves(tmp_path / "curves.png", history, kept_epoch=1, num_val=number)
        sizes.append(count(drawn(tmp_path / "curves.png"), band))
    assert sizes[0] > 1.5 * sizes[1] > 20 * sizes[2]


@pytest.mark.parametrize("number", [2, 4, 60])
def test_confusion_is_drawn_for_few_and_many_categories(tmp_path, number):
    labels = [NAMES[n % len(NAMES)] + str(n) for n in range(number)]
    draw_confusion(tmp_path / "confusion.png", np.eye(number, dtype=int) * 7, labels)
    pixels = drawn(tmp_path / "confusion.png")
    assert max(pixels.shape) < 4000
    assert count(pixels, np.array([8, 48, 107])) > 100  # full rows are dark blue


def test_a_category_without_photos_leaves_its_row_empty(tmp_path):
    draw_confusion(tmp_path / "confusion.png", np.array([[3, 1], [0, 0]]), ["a", "b"])
    assert drawn(tmp_path / "confusion.png").size


def test_wrong_predictions_and_only_they_are_red(tmp_path):
    right = [Picture(grey(), name, name, 0.9) for name in NAMES]
    draw_predictions(tmp_path / "right.png", right)
    wrong = [Picture(grey(), name, "Violin", 0.9) for name in NAMES]
    draw_predictions(tmp_path / "wrong.png", wrong)
    assert count(drawn(tmp_path / "right.png"), RED) == 0
    assert count(drawn(tmp_path / "wrong.png"), RED) > 500


@pytest.mark.parametrize("number", [0, 1, 9, 40])
def test_samples_are_drawn_for_any_number_of_photos(tmp_path, number):
    draw_samples(tmp_path / "samples.png", [Picture(grey(), "ギター")] * number)
    assert drawn(tmp_path / "samples.png").size


def test_drawing_leaves_nothing_else_behind(tmp_path):
    draw_samples(tmp_path / "samples.png", [Picture(grey(), "a")])
    assert [file.name for file in tmp_path.iterdir()] == ["samples.png"]


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [
        ("Flying V", 8, "Flying V"),
        ("Flying Vee", 8, "Flying…"),
        ("ギター", 6, "ギター"),
        ("ギターだ", 6, "ギタ…"),
    ],
)
def test_names_are_cut_to_columns(text, width, short):
    assert shorten(text, width) == short
