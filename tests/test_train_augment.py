from dataclasses import replace

import numpy as np
import pytest

from pipeline.train.augment import Augment, Strength, cached_size
from pipeline.train.tiny import TinyAugment

BOTH = pytest.mark.parametrize("make", [Augment, TinyAugment])
STILL = Strength(turn=0, shift=0, zoom=0, light=0, mirror=False)


def photo(side, seed=0):
    """Return smooth blobs: what a resampling keeps."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    from PIL import Image

    return np.asarray(Image.fromarray(coarse).resize((side, side), 3))


@BOTH
def test_the_same_seed_gives_the_same_pixels(make):
    first, second = make(36, 32, Strength()), make(36, 32, Strength())
    image = photo(36)
    first(image, (0, 1, 99))  # what went before does not matter
    assert np.array_equal(first(image, (0, 1, 2)), second(image, (0, 1, 2)))


@BOTH
@pytest.mark.parametrize("other", [(1, 1, 2), (0, 2, 2), (0, 1, 3)])
def test_another_seed_epoch_or_photo_gives_others(make, other):
    augment = make(36, 32, Strength())
    image = photo(36)
    assert not np.array_equal(augment(image, (0, 1, 2)), augment(image, other))


@BOTH
def test_the_picture_given_is_not_changed(make):
    image = photo(36)
    before = image.copy()
    make(36, 32, Strength())(image, (0,))
    assert np.array_equal(image, before)


@BOTH
@pytest.mark.parametrize("size", [16, 32, 100])
def test_without_any_strength_the_picture_is_only_shrunk(make, size):
    from pipeline.images import square_image

    image = photo(cached_size(size))
    found = make(cached_size(size), size, STILL)(image, (0,))
    assert found.shape == (size, size, 3)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - square_image(image, size)).mean() < 4


@BOTH
def test_mirroring_happens_every_other_time(make):
    augment = make(32, 32, Strength(turn=0, shift=0, zoom=0, light=0))
    image = photo(32)
    plain = make(32, 32, STILL)(image, (0,))
    found = [augment(image, (0, n)) for n in range(100)]
    mirrored = sum(np.array_equal(one, plain[:, ::-1]) for one in found)
    same = sum(np.array_equal(one, plain) for one in found)
    assert mirrored + same == 100
    assert 30 < mirrored < 70


@BOTH
def test_left_right_and_upside_down_are_drawn_apart(make):
    flips = Strength(turn=0, shift=0, zoom=0, light=0, upside_down=True)
    augment = make(32, 32, flips)
    image = photo(32)
    ways = [image[::down, ::right] for down in (1, -1) for right in (1, -1)]
    found = [augment(image, (0, n)) for n in range(200)]
    counts = [sum(np.array_equal(one, way) for one in found) for way in ways]
    assert sum(counts) == 200
    assert min(counts) > 25


@BOTH
def test_what_is_mirrored_is_as_light_as_what_is_not(make):
    image = np.full((32, 32, 3), 128, np.uint8)
    image[:, :8] = 0  # darker on the left
    augment = make(32, 32, Strength(turn=0, shift=0, zoom=0))
    found = [augment(image, (0, n)) for n in range(400)]
    mirrored = [one[0, -1, 0] < one[0, 0, 0] for one in found]
    light = np.array([one.max() for one in found], float)
    means = [light[np.equal(mirrored, way)].mean() for way in (True, False)]
    assert abs(means[0] - means[1]) < 0.3 * light.std()


@BOTH
def test_a_product_on_white_stays_on_white(make):
    image = np.full((74, 74, 3), 255, np.uint8)
    image[25:50, 25:50] = 40
    augment = make(74, 64, Strength(light=0))
    for number in range(20):
        found = augment(image, (number,))
        edge = np.concatenate([found[0], found[-1], found[:, 0], found[:, -1]])
        assert (edge == 255).all()


@BOTH
def test_a_slant_leans_what_stood_upright(make):
    image = np.full((32, 32, 3), 255, np.uint8)
    image[:, 15:17] = 0
    augment = make(32, 32, replace(STILL, shear=20))
    leans = []
    for number in range(40):
        dark = 255.0 - augment(image, (number,))[..., 0]
        middles = (dark * np.arange(32)).sum(axis=1) / dark.sum(axis=1)
        assert middles[15:17].mean() == pytest.approx(15.5, abs=0.6)
        leans.append(middles[24] - middles[8])
    assert max(leans) > 3
    assert min(leans) < -3
    assert max(map(abs, leans)) < 16 * np.tan(np.radians(20)) + 0.5


@BOTH
def test_a_turn_and_a_shift_stay_within_their_bounds(make):
    image = np.zeros((32, 32, 3), np.uint8)
    image[14:18, 14:18] = 255
    augment = make(32, 32, replace(STILL, turn=30, shift=0.25))
    places = []
    for number in range(60):
        light = augment(image, (number,))[..., 0].astype(float)
        places.append(
            [(light.sum(axis=n) @ np.arange(32)) / light.sum() for n in (1, 0)]
        )
    moved = np.abs(np.array(places) - 15.5)
    assert (moved < 8.7).all()
    assert (moved.max(axis=0) > 6).all()
