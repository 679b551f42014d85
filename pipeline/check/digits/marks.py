"""Which of the marks on a photo could be a handwritten digit, and how well.

A mark is a connected piece of ink above a threshold. A digit is a stroke: longer than
wide, of an even width, sharp where it ends, on paper that is bright and plain around
it, and not against the photo's edge. Blots, shadows, edges of paper, frames, holes of a
binding and printed grids each lack one of these.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.check.digits.ink import Ink
from pipeline.check.digits.likeness import Traits, likeness
from pipeline.check.digits.paper import Paper

LEAST_HEIGHT = 0.028  # of the photo's longer side; smaller ones are specks
_MOST_HEIGHT = 0.97  # of the photo's height
_MOST_MARKS = 30  # looked at closely, the largest first
_WIDEST = 2.2  # times as wide as high: a dash, a word
_THINNEST, _THICKEST = 0.008, 0.36  # the stroke's width ÷ the mark's longer side
_MOST_HOLES = 4
_RIM = 0.3  # of the contrast: less than that beyond what lies beside is a rim
# Share of the surroundings that is paper: 0.75 and more around a digit, half of that
# where a shadow's edge or the page's runs by; on other photos mostly less.
_LEAST_PLAIN, _PLAIN = 0.45, 0.75
_TORN = 0.13  # of a mark's longer side: so far off lies what was torn off it

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Mark:
    """A piece of ink that could be a digit."""

    top: int
    left: int
    mask: Mask  # (h, w), of the box
    stroke: float  # pixels, its usual width
    contrast: float  # 0..1, its ink beyond that of the paper around it
    traits: Traits
    score: float  # 0..1, how likely it is a digit

    @property
    def height(self) -> int:
        """Pixels of the box, down."""
        return int(self.mask.shape[0])

    @property
    def width(self) -> int:
        """Pixels of the box, across."""
        return int(self.mask.shape[1])

    @property
    def bottom(self) -> int:
        """The first row below the box."""
        return self.top + self.height

    @property
    def right(self) -> int:
        """The first column beside the box."""
        return self.left + self.width

    @property
    def size(self) -> int:
        """Pixels of the longer side of the box."""
        return max(self.height, self.width)


def find_marks(ink: Ink, wide: Ink, paper: Paper, threshold: float) -> list[Mark]:
    """Find the marks above a threshold that could be a digit, or part of one.

    Args:
        ink: Of the whole photo.
        wide: Its ink where wide strokes count: what is inked beside a mark in this
            is no paper, and the mark but the rim of a wider stroke.
        paper: The same photo, as what is written on.
        threshold: Of the ink.
    """
    above = (ink > threshold).astype(np.uint8)
    number, found, told, _ = cv2.connectedComponentsWithStats(above, connectivity=8)
    labels, stats = np.asarray(found, np.int32), np.asarray(told, np.int32)
    rows, columns = ink.shape
    left, top, width, height, area = stats.T
    longest = np.maximum(width, height)
    possible = (
        (longest >= LEAST_HEIGHT * max(ink.shape))
        & (height <= _MOST_HEIGHT * rows)
        & (width <= _WIDEST * height)
        & (left > 1)
        & (top > 1)
        & (left + width < columns - 1)
        & (top + height < rows - 1)
        & (np.arange(number) > 0)
    )
    chosen = np.flatnonzero(possible)
    chosen = chosen[np.argsort(-area[chosen])][:_MOST_MARKS]
    marks = []
    for label in chosen:
        box = (
            slice(top[label], top[label] + height[label]),
            slice(left[label], left[label] + width[label]),
        )
        mark = _judged(labels[box] == label, box, ink, wide, paper)
        if mark is None:
            continue
        marks.append(mark)
        joined = _joined(mark, int(label), labels, stats)
        if joined is not None:
            mask, box = joined
            whole = _judged(mask, box, ink, wide, paper)
            if whole is not None and whole.contrast > 0.7 * mark.contrast:
                marks.append(whole)
    return marks


def _joined(
    mark: Mark, label: int, labels: NDArray[np.int32], stats: NDArray[np.int32]
) -> tuple[Mask, tuple[slice, slice]] | None:
    """Join to a mark what was torn off it: the bar of a 5, the other half of a 4.

    Not what stands beside it and is as high: that is another digit.
    """
    reach = round(_TORN * mark.size)
    box = (slice(mark.top, mark.bottom), slice(mark.left, mark.right))
    around, inside = _grown(box, labels.shape, reach)
    near = np.zeros(labels[around].shape, np.uint8)
    near[inside] = mark.mask
    touching = cv2.dilate(near, _ellipse(2 * reach + 1)) > 0
    touched = np.unique(labels[around][touching])
    pieces = [label]
    for piece in touched[(touched > 0) & (touched != label)]:
        left, top, width, height, area = (int(value) for value in stats[piece])
        beside = min(left + width, mark.right) - max(left, mark.left) < 0.3 * width
        if (
            area < 0.05 * mark.mask.sum()
            or max(width, height) > mark.size
            or (beside and height > 0.6 * mark.height)
        ):
            continue
        cut = labels[top : top + height, left : left + width] == piece
        stroke, _, length = measure_stroke(cut)
        if 0.5 < stroke / mark.stroke < 1.6 and length > 1.5 * stroke:
            pieces.append(int(piece))
    if len(pieces) == 1:
        return None
    lefts, tops, widths, heights, _ = stats[pieces].T
    whole = (
        slice(int(tops.min()), int((tops + heights).max())),
        slice(int(lefts.min()), int((lefts + widths).max())),
    )
    if (
        whole[0].start < 2
        or whole[1].start < 2
        or whole[0].stop > labels.shape[0] - 2
        or whole[1].stop > labels.shape[1] - 2
    ):
        return None
    return np.isin(labels[whole], pieces), whole


def _ellipse(side: int) -> NDArray[np.uint8]:
    return np.asarray(
        cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8
    )


def _judged(
    mask: Mask,
    box: tuple[slice, slice],
    ink: Ink,
    wide: Ink,
    paper: Paper,
) -> Mark | None:
    """Score a piece of ink; ``None`` where its shape rules a digit out."""
    plain = (paper.plainness(box) - _LEAST_PLAIN) / (_PLAIN - _LEAST_PLAIN)
    if plain <= 0:
        return None
    stroke, evenness, length = measure_stroke(mask)
    size = max(mask.shape)
    if not _THINNEST <= stroke / size <= _THICKEST or length < 2.2 * stroke:
        return None
    if _num_holes(mask, stroke) > _MOST_HOLES or _is_frame(mask):
        return None
    reach = max(4, round(2 * stroke))
    around, inside = _grown(box, ink.shape, reach)
    padded = np.zeros(ink[around].shape, np.uint8)
    padded[inside] = mask
    near = cv2.dilate(padded, np.ones((5, 5), np.uint8))
    ring = (cv2.dilate(near, np.ones((reach, reach), np.uint8)) > 0) & (near == 0)
    here = ink[around]
    if not ring.any():
        return None
    drawn = here[padded > 0]
    contrast = float(np.median(drawn)) - float(np.median(here[ring]))
    beyond = np.median(wide[around][padded > 0]) - np.percentile(wide[around][ring], 75)
    if contrast <= 0 or beyond < _RIM * contrast:
        return None
    clear = contrast / (float(here[ring].std()) + 0.02)
    across = np.hypot(cv2.Sobel(here, -1, 1, 0), cv2.Sobel(here, -1, 0, 1)) / 8
    rim = (padded > 0) & (cv2.erode(padded, np.ones((3, 3), np.uint8)) == 0)
    blur = contrast / (float(np.median(across[rim])) + 1e-3)  # pixels from ink to paper
    bright = float(np.percentile(paper.brightness(around)[ring], 15))
    away = min(
        box[0].start,
        box[1].start,
        ink.shape[0] - box[0].stop,
        ink.shape[1] - box[1].stop,
    )
    traits = Traits(
        plain=min(1.0, plain),
        evenness=evenness,
        length=math.log(length / stroke),
        thickness=math.log(stroke / size),
        clear=math.log(clear + 0.1),
        blur=math.log(blur + 1),
        bright=bright,
        share=math.log(size / max(ink.shape)),
        contrast=math.log(contrast),
        solid=_solidity(mask),
        edge=min(0.5, away / size),
        photo=paper.plain,
    )
    return Mark(
        box[0].start, box[1].start, mask, stroke, contrast, traits, likeness(traits)
    )


def _solidity(mask: Mask) -> float:
    """Return a mark's area beside that of its convex hull."""
    hull = cv2.convexHull(np.argwhere(mask)[:, ::-1].astype(np.int32))
    return float(mask.sum() / max(1.0, cv2.contourArea(hull)))


def measure_stroke(mask: Mask) -> tuple[float, float, float]:
    """Return a stroke's width in pixels, how even it is (0..1), and its length.

    The width is twice the usual distance from the middle line to the rim.
    """
    padded = np.pad(mask.astype(np.uint8), 1)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 5)
    highest = cv2.dilate(distance, np.ones((3, 3), np.uint8))
    ridge = distance[(distance > 0) & (distance >= highest - 1e-4)]
    usual = float(np.median(ridge))
    low, high = np.percentile(ridge, [20, 90])
    evenness = float(np.clip(1.6 - (high - low) / (usual + 0.5), 0, 1))
    width = max(1.0, 2 * usual - 0.5)
    return width, evenness, float(mask.sum()) / width


def _num_holes(mask: Mask, stroke: float) -> int:
    """Count what is enclosed by the mark and larger than a blot of its stroke."""
    outside = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    number, _, stats, _ = cv2.connectedComponentsWithStats(outside, connectivity=4)
    areas = stats[1:number, cv2.CC_STAT_AREA]
    return int((areas > max(6.0, 0.5 * stroke**2)).sum()) - 1


def _is_frame(mask: Mask) -> bool:
    """Whether the mark is a drawn box, or the edge of a sheet: four straight sides."""
    contours, _ = cv2.findContours(
        np.pad(mask, 1).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    hull = cv2.convexHull(max(contours, key=cv2.contourArea))
    corners = cv2.approxPolyDP(hull, 0.03 * cv2.arcLength(hull, True), True)
    area = cv2.contourArea(hull)
    if len(corners) != 4 or area < 0.3 * mask.size:
        return False
    return _covered(mask, np.asarray(corners, np.int32))


def _covered(mask: Mask, corners: NDArray[np.int32]) -> bool:
    """Whether ink runs along all sides of a four-cornered figure."""
    wide = cv2.dilate(
        np.pad(mask, 1).astype(np.uint8),
        np.ones((2 * max(2, round(0.03 * max(mask.shape))) + 1,) * 2, np.uint8),
    )
    points = corners.reshape(4, 2).astype(np.float64)
    for start, end in zip(points, np.roll(points, -1, axis=0), strict=True):
        along = start + np.linspace(0.05, 0.95, 40)[:, None] * (end - start)
        places = along.round().astype(int)
        if wide[places[:, 1], places[:, 0]].mean() < 0.85:
            return False
    return True


def _grown(
    box: tuple[slice, slice], shape: tuple[int, ...], reach: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the box grown by ``reach`` within the photo, and the box within it."""
    grown, inner = [], []
    for side, length in zip(box, shape, strict=True):
        start, stop = max(0, side.start - reach), min(length, side.stop + reach)
        grown.append(slice(start, stop))
        inner.append(slice(side.start - start, side.stop - start))
    return (grown[0], grown[1]), (inner[0], inner[1])
