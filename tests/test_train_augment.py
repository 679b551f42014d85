import numpy as np
import pytest

from pipeline.train.augment import Augment, Strength, cached_size

STILL = Strength(turn=0, shift=0, zoom=0, light=0, mirror=False)


def photo(side, seed=0):
    """Return smooth blobs: what a resampling keeps."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    from PIL import Image

    return np.asarray(Image.fromarray(coarse).resize((side, side), 3))


def test_the_same_seed_gives_the_same_pixels():
    first, second = Augment(36, 32, Strength()), Augment(36, 32, Strength())
    image = photo(36)
    first(image, (0, 1, 99))  # what went before does not matter
    assert np.array_equal(first(image, (0, 1, 2)), second(image, (0, 1, 2)))


@pytest.mark.parametrize("other", [(1, 1, 2), (0, 2, 2), (0, 1, 3)])
def test_another_seed_epoch_or_photo_gives_others(other):
    augment = Augment(36, 32, Strength())
    image = photo(36)
    assert not np.array_equal(augment(image, (0, 1, 2)), augment(image, other))


def test_the_picture_given_is_not_changed():
    image = photo(36)
    before = image.copy()
    Augment(36, 32, Strength())(image, (0,))
    assert np.array_equal(image, before)


@pytest.mark.parametrize("size", [16, 32, 100])
def test_without_any_strength_the_picture_is_only_shrunk(size):
    from pipeline.images import square_image

    image = photo(cached_size(size))
    found = Augment(cached_size(size), size, STILL)(image, (0,))
    assert found.shape == (size, size, 3)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - square_image(image, size)).mean() < 4


def test_mirroring_happens_every_other_time():
    augment = Augment(32, 32, Strength(turn=0, shift=0, zoom=0, light=0))
    image = photo(32)
    plain = Augment(32, 32, STILL)(image, (0,))
    found = [augment(image, (0, n)) for n in range(100)]
    mirrored = sum(np.array_equal(one, plain[:, ::-1]) for one in found)
    same = sum(np.array_equal(one, plain) for one in found)
    assert mirrored + same == 100
    assert 30 < mirrored < 70


def test_a_product_on_white_stays_on_white():
    image = np.full((74, 74, 3), 255, np.uint8)
    image[25:50, 25:50] = 40
    augment = Augment(74, 64, Strength(light=0))
    for number in range(20):
        found = augment(image, (number,))
        edge = np.concatenate([found[0], found[-1], found[:, 0], found[:, -1]])
        assert (edge == 255).all()
