"""Phone photos of a digit written on paper, drawn: seeded, and as bad as real ones.

A flat scene (table, sheet, ink) is lit (gradient, lamp, the shadow of a hand), seen
at a slant, blurred, exposed, sharpened as phones do, made noisy and stored as JPEG.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.digits.scenes import (
    Light,
    Page,
    choose_paper,
    draw_table,
    lay_page,
    lay_pen,
    write_ink,
)
from benchmarks.digits.strokes import PENS, Pen, draw_strokes
from pipeline.images import Pixels

SCENE = 1500  # pixels of the longer side in which the scene is drawn
MARGIN = 1.5  # the flat scene's side ÷ the photo's: room to turn and slant
SHEETS_MM = {
    "sticky": ((76, 76),),
    "spiral": ((105, 148), (148, 210)),
    "other": ((210, 297), (210, 297), (148, 210), (105, 148)),
}


@dataclass(frozen=True)
class PhonePhoto:
    """A photo, how it is stored, and what was written with what on what."""

    pixels: Pixels
    quality: int  # of the JPEG
    pen: str
    paper: str


def take_photo(digit: NDArray[np.uint8], rng: np.random.Generator) -> PhonePhoto:
    """Take a photo of ``digit`` (light on black, uint8), written by hand on paper."""
    long_side = int(rng.choice([1600, 2048, 2592, 3264, 4000, 4000]))
    short_side = long_side * 3 // 4
    height, width = (
        (long_side, short_side) if rng.random() < 0.65 else (short_side, long_side)
    )
    shrink = SCENE / long_side
    view = (round(height * shrink), round(width * shrink))
    pen = PENS[rng.choice(len(PENS), p=[pen.share for pen in PENS])]
    paper = choose_paper(rng)
    flat = _flat_scene(digit, view, pen, paper, rng)
    seen = _look(_lit(flat, rng), view, rng)
    pixels = _expose(seen, (height, width), rng)
    return PhonePhoto(pixels, int(rng.integers(55, 94)), pen.name, paper)


def _flat_scene(
    digit: NDArray[np.uint8],
    view: tuple[int, int],
    pen: Pen,
    paper: str,
    rng: np.random.Generator,
) -> Light:
    shape = (round(view[0] * MARGIN), round(view[1] * MARGIN))
    scene = draw_table(shape, rng)
    digit_mm = float(np.exp(rng.uniform(*np.log(pen.height_mm))))
    sheets = SHEETS_MM.get(paper, SHEETS_MM["other"])
    sheet_mm = np.array(sheets[rng.integers(len(sheets))], np.float64)
    digit_mm = min(digit_mm, 0.55 * sheet_mm.min())
    # of the photo's shorter side; nobody stands so far off that it can't be seen
    share = float(np.exp(rng.uniform(np.log(0.09), np.log(0.6))))
    ppm = share * min(view) / digit_mm
    height = digit_mm * ppm
    width = max(1.0, rng.uniform(*pen.width_mm) * ppm)
    coverage = draw_strokes(digit, height, width, rng)
    page_size = np.round(sheet_mm[::-1] * ppm).astype(int)  # rows, columns
    corner = _corner(shape, view, coverage.shape, rng)
    edge = np.maximum(0.08 * page_size, 8 * ppm)
    inside = rng.uniform(edge, np.maximum(edge + 1, page_size - coverage.shape - edge))
    top, left = np.round(corner - inside).astype(int)
    bottom, right = top + page_size[0], left + page_size[1]
    # beyond the scene a sheet is not seen: it need not be drawn there
    page = Page(
        paper,
        max(int(left), -20),
        max(int(top), -20),
        min(int(right), shape[1] + 20),
        min(int(bottom), shape[0] + 20),
    )
    lay_page(scene, page, ppm, rng)
    if rng.random() < 0.12:
        lay_pen(scene, ppm, rng)
    write_ink(scene, coverage, pen, (int(corner[0]), int(corner[1])), rng)
    return scene


def _corner(
    shape: tuple[int, int],
    view: tuple[int, int],
    written: tuple[int, ...],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Place the digit near the middle of what will be seen, never cut off."""
    room = np.maximum(0, 0.78 * np.array(view) - written) / 2
    middle = np.array(shape) / 2 + rng.uniform(-0.6, 0.6, 2) * room
    return np.asarray(middle - np.array(written) / 2)


def _lit(scene: Light, rng: np.random.Generator) -> Light:
    """Light the scene: a gradient, a lamp, the shadow of a hand or a phone."""
    height, width = scene.shape[:2]
    rows, columns = np.indices((height, width), dtype=np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    across = np.cos(angle) * (columns / width - 0.5) + np.sin(angle) * (
        rows / height - 0.5
    )
    light = 1 + rng.uniform(0, 0.6) * across
    if rng.random() < 0.3:
        y, x = rng.uniform(0, height), rng.uniform(0, width)
        far = ((rows - y) ** 2 + (columns - x) ** 2) / max(height, width) ** 2
        light = light * (0.75 + 0.45 * np.exp(-far / rng.uniform(0.05, 0.3)))
    if rng.random() < 0.55:
        light = light * (1 - rng.uniform(0.15, 0.6) * _hand(height, width, rng))
    colour = np.array([1.0, 1.0, 1.0]) + rng.uniform(-0.12, 0.12, 3)
    return np.asarray(scene * light[..., None] * colour, np.float32)


def _hand(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return where a hand's shadow falls, 0..1: a forearm, a palm, some fingers."""
    mask = np.zeros((height, width), np.float32)
    side = max(height, width)
    angle = rng.uniform(0, 2 * np.pi)
    out = np.array([np.cos(angle), np.sin(angle)])
    reach = rng.uniform(-0.08, 0.3)
    palm = np.array([width, height]) / 2 + out * reach * side
    size = rng.uniform(0.05, 0.14) * side
    far = palm + out * side
    cv2.line(mask, _at(palm), _at(far), 1.0, round(size * 1.5))
    cv2.circle(mask, _at(palm), round(size), 1.0, -1)
    if rng.random() < 0.7:
        for spread in np.linspace(-0.6, 0.6, 4) + rng.uniform(-0.1, 0.1, 4):
            to = angle + np.pi + spread
            tip = palm + size * rng.uniform(1.8, 2.6) * np.array(
                [np.cos(to), np.sin(to)]
            )
            cv2.line(mask, _at(palm), _at(tip), 1.0, max(2, round(size * 0.33)))
    softness = side * float(np.exp(rng.uniform(np.log(0.002), np.log(0.03))))
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), softness), np.float32)


def _at(place: NDArray[np.float64]) -> tuple[int, int]:
    return int(place[0]), int(place[1])


def _look(scene: Light, view: tuple[int, int], rng: np.random.Generator) -> Light:
    """See the middle of the scene, turned up to 15 degrees and at a slant."""
    height, width = view
    middle = np.array([scene.shape[1], scene.shape[0]]) / 2
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width / 2, height / 2]
    turn = np.radians(rng.uniform(-15, 15))
    turned = corners @ np.array(
        [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]
    )
    slant = rng.uniform(0, 0.09) * rng.uniform(-1, 1, (4, 2)) * [width, height]
    slant += (
        rng.uniform(-0.1, 0.1)
        * np.array([[-1, 0], [1, 0], [0, 0], [0, 0]])
        * [
            width / 2,
            0,
        ]
    )
    source = (middle + turned + slant).astype(np.float32)
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    return np.asarray(
        cv2.warpPerspective(
            scene,
            cv2.getPerspectiveTransform(source, target),
            (width, height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.float32,
    )


def _expose(seen: Light, size: tuple[int, int], rng: np.random.Generator) -> Pixels:
    """Blur, expose, enlarge to the sensor's size, add its noise, sharpen."""
    seen = cv2.GaussianBlur(seen, (0, 0), rng.uniform(0.4, 1.5)).astype(np.float32)
    if rng.random() < 0.2:
        seen = _shaken(seen, rng.uniform(2, 7), rng)
    height, width = seen.shape[:2]
    rows, columns = np.indices((height, width), dtype=np.float32)
    far = (rows / height - 0.5) ** 2 + (columns / width - 0.5) ** 2
    seen *= (1 - rng.uniform(0, 0.5) * far)[..., None]
    white = np.percentile(seen, 97)
    exposed = np.clip(seen / white * rng.uniform(0.5, 1.08), 0, 1) ** (1 / 2.2)
    large = cv2.resize(exposed, size[::-1], interpolation=cv2.INTER_CUBIC)
    amount = float(np.exp(rng.uniform(np.log(0.006), np.log(0.045))))
    grain = _sensor_noise(size, rng)
    large += amount * grain * (1.2 - 0.5 * large)
    if rng.random() < 0.6:
        soft = cv2.GaussianBlur(large, (0, 0), 2.0)
        large += rng.uniform(0.3, 0.9) * (large - soft)
    return np.asarray((np.clip(large, 0, 1) * 255).round(), np.uint8)


def _sensor_noise(
    size: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return noise as is left after a phone smoothed it: in grains, some coloured."""
    tile = rng.normal(0, 1, (512, 512, 3)).astype(np.float32)
    tile = 0.75 * tile.mean(axis=2, keepdims=True) * 1.7 + 0.35 * tile
    tile = cv2.GaussianBlur(tile, (0, 0), rng.uniform(0.5, 1.2))
    tile /= tile.std()
    rows, columns = -(-size[0] // 512), -(-size[1] // 512)
    return np.asarray(np.tile(tile, (rows, columns, 1))[: size[0], : size[1]])


def _shaken(seen: Light, length: float, rng: np.random.Generator) -> Light:
    """Blur along one direction, as a hand that moved."""
    side = int(length) | 1
    kernel = np.zeros((side, side), np.float32)
    kernel[side // 2] = 1
    turn = cv2.getRotationMatrix2D((side // 2, side // 2), rng.uniform(0, 180), 1)
    bar = cv2.warpAffine(kernel, turn, (side, side))
    return np.asarray(cv2.filter2D(seen, -1, bar / bar.sum()), np.float32)
