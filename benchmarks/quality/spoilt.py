"""Real photos, spoilt in the ways that have a flag: seeded, saved as JPEG again.

A row of ``SPOILT`` is one way: the flag that should be given, and what is done. Where
no flag should be given the name is "": the photo is poor, yet shows what it shows.
"""

import zlib
from collections.abc import Callable

import cv2
import numpy as np

from pipeline.images import Pixels, encode_jpeg

Change = Callable[[Pixels, np.random.Generator], Pixels]


def spoil(way: str, photo: Pixels, name: str) -> bytes:
    """Return a spoilt copy of a photo as JPEG bytes; the same for the same arguments.

    Args:
        way: A key of ``SPOILT``.
        photo: The photo; not modified.
        name: Tells this photo from others, so that each is spoilt in its own way.
    """
    rng = np.random.default_rng(zlib.crc32(f"{way}/{name}".encode()))
    _, change = SPOILT[way]
    quality = int(rng.integers(50, 96))
    return encode_jpeg(np.ascontiguousarray(change(photo, rng)), quality)


def _blur(low: float, high: float) -> Change:
    def blur(image: Pixels, rng: np.random.Generator) -> Pixels:
        """Blur by a share of the shorter side (sigma)."""
        sigma = float(rng.uniform(low, high)) * min(image.shape[:2])
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)

    return blur


def _dim(low: float, high: float) -> Change:
    def dim(image: Pixels, rng: np.random.Generator) -> Pixels:
        """Keep a share of the light."""
        return (image * float(rng.uniform(low, high))).astype(np.uint8)

    return dim


def _fog(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Halve the contrast, around some tone."""
    tone = float(rng.uniform(80, 220))
    return (tone * 0.5 + image * 0.5).astype(np.uint8)


def _grey(image: Pixels, rng: np.random.Generator) -> Pixels:
    del rng
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), np.uint8)


def _toned(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Take the colour, and leave a tint of up to four levels, as prints have."""
    tint = rng.uniform(-2, 2, 3)
    return np.clip(_grey(image, rng) + tint, 0, 255).astype(np.uint8)


def _strip(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Cut a banner of six to ten to one."""
    height, width = image.shape[:2]
    ratio = float(rng.uniform(6, 10))
    if rng.random() < 0.5:
        tall = max(1, int(width / ratio))
        top = int(rng.integers(height - tall + 1)) if height > tall else 0
        return image[top : top + tall]
    wide = max(1, int(height / ratio))
    left = int(rng.integers(width - wide + 1)) if width > wide else 0
    return image[:, left : left + wide]


def _tiny(image: Pixels, rng: np.random.Generator) -> Pixels:
    height, width = image.shape[:2]
    scale = float(rng.uniform(20, 60)) / min(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _blank(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Leave an empty page: one tone, which runs by a few levels, and some noise."""
    height, width = image.shape[:2]
    run = float(rng.uniform(0, 8)) * np.linspace(-0.5, 0.5, height)[:, None, None]
    tone = rng.uniform(10, 250, 3)
    noise = rng.normal(0, float(rng.uniform(0, 2)), (height, width, 1))
    return np.clip(tone + run + noise, 0, 255).astype(np.uint8)


SPOILT: dict[str, tuple[str, Change]] = {
    "blur of 0.5-1 % of a side": ("", _blur(0.005, 0.01)),
    "blur of 1-2 % of a side": ("blurry", _blur(0.01, 0.02)),
    "blur of 2-4 % of a side": ("blurry", _blur(0.02, 0.04)),
    "20-30 % of the light": ("dark", _dim(0.2, 0.3)),
    "10-20 % of the light": ("dark", _dim(0.1, 0.2)),
    "40-70 % of the light": ("", _dim(0.4, 0.7)),
    "half the contrast": ("", _fog),
    "no colour": ("greyscale", _grey),
    "a tint of up to 4 levels": ("greyscale", _toned),
    "a banner": ("extreme_aspect", _strip),
    "20-60 pixels": ("tiny", _tiny),
    "nearly one tone": ("blank", _blank),
}
