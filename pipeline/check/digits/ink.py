"""How dark each place is beside the paper around it, whatever the light.

The paper under the ink is what a grey-level closing leaves (the strokes are narrower
than its kernel, and go): a shadow that is wider stays in it, and divides out. Ink is
``1 - seen / paper``, of the two colour channels that show it best, so that red and
light blue count as black does. 0 is paper, 1 is black.

Printed lines are found as families of long straight segments that run the same way.
What a grey-level opening along their direction leaves is taken off, but never more than
such a line shows elsewhere: a darker stroke that lies along a line stays.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.images import Pixels

Ink = NDArray[np.float32]  # (H, W), 0 paper .. 1 black

NARROW, WIDE = 0.035, 0.17  # widths of strokes that go, as shares of the longer side
_BLACK = 14.0  # of 255: darker paper is noise that division would blow up
_LINE_SIDE = 500  # pixels of the longer side on which lines are looked for
_LEAST_SEGMENTS = 5  # of a family, on different lines
_FAN = 9.0  # degrees to each side that a family may spread, for the camera's slant
_STEP = 1.2  # degrees between the directions that are opened
_LONGEST_CURVE = 0.1  # of the longer side: what is straight for longer is a line


def ink_of(image: Pixels, share: float) -> Ink:
    """Return the ink of strokes up to ``share`` of the picture's longer side wide.

    Args:
        image: RGB, ``uint8``, (H, W, 3); not modified.
        share: ``NARROW`` or ``WIDE``: wider things count as paper.
    """
    side = max(3, round(share * max(image.shape[:2]))) | 1
    calm = cv2.medianBlur(image, 5)
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (side, side))
    paper = cv2.morphologyEx(
        calm, cv2.MORPH_CLOSE, kernel, borderType=cv2.BORDER_REPLICATE
    )
    # smoothed, but never brighter: beside the sharp edge of a shadow would be ink
    paper = cv2.min(paper, cv2.blur(paper, (5, 5))).astype(np.float32)
    seen = cv2.GaussianBlur(image, (0, 0), 0.8).astype(np.float32)
    shown = 1 - (seen + _BLACK) / (paper + _BLACK)
    red, green, blue = cv2.split(shown)
    least = cv2.min(cv2.min(red, green), blue)
    return np.clip((red + green + blue - least) / 2, 0, 1)


def noise_of(ink: Ink) -> float:
    """Return how far the ink of plain paper strays: 1.48 times the median deviation."""
    sampled = ink[::4, ::4]
    return float(1.48 * np.median(np.abs(sampled - np.median(sampled))))


@dataclass(frozen=True)
class Ruling:
    """Printed lines that run about the same way."""

    angle: float  # degrees, 0..180, the way they run on average
    spread: float  # degrees to each side


def find_rulings(ink: Ink) -> tuple[Ruling, ...]:
    """Find families of long straight lines: none on plain paper, two on squared."""
    scale = _LINE_SIDE / max(ink.shape)
    small = np.asarray(
        cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA),
        np.float32,
    )
    above = small > max(0.02, 2.5 * noise_of(small)) + float(np.median(small))
    found = cv2.HoughLinesP(
        above.astype(np.uint8) * 255,
        1,
        np.pi / 360,
        threshold=70,
        minLineLength=0.2 * _LINE_SIDE,
        maxLineGap=6,
    )
    if found is None:
        return ()
    segments = found.reshape(-1, 4).astype(np.float64)
    along = segments[:, 2:] - segments[:, :2]
    angles = np.degrees(np.arctan2(along[:, 1], along[:, 0])) % 180
    families: list[Ruling] = []
    left = np.ones(len(segments), bool)
    for _ in range(2):
        family = _largest_family(segments, angles, left)
        if family is None:
            break
        ruling, members = family
        families.append(ruling)
        left &= ~members
    return tuple(families)


def _largest_family(
    segments: NDArray[np.float64],
    angles: NDArray[np.float64],
    left: NDArray[np.bool_],
) -> tuple[Ruling, NDArray[np.bool_]] | None:
    """Return the direction that most lines share, if enough lines do."""
    best: tuple[int, Ruling, NDArray[np.bool_]] | None = None
    for angle in np.arange(0, 180, 3.0):
        off = (angles - angle + 90) % 180 - 90
        members = left & (np.abs(off) <= _FAN)
        if members.sum() < _LEAST_SEGMENTS:
            continue
        centre = angle + float(np.median(off[members]))
        number = _num_lines(segments[members], centre)
        if best is None or number > best[0]:
            spread = float(np.percentile(np.abs(off[members] + angle - centre), 95))
            best = (number, Ruling(centre % 180, min(_FAN, spread)), members)
    if best is None or best[0] < _LEAST_SEGMENTS:
        return None
    return best[1], best[2]


def _num_lines(segments: NDArray[np.float64], angle: float) -> int:
    """Count the lines that segments lie on: those apart across their direction."""
    across = np.array([-np.sin(np.radians(angle)), np.cos(np.radians(angle))])
    places = np.sort((segments[:, :2] + segments[:, 2:]) / 2 @ across)
    return 1 + int((np.diff(places) > 6).sum())


def without_rulings(ink: Ink, rulings: tuple[Ruling, ...]) -> Ink:
    """Return the ink with printed lines taken off; not modified in place."""
    lines = np.zeros_like(ink)
    for ruling in rulings:
        lines = np.maximum(lines, _opened_along(ink, ruling))
    shown = lines[lines > max(0.02, noise_of(ink))]
    if shown.size == 0:
        return ink
    usual = float(np.median(shown)) * 1.6
    wide = cv2.dilate(lines, np.ones((3, 3), np.uint8))
    return np.asarray(np.clip(ink - np.minimum(1.2 * wide, usual), 0, 1), np.float32)


def _opened_along(ink: Ink, ruling: Ruling) -> Ink:
    """Return what is left of the ink where only long straight things stay."""
    length = round(_LONGEST_CURVE * max(ink.shape))
    levels = (ink * 255).astype(np.uint8)
    result = np.zeros_like(levels)
    spread = ruling.spread + _STEP / 2
    for angle in np.arange(ruling.angle - spread, ruling.angle + spread, _STEP):
        smooth = cv2.filter2D(levels, -1, _bar(length // 5, angle, as_mean=True))
        bar = _bar(length, angle, as_mean=False).astype(np.uint8)
        result = np.maximum(result, cv2.morphologyEx(smooth, cv2.MORPH_OPEN, bar))
    return np.asarray(result / 255, np.float32)


def _bar(length: int, angle: float, *, as_mean: bool) -> NDArray[np.float32]:
    """Return a kernel of one pixel's width through its middle."""
    side = max(3, length) | 1
    bar = np.zeros((side, side), np.float32)
    reach = side / 2 * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    start, end = side // 2 - reach, side // 2 + reach
    cv2.line(
        bar,
        (round(float(start[0])), round(float(start[1]))),
        (round(float(end[0])), round(float(end[1]))),
        1.0,
    )
    return bar / bar.sum() if as_mean else bar
