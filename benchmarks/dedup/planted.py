"""Copies of real photos, planted to be found again: every kind of every photo, seeded.

Each kind does one thing to the decoded photo, which is then saved as a JPEG of quality
92; where quality itself is the kind, nothing else is done.
"""

import zlib
from collections.abc import Callable

import cv2
import numpy as np

from pipeline.images import Pixels, encode_jpeg
from pipeline.robustness.scribble import scribble

_QUALITY = 92
_FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX)

Change = Callable[[Pixels, np.random.Generator], Pixels]


def plant(kind: str, original: Pixels, name: str, seed: int = 0) -> bytes:
    """Return a copy of a photo as JPEG bytes; the same for the same arguments.

    Args:
        kind: A key of ``KINDS``.
        original: The photo.
        name: Tells this photo from others, so that each is changed in its own way.
        seed: Another one changes all of them in another way.
    """
    rng = np.random.default_rng([seed, zlib.crc32(f"{kind}/{name}".encode())])
    if kind == "jpeg":
        return encode_jpeg(original, int(rng.integers(30, 61)))
    changed = KINDS[kind](original, rng)
    return encode_jpeg(np.ascontiguousarray(changed), _QUALITY)


def _resize(image: Pixels, rng: np.random.Generator) -> Pixels:
    del rng
    small = cv2.resize(image, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _same(image: Pixels, rng: np.random.Generator) -> Pixels:
    del rng
    return image


def _crop(share: float) -> Change:
    def crop(image: Pixels, rng: np.random.Generator) -> Pixels:
        """Cut ``share`` of each side's length away, more at one end than the other."""
        height, width = image.shape[:2]
        cut_y, cut_x = round(height * share), round(width * share)
        top, left = int(rng.integers(cut_y + 1)), int(rng.integers(cut_x + 1))
        return image[top : top + height - cut_y, left : left + width - cut_x]

    return crop


def _border(image: Pixels, rng: np.random.Generator) -> Pixels:
    height, width = image.shape[:2]
    top, bottom = (int(part * height) for part in rng.uniform(0.03, 0.15, 2))
    left, right = (int(part * width) for part in rng.uniform(0.03, 0.15, 2))
    size = (height + top + bottom, width + left + right, 3)
    framed: Pixels = np.full(size, 255, np.uint8)
    framed[top : top + height, left : left + width] = image
    return framed


def _mirror(image: Pixels, rng: np.random.Generator) -> Pixels:
    del rng
    return image[:, ::-1]


def _watermark(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Write a shop's name across, half transparent, once or in rows."""
    height, width = image.shape[:2]
    layer = image.copy()
    text = "".join(rng.choice(list("ABCDEFGHKLMNOPRSTUVWXYZ"), 8)) + ".COM"
    font = _FONTS[rng.integers(len(_FONTS))]
    scale = width / 400 * float(rng.uniform(0.7, 1.4))
    ink = (255, 255, 255) if rng.random() < 0.7 else (30, 30, 30)
    rows = 1 if rng.random() < 0.5 else 3
    for row in range(rows):
        y = int(height * (row + float(rng.uniform(0.3, 0.8))) / rows)
        x = int(width * float(rng.uniform(0.02, 0.3)))
        thick = max(1, round(2 * scale))
        cv2.putText(layer, text, (x, y), font, scale, ink, thick, cv2.LINE_AA)
    strength = float(rng.uniform(0.35, 0.6))
    return np.asarray(
        cv2.addWeighted(layer, strength, image, 1 - strength, 0), np.uint8
    )


def _brightness(image: Pixels, rng: np.random.Generator) -> Pixels:
    gain = float(rng.choice([rng.uniform(0.7, 0.85), rng.uniform(1.15, 1.35)]))
    brighter: Pixels = np.clip(image.astype(np.float32) * gain, 0, 255).astype(np.uint8)
    return brighter


def _greyscale(image: Pixels, rng: np.random.Generator) -> Pixels:
    del rng
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), np.uint8)


def _scribble(image: Pixels, rng: np.random.Generator) -> Pixels:
    return scribble(image, int(rng.integers(1, 3)), rng)  # one stroke or two


KINDS: dict[str, Change] = {
    "resize": _resize,
    "jpeg": _same,
    "crop5": _crop(0.05),
    "crop10": _crop(0.10),
    "border": _border,
    "mirror": _mirror,
    "watermark": _watermark,
    "brightness": _brightness,
    "greyscale": _greyscale,
    "scribble": _scribble,
}
