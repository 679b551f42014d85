"""A body's finish: colours, bursts, grain, sparkle, and the light on its rim."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.images import Pixels

Colour = tuple[int, int, int]  # RGB, 0..255
Plane = NDArray[np.float32]  # (height, width), mostly 0..1

# By hue, so that two of them are told apart by their colour, not their brightness.
BRIGHT: tuple[Colour, ...] = (
    (190, 26, 32),
    (28, 74, 168),
    (30, 120, 70),
    (236, 176, 40),
    (226, 104, 36),
    (108, 48, 140),
    (228, 124, 152),
    (96, 196, 188),
    (120, 172, 216),
)
_PLAIN: tuple[Colour, ...] = ((24, 24, 28), (242, 241, 236), (234, 222, 186))
_METALLIC: tuple[Colour, ...] = (
    (150, 156, 164),
    (196, 160, 84),
    (42, 84, 140),
    (136, 30, 44),
    (58, 66, 72),
    (70, 130, 110),
)
_WOOD: tuple[Colour, ...] = (
    (196, 142, 84),
    (128, 72, 42),
    (222, 182, 124),
    (96, 56, 38),
)
_BURSTS: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((238, 190, 92), (176, 62, 28), (30, 18, 16)),
    ((240, 196, 100), (206, 108, 44), (120, 30, 22)),
    ((150, 196, 220), (44, 104, 168), (14, 28, 66)),
    ((196, 214, 130), (64, 130, 74), (14, 44, 34)),
    ((222, 180, 120), (150, 92, 50), (60, 32, 20)),
)


@dataclass(frozen=True)
class Finish:
    """How a body is finished."""

    kind: str  # solid, metallic, wood, burst or flame
    colours: tuple[Colour, ...]  # one, or three from the middle to the rim
    gloss: float  # 0 (matt) to 1

    @property
    def headstock(self) -> Colour:
        """The colour of a headstock that matches."""
        return self.colours[-1]


def choose_finish(rng: np.random.Generator) -> Finish:
    """Choose a finish; solid ones are the commonest, black and white among them."""
    kind = str(
        rng.choice(
            ["solid", "plain", "metallic", "wood", "burst", "flame"],
            p=(0.34, 0.18, 0.12, 0.12, 0.16, 0.08),
        )
    )
    gloss = float(rng.uniform(0.15, 1))
    if kind in {"burst", "flame"}:
        return Finish(kind, _BURSTS[rng.integers(len(_BURSTS))], gloss)
    colours = {"solid": BRIGHT, "plain": _PLAIN, "metallic": _METALLIC, "wood": _WOOD}
    table = colours[kind]
    colour = _vary(table[rng.integers(len(table))], rng)
    return Finish("solid" if kind == "plain" else kind, (colour,), gloss)


def _vary(colour: Colour, rng: np.random.Generator) -> Colour:
    """Return a colour a little off, as two lots of the same paint are."""
    red, green, blue = np.clip(np.array(colour) + rng.integers(-9, 10, 3), 0, 255)
    return int(red), int(green), int(blue)


def finish_body(
    alpha: NDArray[np.uint8],
    finish: Finish,
    rng: np.random.Generator,
    per_unit: int,
    *,
    has_binding: bool,
) -> NDArray[np.uint8]:
    """Paint a body seen from the front, lit from the upper left.

    Args:
        alpha: What the body covers, 0..255, shape ``(height, width)``.
        finish: How it is finished.
        rng: Source of grain and sparkle.
        per_unit: Pixels for a hundredth of a body's length.
        has_binding: Whether a cream-coloured strip runs along the rim.

    Returns:
        RGB of the same height and width; outside the body it means nothing.
    """
    solid = (alpha > 127).astype(np.uint8)
    to_rim = cv2.distanceTransform(solid, cv2.DIST_L2, 3) / np.float32(per_unit)
    image = _PAINTS[finish.kind](to_rim, finish.colours, rng)
    if has_binding:
        image[to_rim < 2.0] = (236, 226, 196)
    light = _rim_light(alpha, per_unit)
    dim = 1 + np.minimum(light, 0)
    glow = np.maximum(light, 0) + _gloss(alpha.shape, rng) * np.float32(finish.gloss)
    glow *= 150
    planes = [
        cv2.add(cv2.multiply(plane, dim, dtype=cv2.CV_32F), glow, dtype=cv2.CV_8U)
        for plane in cv2.split(image)
    ]
    return np.asarray(cv2.merge(planes))


def _solid(
    to_rim: Plane, colours: tuple[Colour, ...], rng: np.random.Generator
) -> Pixels:
    del rng
    return np.full((*to_rim.shape, 3), colours[0], np.uint8)


def _metallic(
    to_rim: Plane, colours: tuple[Colour, ...], rng: np.random.Generator
) -> Pixels:
    height, width = to_rim.shape
    sparkle = rng.random((height // 3, width // 3), dtype=np.float32) - 0.5
    flakes = cv2.resize(sparkle, (width, height)) * 0.35
    return shaded(0.9 + flakes + _slope(to_rim.shape, rng) * 0.6, colours[0])


def _wood(
    to_rim: Plane, colours: tuple[Colour, ...], rng: np.random.Generator
) -> Pixels:
    return shaded(0.98 + _grain(to_rim.shape, rng), colours[0])


def _burst(
    to_rim: Plane, colours: tuple[Colour, ...], rng: np.random.Generator
) -> Pixels:
    """Run from the first colour in the middle to the last at the rim."""
    return _run(to_rim, colours, 1 + _grain(to_rim.shape, rng) * 0.5)


def _flame(
    to_rim: Plane, colours: tuple[Colour, ...], rng: np.random.Generator
) -> Pixels:
    """A burst over flamed maple: bands across the grain, bent by chance."""
    height, width = to_rim.shape
    coarse = rng.random((6, 5), dtype=np.float32)
    bend = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    rows = np.linspace(0, height / 24, height, dtype=np.float32)[:, None]
    bands = np.sin(np.float32(2 * np.pi) * (rows + bend * 5)) * np.float32(0.11)
    return _run(to_rim, colours, 1 + bands + _grain(to_rim.shape, rng) * 0.4)


def _run(to_rim: Plane, colours: tuple[Colour, ...], shade: Plane) -> Pixels:
    """Run through three colours from the middle to the rim, lighter by ``shade``."""
    depth = cv2.convertScaleAbs(to_rim, alpha=255 / 19)  # 19 units in: the middle
    middle, between, rim = np.array(colours, np.float32)
    stops = np.array([0, 0.16, 0.5, 0.95]) * 255
    levels = np.arange(256)
    planes = [
        cv2.multiply(
            cv2.LUT(depth, np.interp(levels, stops, values).astype(np.float32)),
            shade,
            dtype=cv2.CV_8U,
        )
        for values in np.stack([rim, rim, between, middle], axis=1)
    ]
    return np.asarray(cv2.merge(planes))


_PAINTS = {
    "solid": _solid,
    "metallic": _metallic,
    "wood": _wood,
    "burst": _burst,
    "flame": _flame,
}


def shaded(shade: Plane, colour: Colour) -> Pixels:
    """Return a colour all over, made lighter and darker by ``shade`` around 1."""
    planes = [cv2.convertScaleAbs(shade, alpha=value) for value in colour]
    return np.asarray(cv2.merge(planes))


def _grain(shape: tuple[int, ...], rng: np.random.Generator) -> Plane:
    """Return wood grain along y, around 0: fine streaks over broad ones."""
    height, width = shape
    grain = np.zeros((height, width), np.float32)
    for columns, rows, strength in ((14, 3, 0.35), (60, 4, 0.25), (150, 6, 0.15)):
        noise = rng.random((rows, columns), dtype=np.float32) - 0.5
        grain += strength * cv2.resize(
            noise, (width, height), interpolation=cv2.INTER_CUBIC
        )
    return grain


def _slope(shape: tuple[int, ...], rng: np.random.Generator) -> Plane:
    """Return a plane that rises from -0.5 to 0.5 in a direction taken by chance."""
    height, width = shape
    angle = rng.uniform(0, 2 * np.pi)
    rows = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None]
    columns = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None, :]
    return np.asarray(
        rows * np.float32(np.sin(angle)) + columns * np.float32(np.cos(angle))
    )


def _rim_light(alpha: NDArray[np.uint8], per_unit: int) -> Plane:
    """Return the light on a rounded rim: above 0 towards the lamp, else below."""
    small = cv2.resize(alpha, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), 0.9 * per_unit / 2).astype(np.float32) / 255
    across = cv2.Sobel(soft, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    light = np.clip((across + down) * 0.9, -0.5, 0.55)
    return np.asarray(cv2.resize(light, (alpha.shape[1], alpha.shape[0])))


def _gloss(shape: tuple[int, ...], rng: np.random.Generator) -> Plane:
    """Return the soft reflection of a window, 0..0.45, somewhere on the body."""
    height, width = shape
    glow = np.zeros((height // 4, width // 4), np.uint8)
    middle = rng.uniform(0.25, 0.75, 2) * (width // 4, height // 4)
    size = rng.uniform(0.10, 0.22, 2) * (width // 4, height // 2)
    box = (middle.tolist(), size.tolist(), float(rng.uniform(15, 50)))
    corners = cv2.boxPoints(box).round().astype(np.int32)
    cv2.fillConvexPoly(glow, corners, 255, cv2.LINE_AA)
    soft = cv2.GaussianBlur(glow, (0, 0), 5).astype(np.float32) * np.float32(0.45 / 255)
    return np.asarray(cv2.resize(soft, (width, height)))
