"""Cards that stand for a missing photo, and logos: drawn, seeded, in two families.

A threshold is set on one family and judged on the other, which has other layouts,
faces, grounds and words. A card is drawn at twice its size, shrunk, and saved as a JPEG
of quality 30 to 95 or as a PNG. Words are Japanese where this machine has Noto's CJK
faces, Latin where it has none.
"""

import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

Colour = tuple[int, int, int]

SHAPES = ((1.0, 1.0), (1.0, 0.75), (0.75, 1.0), (1.0, 0.6))  # width, height
_LATIN = {
    "first": ("No image", "NO PHOTO", "Image not available", "No picture yet"),
    "second": ("Coming soon", "Photo missing", "NOT FOUND", "Item without photo"),
}
_JAPANESE = {
    "first": ("画像なし", "写真準備中", "画像はありません"),
    "second": ("現在準備中です", "商品画像がありません", "写真はまだありません"),
}
_FACES = {
    "first": ("DejaVuSans.ttf", "LiberationSans-Bold.ttf"),
    "second": ("DejaVuSerif.ttf", "LiberationSerif-Italic.ttf", "LiberationMono-Bold"),
}
_CJK = {"first": "NotoSansCJK-Bold.ttc", "second": "NotoSerifCJK-Regular.ttc"}


@dataclass
class Sheet:
    """A card in the making."""

    image: Image.Image  # RGB, twice the size of the card
    rng: np.random.Generator
    ground: Colour
    ink: Colour
    family: str

    @property
    def pen(self) -> ImageDraw.ImageDraw:
        """What draws on it."""
        return ImageDraw.Draw(self.image)

    @property
    def side(self) -> int:
        """The shorter side, in pixels."""
        return min(self.image.size)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return a place, from -0.5..0.5 of the shorter side around the middle."""
        width, height = self.image.size
        return width / 2 + x * self.side, height / 2 + y * self.side

    def box(self, x: float, y: float, width: float, height: float) -> list[float]:
        """Return a box around a place, in shares of the shorter side."""
        return [
            *self.at(x - width / 2, y - height / 2),
            *self.at(x + width / 2, y + height / 2),
        ]

    def line(self, share: float = 0.015) -> int:
        """Return the width of a line, in pixels."""
        return max(2, round(self.side * share * float(self.rng.uniform(0.6, 1.6))))


Style = Callable[[Sheet], None]


def draw_card(style: str, seed: int) -> bytes:
    """Return a card as JPEG or PNG bytes; the same for the same arguments.

    Args:
        style: A key of ``FIRST`` or ``SECOND``.
        seed: Another one draws another card of the style.
    """
    family = "first" if style in FIRST else "second"
    number = zlib.crc32(style.encode())
    rng = np.random.default_rng([seed, number])
    side = int(np.exp(rng.uniform(np.log(100), np.log(800))))
    shape = SHAPES[rng.integers(len(SHAPES))]
    size = round(side * shape[0]), round(side * shape[1])
    ground, ink = _colours(rng, family)
    large = Image.new("RGB", (2 * size[0], 2 * size[1]), ground)
    sheet = Sheet(large, rng, ground, ink, family)
    (FIRST | SECOND)[style](sheet)
    card = sheet.image.resize(size, Image.Resampling.BOX)
    buffer = io.BytesIO()
    if rng.random() < 0.25:
        card.save(buffer, "PNG")
    else:
        card.save(buffer, "JPEG", quality=int(rng.integers(30, 96)))
    return buffer.getvalue()


def _colours(rng: np.random.Generator, family: str) -> tuple[Colour, Colour]:
    """Choose a ground and an ink that can be told from it."""
    while True:
        kind = rng.random()
        light = 255 if kind < 0.4 else int(rng.integers(200, 256))
        ground = (light, light, light)
        if kind > (0.8 if family == "first" else 0.7):
            ground = _any_colour(rng)
        grey = int(rng.integers(0, 200))
        ink = (grey, grey, grey) if rng.random() < 0.6 else _any_colour(rng)
        if max(abs(a - b) for a, b in zip(ground, ink, strict=True)) >= 40:
            return ground, ink


def _any_colour(rng: np.random.Generator) -> Colour:
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue


@cache
def _face(name: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont | None:
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None


def _write(sheet: Sheet, y: float, height: float, *, ink: Colour | None = None) -> None:
    """Write a line or two of words around the middle, ``height`` of the side tall."""
    rng = sheet.rng
    words = str(rng.choice(_LATIN[sheet.family]))
    face = str(rng.choice(_FACES[sheet.family]))
    if rng.random() < 0.5 and _face(_CJK[sheet.family], 10) is not None:
        words, face = str(rng.choice(_JAPANESE[sheet.family])), _CJK[sheet.family]
    size = max(6, round(height * sheet.side))
    font = _face(face, size) or ImageFont.load_default(size)
    while font.getlength(words) > 0.92 * sheet.image.width and size > 6:
        size = size * 9 // 10
        font = _face(face, size) or ImageFont.load_default(size)
    sheet.pen.text(sheet.at(0, y), words, ink or sheet.ink, font, anchor="mm")


def _words(sheet: Sheet) -> None:
    for line in range(int(sheet.rng.integers(1, 3))):
        _write(sheet, 0.16 * line - 0.05, float(sheet.rng.uniform(0.07, 0.14)))


def _framed_words(sheet: Sheet) -> None:
    inset = float(sheet.rng.uniform(0.8, 0.95))
    sheet.pen.rectangle(sheet.box(0, 0, inset, inset), None, sheet.ink, sheet.line())
    _write(sheet, 0, 0.1)


def _camera(sheet: Sheet) -> None:
    pen, size = sheet.pen, float(sheet.rng.uniform(0.25, 0.55))
    width, ink, ground = sheet.line(0.03), sheet.ink, sheet.ground
    body, hump = (
        sheet.box(0, -0.05, size, 0.65 * size),
        sheet.box(0, -0.05 - 0.36 * size, 0.35 * size, 0.2 * size),
    )
    if sheet.rng.random() < 0.5:
        pen.rectangle(hump, ink)
        pen.rounded_rectangle(body, 0.06 * size * sheet.side, ink)
        pen.ellipse(sheet.box(0, -0.05, 0.4 * size, 0.4 * size), ground)
        pen.ellipse(sheet.box(0, -0.05, 0.25 * size, 0.25 * size), ink)
    else:
        pen.rectangle(hump, None, ink, width)
        pen.rounded_rectangle(body, 0.06 * size * sheet.side, ground, ink, width)
        pen.ellipse(sheet.box(0, -0.05, 0.4 * size, 0.4 * size), None, ink, width)
    if sheet.rng.random() < 0.7:
        _write(sheet, 0.35, float(sheet.rng.uniform(0.05, 0.09)))


def _hills(sheet: Sheet) -> None:
    """Draw the sign of a picture: a frame, hills and a sun."""
    size = float(sheet.rng.uniform(0.3, 0.6))
    pen, ink = sheet.pen, sheet.ink
    pen.rectangle(sheet.box(0, 0, size, 0.75 * size), None, ink, sheet.line(0.02))
    low = 0.33 * size
    for x, tall, wide in ((-0.1, 0.35, 0.25), (0.14, 0.5, 0.3)):
        peak = sheet.at(x * size, low - tall * size)
        pen.polygon(
            [sheet.at((x - wide) * size, low), peak, sheet.at((x + wide) * size, low)],
            ink,
        )
    pen.ellipse(sheet.box(-0.25 * size, -0.2 * size, 0.12 * size, 0.12 * size), ink)


def _flat_logo(sheet: Sheet) -> None:
    """Draw shapes in two to four flat colours."""
    rng, pen = sheet.rng, sheet.pen
    for _ in range(int(rng.integers(1, 4))):
        colour = _any_colour(rng)
        x, y = rng.uniform(-0.15, 0.15, 2).tolist()
        size = float(rng.uniform(0.2, 0.5))
        box = sheet.box(x, y, size, size)
        if rng.random() < 0.5:
            pen.ellipse(box, colour)
        else:
            pen.rounded_rectangle(box, 0.05 * sheet.side, colour)


def _paragraph(sheet: Sheet) -> None:
    """Write many short lines."""
    rows = int(sheet.rng.integers(3, 7))
    for row in range(rows):
        _write(sheet, 0.9 * ((row + 0.5) / rows - 0.5), 0.4 / rows)


def _button(sheet: Sheet) -> None:
    """Write on a few flat bands, with a line below."""
    rng = sheet.rng
    tall = float(rng.uniform(0.12, 0.3))
    for n in range(int(rng.integers(1, 4))):
        colour = sheet.ink if n == 0 else _any_colour(rng)
        box = sheet.box(0, -0.25 + 0.3 * n, float(rng.uniform(0.5, 0.95)), tall)
        sheet.pen.rounded_rectangle(box, 0.3 * tall * sheet.side, colour)
        _write(sheet, -0.25 + 0.3 * n, 0.6 * tall, ink=sheet.ground)


def _graded_words(sheet: Sheet) -> None:
    """Write on a ground that runs from one tone to another, top to bottom."""
    sheet.image = _graded(sheet, np.linspace(0, 1, sheet.image.height)[:, None])
    _write(sheet, 0, float(sheet.rng.uniform(0.08, 0.14)))


def _crossed_out(sheet: Sheet) -> None:
    size = float(sheet.rng.uniform(0.3, 0.9))
    box, width = sheet.box(0, 0, size, size * 0.8), sheet.line()
    sheet.pen.rectangle(box, None, sheet.ink, width)
    sheet.pen.line(box, sheet.ink, width)
    sheet.pen.line([box[0], box[3], box[2], box[1]], sheet.ink, width)
    if sheet.rng.random() < 0.4:
        _write(sheet, 0.46, 0.05)


def _shaded_words(sheet: Sheet) -> None:
    """Write on a panel that throws a soft shadow."""
    wide, tall = sheet.rng.uniform((0.5, 0.3), (0.8, 0.6)).tolist()
    _shadow(sheet, lambda pen: pen.rectangle(sheet.box(0.01, 0.02, wide, tall), 255))
    sheet.pen.rectangle(sheet.box(0, 0, wide, tall), sheet.ground)
    _write(sheet, 0, 0.09)


def _vertical_words(sheet: Sheet) -> None:
    """Repeat words all over the card."""
    rows = int(sheet.rng.integers(2, 6))
    for row in range(rows):
        _write(sheet, (row + 0.5) / rows - 0.5, 0.45 / rows)


def _person(sheet: Sheet) -> None:
    """Draw the sign of a person or a shirt."""
    pen, ink = sheet.pen, sheet.ink
    if sheet.rng.random() < 0.5:
        pen.ellipse(sheet.box(0, -0.15, 0.28, 0.28), ink)
        pen.pieslice(sheet.box(0, 0.4, 0.6, 0.7), 180, 360, ink)
        return
    half = ((0.1, -0.3), (0.34, -0.15), (0.26, -0.02), (0.2, -0.05), (0.2, 0.3))
    outline = [sheet.at(x, y) for x, y in half]
    outline += [sheet.at(-x, y) for x, y in reversed(half)]
    pen.polygon(outline, ink)
    pen.ellipse(sheet.box(0, -0.3, 0.16, 0.12), sheet.ground)


def _question(sheet: Sheet) -> None:
    """Draw a large sign in a ring."""
    size = round(float(sheet.rng.uniform(0.3, 0.6)) * sheet.side)
    ring = 1.5 * size / sheet.side
    sheet.pen.ellipse(sheet.box(0, 0, ring, ring), None, sheet.ink, sheet.line(0.03))
    sign = str(sheet.rng.choice(list("?!X0")))
    font = _face("DejaVuSerif.ttf", size) or ImageFont.load_default(size)
    sheet.pen.text(sheet.at(0, 0), sign, sheet.ink, font, anchor="mm")


def _striped_badge(sheet: Sheet) -> None:
    """Draw a badge: rings and stripes of two to four colours, and letters."""
    rng, pen = sheet.rng, sheet.pen
    colours = [sheet.ink, _any_colour(rng), _any_colour(rng)]
    size = float(rng.uniform(0.4, 0.9))
    if rng.random() < 0.5:
        for n, colour in enumerate(colours):
            part = size * (1 - 0.25 * n)
            pen.ellipse(sheet.box(0, 0, part, part), colour)
    else:
        for n, colour in enumerate(colours):
            pen.rectangle(
                sheet.box(0, (n - 1) * 0.18 * size, size, 0.12 * size), colour
            )
    if rng.random() < 0.6:
        _write(sheet, 0, 0.14, ink=sheet.ground)


def _round_graded(sheet: Sheet) -> None:
    """Draw a sign on a ground that is lighter around its middle, or at a corner."""
    width, height = sheet.image.size
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    if sheet.rng.random() < 0.5:
        sheet.image = _graded(sheet, np.hypot(x, y) / 1.5)
    else:
        sheet.image = _graded(sheet, (x + y + 2) / 4)
    _person(sheet) if sheet.rng.random() < 0.5 else _write(sheet, 0, 0.12)


def _glowing_sign(sheet: Sheet) -> None:
    """Draw a disc that throws a soft shadow, and words below."""
    size = float(sheet.rng.uniform(0.25, 0.5))
    box = sheet.box(0, -0.1, size, size)
    _shadow(sheet, lambda pen: pen.ellipse(sheet.box(0.02, -0.07, size, size), 255))
    sheet.pen.ellipse(box, sheet.ink)
    sheet.pen.line(sheet.box(0, -0.1, size / 2, 0), sheet.ground, sheet.line(0.04))
    _write(sheet, 0.33, 0.07)


def _dashed(sheet: Sheet) -> None:
    """Draw a dashed frame around a sign of adding."""
    edge, width = float(sheet.rng.uniform(0.3, 0.45)), sheet.line()
    dashes = int(sheet.rng.integers(6, 16))
    for n in range(dashes):
        a = edge * (2 * n / dashes - 1)
        b = a + edge / dashes
        for place in (-edge, edge):
            sheet.pen.line([*sheet.at(a, place), *sheet.at(b, place)], sheet.ink, width)
            sheet.pen.line([*sheet.at(place, a), *sheet.at(place, b)], sheet.ink, width)
    for ends in ((-0.1, 0, 0.1, 0), (0, -0.1, 0, 0.1)):
        both = [*sheet.at(*ends[:2]), *sheet.at(*ends[2:])]
        sheet.pen.line(both, sheet.ink, 2 * width)


def _graded(sheet: Sheet, share: NDArray[np.float64]) -> Image.Image:
    """Return a ground that runs from its colour to a neighbouring one."""
    width, height = sheet.image.size
    start = np.array(sheet.ground, np.float64)
    end = np.clip(start + sheet.rng.uniform(-70, 70), 0, 255)
    mixed = start + np.clip(share, 0, 1)[..., None] * (end - start)
    full = np.broadcast_to(mixed, (height, width, 3))
    return Image.fromarray(full.round().astype(np.uint8))


def _shadow(sheet: Sheet, draw: Callable[[ImageDraw.ImageDraw], None]) -> None:
    """Darken where ``draw`` draws, softly."""
    mask = Image.new("L", sheet.image.size, 0)
    draw(ImageDraw.Draw(mask))
    radius = sheet.side * float(sheet.rng.uniform(0.005, 0.03))
    mask = mask.filter(ImageFilter.GaussianBlur(radius))
    strength = float(sheet.rng.uniform(0.15, 0.5))
    shade = mask.point(lambda value: 255 - strength * value)
    sheet.image = ImageChops.multiply(sheet.image, Image.merge("RGB", [shade] * 3))


FIRST: dict[str, Style] = {
    "words": _words,
    "framed words": _framed_words,
    "camera": _camera,
    "hills": _hills,
    "flat logo": _flat_logo,
    "paragraph": _paragraph,
    "buttons": _button,
    "graded words": _graded_words,
    "crossed out": _crossed_out,
    "shaded words": _shaded_words,
}
SECOND: dict[str, Style] = {
    "rows of words": _vertical_words,
    "person": _person,
    "question": _question,
    "striped badge": _striped_badge,
    "round graded": _round_graded,
    "glowing sign": _glowing_sign,
    "dashed": _dashed,
}
