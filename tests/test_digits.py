"""A digit on a photo of a page: found, cut out, drawn as MNIST's; or none said."""

import cv2
import numpy as np
import pytest

from pipeline.check import digits
from pipeline.check.digits.shape import as_mnist
from pipeline.demo.shop import SHAPES, draw_photo
from pipeline.errors import ImageError
from pipeline.images import Pixels

BLUE, RED, LIGHT_BLUE, BLACK = (
    (35, 50, 140),
    (200, 40, 50),
    (80, 150, 220),
    (25, 25, 25),
)


def read_digit(photo):
    """Read with a network that is as sure of one mark as of another."""
    return digits.read_digit(
        photo, lambda pictures: np.ones((len(pictures), 1), np.float32)
    )


def blank_page(height: int = 800, width: int = 600, *, seed: int = 0) -> Pixels:
    """White paper in light that falls off to one side, with a camera's noise."""
    light = np.linspace(1.0, 0.7, width)[None, :, None]
    noise = np.random.default_rng(seed).normal(0, 3, (height, width, 3))
    return np.clip(225 * light + noise, 0, 255).astype(np.uint8)


def arc(
    middle: tuple[float, float], radii: tuple[float, float], start: int, end: int
) -> list[tuple[float, float]]:
    """Points on an ellipse, from one angle to another, clockwise on the page."""
    angles = np.radians(np.linspace(start, end, 24))
    return [
        (middle[0] + radii[0] * np.cos(angle), middle[1] + radii[1] * np.sin(angle))
        for angle in angles
    ]


# Each digit's strokes in a box 0.6 wide and 1 high.
STROKES: dict[str, list[list[tuple[float, float]]]] = {
    "0": [arc((0.3, 0.5), (0.28, 0.5), -90, 270)],
    "1": [[(0.15, 0.2), (0.38, 0), (0.3, 1)]],
    "2": [[*arc((0.3, 0.27), (0.27, 0.27), -170, 40), (0.02, 1), (0.6, 0.97)]],
    "3": [
        arc((0.27, 0.25), (0.26, 0.25), -150, 90)
        + arc((0.27, 0.74), (0.3, 0.25), -85, 150)
    ],
    "4": [[(0.35, 0), (0.02, 0.65), (0.6, 0.62)], [(0.42, 0.35), (0.4, 1)]],
    "5": [
        [
            (0.55, 0.02),
            (0.12, 0.03),
            (0.08, 0.45),
            *arc((0.26, 0.69), (0.3, 0.3), -110, 140),
        ]
    ],
    "6": [[(0.5, 0), (0.15, 0.4), *arc((0.3, 0.72), (0.25, 0.27), 180, 540)]],
    "7": [[(0.02, 0.05), (0.58, 0.02), (0.22, 1)]],
    "8": [
        arc((0.3, 0.25), (0.2, 0.24), 90, 450),
        arc((0.3, 0.74), (0.27, 0.25), -90, 270),
    ],
    "9": [[*arc((0.3, 0.28), (0.25, 0.27), 0, 360), (0.55, 0.3), (0.45, 1)]],
}


def write(
    page: Pixels,
    digit: str,
    at: tuple[int, int] = (230, 300),
    *,
    height: int = 180,
    thick: int = 8,
    ink: tuple[int, int, int] = BLUE,
) -> Pixels:
    """Write a digit by hand; ``at`` is the column and row of its upper left corner."""
    page = page.copy()
    for stroke in STROKES[digit]:
        points = np.round(np.array(stroke) * height + at).astype(np.int32)
        cv2.polylines(page, [points], False, ink, thick, cv2.LINE_AA)
    return page


def rule(page: Pixels, *, is_squared: bool = False, step: int = 45) -> Pixels:
    page = page.copy()
    for row in range(20, page.shape[0], step):
        cv2.line(page, (0, row), (page.shape[1], row), (150, 175, 205), 2, cv2.LINE_AA)
    for column in range(20, page.shape[1], step) if is_squared else ():
        end = (column, page.shape[0])
        cv2.line(page, (column, 0), end, (150, 175, 205), 2, cv2.LINE_AA)
    return page


def as_expected(digit: str) -> Pixels:
    """What MNIST would show of the digit written here."""
    drawn = write(np.full((400, 400, 3), 255, np.uint8), digit, (130, 110), ink=BLACK)
    return as_mnist(drawn[..., 0] < 128)


def likeness(one: Pixels, other: Pixels) -> float:
    """Correlation of two pictures a little blurred, 1 for the same."""
    soft = [cv2.GaussianBlur(picture[..., 0], (0, 0), 1.0) for picture in (one, other)]
    return float(np.corrcoef(soft[0].ravel(), soft[1].ravel())[0, 1])


def assert_like_mnist(picture: Pixels) -> None:
    """Light on black, 20 pixels long, its centre of mass in the middle."""
    assert picture.shape == (28, 28, 3)
    assert picture.dtype == np.uint8
    grey = picture[..., 0].astype(float)
    assert (picture[..., 1] == grey).all()
    assert grey[[0, -1]].max() == 0
    assert grey[:, [0, -1]].max() == 0
    assert grey.max() > 200
    rows, columns = np.nonzero(grey)
    assert 19 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 20
    down, across = np.indices(grey.shape)
    assert (down * grey).sum() / grey.sum() == pytest.approx(14, abs=0.51)
    assert (across * grey).sum() / grey.sum() == pytest.approx(14, abs=0.51)


@pytest.mark.parametrize("digit", list("0123456789"))
def test_a_digit_on_a_page_becomes_the_picture_that_mnist_has(digit):
    picture = read_digit(write(blank_page(), digit))

    assert_like_mnist(picture)
    assert likeness(picture, as_expected(digit)) > 0.8


@pytest.mark.parametrize("thick", [3, 8, 22], ids=["hair", "pen", "marker"])
def test_a_stroke_comes_near_the_width_that_mnist_has(thick):
    picture = read_digit(write(blank_page(), "7", thick=thick))

    # 0.08 to 0.2 of a digit's 20 pixels; a 7 is about 32 pixels long
    assert 1.5 < picture[..., 0].sum() / 255 / 32 < 4.5


@pytest.mark.parametrize(
    "ink", [RED, LIGHT_BLUE, (30, 120, 60)], ids=["red", "light blue", "green"]
)
def test_coloured_ink_counts_as_black_does(ink):
    picture = read_digit(write(blank_page(), "3", ink=ink))

    assert likeness(picture, as_expected("3")) > 0.8


@pytest.mark.parametrize("is_squared", [False, True], ids=["lined", "squared"])
@pytest.mark.parametrize("digit", ["2", "5", "8"])
def test_printed_lines_are_no_ink(digit, is_squared):
    picture = read_digit(write(rule(blank_page(), is_squared=is_squared), digit))

    assert likeness(picture, as_expected(digit)) > 0.8


def test_the_edge_of_a_shadow_is_no_ink():
    page = write(blank_page(), "5").astype(float)
    page[:, 300:] *= 0.55  # right through the digit

    assert likeness(read_digit(page.astype(np.uint8)), as_expected("5")) > 0.8


def test_a_page_seen_at_a_slant_on_a_dark_table():
    page = write(blank_page(), "4")
    corners = np.array([[0, 0], [600, 0], [600, 800], [0, 800]], np.float32)
    seen = np.array([[160, 90], [640, 140], [720, 860], [90, 800]], np.float32)
    photo = cv2.warpPerspective(
        page,
        cv2.getPerspectiveTransform(corners, seen),
        (800, 950),
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(70, 50, 40),
    )

    picture = read_digit(np.asarray(photo, np.uint8))

    assert_like_mnist(picture)
    assert likeness(picture, as_expected("4")) > 0.75


def test_light_digits_on_a_dark_screen_are_found_too():
    photo = 255 - write(np.full((800, 600, 3), 235, np.uint8), "6", ink=BLACK)

    assert likeness(read_digit(photo), as_expected("6")) > 0.8


def test_a_photo_of_twelve_megapixels_gives_what_a_small_one_gives():
    small = write(blank_page(), "9")
    large = cv2.resize(small, (3000, 4000), interpolation=cv2.INTER_CUBIC)

    assert likeness(read_digit(np.asarray(large)), read_digit(small)) > 0.97


def test_a_picture_that_is_like_mnist_already_is_taken_as_it_is():
    picture = as_expected("3")

    assert (read_digit(picture) == picture).all()


def test_a_small_dark_digit_on_white_is_turned_round():
    picture = read_digit(255 - as_expected("3"))

    assert_like_mnist(picture)


def test_a_stray_dot_and_the_holes_of_a_binding_are_left_out():
    page = write(blank_page(), "3")
    cv2.circle(page, (120, 650), 6, BLACK, -1)
    for row in range(30, 800, 55):
        cv2.circle(page, (25, row), 11, (20, 20, 20), -1)

    assert likeness(read_digit(page), as_expected("3")) > 0.8


def test_a_frame_gives_way_to_the_digit_in_it():
    page = write(blank_page(), "2")
    cv2.rectangle(page, (150, 220), (450, 600), BLUE, 5)

    assert likeness(read_digit(page), as_expected("2")) > 0.8


@pytest.mark.parametrize(
    "photo",
    [
        blank_page(),
        rule(blank_page()),
        rule(blank_page(), is_squared=True),
        np.full((300, 400, 3), 255, np.uint8),
        np.zeros((300, 400, 3), np.uint8),
        np.random.default_rng(0).integers(0, 256, (400, 300, 3), np.uint8),
        np.full((1, 1, 3), 90, np.uint8),
        np.full((3, 2000, 3), 200, np.uint8),
    ],
    ids=["page", "lined", "squared", "white", "black", "noise", "pixel", "strip"],
)
def test_nothing_is_said_of_a_photo_without_a_digit(photo):
    with pytest.raises(ImageError, match="no digit found"):
        read_digit(photo)


def test_two_digits_are_not_answered_by_one():
    page = write(write(blank_page(), "4", (130, 300)), "2", (330, 300))

    with pytest.raises(ImageError, match="2 marks that could be a digit"):
        read_digit(page)


def test_a_digit_that_the_photo_cuts_off_is_not_guessed():
    page = write(blank_page(), "8", (530, 300))

    with pytest.raises(ImageError, match="no digit found"):
        read_digit(page)


def test_the_photo_given_is_not_changed():
    page = write(blank_page(), "5")
    before = page.copy()

    read_digit(page)

    assert (page == before).all()


def test_of_two_marks_the_one_that_the_network_knows_is_the_digit():
    page = write(write(blank_page(), "4", (130, 300)), "2", (330, 300))
    wanted = as_expected("2")

    def ask(pictures):
        return np.array(
            [[max(0.1, likeness(picture, wanted)) ** 4] for picture in pictures]
        )

    assert likeness(digits.read_digit(page, ask), wanted) > 0.8


def test_nothing_is_said_where_the_network_is_in_doubt():
    page = write(blank_page(), "5")

    with pytest.raises(ImageError, match="no digit found"):
        digits.read_digit(page, lambda pictures: np.full((len(pictures), 10), 0.1))


@pytest.mark.parametrize("seed", range(4))
def test_a_guitar_is_no_digit(seed):
    shape = list(SHAPES)[seed % len(SHAPES)]
    photo = draw_photo(shape, np.random.default_rng(seed))

    with pytest.raises(ImageError, match="no digit found"):
        read_digit(photo)
