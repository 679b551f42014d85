"""A cut-out digit → the picture as MNIST has it.

"The original black and white (bilevel) images from NIST were size normalized to fit in
a 20x20 pixel box while preserving their aspect ratio", grey by anti-aliasing, and "the
images were centered in a 28x28 image by computing the center of mass of the pixels, and
translating the image so as to position this point at the center of the 28x28 field":
LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document
recognition", Proc. IEEE 86 (11), 1998, and the page of the database.

The centre is at pixel 14 of 0..27, moved by whole pixels: so it is in the files.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.check.digits.marks import Mask, measure_stroke
from pipeline.images import Pixels

SIDE, BOX, MIDDLE = 28, 20, 14
# Width of a stroke ÷ the digit's longer side. In MNIST 0.08 to 0.2, usually 0.125.
_USUAL, _LEAST, _MOST = 0.125, 0.11, 0.2
_FINE = 240  # pixels of the longer side on which strokes are thickened


def as_mnist(mask: Mask) -> Pixels:
    """Return a digit as MNIST shows it: RGB, uint8, (28, 28, 3), light on black.

    Args:
        mask: Where its ink is, (h, w), of any size.
    """
    solid = _cropped(_with_usual_stroke(_enlarged(_cropped(mask))))
    scale = BOX / max(solid.shape)
    size = (
        max(1, round(solid.shape[1] * scale)),
        max(1, round(solid.shape[0] * scale)),
    )
    small = cv2.resize(
        solid.astype(np.float32) * 255, size, interpolation=cv2.INTER_AREA
    )
    rows, columns = np.indices(small.shape)
    total = float(small.sum())
    top = _placed(float((rows * small).sum()) / total, small.shape[0])
    left = _placed(float((columns * small).sum()) / total, small.shape[1])
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small.round()
    return np.repeat(canvas[..., None], 3, axis=2)


def _placed(centre: float, length: int) -> int:
    """Return where the box begins, its centre of mass in the middle of the picture."""
    return int(np.clip(round(MIDDLE - centre), 0, SIDE - length))


def _enlarged(mask: Mask) -> Mask:
    """Bring the longer side to ``_FINE`` pixels, with an edge, its contour smooth."""
    scale = _FINE / max(mask.shape)
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    grey = cv2.GaussianBlur(np.pad(mask, 3).astype(np.float32), (0, 0), 0.6)
    large = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=method)
    return np.asarray(np.pad(large > 0.45, _FINE // 8))


def _with_usual_stroke(solid: Mask) -> Mask:
    """Thicken hair-thin strokes and thin fat ones, towards what MNIST has."""
    width = measure_stroke(solid)[0] / _FINE
    pixels = solid.astype(np.uint8)
    if width < _LEAST:
        # strokes that grow make the digit grow: its share falls by as much
        more = (_USUAL - width) / (1 - _USUAL)
        return np.asarray(cv2.dilate(pixels, _disc(more * _FINE)) > 0)
    if width > _MOST:
        thinner = cv2.erode(pixels, _disc((width - _MOST) * _FINE)) > 0
        if _pieces(thinner) == _pieces(solid):
            return thinner
    return solid


def _disc(diameter: float) -> NDArray[np.uint8]:
    side = max(1, round(diameter)) | 1
    return np.asarray(
        cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8
    )


def _pieces(solid: Mask) -> int:
    return int(cv2.connectedComponents(solid.astype(np.uint8))[0])


def _cropped(solid: Mask) -> Mask:
    rows, columns = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
    return solid[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
