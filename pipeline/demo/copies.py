"""Copies of a photo, as they turn up on the web: planted, to be found again.

Each kind is one function from the original's bytes to the copy's, and one row.
"""

from collections.abc import Callable

import cv2
import numpy as np

from pipeline.images import Pixels, decode_image, encode_jpeg

Copy = Callable[[bytes, np.random.Generator], bytes]


def copy_photo(kind: str, original: bytes, rng: np.random.Generator) -> bytes:
    """Return a copy of a photo's bytes.

    Args:
        kind: A key of ``COPIES``.
        original: The encoded photo.
        rng: Source of the copy's size, quality, border.

    Raises:
        ValueError: Unknown ``kind``.
    """
    if kind not in COPIES:
        raise ValueError(f"unknown kind {kind!r}; known: {', '.join(COPIES)}")
    return COPIES[kind](original, rng)


def _exact(original: bytes, rng: np.random.Generator) -> bytes:
    del rng
    return original


def _resized(original: bytes, rng: np.random.Generator) -> bytes:
    pixels = decode_image(original)
    factor = float(rng.uniform(0.45, 0.85))
    smaller = cv2.resize(
        pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA
    )
    return encode_jpeg(np.asarray(smaller, np.uint8), int(rng.integers(80, 93)))


def _recompressed(original: bytes, rng: np.random.Generator) -> bytes:
    return encode_jpeg(decode_image(original), int(rng.integers(35, 70)))


def _bordered(original: bytes, rng: np.random.Generator) -> bytes:
    """Lay the photo on a plain card; some cards are wider than high."""
    pixels = decode_image(original)
    height, width = pixels.shape[:2]
    grey = int(rng.choice([255, 250, 16]))
    x, y = (int(v) for v in rng.uniform(0.03, 0.12, 2) * (width, height))
    card: Pixels = np.full((height + 2 * y, width + 2 * x, 3), grey, np.uint8)
    card[y : y + height, x : x + width] = pixels
    return encode_jpeg(card, int(rng.integers(80, 93)))


def _mirrored(original: bytes, rng: np.random.Generator) -> bytes:
    pixels = decode_image(original)[:, ::-1]
    return encode_jpeg(np.ascontiguousarray(pixels), int(rng.integers(80, 93)))


COPIES: dict[str, Copy] = {
    "exact": _exact,
    "resized": _resized,
    "recompressed": _recompressed,
    "bordered": _bordered,
    "mirrored": _mirrored,
}
