"""The corruptions: pure, seeded, worse with severity."""

import cv2
import numpy as np
import pytest

from pipeline.images import Pixels
from pipeline.robustness.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from pipeline.robustness.scribble import smooth_line


def draw(seed: int, height: int = 64, width: int = 80) -> Pixels:
    """Draw soft shapes with some grain, darker than white."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(20, 200, (6, 7, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    grain = rng.integers(0, 20, (height, width, 1), dtype=np.uint8)
    return np.asarray(smooth + grain, np.uint8)


def mean_change(name: str, severity: int, num_photos: int = 12) -> float:
    changes = []
    for seed in range(num_photos):
        image = draw(seed)
        corrupted = corrupt(image, name, severity, np.random.default_rng(seed))
        changes.append(np.abs(corrupted.astype(int) - image).mean())
    return float(np.mean(changes))


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_corruption_returns_another_picture_of_the_same_kind(
    name: str, severity: int
) -> None:
    image = draw(1)
    before = image.copy()

    corrupted = corrupt(image, name, severity, np.random.default_rng(0))

    assert corrupted.shape == image.shape
    assert corrupted.dtype == np.uint8
    assert (corrupted != image).any()
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_same_randomness_gives_the_same_pixels(name: str) -> None:
    once, again = (
        corrupt(draw(2), name, 3, np.random.default_rng(7)) for _ in range(2)
    )

    np.testing.assert_array_equal(once, again)


@pytest.mark.parametrize("name", ["gaussian_noise", "occlusion", "scribble"])
def test_other_randomness_gives_other_pixels(name: str) -> None:
    one, other = (
        corrupt(draw(2), name, 3, np.random.default_rng(seed)) for seed in (7, 8)
    )

    assert (one != other).any()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_higher_severity_changes_pictures_more(name: str) -> None:
    changes = [mean_change(name, severity) for severity in SEVERITIES]

    assert changes == sorted(changes)
    assert changes[0] < changes[-1]


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("size", [(32, 32), (1, 1), (33, 200)])
def test_pictures_of_any_size_are_corrupted(name: str, size: tuple[int, int]) -> None:
    image = draw(3, *size)

    for severity in SEVERITIES:
        corrupted = corrupt(image, name, severity, np.random.default_rng(0))
        assert corrupted.shape == image.shape


def test_noise_has_the_deviation_of_imagenet_c() -> None:
    grey = np.full((200, 200, 3), 128, np.uint8)

    noisy = corrupt(grey, "gaussian_noise", 2, np.random.default_rng(0))

    assert noisy.std() == pytest.approx(0.12 * 255, rel=0.02)


def test_brightness_adds_to_the_value_and_keeps_the_hue() -> None:
    brown = np.full((8, 8, 3), (100, 50, 25), np.uint8)

    brighter = corrupt(brown, "brightness", 1, np.random.default_rng(0))

    assert brighter[0, 0].tolist() == [126, 63, 31]  # 100 + 25.5, in proportion


def test_brightness_turns_black_to_grey() -> None:
    black = np.zeros((8, 8, 3), np.uint8)

    brighter = corrupt(black, "brightness", 2, np.random.default_rng(0))

    assert np.unique(brighter).tolist() == [51]


def test_occlusion_covers_the_share_it_says() -> None:
    white = np.full((100, 100, 3), 255, np.uint8)

    covered = corrupt(white, "occlusion", 5, np.random.default_rng(5))

    assert (covered != 255).any(axis=2).mean() == pytest.approx(0.40, abs=0.01)


def test_a_smooth_line_passes_through_its_points() -> None:
    points = np.array([[0.0, 0.0], [1.0, 0.5], [0.2, 0.9]])

    line = smooth_line(points)

    for point in points:
        assert np.abs(line - point).sum(axis=1).min() == pytest.approx(0, abs=1e-9)


def test_an_unknown_corruption_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="unknown corruption 'fog'; known: brightness"):
        corrupt(draw(1), "fog", 1, np.random.default_rng(0))


@pytest.mark.parametrize("severity", [0, 6])
def test_a_severity_outside_1_to_5_is_refused(severity: int) -> None:
    with pytest.raises(ValueError, match=r"severity must be in 1\.\.5"):
        corrupt(draw(1), "scribble", severity, np.random.default_rng(0))
