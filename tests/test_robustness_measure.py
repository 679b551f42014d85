"""Measuring: accuracy, flip rate and flipped examples of a network made by hand."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.robustness.corruptions import CORRUPTIONS, SEVERITIES
from pipeline.robustness.measure import (
    CLEAN,
    EXAMPLES,
    Measured,
    Robustness,
    ValPhotos,
    measure,
    num_predictions,
)
from pipeline.robustness.pictures import draw_chart, draw_flips

DARK, LIGHT = 0, 1
PNG = b"\x89PNG"


def bright_or_dark(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Classify by mean brightness: what brightness does to it can be told."""
    light = images.mean(axis=(1, 2, 3)) / 255
    return np.stack([1 - light, light], axis=1).astype(np.float32)


def grey_photos(*levels: int) -> ValPhotos:
    images = np.stack([np.full((16, 16, 3), level, np.uint8) for level in levels])
    return ValPhotos(
        images=images,
        sha256=[f"{number:064x}" for number in range(len(levels))],
        y_true=np.array([int(level > 127) for level in levels]),
    )


def run(photos: ValPhotos) -> Robustness:
    return measure(photos, bright_or_dark, seed=0, advance=lambda _: None)


def row(found: Robustness, corruption: str, severity: int) -> Measured:
    (chosen,) = (
        r for r in found.rows if (r.corruption, r.severity) == (corruption, severity)
    )
    return chosen


def test_there_is_a_row_for_clean_and_for_every_corruption_and_severity() -> None:
    found = run(grey_photos(50, 200))

    keys = [(row.corruption, row.severity) for row in found.rows]
    assert keys == [
        (CLEAN, 0),
        *((name, severity) for name in CORRUPTIONS for severity in SEVERITIES),
    ]
    assert found.rows[0] == Measured(CLEAN, 0, 1.0, 0.0, 2)


def test_accuracy_and_flip_rate_count_the_photos_that_changed_class() -> None:
    found = run(grey_photos(20, 90, 110, 200))  # brightness 1 adds 25.5, 2 adds 51

    assert row(found, "brightness", 1) == Measured("brightness", 1, 0.75, 0.25, 4)
    assert row(found, "brightness", 2) == Measured("brightness", 2, 0.5, 0.5, 4)
    assert row(found, "gaussian_blur", 5) == Measured("gaussian_blur", 5, 1.0, 0.0, 4)


def test_a_photo_that_was_wrong_before_flips_without_losing_accuracy() -> None:
    photos = grey_photos(110, 200)
    photos.y_true[0] = LIGHT

    found = run(photos)

    assert found.rows[0].accuracy == 0.5
    assert row(found, "brightness", 1) == Measured("brightness", 1, 1.0, 0.5, 2)


def test_a_flip_is_shown_at_the_mildest_severity_that_did_it() -> None:
    found = run(grey_photos(20, 90, 110, 200))

    flips = [flip for flip in found.flips if flip.corruption == "brightness"]
    assert [flip.severity for flip in flips] == [1, 2]
    assert [flip.clean[0, 0, 0] for flip in flips] == [110, 90]
    assert all(flip.clean_class == DARK for flip in flips)
    assert all(flip.corrupted_class == LIGHT for flip in flips)
    assert len(flips) <= EXAMPLES


def test_progress_counts_every_prediction() -> None:
    steps: list[int] = []

    measure(grey_photos(*range(140)), bright_or_dark, seed=0, advance=steps.append)

    assert sum(steps) == num_predictions(140)


def test_a_photo_is_corrupted_alike_whatever_other_photos_there_are() -> None:
    alone = run(grey_photos(110))
    among = run(grey_photos(110, 10, 240))

    def first(found: Robustness) -> list[bytes]:
        return [f.corrupted.tobytes() for f in found.flips if f.clean[0, 0, 0] == 110]

    assert first(alone) == first(among)


@pytest.mark.parametrize(
    "labels",
    [("dark", "light"), ("暗いギター" * 9, "$明るい$"), ("a_b", "$x^")],
    ids=["plain", "long and Japanese", "formula characters"],
)
def test_the_pictures_are_drawn_for_any_labels(
    labels: tuple[str, str], tmp_path: Path
) -> None:
    found = run(grey_photos(20, 90, 110, 200))

    draw_chart(tmp_path / "chart.png", found.rows)
    draw_flips(tmp_path / "flips.png", found.flips, labels)

    assert (tmp_path / "chart.png").read_bytes().startswith(PNG)
    assert (tmp_path / "flips.png").read_bytes().startswith(PNG)


def test_a_picture_is_drawn_where_nothing_flipped(tmp_path: Path) -> None:
    draw_flips(tmp_path / "flips.png", [], ("dark", "light"))

    assert (tmp_path / "flips.png").read_bytes().startswith(PNG)
