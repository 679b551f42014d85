"""Noise for training: pure, seeded, and nothing of what the robustness test does."""

import re

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.images import Pixels
from pipeline.robustness.corruptions import CORRUPTIONS
from pipeline.robustness.families import FAMILIES_OF_THE_TEST
from pipeline.train.augmix import AUGMIX, augmix
from pipeline.train.noise import COVERS, PERLIN_COVERED, SHOP, shop

TRAINING = SHOP | AUGMIX
NOISES = {"shop": shop, "augmix": augmix}
# words that tell where or how, not what is done
EMPTY_WORDS = {"mask", "x", "y"}


def photo(height: int = 64, width: int = 64, seed: int = 0) -> Pixels:
    """Draw soft blobs with some grain."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(30, 200, (5, 5, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(smooth + rng.integers(0, 20, smooth.shape, np.uint8), np.uint8)


def words(names):
    return {word for name in names for word in re.split(r"\W|_", name)} - EMPTY_WORDS


def test_what_trains_and_what_tests_share_nothing():
    assert set(CORRUPTIONS) <= set(FAMILIES_OF_THE_TEST)
    assert set(TRAINING).isdisjoint(FAMILIES_OF_THE_TEST)
    assert words(TRAINING).isdisjoint(words(FAMILIES_OF_THE_TEST))
    functions = {function.__name__ for function in TRAINING.values()}
    assert functions == set(TRAINING)


@pytest.mark.parametrize("family", TRAINING.values(), ids=TRAINING)
@given(
    st.integers(2, 40), st.integers(2, 40), st.floats(0, 1), st.integers(0, 2**32 - 1)
)
def test_a_family_takes_any_picture_and_follows_from_its_source_alone(
    family, height, width, strength, seed
):
    image = photo(height, width, seed % 7)
    before = image.copy()
    first = family(image, strength, np.random.default_rng(seed))
    assert np.array_equal(image, before)
    assert (first.shape, first.dtype) == (image.shape, np.uint8)
    assert np.array_equal(first, family(image, strength, np.random.default_rng(seed)))


@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("family", TRAINING.values(), ids=TRAINING)
def test_a_plain_picture_is_no_trouble(family, value):
    image = np.full((16, 16, 3), value, np.uint8)
    assert family(image, 1.0, np.random.default_rng(0)).shape == image.shape


@pytest.mark.parametrize("name", SHOP)
def test_more_strength_changes_more(name):
    def change(strength):
        found = [
            SHOP[name](photo(seed=n), strength, np.random.default_rng(n)).astype(int)
            - photo(seed=n)
            for n in range(30)
        ]
        return np.abs(found).mean()

    assert 0 < change(0.1) < change(1.0)


@pytest.mark.parametrize("name", sorted(COVERS))
def test_a_cover_leaves_more_than_half_of_the_picture(name):
    shares = [
        (SHOP[name](photo(), 1.0, np.random.default_rng(n)) != photo()).any(axis=2)
        for n in range(50)
    ]
    assert np.mean(shares, axis=(1, 2)).max() < 0.5


def test_a_perlin_mask_covers_the_share_it_was_given():
    shares = [
        (SHOP["perlin_mask"](photo(), 1.0, np.random.default_rng(n)) != photo()).any(2)
        for n in range(50)
    ]
    assert np.mean(shares, axis=(1, 2)).max() < PERLIN_COVERED[1] + 0.05


def test_shapes_are_no_rectangle_of_one_colour():
    image = np.full((96, 96, 3), 250, np.uint8)
    for seed in range(20):
        found = SHOP["shapes"](image, 1.0, np.random.default_rng(seed))
        colours = np.unique(found[(found != image).any(axis=2)], axis=0)
        assert len(colours) > 8


def test_a_shadow_lightens_nothing_and_leaves_a_part_as_it_was():
    for seed in range(20):
        found = SHOP["shadow"](photo(), 1.0, np.random.default_rng(seed))
        assert (found <= photo()).all()
        assert 0.05 < (found == photo()).all(axis=2).mean() < 0.95


def test_a_colour_cast_keeps_the_brightness():
    for seed in range(20):
        found = SHOP["colour_cast"](photo(), 1.0, np.random.default_rng(seed))
        assert found.mean() == pytest.approx(photo().mean(), abs=3)
        assert np.abs(found.mean((0, 1)) - photo().mean((0, 1))).max() > 2


def test_resampling_leaves_no_blocks():
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    image = np.repeat(np.tile(ramp, (64, 1))[:, :, None], 3, axis=2)
    for seed in range(20):
        found = SHOP["resample"](image, 1.0, np.random.default_rng(seed))
        inner = found[8:-8, 8:-8].astype(int)
        assert np.abs(np.diff(inner, axis=1)).max() < 9  # a block would step by 12


@pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)
@pytest.mark.parametrize("other", [(1, 1, 2), (0, 2, 2), (0, 1, 3)])
def test_noise_follows_from_seed_epoch_and_place(noise, other):
    def pictures(seed):
        return np.stack([noise(photo(), (*seed, more)) for more in range(8)])

    assert np.array_equal(pictures((0, 1, 2)), pictures((0, 1, 2)))
    assert not np.array_equal(pictures((0, 1, 2)), pictures(other))


def test_a_third_of_the_pictures_stays_clean():
    clean = sum(np.array_equal(shop(photo(), (n,)), photo()) for n in range(300))
    assert 70 < clean < 130


def test_augmix_draws_for_each_picture():
    found = {augmix(photo(), (0, 0, n)).tobytes() for n in range(50)}
    assert len(found) >= 48


def test_augmix_knows_nothing_else_than_the_papers_operations():
    assert words(AUGMIX) == {
        "autocontrast",
        "equalize",
        "posterize",
        "rotate",
        "solarize",
        "shear",
        "translate",
    }


def test_a_product_on_white_stays_on_white_when_it_is_mixed():
    image = np.full((64, 64, 3), 255, np.uint8)
    image[28:36, 28:36] = 0
    for name in ("rotate", "shear_x", "shear_y", "translate_x", "translate_y"):
        found = AUGMIX[name](image, 0.3, np.random.default_rng(1))
        edge = np.concatenate([found[0], found[-1], found[:, 0], found[:, -1]])
        assert (edge == 255).all()
        assert (found == 0).any()
