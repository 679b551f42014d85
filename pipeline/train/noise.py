"""Noise of the shop, for training: what lies over a product or tints its photo.

Each family is a pure function of picture, strength and random source. All differ from
what the robustness test does (``pipeline.robustness.families``), or it would flatter:

- Shapes are several small ellipses and oblique polygons, each a run from one colour to
  another; the test's occlusion is one upright rectangle of one colour.
- Shadows darken a part of the picture, never lighten, never the whole of it; the
  test's brightness lightens everything.
- Colour casts leave the mean brightness as it was.
- Resampling interpolates smoothly: no blocks, as pixelate leaves. It takes fine
  detail away, as every shrinking does, and so lies nearest to the test, to its blur.

Sources: random erasing (Zhong et al., arXiv 1708.04896) for shapes; GridMask (Chen et
al., arXiv 2001.04086); gradient noise (Perlin, An Image Synthesizer, SIGGRAPH 1985).
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.images import Pixels

Family = Callable[[Pixels, float, np.random.Generator], Pixels]

MOST_AT_ONCE = 2  # families on one picture; none as often as one or two
STRENGTHS = (0.1, 1.0)  # drawn evenly between
MOST_SHAPES = 6
SHAPE_RADIUS = (0.04, 0.13)  # of the shorter side
GRID_CELLS = (4, 9)  # across the picture
GRID_COVERED = (0.15, 0.60)  # of a cell's side: at most 0.36 of the area
PERLIN_CELLS = (3, 7)  # of the gradients, across the picture
PERLIN_SIDE = 64  # of the noise; smooth enough to be enlarged
PERLIN_COVERED = (0.05, 0.30)  # of the area
SHADOW_DEPTH = (0.15, 0.65)  # of the light taken away
CAST = 0.35  # most by which a channel is raised or lowered, before brightness is mended
LEVELS = (20, 3)  # of a channel after posterising, at strength 0 and at 1
SHRINK = (1.2, 3.0)  # times smaller on the way
_SALT = 0x5_40B  # keeps these draws apart from those of the augmentation
_FRACTION_BITS = 4  # of a pixel, as cv2 takes coordinates
_WAYS_DOWN = (cv2.INTER_AREA, cv2.INTER_LINEAR)
_WAYS_UP = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


def shop(image: Pixels, seed: tuple[int, ...]) -> Pixels:
    """Return ``image`` under up to two families, at most one of which covers it.

    Args:
        image: RGB, ``uint8``, shape (H, W, 3); not modified.
        seed: The same gives the same pixels.
    """
    rng = np.random.default_rng((*seed, _SALT))
    for name in _draw_families(rng):
        image = SHOP[name](image, rng.uniform(*STRENGTHS), rng)
    return image


def _draw_families(rng: np.random.Generator) -> list[str]:
    number = rng.integers(MOST_AT_ONCE + 1)
    chosen: list[str] = []
    for name in rng.permutation(list(SHOP)):
        is_second_cover = name in COVERS and not COVERS.isdisjoint(chosen)
        if len(chosen) < number and not is_second_cover:
            chosen.append(str(name))
    return chosen


def shapes(image: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    """Lay small filled ellipses and oblique polygons over the picture."""
    height, width = image.shape[:2]
    covered = image.copy()
    for _ in range(1 + round(strength * rng.integers(1, MOST_SHAPES))):
        centre = rng.uniform(size=2) * (width, height)
        radius = min(height, width) * rng.uniform(*_up_to(SHAPE_RADIUS, strength))
        corners = int(rng.integers(3, 9))
        outline = _ellipse if corners > 6 else _polygon
        mask = np.zeros((height, width), np.uint8)
        points = centre + outline(rng, corners) * max(radius, 1.0)
        cv2.fillPoly(mask, _fixed(points[None]), 255, cv2.LINE_8, _FRACTION_BITS)
        rows, columns = np.nonzero(mask)
        if not len(rows):
            continue
        first, last = rng.integers(0, 256, (2, 3)).astype(np.float32)
        way = np.cos(turn := rng.uniform(0, 2 * np.pi)), np.sin(turn)
        along = columns * np.float32(way[0]) + rows * np.float32(way[1])
        along = (along - along.min()) / max(np.ptp(along), 1e-6)
        covered[rows, columns] = first + along[:, None] * (last - first)
    return covered


def grid_mask(image: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    """Replace the squares of a turned grid by the picture's mean colour."""
    height, width = image.shape[:2]
    cell = max(2.0, min(height, width) / rng.uniform(*GRID_CELLS))
    side = cell * _between(GRID_COVERED, strength * rng.uniform(0.5, 1.0))
    turn = rng.uniform(np.pi / 16, np.pi * 7 / 16)
    reach = int(np.hypot(height, width) / 2 / cell) + 2  # cells from the middle
    places = np.arange(-reach, reach) * cell
    lefts, tops = np.meshgrid(*(places + rng.uniform(0, cell, (2, 1))))
    corners = np.array([(0, 0), (side, 0), (side, side), (0, side)])
    squares = np.stack([lefts, tops], axis=-1).reshape(-1, 1, 2) + corners
    outlines = squares @ _turning(turn) + (width / 2, height / 2)
    covered = image.copy()
    cv2.fillPoly(covered, _fixed(outlines), _mean(image), cv2.LINE_8, _FRACTION_BITS)
    return covered


def perlin_mask(image: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    """Replace patches, bounded as clouds are, by the picture's mean colour."""
    height, width = image.shape[:2]
    noise = perlin(rng)
    share = _between(PERLIN_COVERED, strength * rng.uniform(0.3, 1.0))
    place = int((1 - share) * noise.size)
    bound = np.partition(noise, place, axis=None)[place]
    fine = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    covered = image.copy()
    covered[fine > bound] = _mean(image)
    return covered


def shadow(image: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    """Darken one side of a line across the picture, its edge sharp or soft."""
    height, width = image.shape[:2]
    turn = rng.uniform(0, 2 * np.pi)
    rows = np.arange(height, dtype=np.float32)[:, None] / height - 0.5
    columns = np.arange(width, dtype=np.float32) / width - 0.5
    away = rows * np.float32(np.sin(turn)) + columns * np.float32(np.cos(turn))
    away -= np.float32(rng.uniform(-0.25, 0.25))
    softness = np.float32(rng.uniform(0.01, 0.25))
    shade = np.clip(away / softness + 0.5, 0, 1)  # 0 in the light, 1 in the shadow
    depth = _between(SHADOW_DEPTH, strength * rng.uniform(0.4, 1.0))
    light = cv2.merge([1 - np.float32(depth) * shade] * 3)
    return np.asarray(cv2.multiply(image, light, dtype=cv2.CV_8U), np.uint8)


def colour_cast(image: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    """Weigh the channels as light of another colour does; the mean brightness stays."""
    gains = 1 + strength * CAST * rng.uniform(-1, 1, 3)
    means = np.array(cv2.mean(image)[:3])
    gains *= means.sum() / max(float((gains * means).sum()), 1e-6)
    steps = np.arange(256, dtype=np.float32)[:, None] * gains.astype(np.float32)
    return look_up(image, steps)


def posterise(image: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    """Leave each channel a few even levels, black and white among them."""
    fewest = _between(LEVELS, strength)
    levels = round(rng.uniform(fewest, max(fewest, LEVELS[0] / 2)))
    step = np.float32(255 / (levels - 1))
    table = np.round(np.arange(256, dtype=np.float32) / step) * step
    return look_up(image, np.repeat(table[:, None], 3, axis=1))


def resample(image: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    """Make the picture smaller and large again, each way by a smooth filter."""
    height, width = image.shape[:2]
    times = rng.uniform(*_up_to(SHRINK, strength))
    small = max(2, round(width / times)), max(2, round(height / times))
    down, up = _WAYS_DOWN[rng.integers(2)], _WAYS_UP[rng.integers(3)]
    shrunk = cv2.resize(image, small, interpolation=down)
    return np.asarray(cv2.resize(shrunk, (width, height), interpolation=up), np.uint8)


SHOP: dict[str, Family] = {
    "shapes": shapes,
    "grid_mask": grid_mask,
    "perlin_mask": perlin_mask,
    "shadow": shadow,
    "colour_cast": colour_cast,
    "posterise": posterise,
    "resample": resample,
}
COVERS = frozenset({"shapes", "grid_mask", "perlin_mask"})  # one at most a picture


def perlin(rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a square of gradient noise, about -0.7..0.7, mean near 0.

    Each corner of a lattice is given a direction; a point takes, smoothly, from the
    four corners around it how far it lies along theirs (Perlin 1985).
    """
    cells = rng.uniform(*PERLIN_CELLS)
    turns = rng.uniform(0, 2 * np.pi, (PERLIN_CELLS[1] + 1,) * 2)
    down, right = np.sin(turns), np.cos(turns)
    far = np.arange(PERLIN_SIDE) * (cells / PERLIN_SIDE)
    cell = far.astype(np.intp)
    part = far - cell  # 0..1 within the cell
    ease = part * part * (3 - 2 * part)

    def along(below: int, beside: int) -> NDArray[np.float64]:
        at = np.ix_(cell + below, cell + beside)
        found = down[at] * (part - below)[:, None] + right[at] * (part - beside)
        return np.asarray(found)

    above = along(0, 0) + ease * (along(0, 1) - along(0, 0))
    under = along(1, 0) + ease * (along(1, 1) - along(1, 0))
    return np.asarray(above + ease[:, None] * (under - above), np.float32)


def _ellipse(rng: np.random.Generator, _: int) -> NDArray[np.float64]:
    """Return the outline of an ellipse about the origin, half-axes 1 and less."""
    around = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    flat = np.stack([np.cos(around), rng.uniform(0.4, 1.0) * np.sin(around)], axis=1)
    return np.asarray(flat @ _turning(rng.uniform(0, np.pi)))


def _polygon(rng: np.random.Generator, corners: int) -> NDArray[np.float64]:
    """Return the corners of an uneven polygon about the origin, at most 1.4 away."""
    steps = (np.arange(corners) + rng.uniform(0, 0.7, corners)) / corners
    around = 2 * np.pi * steps + rng.uniform(0, 2 * np.pi)
    far = rng.uniform(0.7, 1.4, corners)
    return np.stack([far * np.cos(around), far * np.sin(around)], axis=1)


def _turning(turn: float) -> NDArray[np.float64]:
    """Return the matrix that turns rows (x, y) by ``turn`` radians."""
    cos, sin = np.cos(turn), np.sin(turn)
    return np.array([[cos, sin], [-sin, cos]])


def _fixed(outlines: NDArray[np.float64]) -> list[NDArray[np.int32]]:
    """Return outlines (N, corners, 2) as cv2 takes fractions of pixels."""
    return list(np.round(outlines * (1 << _FRACTION_BITS)).astype(np.int32))


def _mean(image: Pixels) -> list[int]:
    return [round(value) for value in cv2.mean(image)[:3]]


def look_up(image: Pixels, table: NDArray[np.float32]) -> Pixels:
    """Replace each value by that of its channel in ``table`` (256, 3), rounded."""
    rounded = np.clip(np.round(table), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, np.ascontiguousarray(rounded)[None]), np.uint8)


def _between(bounds: tuple[float, float], strength: float) -> float:
    return bounds[0] + strength * (bounds[1] - bounds[0])


def _up_to(bounds: tuple[float, float], strength: float) -> tuple[float, float]:
    return bounds[0], _between(bounds, strength)
