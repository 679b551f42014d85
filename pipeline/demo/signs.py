"""The shop's banner and logo: pictures on every page that are no products."""

import io
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.demo.guitar import choose_guitar
from pipeline.demo.paint import Colour
from pipeline.demo.scene import choose_scene, take_photo

SHOP_NAME = "Moonbarrel"
_INK: Colour = (43, 33, 27)
_AMBER: Colour = (214, 128, 48)


def draw_banner(seed: int) -> bytes:
    """Draw the advertisement over every page: a JPEG of 728 x 90 pixels."""
    rng = np.random.default_rng(seed)
    scene = replace(
        choose_scene(rng, (728, 90)),
        turn=90.0,
        offset=(0.9, 0.0),
        ground="cloth",
        tilt=(0.0, 0.0),
        vignette=0.0,
    )
    banner = Image.fromarray(take_photo(choose_guitar("Offset", rng), scene))
    pen = ImageDraw.Draw(banner)
    pen.text((28, 14), "Spring sale", "white", ImageFont.load_default(34))
    pen.text(
        (30, 56), "every string at half its length", "white", ImageFont.load_default(16)
    )
    return _encoded(banner, "JPEG")


def draw_logo() -> bytes:
    """Draw the shop's name and sign: a PNG of 168 x 48 pixels."""
    large = Image.new("RGB", (336, 96), "white")
    pen = ImageDraw.Draw(large)
    pen.ellipse((4, 12, 76, 84), fill=_AMBER)
    pen.ellipse((24, 4, 92, 72), fill="white")
    for string in range(3):
        pen.line((14 + 12 * string, 4, 14 + 12 * string, 92), fill=_INK, width=2)
    pen.text((92, 24), SHOP_NAME, _INK, ImageFont.load_default(44))
    return _encoded(large.resize((168, 48), Image.Resampling.LANCZOS), "PNG")


def _encoded(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()
