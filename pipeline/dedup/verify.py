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

from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.images import Pixels

SIDE = 128  # pixels of the squares that are compared
MAX_RESIDUAL = 6.0  # levels of 255, in the worst cells
MAX_RELATIVE_RESIDUAL = 0.2  # of the picture's contrast: white guitars on white
MAX_COLOUR_RESIDUAL = 10.0  # CIELAB units, in the worst cells
OTHER_COLOUR = 20.0  # from here on it is another picture for certain
MIN_CONTRAST = 3.0  # standard deviation in levels of 255
COLOURED = 5.0  # CIELAB chroma in the most coloured cells
MAX_STRETCH = 0.25  # of a side: between two shapes, and by the alignment
_COARSE = 32  # pixels a side of what is aligned first
_HOPELESS = 20.0  # levels left after the coarse alignment, in the worst cells
_EDGE = 2  # pixels left out at each side: a border's ringing
_CELLS = 12  # cells a side
_WORST = 3  # of the 144 cells, averaged

Floats = NDArray[np.float32]  # (side, side) grey or (side, side, 3) RGB; 0..255
Warp = NDArray[np.float32]  # (2, 3): where each pixel is fetched from


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


UNLIKE = Comparison(Verdict.UNLIKE)


def make_square(image: Pixels) -> Square:
    """Squeeze a picture into the square in which it is compared."""
    # not cv2: its area mode aliases where one side shrinks and the other grows
    squeezed = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    pixels = np.asarray(squeezed, np.uint8)
    smooth = cv2.GaussianBlur(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (0, 0), 1)
    coarse = cv2.resize(smooth, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA)
    return Square(pixels, np.asarray(smooth), np.asarray(coarse), is_coloured(pixels))


def compare(first: Square, second: Square) -> Comparison:
    """Tell whether two pictures are one photo."""
    contrast = float(min(first.smooth.std(), second.smooth.std()))
    if contrast < MIN_CONTRAST:
        return UNLIKE
    warp = _lay(first, second)
    if warp is None:
        return UNLIKE
    coloured = first.is_coloured and second.is_coloured
    images = (
        (square.image if coloured else _as_grey(square.image)).astype(np.float32)
        for square in (first, second)
    )
    base, other = next(images), _moved(next(images), warp)
    # Where one picture was brightened until it clipped, only one way can explain it.
    fits = [(fit, other) for fit in _brightened(base, other)]
    fits += [(fit, base) for fit in _brightened(other, base)]
    residual, best = min((_residual(*fit), n) for n, fit in enumerate(fits))
    fitted, aim = fits[best]
    if residual > min(MAX_RESIDUAL, MAX_RELATIVE_RESIDUAL * contrast):
        return Comparison(Verdict.UNLIKE, residual)
    colour = _colour_residual(_chroma(fitted), _chroma(aim)) if coloured else 0.0
    if colour <= MAX_COLOUR_RESIDUAL:
        return Comparison(Verdict.COPY, residual, colour, _shift(warp, SIDE))
    verdict = Verdict.OTHER if colour >= OTHER_COLOUR else Verdict.UNLIKE
    return Comparison(verdict, residual, colour)


def is_coloured(image: Pixels) -> bool:
    """Tell whether a picture's colours are more than greys."""
    cells = cv2.resize(image, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    chroma = _chroma(cells.astype(np.float32))
    return _worst(np.hypot(chroma[..., 0], chroma[..., 1])) >= COLOURED


def _lay(first: Square, second: Square) -> Warp | None:
    """Find the warp that lays ``second`` on ``first``, coarsely and then finely."""
    coarse = first.coarse.astype(np.float32), second.coarse.astype(np.float32)
    warp = _align(*coarse, np.eye(2, 3, dtype=np.float32), steps=20)
    if warp is None:
        return None
    moved = _moved(coarse[1], warp)
    fits = [(fit, moved) for fit in _brightened(coarse[0], moved)]
    fits += [(fit, coarse[0]) for fit in _brightened(moved, coarse[0])]
    if min(_residual(*fit) for fit in fits) > _HOPELESS:
        return None
    warp[:, 2] *= SIDE / _COARSE
    fine = first.smooth.astype(np.float32), second.smooth.astype(np.float32)
    return _align(*fine, warp, steps=40)


def _align(first: Floats, second: Floats, start: Warp, *, steps: int) -> Warp | None:
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, steps, 1e-4)
    try:
        _, found = cv2.findTransformECC(
            first,
            second,
            start.copy(),
            cv2.MOTION_AFFINE,
            criteria,
            np.full(first.shape, 255, np.uint8),  # all of it counts
            3,
        )
    except cv2.error:  # nothing in common to follow
        return None
    warp = np.asarray(found, np.float32)
    return warp if _shift(warp, len(first)) <= MAX_STRETCH else None


def _shift(warp: Warp, side: int) -> float:
    """Return how far a warp is from leaving all as it is, as a share of ``side``."""
    by = np.abs(warp - np.eye(2, 3))
    return float(max(by[:, :2].max(), by[:, 2].max() / side))


def _moved(image: Floats, warp: Warp) -> Floats:
    size = (image.shape[1], image.shape[0])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(
        image, warp, size, flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, np.float32)


def _brightened(image: Floats, like: Floats) -> list[Floats]:
    """Return ``image`` in the brightness and contrast of ``like``.

    Fitted on all channels, which tells a gain from an offset best; and on brightness
    alone, which holds where the colours were made paler.
    """
    pairs = [(image, like)]
    if image.ndim == 3:
        pairs.append((_grey(image), _grey(like)))
    fitted = []
    for seen, wanted in pairs:
        inside = (seen > 4) & (seen < 251) & (wanted > 4) & (wanted < 251)
        step = 1 + seen.size // 8192  # plenty for two numbers
        gain, offset = _brightness(seen[inside][::step], wanted[inside][::step])
        fitted.append(np.asarray(np.clip(gain * image + offset, 0, 255), np.float32))
    return fitted


def _residual(fitted: Floats, image: Floats) -> float:
    """Return the difference of brightness in the worst cells."""
    inner = _grey(image - fitted)[_EDGE:-_EDGE, _EDGE:-_EDGE]
    cells = cv2.resize(inner, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    return _worst(np.abs(np.asarray(cells, np.float32)))


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


def _colour_residual(first: Floats, second: Floats) -> float:
    """Return the difference of colour in the worst cells, saturation fitted."""
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
