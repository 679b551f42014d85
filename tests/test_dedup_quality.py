import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageDraw, ImageFont

from pipeline.dedup.quality import (
    LOOKS,
    THRESHOLDS,
    flags_of,
    look_scores,
    repetition,
    repetitions,
    shape_scores,
)
from pipeline.images import Pixels, decode_image, encode_jpeg
from tests.conftest import draw_photo


def photo(seed: int = 1) -> Pixels:
    """Draw something with colour, shading and fine detail."""
    rng = np.random.default_rng(seed)
    grain = rng.normal(0, 12, (256, 256, 3))
    return np.clip(draw_photo(seed, 256, 256) + grain, 0, 255).astype(np.uint8)


def blurred(sigma: float) -> Pixels:
    return np.asarray(cv2.GaussianBlur(photo(), (0, 0), sigma), np.uint8)


def card(text: str, ground: str = "white", ink: str = "#777777") -> Pixels:
    image = Image.new("RGB", (400, 400), ground)
    font = ImageFont.load_default(48)
    ImageDraw.Draw(image).text((200, 200), text, ink, font, anchor="mm")
    return np.asarray(image)


def test_an_ordinary_photo_has_every_score_and_no_flag():
    scores = look_scores(photo())

    assert set(scores) == set(LOOKS) <= set(THRESHOLDS)
    assert all(0 <= score <= 1 for score in scores.values())
    assert flags_of(scores) == ()


@pytest.mark.parametrize(
    ("spoilt", "flag"),
    [
        (blurred(8), "blurry"),
        ((photo() * 0.2).astype(np.uint8), "dark"),
        (np.repeat(photo()[..., 1:2], 3, axis=2), "greyscale"),
        (card("No image\navailable", ink="#b08040"), "placeholder"),
        (card("NO PHOTO", "#204060", "white"), "placeholder"),
    ],
    ids=["blurred", "dark", "grey", "card", "dark card"],
)
def test_a_spoilt_picture_is_flagged_for_what_was_done_to_it(spoilt, flag):
    assert flag in flags_of(look_scores(spoilt))


def drawn_guitar(side: int, length: float) -> Pixels:
    """Draw a shaded white body with a dark neck, small on white, as shops show them."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:side, :side] / side - 0.5
    body = np.hypot(x / 0.16, (y - 0.1) / 0.2) < length
    neck = (np.abs(x) < 0.015) & (y < 0) & (y > -0.4 * length)
    image = np.full((side, side, 3), 255.0)
    shade = 190 + 250 * (x + y) + 8 * np.sin(90 * x) + rng.normal(0, 6, x.shape)
    image[body] = (shade[..., None] + [6, 2, -6])[body]
    grain = 90 + 40 * np.sin(300 * y) + rng.normal(0, 20, x.shape)
    image[neck] = (grain[..., None] * [1, 0.7, 0.4])[neck]
    return np.asarray(np.clip(image, 0, 255), np.uint8)


def logo(*colours: str) -> Pixels:
    image = Image.new("RGB", (240, 200), "white")
    for n, colour in enumerate(colours):
        box = [60 + 40 * n, 50 + 20 * n, 130 + 40 * n, 120 + 20 * n]
        ImageDraw.Draw(image).ellipse(box, colour)
    return np.asarray(image)


def graded_card() -> Pixels:
    ground = np.linspace(225, 255, 300).astype(np.uint8)[:, None, None]
    image = Image.fromarray(np.broadcast_to(ground, (300, 300, 3)).copy())
    font = ImageFont.load_default(32)
    ImageDraw.Draw(image).text((150, 150), "Coming soon", "#606060", font, anchor="mm")
    return np.asarray(image)


@pytest.mark.parametrize(
    "picture",
    [
        card("No image"),
        card("No image", "#303030", "#c0c0c0"),
        graded_card(),
        logo("#ff6020"),
        logo("#203080", "#e0c020"),
    ],
    ids=["card", "dark card", "graded ground", "logo", "logo of two colours"],
)
@pytest.mark.parametrize("quality", [50, 95])
def test_a_card_is_found_however_it_was_saved(picture, quality):
    saved = decode_image(encode_jpeg(picture, quality))

    assert "placeholder" in flags_of(look_scores(saved))


@pytest.mark.parametrize("length", [0.5, 0.7, 1.0])
def test_a_small_photo_of_a_product_on_white_is_no_card(length):
    photographed = decode_image(encode_jpeg(drawn_guitar(300, length), 85))

    assert flags_of(look_scores(photographed)) == ()


@pytest.mark.parametrize("light", [0.15, 0.25, 0.4, 0.6, 0.8])
def test_a_dim_photo_is_no_card(light):
    dim = decode_image(encode_jpeg((photo() * light).astype(np.uint8), 85))

    assert "placeholder" not in flags_of(look_scores(dim))


def test_a_digit_of_28_pixels_is_no_card():
    image = Image.new("L", (28, 28))
    ImageDraw.Draw(image).text((14, 14), "7", 255, ImageFont.load_default(24), "mm")
    digit = np.repeat(np.asarray(image)[..., None], 3, axis=2)

    assert look_scores(digit)["placeholder"] == 0


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        np.uint8,
        st.tuples(st.integers(1, 90), st.integers(1, 90), st.just(3)),
        fill=st.integers(0, 255),
    )
)
def test_every_picture_has_scores_between_0_and_1(image):
    scores = look_scores(image)

    assert set(scores) == set(LOOKS)
    assert all(0 <= score <= 1 for score in scores.values())


def test_more_blur_never_scores_lower():
    scores = [look_scores(blurred(sigma))["blurry"] for sigma in (0.5, 1, 2, 4, 8)]

    assert scores == sorted(scores)


def test_a_dark_photo_on_white_is_dark_by_what_is_inside_its_borders():
    image = np.full((256, 256, 3), 255, np.uint8)
    image[64:192, 64:192] = photo()[64:192, 64:192] * 0.2

    assert look_scores(image)["dark"] == 0
    assert "dark" in flags_of(look_scores(image, (0.25, 0.75, 0.25, 0.75)))


def test_a_blank_picture_is_nothing_else_but_blank():
    scores = look_scores(np.zeros((90, 90, 3), np.uint8))

    assert scores == dict.fromkeys(LOOKS, 0.0) | {"blank": 1.0}


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (2, 3), (9, 2000)])
def test_odd_sizes_are_scored_too(size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)

    assert all(0 <= score <= 1 for score in look_scores(image).values())


def test_size_is_flagged_below_what_the_set_takes_and_beyond_five_to_one():
    assert flags_of(shape_scores(64, 320, min_side=64)) == ()
    assert flags_of(shape_scores(63, 64, min_side=64)) == ("tiny",)
    assert flags_of(shape_scores(64, 321, min_side=64)) == ("extreme_aspect",)
    assert flags_of(shape_scores(32, 32, min_side=0)) == ()


@pytest.mark.parametrize(
    ("categories", "pages", "is_flagged"),
    [(1, 0, False), (2, 3, False), (3, 0, True), (1, 8, False), (1, 9, True)],
)
def test_a_picture_of_many_things_is_a_placeholder(categories, pages, is_flagged):
    flags = flags_of({"placeholder": repetition(categories, pages)})

    assert flags == (("placeholder",) if is_flagged else ())


def test_pages_and_categories_are_counted_over_all_copies_of_a_group():
    listings = [(sha, f"category {sha}", f"page {sha}") for sha in "abcd"]
    listings.append(("stranger", "x", ""))

    shared = repetitions({"a": 0, "b": 0, "c": 0, "d": 3}, listings)

    assert shared == {0: repetition(3, 3), 3: 0.0}
