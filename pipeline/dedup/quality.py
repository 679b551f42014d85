"""What is wrong with a picture at first sight; flagged, never dropped.

    unreadable      the stored file can't be decoded (any more)
    tiny            the shorter side is below 64 pixels, or what the set asks for
    blank           nearly one colour: a placeholder, a wall, a failed upload
    extreme_aspect  the longer side is over 5 times the shorter: a banner, a strip

A guitar that stands upright and was cropped to its outline reaches 3.5:1; web
banners start at 6:1 (468x60 is 8:1).
"""

import cv2
import numpy as np

from pipeline.images import Pixels

TINY_SIDE = 64  # pixels of the shorter side
LEAST_TINY_SIDE = 16  # pixels; below that nothing can be told, whatever a set wants
EXTREME_ASPECT = 5.0  # longer ÷ shorter side
_BLANK_SIDE = 64  # cells a side, looked at
_BLANK_LEVELS = 8  # of 255, around the median colour
_BLANK_SHARE = 0.995  # of the cells


def quality_flags(
    width: int, height: int, *, min_side: int, blank: bool | None
) -> tuple[str, ...]:
    """Name what is wrong with a picture, by name.

    Args:
        width: Pixels.
        height: Pixels.
        min_side: What the set takes; a set that wants small pictures has its own
            measure of tiny.
        blank: What ``is_blank`` says; ``None`` where the picture can't be decoded.
    """
    tiny_side = min(TINY_SIDE, max(min_side, LEAST_TINY_SIDE))
    checks = {
        "blank": blank is True,
        "extreme_aspect": max(width, height) > EXTREME_ASPECT * min(width, height),
        "tiny": min(width, height) < tiny_side,
        "unreadable": blank is None,
    }
    return tuple(name for name, wrong in checks.items() if wrong)


def is_blank(image: Pixels) -> bool:
    """Tell whether a picture is nearly one colour."""
    size = (_BLANK_SIDE, _BLANK_SIDE)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).reshape(-1, 3)
    apart = np.abs(small - np.median(small, axis=0)).max(axis=1)
    return bool((apart <= _BLANK_LEVELS).mean() >= _BLANK_SHARE)
