"""One picture laid on another: how, and what of the one the other shows."""

import cv2
import numpy as np
from numpy.typing import NDArray

MAX_STRETCH = 0.25  # of a side: between two shapes, and by an alignment

Floats = NDArray[np.float32]  # (side, side) grey or (side, side, 3) RGB; 0..255
Mask = NDArray[np.bool_]  # (side, side)
Warp = NDArray[np.float32]  # (2, 3): where each pixel is fetched from


def align(first: Floats, second: Floats, start: Warp, *, steps: int) -> Warp | None:
    """Follow ``first`` in ``second`` from ``start`` (ECC, Evangelidis & Psarakis 2008).

    ``None`` where there is nothing to follow, or it leads too far.
    """
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
    return warp if shift(warp, len(first)) <= MAX_STRETCH else None


def shift(warp: Warp, side: int) -> float:
    """Return how far a warp is from leaving all as it is, as a share of ``side``."""
    by = np.abs(warp - np.eye(2, 3))
    return float(max(by[:, :2].max(), by[:, 2].max() / side))


def moved(image: Floats, warp: Warp) -> Floats:
    """Lay a picture as a warp says; what it does not show repeats its edge."""
    size = (image.shape[1], image.shape[0])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(
        image, warp, size, flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, np.float32)


def seen(warp: Warp, side: int) -> Mask:
    """Return which pixels of the first picture the second shows, too."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    ones = np.ones((side, side), np.float32)
    return np.asarray(cv2.warpAffine(ones, warp, (side, side), flags=flags) > 0.99)
