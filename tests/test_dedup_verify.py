import cv2
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from pipeline.dedup.quality import flags_of, look_scores, shape_scores
from pipeline.dedup.verify import Verdict, compare, is_coloured, make_square
from pipeline.images import Pixels, decode_image, encode_jpeg

RED, BLUE, BLACK, WHITE = (190, 30, 35), (30, 60, 190), (25, 25, 25), (240, 240, 238)


def product(body: tuple[int, int, int], *, knobs: int = 3, angle: float = 10) -> Pixels:
    """Draw a thing on white: a body, a neck, a plate and some knobs."""
    image = np.full((400, 300, 3), 255, np.uint8)
    cv2.rectangle(image, (140, 30), (160, 220), (120, 80, 40), -1)
    cv2.ellipse(image, (150, 280), (80, 90), angle, 0, 360, body, -1)
    cv2.ellipse(image, (120, 280), (25, 50), angle, 0, 360, (250, 250, 250), -1)
    for knob in range(knobs):
        cv2.circle(image, (180, 260 + 35 * knob), 12, (150, 150, 150), -1)
    return image


def verdict(first: Pixels, second: Pixels) -> Verdict:
    return compare(make_square(first), make_square(second)).verdict


EDITS = {
    "same": lambda image: image,
    "half size": lambda image: image.resize((150, 200), Image.Resampling.LANCZOS),
    "third size": lambda image: image.resize((100, 133)),
    "greyscale": lambda image: image.convert("L").convert("RGB"),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.25),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.75),
    "less contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.7),
    "less colour": lambda image: ImageEnhance.Color(image).enhance(0.6),
    "a few pixels off": lambda image: image.crop((4, 3, 298, 397)),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
@pytest.mark.parametrize("quality", [95, 35])
def test_edited_picture_is_a_copy(edit, quality):
    edited = edit(Image.fromarray(product(RED)))
    data = encode_jpeg(np.asarray(edited), quality)
    assert verdict(product(RED), decode_image(data)) is Verdict.COPY


def test_same_shape_in_another_colour_is_another_picture_for_certain():
    blue_as_bright = (40, 100, 225)
    grey = [int(np.dot(c, (0.299, 0.587, 0.114))) for c in (RED, blue_as_bright)]
    assert abs(grey[0] - grey[1]) < 40
    assert verdict(product(RED), product((60, 68, 140))) is Verdict.OTHER


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (product(BLACK), product(WHITE)),
        (product(RED), product(BLUE)),
        (product(BLACK), product(RED)),
        (product(RED), product(RED, knobs=1)),
        (product(WHITE), product(WHITE, knobs=1)),
        (product(BLACK), product(BLACK, angle=40)),
        (product(RED), product(RED)[:, ::-1]),
    ],
    ids=["finish", "colour", "grey and red", "knobs", "pale", "pose", "mirror"],
)
def test_look_alikes_are_no_copies(first, second):
    assert verdict(first, second) is not Verdict.COPY


def scene(seed: int) -> Pixels:
    """Draw a picture full of shapes, as a photo is."""
    rng = np.random.default_rng(seed)
    image = np.full((300, 400, 3), rng.integers(60, 200, 3), np.uint8)
    for _ in range(60):
        x, y, radius = rng.integers(0, 400), rng.integers(0, 300), rng.integers(5, 40)
        colour = tuple(int(level) for level in rng.integers(0, 256, 3))
        cv2.circle(image, (int(x), int(y)), int(radius), colour, -1)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 1), np.uint8)


def written_on(image: Pixels) -> Pixels:
    layer = image.copy()
    for row in (80, 180, 280):
        cv2.putText(layer, "SHOP.COM", (60, row), 0, 1.4, (255, 255, 255), 2)
    return np.asarray(cv2.addWeighted(layer, 0.5, image, 0.5, 0), np.uint8)


def scribbled_on(image: Pixels) -> Pixels:
    marked = image.copy()
    points = np.array([[30, 40], [300, 90], [80, 200], [370, 260]], np.int32)
    cv2.polylines(marked, [points], False, (20, 20, 25), 3)
    return marked


@pytest.mark.parametrize("mark", [written_on, scribbled_on])
@pytest.mark.parametrize("seed", range(5))
def test_what_is_written_over_a_picture_leaves_it_a_copy(mark, seed):
    marked = decode_image(encode_jpeg(mark(scene(seed)), 85))
    found = compare(make_square(marked), make_square(scene(seed)))
    assert found.verdict is Verdict.COPY
    assert found.overlaid == (True, False)


@pytest.mark.parametrize("seed", range(5))
def test_a_part_of_a_picture_is_a_copy_that_was_cropped(seed):
    part = decode_image(encode_jpeg(scene(seed)[4:281, 20:392], 85))
    found = compare(make_square(scene(seed)), make_square(part))
    assert found.verdict is Verdict.COPY
    assert found.cropped == (False, True)
    assert found.swapped.cropped == (True, False)


TONES = {
    "gamma": lambda level: 255 * (level / 255) ** 0.75,
    "clipped": lambda level: np.clip(1.35 * level, 0, 255),
}


@pytest.mark.parametrize("tone", TONES.values(), ids=TONES.keys())
@pytest.mark.parametrize("seed", range(3))
def test_a_picture_in_other_tones_is_a_copy(tone, seed):
    toned = tone(scene(seed).astype(np.float32)).astype(np.uint8)
    other = decode_image(encode_jpeg(toned, 85))
    found = compare(make_square(scene(seed)), make_square(other))
    assert found.verdict is Verdict.COPY
    assert found.is_brightened


def test_a_picture_too_pale_to_be_followed_is_a_copy_of_itself():
    pale = (255 - (255 - product(WHITE).astype(np.int16)) // 4).astype(np.uint8)
    small = Image.fromarray(pale).resize((150, 200), Image.Resampling.LANCZOS)
    assert verdict(pale, decode_image(encode_jpeg(np.asarray(small), 85))) is (
        Verdict.COPY
    )


def in_studio(body: tuple[int, int, int], pickups: tuple[int, int, int]) -> Pixels:
    """Draw a thing before a grey backdrop that is lit from its middle."""
    down, across = np.mgrid[0:400, 0:300]
    light = 235 - np.hypot(down - 200, across - 150) * 0.45
    image = np.repeat(light[..., None], 3, axis=2).astype(np.uint8)
    cv2.rectangle(image, (143, 20), (157, 240), (95, 50, 45), -1)
    cv2.ellipse(image, (150, 300), (55, 75), 0, 0, 360, body, -1)
    for row in (270, 320):
        cv2.rectangle(image, (125, row), (175, row + 14), pickups, -1)
    return image


def test_before_the_same_backdrop_things_of_other_colours_are_no_copies():
    red, black = (
        in_studio((150, 15, 25), (235, 215, 180)),
        in_studio(
            (40, 28, 20),
            (
                190,
                190,
                190,
            ),
        ),
    )
    assert verdict(red, black) is not Verdict.COPY
    assert verdict(black, red) is not Verdict.COPY


def test_a_few_pale_letters_leave_a_copy():
    layer = scene(1)
    cv2.putText(layer, "SHOP.COM", (60, 150), 0, 1.0, (255, 255, 255), 1)
    marked = np.asarray(cv2.addWeighted(layer, 0.4, scene(1), 0.6, 0), np.uint8)
    assert verdict(scene(1), decode_image(encode_jpeg(marked, 90))) is Verdict.COPY


def test_other_scenes_are_no_copies_whatever_is_written_over_them():
    for seed in range(10):
        marked = written_on(scene(seed))
        assert verdict(marked, written_on(scene(seed + 10))) is not Verdict.COPY


def test_mirrored_square_is_that_of_the_mirrored_picture():
    mirrored = np.asarray(ImageOps.mirror(Image.fromarray(product(RED))))
    found = compare(make_square(product(RED)), make_square(mirrored).mirrored)
    assert found.verdict is Verdict.COPY


def test_pictures_without_contrast_are_no_copies():
    plain = np.full((100, 100, 3), 128, np.uint8)
    assert verdict(plain, plain) is Verdict.UNLIKE


def test_noise_is_no_copy_of_other_noise():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 256, (2, 200, 200, 3), np.uint8)
    assert verdict(first, second) is Verdict.UNLIKE


def test_grey_pictures_are_told_from_coloured_ones():
    assert is_coloured(product(RED))
    assert not is_coloured(
        np.asarray(Image.fromarray(product(RED)).convert("L"))[..., None].repeat(
            3, axis=2
        )
    )


def test_blank_is_nearly_one_colour():
    rng = np.random.default_rng(0)
    wall = np.full((200, 300, 3), (200, 180, 160), np.uint8)
    noisy = np.clip(wall + rng.normal(0, 2, wall.shape), 0, 255).astype(np.uint8)
    assert "blank" in flags_of(look_scores(wall))
    assert "blank" in flags_of(look_scores(noisy))
    assert "blank" not in flags_of(look_scores(product(WHITE)))


@pytest.mark.parametrize(
    ("size", "min_side", "blank", "flags"),
    [
        ((640, 480), 64, False, ()),
        ((90, 315), 64, False, ()),
        ((728, 90), 64, False, ("extreme_aspect",)),
        ((63, 80), 64, False, ("tiny",)),
        ((32, 32), 0, False, ()),
        ((12, 12), 0, True, ("blank", "tiny")),
        ((300, 300), 64, None, ("unreadable",)),
    ],
    ids=["photo", "tall", "banner", "small", "wanted small", "dot", "unreadable"],
)
def test_flags_name_what_is_wrong(size, min_side, blank, flags):
    told = {"blank": float(blank is True), "unreadable": float(blank is None)}
    assert flags_of(shape_scores(*size, min_side=min_side) | told) == flags
