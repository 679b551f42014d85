"""Paper on a table, seen from above and flat: what a camera is then held over.

Lengths are in millimetres of the page; ``ppm`` is pixels a millimetre.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.digits.strokes import INKS, Coverage, Pen

Light = NDArray[np.float32]  # (H, W, 3) RGB reflectance, 0..1

PAPERS = ("white", "cream", "lined", "squared", "crumpled", "sticky", "spiral")
_PAPER_SHARES = (0.22, 0.12, 0.22, 0.2, 0.1, 0.06, 0.08)
TABLES = ("wood", "dark", "pale", "cloth", "stone")


@dataclass(frozen=True)
class Page:
    """A sheet as it lies in the flat scene: its box in pixels, and its kind."""

    paper: str
    left: int
    top: int
    right: int
    bottom: int


def noise(
    shape: tuple[int, int], cells: tuple[float, float], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return smooth noise, -1..1, of ``cells`` bumps down and across."""
    rows, columns = (max(2, round(number)) for number in cells)
    coarse = rng.uniform(-1, 1, (min(rows, shape[0]), min(columns, shape[1])))
    return np.asarray(
        cv2.resize(
            coarse.astype(np.float32), shape[::-1], interpolation=cv2.INTER_CUBIC
        ),
        np.float32,
    )


def draw_table(shape: tuple[int, int], rng: np.random.Generator) -> Light:
    """Draw what the sheet lies on."""
    kind = rng.choice(TABLES)
    height, width = shape
    if kind == "wood":
        base = np.array(
            [(0.55, 0.38, 0.24), (0.72, 0.55, 0.38), (0.33, 0.2, 0.13)][rng.integers(3)]
        )
        grain = noise(shape, (height / 9, width / 220), rng)
        grain += 0.6 * noise(shape, (height / 40, width / 500), rng)
        surface = base * (1 + 0.16 * grain[..., None])
    elif kind == "dark":
        surface = np.full((*shape, 3), rng.uniform(0.06, 0.2)) * rng.uniform(0.9, 1.1)
    elif kind == "pale":
        surface = np.full((*shape, 3), rng.uniform(0.62, 0.85))
        surface = surface * (1 + 0.02 * noise(shape, (40, 40), rng)[..., None])
    elif kind == "cloth":
        rows, columns = np.indices(shape)
        weave = np.sin(rows * 0.9) * np.sin(columns * 0.9)
        colour = rng.uniform(0.2, 0.7, 3)
        surface = colour * (1 + 0.18 * weave[..., None])
    else:
        grains = rng.normal(0, 0.12, (height // 3 + 1, width // 3 + 1))
        speckle = cv2.resize(grains.astype(np.float32), (width, height))
        surface = rng.uniform(0.35, 0.6) * (1 + speckle[..., None]) * np.ones(3)
    return np.asarray(np.clip(surface, 0.02, 0.95), np.float32)


def choose_paper(rng: np.random.Generator) -> str:
    """Choose what is written on."""
    return str(rng.choice(PAPERS, p=_PAPER_SHARES))


def lay_page(scene: Light, page: Page, ppm: float, rng: np.random.Generator) -> None:
    """Draw the sheet into the scene, with its rulings, folds and its own shadow."""
    height, width = page.bottom - page.top, page.right - page.left
    sheet = np.ones((height, width, 3), np.float32) * _colour(page.paper, rng)
    sheet *= 1 + 0.012 * noise((height, width), (height / 6, width / 6), rng)[..., None]
    sheet *= 1 + 0.02 * noise((height, width), (7, 7), rng)[..., None]
    if page.paper in {"lined", "squared", "spiral"}:
        _rule(sheet, page.paper, ppm, rng)
    if page.paper == "crumpled":
        _crumple(sheet, rng.uniform(0.4, 1.0), rng)
    elif rng.random() < 0.2:
        _fold(sheet, ppm, rng)
    if page.paper == "spiral":
        _punch(sheet, ppm, rng)
    _cast_shadow(scene, page, ppm, rng)
    into = scene[
        max(0, page.top) : max(0, page.bottom), max(0, page.left) : max(0, page.right)
    ]
    from_top, from_left = max(0, -page.top), max(0, -page.left)
    into[:] = sheet[
        from_top : from_top + into.shape[0], from_left : from_left + into.shape[1]
    ]


def write_ink(
    scene: Light,
    coverage: Coverage,
    pen: Pen,
    at: tuple[int, int],
    rng: np.random.Generator,
) -> None:
    """Lay ink over the scene; ``at`` is the row and column of the coverage's corner."""
    rows, columns = coverage.shape
    part = scene[at[0] : at[0] + rows, at[1] : at[1] + columns]
    coverage = coverage[: part.shape[0], : part.shape[1]]
    shape = (part.shape[0], part.shape[1])
    tooth = np.clip(noise(shape, (rows / 2.5, columns / 2.5), rng) * 0.5 + 0.5, 0, 1)
    flow = 1 + 0.1 * noise(shape, (6, 6), rng)
    opacity = rng.uniform(*pen.opacity) * flow * (1 - pen.grain * tooth)
    alpha = np.clip(coverage * opacity, 0, 1)[..., None]
    ink = np.array(INKS[str(rng.choice(pen.inks))], np.float32) / 255
    ink = np.clip(ink + rng.uniform(-0.04, 0.04, 3), 0, 1) ** 2.2
    part[:] = part * (1 - alpha) + ink * alpha * (0.4 + 0.6 * part)


def lay_pen(scene: Light, ppm: float, rng: np.random.Generator) -> None:
    """Lay a pen at the scene's edge, its shadow beside it."""
    height, width = scene.shape[:2]
    side = rng.integers(2)
    near = 0.06 if side else 0.94
    start = np.array([near * width, rng.uniform(0.1, 0.9) * height])
    angle = rng.uniform(0, 2 * np.pi)
    end = start + ppm * 140 * np.array([np.cos(angle) * 0.25, np.sin(angle)])
    thick = max(3, round(9 * ppm))
    colour = rng.uniform(0.02, 0.7, 3).tolist()
    mask = np.zeros((height, width), np.float32)
    shift = np.array([0.5 * thick, 0.6 * thick])
    cv2.line(mask, _point(start + shift), _point(end + shift), 1.0, thick)
    scene *= 1 - 0.4 * cv2.GaussianBlur(mask, (0, 0), thick / 3)[..., None]
    cv2.line(scene, _point(start), _point(end), colour, thick, cv2.LINE_AA)


def _point(place: NDArray[np.float64]) -> tuple[int, int]:
    return int(place[0]), int(place[1])


def _colour(paper: str, rng: np.random.Generator) -> NDArray[np.float32]:
    if paper == "sticky":
        choices = [(0.95, 0.87, 0.35), (0.95, 0.6, 0.68), (0.6, 0.85, 0.6)]
        return np.array(choices[rng.integers(3)], np.float32)
    if paper == "cream":
        return np.array((0.87, 0.82, 0.68), np.float32)
    return np.array((0.86, 0.86, 0.85), np.float32) * np.float32(rng.uniform(0.92, 1.0))


def _rule(sheet: Light, paper: str, ppm: float, rng: np.random.Generator) -> None:
    """Print lines or squares, and on some sheets a margin."""
    height, width = sheet.shape[:2]
    is_squared = paper == "squared" or (paper == "spiral" and rng.random() < 0.5)
    step = ppm * (rng.uniform(4, 7) if is_squared else rng.uniform(6, 10))
    colour = [(0.45, 0.6, 0.8), (0.55, 0.55, 0.58), (0.6, 0.5, 0.7)][rng.integers(3)]
    strength = rng.uniform(0.25, 0.9)
    thick = ppm * rng.uniform(0.12, 0.3)
    mask = np.zeros((height, width), np.float32)
    start = rng.uniform(0, step)
    rows = np.arange(height, dtype=np.float32)
    lines = np.clip(
        thick / 2 + 0.5 - np.abs((rows - start + step / 2) % step - step / 2), 0, 1
    )
    mask = np.maximum(mask, lines[:, None] * min(1, thick))
    if is_squared:
        places = np.arange(width, dtype=np.float32)
        lines = np.clip(
            thick / 2 + 0.5 - np.abs((places - start + step / 2) % step - step / 2),
            0,
            1,
        )
        mask = np.maximum(mask, lines[None] * min(1, thick))
    sheet *= 1 - strength * mask[..., None] * (1 - np.array(colour, np.float32))
    if not is_squared and rng.random() < 0.5:
        place = round(ppm * rng.uniform(18, 30))
        if place + 2 < width:
            wide = max(1, round(ppm * 0.3))
            sheet[:, place : place + wide] *= np.array((0.9, 0.5, 0.5), np.float32)


def _crumple(sheet: Light, depth: float, rng: np.random.Generator) -> None:
    """Shade facets as paper has that was crushed and smoothed again."""
    height, width = sheet.shape[:2]
    small = (max(8, height // 4), max(8, width // 4))
    rows, columns = np.indices(small, dtype=np.float32)
    surface = np.zeros(small, np.float32)
    for _ in range(14):
        angle = rng.uniform(0, np.pi)
        across = np.cos(angle) * columns / small[1] + np.sin(angle) * rows / small[0]
        across = across + 0.05 * noise(small, (3, 3), rng)
        surface += rng.uniform(0.3, 1) * np.abs(across - rng.uniform(-0.2, 1.2))
    surface = cv2.GaussianBlur(surface, (0, 0), 1.5)
    slope = np.gradient(surface, axis=1) + 0.6 * np.gradient(surface, axis=0)
    slope = (slope - slope.mean()) / (slope.std() + 1e-6)
    shade = cv2.resize(slope.astype(np.float32), (width, height))
    sheet *= (1 + 0.05 * depth * np.clip(shade, -3, 3))[..., None]


def _fold(sheet: Light, ppm: float, rng: np.random.Generator) -> None:
    """Shade a crease: one half lies a little darker, the crease is a soft line."""
    height, width = sheet.shape[:2]
    rows, columns = np.indices((height, width), dtype=np.float32)
    angle = rng.choice([0, np.pi / 2]) + rng.uniform(-0.03, 0.03)
    across = np.cos(angle) * (columns - rng.uniform(0.3, 0.7) * width) + np.sin(
        angle
    ) * (rows - rng.uniform(0.3, 0.7) * height)
    side = np.tanh(across / (2 * ppm))
    crease = np.exp(-((across / (0.5 * ppm)) ** 2))
    sheet *= (
        1 - 0.035 * rng.uniform(0.4, 1.5) * side - 0.1 * rng.uniform(0, 1) * crease
    )[..., None].astype(np.float32)


def _punch(sheet: Light, ppm: float, rng: np.random.Generator) -> None:
    """Punch the holes of a spiral along one side, and wind its wire through."""
    height, width = sheet.shape[:2]
    is_left = rng.random() < 0.6
    step = ppm * rng.uniform(6, 9)
    length = height if is_left else width
    for place in np.arange(step / 2, length, step):
        centre = (4.5 * ppm, place) if is_left else (place, 4.5 * ppm)
        at = _point(np.array(centre))
        cv2.circle(sheet, at, max(1, round(2 * ppm)), (0.08, 0.07, 0.07), -1)
        to = (0, at[1] - round(ppm)) if is_left else (at[0] - round(ppm), 0)
        cv2.line(sheet, at, to, (0.25, 0.25, 0.27), max(1, round(1.1 * ppm)))


def _cast_shadow(
    scene: Light, page: Page, ppm: float, rng: np.random.Generator
) -> None:
    """Darken the table beside the sheet: it lies a little above it."""
    mask = np.zeros(scene.shape[:2], np.float32)
    shift = rng.uniform(-2.5, 2.5, 2) * ppm
    corner = np.array([page.left, page.top]) + shift
    opposite = np.array([page.right, page.bottom]) + shift
    cv2.rectangle(mask, _point(corner), _point(opposite), 1.0, -1)
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.5, rng.uniform(0.3, 2) * ppm))
    scene *= 1 - rng.uniform(0.2, 0.6) * soft[..., None]
