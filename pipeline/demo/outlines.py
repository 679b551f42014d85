"""The lines of a guitar: Bézier outlines of bodies and headstocks.

A path is written as in SVG (``M L C Z``, absolute). Its unit is a hundredth of a
body's length; x grows to the treble side, y from the neck to the strap end, and the
body's middle is at 0, 0. Symmetric bodies are written as their left half, from the
neck down.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]  # (N, 2): x, y

SCALE_LENGTH = 102.0  # from bridge to nut; shorter than a real one, charm over truth
_STEPS = 14  # points a curve is drawn with


@dataclass(frozen=True)
class Shape:
    """A body: its outline and where its parts sit, in hundredths of its length."""

    outline: str
    guard: str  # what the pickguard covers; it ends where the body's rim begins
    heel: float  # y where the fretboard ends
    bridge: float  # y where the strings end
    knobs: tuple[tuple[float, float], ...]  # in the order in which they are fitted
    switch: tuple[float, float]
    is_half: bool = False  # the outline is the left half of a symmetric body
    holes: str = ""  # sound holes, the left one


SHAPES = {
    "Double Cut": Shape(
        outline="M -6 -19 C -10 -20 -13 -28 -17 -40 C -20 -52 -27 -58 -32 -54"
        " C -38 -48 -36 -30 -30 -15 C -27 -6 -28 1 -32 10 C -40 29 -33 47 -9 50"
        " C 3 51 9 50 17 48 C 37 45 40 27 33 11 C 29 2 27 -5 29 -15"
        " C 33 -27 38 -42 33 -49 C 28 -53 22 -46 18 -35 C 14 -25 11 -20 6 -18 Z",
        guard="M -22 -44 L -14 -42 L -9 -24 L 22 -40 C 40 -30 22 -5 30 10 L 33 36"
        " C 22 41 18 36 13 31 L 9 14 L -10 14 C -14 8 -20 -2 -22 -14 Z",
        heel=-16,
        bridge=24,
        knobs=((19, 14), (23, 23), (26, 32), (14, 20)),
        switch=(17, 6),
    ),
    "Single Cut": Shape(
        outline="M -6 -36 C -18 -42 -35 -39 -36 -26 C -37 -16 -29 -12 -29 -4"
        " C -30 5 -43 8 -43 25 C -43 43 -24 50 0 50 C 24 50 43 43 43 25"
        " C 43 8 30 5 28 -3 C 27 -10 34 -14 33 -22 C 32 -30 26 -32 21 -27"
        " C 16 -21 14 -15 10 -15 C 7 -15 6 -18 6 -22 Z",
        guard="M 6 -16 L 12 -15 C 17 -12 17 0 17 6 C 17 11 15 13 12 14 L 6 14 Z",
        heel=-14,
        bridge=22,
        knobs=((22, 20), (28, 31), (14, 31), (20, 41)),
        switch=(-20, -27),
    ),
    "Offset": Shape(
        outline="M -6 -24 C -10 -24 -14 -29 -18 -34 C -24 -42 -36 -40 -39 -30"
        " C -42 -21 -35 -17 -33 -13 C -32 -9 -37 -6 -42 0 C -53 16 -43 34 -24 40"
        " C -8 45 4 55 20 55 C 42 54 50 38 43 28 C 38 20 27 17 24 8"
        " C 21 -3 32 -6 33 -17 C 34 -28 26 -32 20 -28 C 14 -24 10 -23 6 -23 Z",
        guard="M -30 -36 L -16 -32 L -8 -22 L 30 -32 C 32 -10 17 2 30 18 L 36 40"
        " C 24 46 16 38 10 32 L 8 16 L -16 14 C -26 6 -24 -14 -30 -22 Z",
        heel=-16,
        bridge=23,
        knobs=((21, 23), (28, 32), (17, 32), (27, 42)),
        switch=(22, -22),
    ),
    "Flying V": Shape(
        outline="M -6 -34 C -10 -38 -16 -36 -18 -30 L -47 36 C -52 47 -47 54 -39 51"
        " C -31 48 -24 41 -5 27 C -3 25.5 -2 25 0 25",
        guard="M 6 -26 L 14 -28 L 40 34 L 32 42 L 14 14 L 6 6 Z",
        heel=-22,
        bridge=13,
        knobs=((22, 20), (27.5, 28), (33, 36), (15, 13)),
        switch=(37, 44),
        is_half=True,
    ),
    "Explorer": Shape(
        outline="M -6 -30 L -27 -23 C -33 -21 -34 -16 -30 -11 L -20 3"
        " L -45 37 C -51 46 -46 52 -37 49 L 31 33 C 38 31 40 26 36 21 L 24 0"
        " L 40 -32 C 44 -41 38 -46 31 -42 L 6 -27 Z",
        guard="M 6 -22 L 30 -38 L 38 -30 L 22 -2 L 32 20 L 26 32 L 12 32 L 9 10"
        " L 6 6 Z",
        heel=-17,
        bridge=20,
        knobs=((16, 16), (21, 23), (26, 29), (14, 28)),
        switch=(27, -30),
    ),
    "Violin": Shape(
        outline="M -6 -42 C -20 -45 -31 -37 -30 -26 C -29.5 -19 -26 -16 -29 -10"
        " C -22 -10 -18 -4 -19 2 C -20 8 -25 12 -33 11 C -30 15 -40 22 -38 32"
        " C -36 46 -16 50 0 50",
        guard="M 7 -20 L 11 -20 C 13 -8 12 4 15 14 C 17 22 15 27 11 28 L 7 27 Z",
        heel=-19,
        bridge=24,
        knobs=((19, 34), (26, 29), (12, 39), (24, 38)),
        switch=(18, 27),
        is_half=True,
        holes="M -15 12 C -20 8 -15 4 -14.5 8 C -13 14 -20 22 -19 29"
        " C -18 33 -13 29 -17.5 25 C -17.5 20 -12 14 -15 12 Z",
    ),
    "Teardrop": Shape(
        outline="M -6 -40 C -10 -36 -14 -30 -19 -21 C -26 -8 -38 4 -38 22"
        " C -38 40 -22 50 0 50",
        guard="M -9 -32 L 9 -32 L 14 -20 C 26 -4 40 18 30 30 C 22 38 14 32 9 26"
        " L 8 16 L -9 12 C -13 0 -12 -20 -9 -32 Z",
        heel=-18,
        bridge=23,
        knobs=((18, 12), (24, 20), (21, 29), (15, 21)),
        switch=(14, 3),
        is_half=True,
    ),
}


@dataclass(frozen=True)
class Headstock:
    """A headstock above its nut, which lies at 0, 0, and its tuners' posts."""

    outline: str
    posts: tuple[tuple[float, float], ...]  # from the lowest string to the highest
    buttons: tuple[float, ...]  # each tuner's button: x of its middle


HEADSTOCKS = {
    "in line": Headstock(
        "M -4.3 0 C -5 -4 -7 -5 -7 -8 L -8 -30 C -8 -37 3 -38 6 -33 C 8 -29 3 -27 4"
        " -23 L 4.3 0 Z",
        tuple((-4.6 + 0.5 * i, -7.5 - 4.6 * i) for i in range(6)),
        tuple(-9.6 - 0.15 * i for i in range(6)),
    ),
    "open book": Headstock(
        "M -4.3 0 C -5 -4 -9 -5 -9 -9 L -8.5 -27 C -8.5 -32 -3 -32 0 -28.5"
        " C 3 -32 8.5 -32 8.5 -27 L 9 -9 C 9 -5 5 -4 4.3 0 Z",
        ((-5.6, -9), (-5.4, -16), (-5.2, -23), (5.2, -23), (5.4, -16), (5.6, -9)),
        (-11.2, -11, -10.8, 10.8, 11, 11.2),
    ),
    "arrow": Headstock(
        "M -4.3 0 C -5 -4 -9 -5 -9.5 -9 L -2 -34 C -1 -36 1 -36 2 -34 L 9.5 -9"
        " C 9 -5 5 -4 4.3 0 Z",
        ((-5.4, -9), (-3.9, -15), (-2.4, -21), (2.4, -21), (3.9, -15), (5.4, -9)),
        (-11.4, -9.6, -7.8, 7.8, 9.6, 11.4),
    ),
}


@cache
def trace(path: str, *, is_half: bool = False) -> Points:
    """Return the points of a path, its curves flattened; half a path is mirrored."""
    points: list[Points] = []
    for command, numbers in _commands(path):
        if command == "C":
            curve = np.vstack([points[-1][-1:], numbers.reshape(3, 2)])
            points.append(_flatten(curve))
        elif command in "ML":
            points.append(numbers.reshape(1, 2))
    line = np.concatenate(points)
    if is_half:
        line = np.concatenate([line, line[::-1] * (-1, 1)])
    line.setflags(write=False)
    return line


def _commands(path: str) -> list[tuple[str, Points]]:
    """Split a path into its letters, each with the numbers behind it."""
    found: list[tuple[str, list[float]]] = []
    for word in path.split():
        if word.isalpha():
            found.append((word, []))
        else:
            found[-1][1].append(float(word))
    return [(letter, np.array(numbers)) for letter, numbers in found]


def _flatten(curve: Points) -> Points:
    """Return points along a cubic Bézier curve, its start left out."""
    t = np.linspace(0, 1, _STEPS + 1)[1:, None]
    weights = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    return np.asarray(weights @ curve, dtype=np.float64)
