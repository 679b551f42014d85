"""Two pictures → whether they show the same photo, by comparing them.

A hash can't tell a red guitar from a blue one of the same shape, and on a white
background correlation can't either: the silhouette outweighs all else. What can is
what is left over. One picture is laid on the other (an affine alignment, Evangelidis &
Psarakis 2008), its brightness fitted by one gain and one offset, clipped as a photo
is, or by a tone curve; then cell by cell the rest is looked at. A copy, however resized
or recompressed, leaves little in *every* cell; another photo leaves much in some.

- Brightness and contrast of the whole never count.
- Colour is compared the same way, one gain (saturation) fitted, and only where both
  pictures are coloured: a greyscale copy of a coloured photo is a copy. Alike in
  structure and unlike in colour is *another* picture, for certain.
- A picture without contrast is never shown to be a copy of anything.

Held against 3,577 photos of guitars, copies left at most 6 levels of 255 in their worst
cells and look-alikes at least 7; their correlations overlapped from 0.95 to 0.99.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.dedup.aligning import Floats, Mask, Warp, align, moved, seen, shift
from pipeline.dedup.brightness import brightened, grey, toned
from pipeline.dedup.hashing import WHOLE, Box
from pipeline.dedup.overlay import has_other_colours, rest_between
from pipeline.dedup.residual import (
    CELLS,
    MIN_SEEN,
    cell_chroma,
    whole_cells,
    worst_colour_difference,
    worst_difference,
    worst_of,
)
from pipeline.images import Pixels

SIDE = 128  # pixels of the squares that are compared
MAX_RESIDUAL = 6.0  # levels of 255, in the worst cells
MAX_RELATIVE_RESIDUAL = 0.2  # of the picture's contrast: white guitars on white
MAX_COLOUR_RESIDUAL = 10.0  # CIELAB units, in the worst cells
OTHER_COLOUR = 20.0  # from here on it is another picture for certain
CUT = 0.015  # of a side; a copy that shows less than that much less is not cropped
BRIGHTER = 5.0  # levels of 255, on average
MIN_CONTRAST = 3.0  # standard deviation in levels of 255
COLOURED = 5.0  # CIELAB chroma in the most coloured cells
_COARSE = 32  # pixels a side of what is aligned first
_SURE = 0.5  # of what may be left: nothing need be moved
_TONED = 2.0  # of what may be left: what a tone curve may explain
_HOPELESS = 16.0  # levels left in the worst cells of the coarse pictures
_ALIKE = 8.5  # or in half of the pixels with structure, whatever lies over others
_BUSY = 6.0  # levels by which those stand out


@dataclass(frozen=True)
class Square:
    """A picture made ready to be compared."""

    image: Pixels  # (SIDE, SIDE, 3)
    smooth: NDArray[np.uint8]  # its brightness, blurred, for the alignment
    coarse: NDArray[np.uint8]  # the same, smaller
    is_coloured: bool
    contrast: float  # standard deviation of its brightness, levels of 255

    @property
    def mirrored(self) -> "Square":
        """The same picture, left and right exchanged."""
        image, smooth, coarse = (
            np.ascontiguousarray(pixels[:, ::-1])
            for pixels in (self.image, self.smooth, self.coarse)
        )
        return replace(self, image=image, smooth=smooth, coarse=coarse)


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


def make_square(image: Pixels, box: Box = WHOLE) -> Square:
    """Squeeze a picture, or a part of it, into the square in which it is compared.

    Args:
        image: RGB, ``uint8``, ``(height, width, 3)``.
        box: Which part: top, bottom, left and right as shares of the sides.
    """
    height, width = image.shape[:2]
    top, bottom, left, right = box
    # not cv2: its area mode aliases where one side shrinks and the other grows
    squeezed = Image.fromarray(image).resize(
        (SIDE, SIDE),
        Image.Resampling.BILINEAR,
        (left * width, top * height, right * width, bottom * height),
    )
    pixels = np.asarray(squeezed, np.uint8)
    smooth = cv2.GaussianBlur(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (0, 0), 1)
    coarse = cv2.resize(smooth, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA)
    return Square(
        pixels,
        np.asarray(smooth),
        np.asarray(coarse),
        is_coloured(pixels),
        float(smooth.std()),
    )


def compare(first: Square, second: Square, start: Warp | None = None) -> Comparison:
    """Tell whether two pictures are one photo.

    Args:
        first: A picture.
        second: Another.
        start: Roughly how the second lies on the first; all of it on all of it where
            that is not known.
    """
    contrast = min(first.contrast, second.contrast)
    if contrast < MIN_CONTRAST:
        return UNLIKE
    start = np.eye(2, 3, dtype=np.float32) if start is None else start
    limit = min(MAX_RESIDUAL, MAX_RELATIVE_RESIDUAL * contrast)
    found, warps = UNLIKE, []
    if _may_fit(first, second, start):
        warps.append(start)
        found = _compare_laid(first, second, start, limit)
        if found.residual <= _SURE * limit:
            return found
    warp = _lay(first, second, start)
    if warp is not None:
        warps.insert(0, warp)
        laid = _compare_laid(first, second, warp, limit)
        found = min(found, laid, key=lambda one: one.residual)
    if found.verdict is Verdict.UNLIKE:
        found = _compare_overlaid(first, second, warps) or found
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
    ways = (base, other), (other, base)
    fits = (
        (brightened(*way, by_grey=by_grey), way[1])
        for by_grey in ((False, True) if coloured else (False,))
        for way in ways
    )
    residual, fitted, aim = _least(fits, shown, _SURE * limit)
    is_brighter = _is_brighter(base, other, shown)
    if is_brighter and limit < residual <= _TONED * limit:
        fits = ((toned(*way, shown), way[1]) for way in ways)
        residual, fitted, aim = _least(fits, shown, _SURE * limit)
    if residual > limit:
        return Comparison(Verdict.UNLIKE, residual)
    colour = 0.0
    if coloured:
        colour = worst_colour_difference(
            cell_chroma(fitted), cell_chroma(aim), whole_cells(shown)
        )
    if colour <= MAX_COLOUR_RESIDUAL:
        return _copy(warp, residual, colour, is_brighter)
    verdict = Verdict.OTHER if colour >= OTHER_COLOUR else Verdict.UNLIKE
    return Comparison(verdict, residual, colour)


def _least(
    fits: Iterable[tuple[Floats, Floats]], shown: Mask, enough: float
) -> tuple[float, Floats, Floats]:
    """Return the fit that leaves least, or the first that leaves no more than enough.

    Args:
        fits: One picture as fitted, and the other.
        shown: Where both show the same part of the scene.
        enough: Levels of 255.

    Returns:
        What is left, and the fit.
    """
    least = None
    for fitted, aim in fits:
        found = worst_difference(fitted, aim, shown), fitted, aim
        if least is None or found[0] < least[0]:
            least = found
        if least[0] <= enough:
            break
    if least is None:
        raise ValueError("no fits")
    return least


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
        level = grey(other)
        rest = rest_between(brightened(grey(base), level), level, shown)
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
    apart = float(grey(first)[shown].mean() - grey(second)[shown].mean())
    return abs(apart) > BRIGHTER


def is_coloured(image: Pixels) -> bool:
    """Tell whether a picture's colours are more than greys."""
    cells = cv2.resize(image, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    chroma = cell_chroma(cells.astype(np.float32))
    return worst_of(np.hypot(chroma[..., 0], chroma[..., 1])) >= COLOURED


def _lay(first: Square, second: Square, start: Warp) -> Warp | None:
    """Find the warp that lays ``second`` on ``first``, coarsely and then finely."""
    coarse = first.coarse.astype(np.float32), second.coarse.astype(np.float32)
    begin = start.copy()
    begin[:, 2] *= _COARSE / SIDE
    warp = align(*coarse, begin, steps=20)
    if warp is None:
        return None
    warp[:, 2] *= SIDE / _COARSE
    if not _may_fit(first, second, warp):
        return None
    fine = first.smooth.astype(np.float32), second.smooth.astype(np.float32)
    return align(*fine, warp, steps=40)


def _may_fit(first: Square, second: Square, warp: Warp) -> bool:
    """Say whether pictures so laid are worth a closer look, by a coarse one."""
    coarse = warp.copy()
    coarse[:, 2] *= _COARSE / SIDE
    base = first.coarse.astype(np.float32)
    laid = moved(second.coarse.astype(np.float32), coarse)
    shown = seen(coarse, _COARSE)
    fitted = brightened(base, laid)
    if _mostly_alike(fitted, laid, shown):
        return True
    if worst_difference(fitted, laid, shown) <= _HOPELESS:
        return True
    return worst_difference(brightened(laid, base), base, shown) <= _HOPELESS


def _mostly_alike(first: Floats, second: Floats, shown: Mask) -> bool:
    """Say whether half of what both show, and has structure, is about the same."""
    busy = np.abs(second - cv2.blur(second, (5, 5))) > _BUSY
    busy &= shown & (np.abs(first - cv2.blur(first, (5, 5))) > _BUSY)
    if busy.sum() < _COARSE:
        return True
    return bool((np.abs(first - second)[busy] <= _ALIKE).mean() >= 0.5)


def _as_grey(image: Pixels) -> Pixels:
    level = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.cvtColor(level, cv2.COLOR_GRAY2RGB), np.uint8)
