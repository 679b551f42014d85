"""A small grey digit → what a pen would have left of it on paper.

The digit's contour at half its brightness is smoothed and enlarged. A marker fills it;
a thin pen follows its middle line, which is found by thinning (Zhang and Suen, "A fast
parallel algorithm for thinning digital patterns", 1984).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Coverage = NDArray[np.float32]  # (H, W), 0 paper .. 1 ink

FINE = 240  # pixels of the longer side on which strokes are traced
MARKER = 0.075  # of the digit's height: what is thicker fills the contour
# name → share drawn, line width in mm, digit's height in mm, opacity, grain, colours
INKS: dict[str, tuple[int, int, int]] = {
    "black": (28, 28, 32),
    "blue": (28, 48, 150),
    "dark blue": (22, 30, 90),
    "red": (190, 30, 40),
    "green": (20, 110, 60),
    "purple": (95, 40, 130),
    "light blue": (70, 140, 215),
    "pencil": (82, 82, 86),
}


@dataclass(frozen=True)
class Pen:
    """What leaves the line."""

    name: str
    share: float  # of the photos
    width_mm: tuple[float, float]
    height_mm: tuple[float, float]  # of the digits that people write with it
    opacity: tuple[float, float]
    grain: float  # how much of the paper shows through, 0..1
    inks: tuple[str, ...]


PENS = (
    Pen(
        "ballpoint",
        0.4,
        (0.4, 0.7),
        (8, 40),
        (0.72, 0.92),
        0.25,
        ("black", "blue", "blue", "dark blue", "red"),
    ),
    Pen("gel", 0.15, (0.6, 1.0), (10, 45), (0.85, 0.97), 0.08, tuple(INKS)[:6]),
    Pen("pencil", 0.17, (0.5, 0.9), (8, 45), (0.45, 0.75), 0.45, ("pencil",)),
    Pen("marker", 0.28, (2.0, 6.0), (25, 120), (0.8, 0.98), 0.05, tuple(INKS)[:7]),
)


def draw_strokes(
    digit: NDArray[np.uint8],
    height: float,
    width: float,
    rng: np.random.Generator,
) -> Coverage:
    """Return the digit as a line of a pen, tightly cropped but for a small edge.

    Args:
        digit: Light strokes on black, such as MNIST's, (h, w) uint8.
        height: Pixels of the digit on the page.
        width: Pixels of the line.
        rng: How the hand presses.
    """
    fine = _enlarged(digit)
    solid = fine > 127
    if width > MARKER * height:
        # the contour's own width counts: a marker of a little more or less
        inside = cv2.distanceTransform(solid.astype(np.uint8), cv2.DIST_L2, 5)
        outside = cv2.distanceTransform((~solid).astype(np.uint8), cv2.DIST_L2, 5)
        edge = inside - outside + rng.uniform(-0.012, 0.012) * FINE
    else:
        middle = (~thin(solid)).astype(np.uint8)
        distance = cv2.distanceTransform(middle, cv2.DIST_L2, 5)
        pressed = 1 + 0.25 * _slow_noise(fine.shape, 5, rng)
        edge = pressed * width / height * FINE / 2 - cv2.GaussianBlur(
            distance, (0, 0), 1.2
        )
    scale = height / FINE
    size = (max(2, round(fine.shape[1] * scale)), max(2, round(fine.shape[0] * scale)))
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    sharp = cv2.resize(edge.astype(np.float32), size, interpolation=method) * scale
    return np.asarray(np.clip(sharp + 0.5, 0, 1), np.float32)


def thin(solid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the middle lines of shapes, one pixel wide (Zhang and Suen)."""
    now = np.pad(solid, 1)
    while True:
        before = now.sum()
        for is_second in (False, True):
            p = [np.roll(now, shift, (0, 1)) for shift in _RING]
            count = np.sum(p, axis=0)
            turns = np.sum(
                [~p[k] & p[(k + 1) % 8] for k in range(8)], axis=0, dtype=np.int64
            )
            north, east, south, west = p[0], p[2], p[4], p[6]
            if is_second:
                spared = (north & east & west) | (north & south & west)
            else:
                spared = (north & east & south) | (east & south & west)
            now = now & ~((count >= 2) & (count <= 6) & (turns == 1) & ~spared)
        if now.sum() == before:
            return now[1:-1, 1:-1]


# Shifts that bring the neighbours to a pixel: north, then clockwise.
_RING = ((1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1))


def _enlarged(digit: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Crop the digit and enlarge it smoothly to ``FINE`` pixels, with an edge."""
    rows, columns = np.nonzero(digit > 60)
    cropped = np.pad(
        digit[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1], 2
    ).astype(np.float32)
    scale = FINE / cropped.shape[0]
    large = cv2.resize(cropped, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.GaussianBlur(large, (0, 0), 0.3 * scale), np.float32)


def _slow_noise(
    shape: tuple[int, ...], cells: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return smooth noise of about ``cells`` bumps a side, -1..1."""
    coarse = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
    return np.asarray(
        cv2.resize(coarse, shape[1::-1], interpolation=cv2.INTER_CUBIC), np.float32
    )
