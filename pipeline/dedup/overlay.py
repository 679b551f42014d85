"""Two pictures laid on each other → whether one is the other with something over it.

Text, a watermark, a scribble change some places and leave the rest as it was. So the
worst places say nothing here; what counts are the places with structure in *both*
pictures, for white on white is alike in any two. Of those, a copy shares most to within
the noise of a JPEG, in brightness, and in colour where both are coloured.

Two photos of look-alike products share their outline, or their studio's backdrop, and
little within: what differs there is broad, as no letters or strokes are, or small.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from cv2.typing import MatLike

from pipeline.dedup.aligning import Floats, Mask
from pipeline.dedup.residual import chroma

MAX_REST = 1.6  # levels of 255, in ``_SHARE`` of the places with structure; copies: 1.4
MIN_MATCHING = 0.75  # share of the places where little is left beside the structure
MIN_STRUCTURE = 0.02  # share of the picture that has any; below, nothing can be told
MIN_SPREAD = 0.25  # less may be a part of the thing: a knob, a badge of its maker
MAX_BLOB = 0.005  # share of the picture
CLOSE_REST, CLOSE_MATCHING = 1.0, 0.85  # of two shots, hardly
WIDE_SPREAD, WIDE_BLOB = 0.6, 0.012  # bold letters that go across
_BROAD = np.ones((9, 9), np.uint8)  # 7 % of a side: letters and strokes are thinner
MIN_ONE_SIGN = 0.78  # ink makes darker or lighter; an edge that moved does both
_CELLS = 8  # a side
_LITTLE = 0.25  # of a place's own contrast
_SHARE = 0.6
_CONTRAST = 6.0  # levels of 255, standard deviation around a pixel
_WINDOW = 7  # pixels a side
_OTHER_COLOUR = 12.0  # CIELAB units
_COLOURED = 6.0  # CIELAB chroma
_RECOLOURED = 0.3  # share of the coloured places; ink covers less
_SATURATION = 0.6, 1.6  # gain of chroma; what lies over a picture leaves the rest's
_CHANGED = 12.0  # levels of 255
_FAINTLY = 4.0, 12.0  # where nothing else is left, and at most
_NOISE = 8.0  # times the level that is left are no change


@dataclass(frozen=True)
class Rest:
    """What is left between two pictures, most places alike."""

    level: float  # levels of 255, in ``_SHARE`` of the places with structure
    matching: float  # share of the places where little is left
    structure: float  # share of the picture that has structure in both
    blob: float  # share of the picture that changed in pieces too broad for pens
    spread: float  # share of the columns, or rows, in which something changed
    one_sign: float  # share of the change, place by place, that goes the same way
    is_over_first: bool  # the first picture has something over it, not the second

    @property
    def is_overlay(self) -> bool:
        """Whether one is a copy of the other with something over it."""
        if self.structure < MIN_STRUCTURE or self.one_sign < MIN_ONE_SIGN:
            return False
        if self.blob > MAX_BLOB:
            return self._is_bold_text
        return (
            self.level <= MAX_REST
            and self.matching >= MIN_MATCHING
            and self.spread >= MIN_SPREAD
        )

    @property
    def _is_bold_text(self) -> bool:
        return (
            self.level <= CLOSE_REST
            and self.matching >= CLOSE_MATCHING
            and self.blob <= WIDE_BLOB
            and self.spread >= WIDE_SPREAD
        )


NOTHING = Rest(255.0, 0.0, 0.0, 1.0, 0.0, 0.0, is_over_first=False)


def rest_between(first: Floats, second: Floats, seen: Mask) -> Rest:
    """Compare brightness where both have structure.

    Args:
        first: Grey, ``(side, side)``, 0..255, brightness fitted to the second's.
        second: The other, laid on it.
        seen: Where both show the same part of the scene.
    """
    own, other = _contrast(first), _contrast(second)
    structured = seen & (np.minimum(own, other) > _CONTRAST)
    share = float(structured.mean())
    if share < MIN_STRUCTURE:
        return NOTHING
    difference = np.asarray(cv2.blur(first - second, (3, 3)), np.float32)
    left = np.abs(difference)
    around = np.maximum(own, other)[structured]
    level = float(np.quantile(left[structured], _SHARE))
    changed = seen & (left > _CHANGED)
    faintly = seen & (left > np.clip(_NOISE * level, *_FAINTLY))
    return Rest(
        level=level,
        matching=float((left[structured] < _LITTLE * around).mean()),
        structure=share,
        blob=_blob(changed),
        spread=float(max(faintly.any(axis=0).mean(), faintly.any(axis=1).mean())),
        one_sign=_one_sign(np.where(changed, difference, 0)),
        is_over_first=bool(own[changed].sum() > other[changed].sum()),
    )


def has_other_colours(first: Floats, second: Floats, seen: Mask) -> bool:
    """Say whether two aligned RGB pictures differ in colour, in more than strokes.

    Args:
        first: ``(side, side, 3)``, 0..255.
        second: The other, laid on it.
        seen: Where both show the same part of the scene.
    """
    a, b = (cv2.blur(chroma(image), (5, 5)) for image in (first, second))
    gain = float((a[seen] * b[seen]).sum() / max(float((a[seen] ** 2).sum()), 1e-6))
    apart = _length(b - np.clip(gain, *_SATURATION) * a)
    both = seen & (np.minimum(_length(a), _length(b)) > _COLOURED)
    if both.mean() >= MIN_STRUCTURE:
        if not _SATURATION[0] <= gain <= _SATURATION[1]:
            return True
        if (apart[both] > _OTHER_COLOUR).mean() > _RECOLOURED:
            return True
    return _blob(seen & (apart > _OTHER_COLOUR)) > MAX_BLOB


def _blob(changed: Mask) -> float:
    """Return the share of a picture that changed in pieces too broad for a pen."""
    return float(cv2.erode(changed.astype(np.uint8), _BROAD).mean())


def _one_sign(difference: Floats) -> float:
    """Return how much of a difference goes the same way within each cell."""
    size = (_CELLS, _CELLS)
    sums = cv2.resize(difference, size, interpolation=cv2.INTER_AREA)
    sizes = cv2.resize(np.abs(difference), size, interpolation=cv2.INTER_AREA)
    return float(np.abs(sums).sum() / max(float(sizes.sum()), 1e-6))


def _contrast(image: Floats) -> Floats:
    """Return the standard deviation around each pixel."""
    size = (_WINDOW, _WINDOW)
    mean = cv2.blur(image, size)
    variance = cv2.blur(image * image, size) - mean * mean
    return np.asarray(np.sqrt(np.maximum(variance, 0)), np.float32)


def _length(colours: MatLike) -> Floats:
    return np.asarray(np.hypot(colours[..., 0], colours[..., 1]), np.float32)
