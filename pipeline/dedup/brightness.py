"""One picture in the brightness and contrast of another: gains, offsets, tone curves.

Whoever edits a photo makes it brighter, harder, softer; what that does to a level is
one number more or less, or a curve, and the same all over the picture.
"""

import cv2
import numpy as np

from pipeline.dedup.aligning import Floats, Mask

_PLENTY = 12_000  # levels, to fit two numbers to
_BINS = 32  # of brightness, for a tone curve
_LEAST = 16  # pixels of a bin, to tell where it goes


def brightened(image: Floats, like: Floats, *, by_grey: bool = False) -> Floats:
    """Return ``image`` in the brightness and contrast of ``like``, by gain and offset.

    Args:
        image: Grey or RGB.
        like: The same kind, laid on it.
        by_grey: Fit them to the brightness alone, which holds where colours were made
            paler; all channels tell a gain from an offset better.
    """
    had, wanted = (grey(image), grey(like)) if by_grey else (image, like)
    step = 1 + had.size // _PLENTY
    had, wanted = had.ravel()[::step], wanted.ravel()[::step]
    inside = (had > 4) & (had < 251) & (wanted > 4) & (wanted < 251)
    gain, offset = _brightness(had[inside], wanted[inside])
    return np.asarray(np.clip(gain * image + offset, 0, 255), np.float32)


def toned(image: Floats, like: Floats, shown: Mask) -> Floats:
    """Return ``image`` in the tones of ``like``: by one curve that never falls.

    Args:
        image: Grey or RGB.
        like: The same kind, laid on it.
        shown: Where both show the same part of the scene.
    """
    had, wanted = image[shown].ravel(), like[shown].ravel()
    bins = (had * (_BINS / 256)).astype(np.intp)
    order = np.argsort(bins, kind="stable")
    edges = np.searchsorted(bins[order], np.arange(_BINS + 1))
    told = np.flatnonzero(np.diff(edges) >= _LEAST)
    runs = [order[edges[n] : edges[n + 1]] for n in told]
    if not runs:
        return image
    levels = [float(had[run].mean()) for run in runs]
    aims = np.maximum.accumulate([float(np.median(wanted[run])) for run in runs])
    return np.asarray(np.interp(image, levels, aims), np.float32)


def _brightness(first: Floats, second: Floats) -> tuple[float, float]:
    """Fit ``second = gain * first + offset``, outliers weighed down."""
    if first.size < 64:
        return 1.0, 0.0
    means = float(first.mean()), float(second.mean())
    x, y = first - means[0], second - means[1]
    squares, products = x * x, x * y
    weights = np.ones_like(x)
    gain, offset = 1.0, 0.0
    for _ in range(4):
        total, sum_x = float(weights.sum()), float(weights @ x)
        sum_y = float(weights @ y)
        spread = float(weights @ squares) - sum_x * sum_x / total
        together = float(weights @ products) - sum_x * sum_y / total
        gain = min(2.0, max(0.5, together / max(spread, 1e-6)))
        offset = (sum_y - gain * sum_x) / total
        apart = np.abs(y - gain * x - offset)
        weights = np.asarray(1 / np.maximum(apart, 4), np.float32)
    return gain, offset + means[1] - gain * means[0]


def grey(image: Floats) -> Floats:
    """Return the brightness of a picture, grey or RGB."""
    if image.ndim == 2:
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32)
