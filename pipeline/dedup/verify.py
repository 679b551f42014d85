"""Two pictures → whether they show the same photo, by comparing them.

A hash can't tell a red guitar from a blue one of the same shape, and on a white
background correlation can't either: the silhouette outweighs all else. What can is
what is left over. One picture is laid on the other (an affine alignment, Evangelidis &
Psarakis 2008), its brightness fitted by one gain and one offset, clipped as a photo
is; then cell by cell the rest is looked at. A copy, however resized or recompressed,
leaves little in *every* cell; another photo leaves much in some.

- Brightness and contrast of the whole never count.
- Colour is compared the same way, one gain (saturation) fitted, and only where both
  pictures are coloured: a greyscale copy of a coloured photo is a copy. Alike in
  structure and unlike in colour is *another* picture, for certain.
- A picture without contrast is never shown to be a copy of anything.

Held against 3,577 photos of guitars, copies left at most 6 levels of 255 in their worst
cells and look-alikes at least 7; their correlations overlapped from 0.95 to 0.99.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.dedup.aligning import Floats, Mask, Warp, align, moved, seen, shift
from pipeline.dedup.overlay import has_other_colours, rest_between
from pipeline.images import Pixels

SIDE = 128  # pixels of the squares that are compared
MAX_RESIDUAL = 6.0  # levels of 255, in the worst cells
MAX_RELATIVE_RESIDUAL = 0.2  # of the picture's contrast: white guitars on white
MAX_COLOUR_RESIDUAL = 10.0  # CIELAB units, in the worst cells
OTHER_COLOUR = 20.0  # from here on it is another picture for certain
MIN_SEEN = 0.6  # share of one picture that the other must show
CUT = 0.015  # of a side; a copy that shows less than that much less is not cropped
BRIGHTER = 5.0  # levels of 255, on average
MIN_CONTRAST = 3.0  # standard deviation in levels of 255
COLOURED = 5.0  # CIELAB chroma in the most coloured cells
_COARSE = 32  # pixels a side of what is aligned first
_HOPELESS = 20.0  # levels left after the coarse alignment, in the worst cells
_ALIKE = 12.0  # or in half of the pixels with structure, whatever lies over others
_EDGE = 2  # pixels left out at each side: a border's ringing
_CELLS = 12  # cells a side
_WORST = 3  # of the 144 cells, averaged


@dataclass(frozen=True)
class Square:
    """A picture made ready to be compared."""

    image: Pixels  # (SIDE, SIDE, 3)
    smooth: NDArray[np.uint8]  # its brightness, blurred, for the alignment
    coarse: NDArray[np.uint8]  # the same, smaller
    is_coloured: bool

    @property
    def mirrored(self) -> "Square":
        """The same picture, left and right exchanged."""
        image, smooth, coarse = (
            np.ascontiguousarray(pixels[:, ::-1])
            for pixels in (self.image, self.smooth, self.coarse)
        )
        return Square(image, smooth, coarse, self.is_coloured)


class Verdict(Enum):
    """What comparing two pictures showed."""

    COPY = "copy"
    OTHER = "other"  # the same shapes in other colours: another picture, for certain
    UNLIKE = "unlike"  # not shown to be a copy


@dataclass(frozen=True)
class Comparison:
    """A verdict, and what was left over in the worst cells."""

    verdict: Verdict
    residual: float = 255.0  # levels of 255
    colour_residual: float = 0.0  # CIELAB units
    moved: float = 1.0  # share of a side by which one was moved or stretched
    cropped: tuple[bool, bool] = (False, False)  # which shows a part of the other
    overlaid: tuple[bool, bool] = (False, False)  # which has something over it
    is_brightened: bool = False  # one is brighter than the other

    @property
    def swapped(self) -> "Comparison":
        """The same, the second picture named first."""
        return replace(self, cropped=self.cropped[::-1], overlaid=self.overlaid[::-1])


UNLIKE = Comparison(Verdict.UNLIKE)


def make_square(image: Pixels) -> Square:
    """Squeeze a picture into the square in which it is compared."""
    # not cv2: its area mode aliases where one side shrinks and the other grows
    squeezed = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    pixels = np.asarray(squeezed, np.uint8)
    smooth = cv2.GaussianBlur(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (0, 0), 1)
    coarse = cv2.resize(smooth, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA)
    return Square(pixels, np.asarray(smooth), np.asarray(coarse), is_coloured(pixels))


def compare(first: Square, second: Square, start: Warp | None = None) -> Comparison:
    """Tell whether two pictures are one photo.

    Args:
        first: A picture.
        second: Another.
        start: Roughly how the second lies on the first; all of it on all of it where
            that is not known.
    """
    contrast = float(min(first.smooth.std(), second.smooth.std()))
    if contrast < MIN_CONTRAST:
        return UNLIKE
    start = np.eye(2, 3, dtype=np.float32) if start is None else start
    warp = _lay(first, second, start)
    if warp is None:
        return UNLIKE
    limit = min(MAX_RESIDUAL, MAX_RELATIVE_RESIDUAL * contrast)
    found = _compare_laid(first, second, warp, limit)
    # What was clipped, or lies over a picture, may have led the alignment astray.
    if found.verdict is Verdict.UNLIKE and found.residual <= 2 * limit:
        found = _compare_laid(first, second, start, limit)
    if found.verdict is Verdict.UNLIKE:
        found = _compare_overlaid(first, second, (warp, start)) or found
    return found


def _compare_laid(
    first: Square, second: Square, warp: Warp, limit: float
) -> Comparison:
    """Compare two pictures by the worst cells of all that both show."""
    coloured = first.is_coloured and second.is_coloured
    images = (
        (square.image if coloured else _as_grey(square.image)).astype(np.float32)
        for square in (first, second)
    )
    base, other = next(images), moved(next(images), warp)
    shown = seen(warp, SIDE)
    # Where one picture was brightened until it clipped, only one way can explain it.
    fits = [(fit, other) for fit in _brightened(base, other)]
    fits += [(fit, base) for fit in _brightened(other, base)]
    residual, best = min((_residual(*fit, shown), n) for n, fit in enumerate(fits))
    fitted, aim = fits[best]
    if residual > limit:
        return Comparison(Verdict.UNLIKE, residual)
    colour = 0.0
    if coloured:
        colour = _colour_residual(_chroma(fitted), _chroma(aim), _cells(shown))
    if colour <= MAX_COLOUR_RESIDUAL:
        return _copy(warp, residual, colour, _is_brighter(base, other, shown))
    verdict = Verdict.OTHER if colour >= OTHER_COLOUR else Verdict.UNLIKE
    return Comparison(verdict, residual, colour)


def _compare_overlaid(
    first: Square, second: Square, warps: Sequence[Warp]
) -> Comparison | None:
    """Find one to be the other with something over it; ``None`` where it is not."""
    base, image = (square.image.astype(np.float32) for square in (first, second))
    coloured = first.is_coloured and second.is_coloured
    for warp in warps:
        other, shown = moved(image, warp), seen(warp, SIDE)
        if shown.mean() < MIN_SEEN:
            continue
        grey = _grey(other)
        rest = rest_between(_brightened(_grey(base), grey)[0], grey, shown)
        if not rest.is_overlay or (coloured and has_other_colours(base, other, shown)):
            continue
        copy = _copy(warp, MAX_RESIDUAL + rest.level, 0.0, is_brightened=False)
        return replace(copy, overlaid=(rest.is_over_first, not rest.is_over_first))
    return None


def _copy(
    warp: Warp, residual: float, colour: float, is_brightened: bool
) -> Comparison:
    scale = float(np.sqrt(abs(np.linalg.det(warp[:, :2]))))
    return Comparison(
        Verdict.COPY,
        residual,
        colour,
        shift(warp, SIDE),
        cropped=(scale < 1 - CUT, scale > 1 + CUT),
        is_brightened=is_brightened,
    )


def _is_brighter(first: Floats, second: Floats, shown: Mask) -> bool:
    apart = float(_grey(first)[shown].mean() - _grey(second)[shown].mean())
    return abs(apart) > BRIGHTER


def is_coloured(image: Pixels) -> bool:
    """Tell whether a picture's colours are more than greys."""
    cells = cv2.resize(image, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    chroma = _chroma(cells.astype(np.float32))
    return _worst(np.hypot(chroma[..., 0], chroma[..., 1])) >= COLOURED


def _lay(first: Square, second: Square, start: Warp) -> Warp | None:
    """Find the warp that lays ``second`` on ``first``, coarsely and then finely."""
    coarse = first.coarse.astype(np.float32), second.coarse.astype(np.float32)
    begin = start.copy()
    begin[:, 2] *= _COARSE / SIDE
    warp = align(*coarse, begin, steps=20)
    if warp is None:
        return None
    laid, shown = moved(coarse[1], warp), seen(warp, _COARSE)
    fits = [(fit, laid) for fit in _brightened(coarse[0], laid)]
    fits += [(fit, coarse[0]) for fit in _brightened(laid, coarse[0])]
    least = min(_residual(*fit, shown) for fit in fits)
    if least > _HOPELESS and not _mostly_alike(fits[0][0], laid, shown):
        return None
    warp[:, 2] *= SIDE / _COARSE
    fine = first.smooth.astype(np.float32), second.smooth.astype(np.float32)
    return align(*fine, warp, steps=40)


def _brightened(image: Floats, like: Floats) -> list[Floats]:
    """Return ``image`` in the brightness and contrast of ``like``.

    Fitted on all channels, which tells a gain from an offset best; and on brightness
    alone, which holds where the colours were made paler.
    """
    pairs = [(image, like)]
    if image.ndim == 3:
        pairs.append((_grey(image), _grey(like)))
    fitted = []
    for had, wanted in pairs:
        inside = (had > 4) & (had < 251) & (wanted > 4) & (wanted < 251)
        step = 1 + had.size // 8192  # plenty for two numbers
        gain, offset = _brightness(had[inside][::step], wanted[inside][::step])
        fitted.append(np.asarray(np.clip(gain * image + offset, 0, 255), np.float32))
    return fitted


def _residual(fitted: Floats, image: Floats, shown: Mask) -> float:
    """Return the difference of brightness in the worst of the cells that both show."""
    whole = _cells(shown)
    if whole.mean() < MIN_SEEN:
        return 255.0
    inner = _grey(image - fitted)[_EDGE:-_EDGE, _EDGE:-_EDGE]
    cells = cv2.resize(inner, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    return _worst(np.abs(np.asarray(cells, np.float32))[whole])


def _cells(shown: Mask) -> Mask:
    """Return the cells of which all is seen; the border's ringing aside."""
    inner = shown[_EDGE:-_EDGE, _EDGE:-_EDGE].astype(np.float32)
    cells = cv2.resize(inner, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    return np.asarray(cells > 0.97)


def _mostly_alike(first: Floats, second: Floats, shown: Mask) -> bool:
    """Say whether half of what both show, and has structure, is about the same."""
    busy = np.abs(second - cv2.blur(second, (5, 5))) > _ALIKE / 2
    busy &= shown & (np.abs(first - cv2.blur(first, (5, 5))) > _ALIKE / 2)
    if busy.sum() < _COARSE:
        return True
    return bool(np.median(np.abs(first - second)[busy]) <= _ALIKE)


def _brightness(first: Floats, second: Floats) -> tuple[float, float]:
    """Fit ``second = gain * first + offset``, outliers weighed down."""
    if first.size < 64:
        return 1.0, 0.0
    weights = np.ones_like(first)
    gain, offset = 1.0, 0.0
    for _ in range(4):
        total = weights.sum()
        mean_first = float((weights * first).sum() / total)
        mean_second = float((weights * second).sum() / total)
        spread = float((weights * (first - mean_first) ** 2).sum())
        together = (weights * (first - mean_first) * (second - mean_second)).sum()
        gain = float(np.clip(together / max(spread, 1e-6), 0.5, 2.0))
        offset = mean_second - gain * mean_first
        apart = np.abs(second - gain * first - offset)
        weights = np.asarray(1 / np.maximum(apart, 4), np.float32)
    return gain, offset


def _chroma(image: Floats) -> Floats:
    """Return the mean a* and b* of each cell, ``(12, 12, 2)``."""
    lab = cv2.cvtColor(np.clip(image, 0, 255) / 255, cv2.COLOR_RGB2LAB)
    chroma = np.ascontiguousarray(lab[..., 1:])
    cells = cv2.resize(chroma, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    return np.asarray(cells, np.float32)


def _colour_residual(first: Floats, second: Floats, whole: Mask) -> float:
    """Return the difference of colour in the worst cells, saturation fitted."""
    first, second = first[whole], second[whole]
    gain = float((first * second).sum() / max(float((first**2).sum()), 1e-6))
    rest = second - np.clip(gain, 0.5, 2.0) * first
    return _worst(np.hypot(rest[..., 0], rest[..., 1]))


def _worst(cells: Floats) -> float:
    return float(np.partition(cells.ravel(), -_WORST)[-_WORST:].mean())


def _grey(image: Floats) -> Floats:
    if image.ndim == 2:
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32)


def _as_grey(image: Pixels) -> Pixels:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), np.uint8)
