"""Smooth pen strokes across a picture, as a child or a vandal leaves them.

The strokes of a severity begin with those of the one before: the same ``rng`` state
gives the same first strokes at every severity, only broader.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (height, width, 3), RGB

NUM_STROKES = (1, 2, 3, 4, 5)  # by severity
PEN_WIDTH = (0.006, 0.009, 0.013, 0.018, 0.025)  # of the shorter side
INKS = ((20, 20, 25), (25, 45, 160), (190, 25, 35), (245, 245, 240))  # RGB
_NUM_POINTS = 6  # that a stroke is led through
_STEPS = 16  # drawn between two of them
_FRACTION_BITS = 4  # of a pixel, as cv2 takes coordinates


def scribble(image: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """Return ``image`` with pen strokes over it.

    Args:
        image: RGB, ``uint8``, shape ``(height, width, 3)``; not modified.
        severity: 1 (one thin stroke) to 5 (five broad ones).
        rng: Source of all randomness.
    """
    height, width = image.shape[:2]
    pen = max(1, round(PEN_WIDTH[severity - 1] * min(height, width)))
    scribbled = np.ascontiguousarray(image).copy()
    for _ in range(NUM_STROKES[severity - 1]):
        ink = INKS[rng.integers(len(INKS))]
        line = smooth_line(rng.uniform(0.05, 0.95, (_NUM_POINTS, 2)))
        scaled = line * (width, height) * 2**_FRACTION_BITS
        cv2.polylines(
            scribbled,
            [scaled.round().astype(np.int32)],
            isClosed=False,
            color=ink,
            thickness=pen,
            lineType=cv2.LINE_AA,
            shift=_FRACTION_BITS,
        )
    return scribbled


def smooth_line(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lead a Catmull-Rom curve through ``points`` (N, 2): many points (M, 2)."""
    padded = np.concatenate([points[:1], points, points[-1:]])
    before, start, end, after = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = np.linspace(0, 1, _STEPS, endpoint=False)[:, None, None]
    curve = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )  # (steps, N - 1, 2)
    return np.concatenate([curve.swapaxes(0, 1).reshape(-1, 2), points[-1:]])
