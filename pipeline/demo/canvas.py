"""What a guitar is drawn on: pixels, and how far each covers what lies under it.

Places and sizes are given in outline units (``outlines``), the drawing stands upright.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.demo.outlines import Points
from pipeline.demo.paint import Colour
from pipeline.images import Pixels

PER_UNIT = 4  # pixels of the drawing for a hundredth of a body's length
LEFT, TOP = -54, -150  # the drawing's corner, in outline units
WIDTH, HEIGHT = 108, 206  # outline units
BODY_TOP = (-60 - TOP) * PER_UNIT  # pixels; nothing of a body reaches higher
SUBPIXEL = 4  # bits after the point that OpenCV is given

Mask = NDArray[np.uint8]  # (height, width), 0..255


@dataclass(frozen=True)
class Layer:
    """A drawing and how far each of its pixels covers what lies under it.

    What is drawn with smooth edges on black is weighed by its cover already, so a
    layer is laid on another by adding it to what it leaves of that one.
    """

    image: Pixels  # RGB times cover
    alpha: Mask

    def polygon(self, points: Points, colour: Colour) -> None:
        """Fill a polygon given in outline units."""
        line = [to_pixels(points)]
        cv2.fillPoly(self.image, line, colour, cv2.LINE_AA, SUBPIXEL)
        cv2.fillPoly(self.alpha, line, 255, cv2.LINE_AA, SUBPIXEL)

    def box(
        self,
        x: float,
        y: float,
        size: tuple[float, float],
        colour: Colour,
        turn: float = 0,
    ) -> None:
        """Fill a box with rounded corners around a point, turned by degrees."""
        self.polygon(_rounded_box(x, y, size, turn), colour)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """Fill a circle around a point."""
        where = tuple(int(v) for v in to_pixels(np.array([[x, y]]))[0])
        size = int(radius * PER_UNIT * 2**SUBPIXEL)
        cv2.circle(self.image, where, size, colour, -1, cv2.LINE_AA, SUBPIXEL)
        cv2.circle(self.alpha, where, size, 255, -1, cv2.LINE_AA, SUBPIXEL)

    def line(
        self, points: Sequence[tuple[float, float]], colour: Colour, width: float
    ) -> None:
        """Draw a line through points, as wide as ``width`` says."""
        line = [to_pixels(np.array(points))]
        thickness = max(1, round(width * PER_UNIT))
        for plane, value in ((self.image, colour), (self.alpha, 255)):
            cv2.polylines(plane, line, False, value, thickness, cv2.LINE_AA, SUBPIXEL)


def empty_layer() -> Layer:
    """Return a drawing that covers nothing yet."""
    height, width = HEIGHT * PER_UNIT, WIDTH * PER_UNIT
    return Layer(
        np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8)
    )


def to_pixels(points: Points) -> NDArray[np.int32]:
    """Turn outline units to OpenCV's fixed-point pixels."""
    pixels = (points - (LEFT, TOP)) * PER_UNIT * 2**SUBPIXEL
    return np.asarray(np.round(pixels), np.int32)


def smooth_outline(contour: NDArray[np.int_]) -> Points:
    """Return a pixel contour in outline units, its steps and corners rounded."""
    reach = range(-6, 7)
    mean = np.mean([np.roll(contour, step, axis=0) for step in reach], axis=0)
    return np.asarray((mean + 0.5) / PER_UNIT + (LEFT, TOP))


def _rounded_box(x: float, y: float, size: tuple[float, float], turn: float) -> Points:
    """Return the outline of a box whose corners are eighths of a circle."""
    half = np.array(size) / 2
    radius = min(half) * 0.45
    angles = np.radians(np.arange(0, 360, 22.5)) + np.radians(11.25)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    corners = np.sign(circle) * (half - radius) + circle * radius
    sine, cosine = np.sin(np.radians(turn)), np.cos(np.radians(turn))
    return np.asarray(corners @ [[cosine, sine], [-sine, cosine]] + (x, y))


def tinted(colour: Colour, factor: float) -> Colour:
    """Make a colour darker (below 1) or lighter."""
    red, green, blue = (min(255, round(value * factor)) for value in colour)
    return red, green, blue


def faded(image: Pixels, share: Mask) -> Pixels:
    """Return an image as far as ``share`` (0..255, height x width) lets it through."""
    return np.asarray(cv2.multiply(image, cv2.merge([share] * 3), scale=1 / 255))
