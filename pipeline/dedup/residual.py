"""Two pictures laid on each other → what is left over in their worst cells."""

import cv2
import numpy as np

from pipeline.dedup.aligning import Floats, Mask
from pipeline.dedup.brightness import grey

MIN_SEEN = 0.6  # share of one picture that the other must show
CELLS = 12  # a side
_EDGE = 2  # pixels left out at each side: a border's ringing
_WORST = 3  # of the 144 cells, averaged


def worst_difference(fitted: Floats, image: Floats, shown: Mask) -> float:
    """Return the difference of brightness in the worst of the cells that both show."""
    whole = whole_cells(shown)
    if whole.mean() < MIN_SEEN:
        return 255.0
    inner = grey(image - fitted)[_EDGE:-_EDGE, _EDGE:-_EDGE]
    cells = cv2.resize(inner, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    return worst_of(np.abs(np.asarray(cells, np.float32))[whole])


def whole_cells(shown: Mask) -> Mask:
    """Return the cells of which all is seen; the border's ringing aside."""
    inner = shown[_EDGE:-_EDGE, _EDGE:-_EDGE].astype(np.float32)
    cells = cv2.resize(inner, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    return np.asarray(cells > 0.97)


def cell_chroma(image: Floats) -> Floats:
    """Return the mean a* and b* of each cell, ``(12, 12, 2)``."""
    cells = cv2.resize(chroma(image), (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    return np.asarray(cells, np.float32)


def chroma(image: Floats) -> Floats:
    """Return the CIELAB a* and b* of an RGB picture in 0..255, ``(side, side, 2)``."""
    lab = cv2.cvtColor(np.clip(image, 0, 255) / 255, cv2.COLOR_RGB2LAB)
    return np.ascontiguousarray(lab[..., 1:], np.float32)


def worst_colour_difference(first: Floats, second: Floats, whole: Mask) -> float:
    """Return the difference of colour in the worst cells, saturation fitted."""
    first, second = first[whole], second[whole]
    gain = float((first * second).sum() / max(float((first**2).sum()), 1e-6))
    rest = second - np.clip(gain, 0.5, 2.0) * first
    return worst_of(np.hypot(rest[..., 0], rest[..., 1]))


def worst_of(cells: Floats) -> float:
    """Average the few that are largest."""
    return float(np.partition(cells.ravel(), -_WORST)[-_WORST:].mean())
