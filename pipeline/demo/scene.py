"""The photo of a guitar: how it lies, on what, in which light, by which camera."""

import itertools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.demo.canvas import LEFT, PER_UNIT, TOP, Layer, Mask, faded
from pipeline.demo.drawing import draw_guitar
from pipeline.demo.guitar import Guitar, hull
from pipeline.demo.paint import Colour, shaded
from pipeline.images import Pixels

_PALE: tuple[Colour, ...] = (
    (236, 224, 206),
    (206, 220, 232),
    (224, 232, 216),
    (240, 220, 220),
    (222, 216, 236),
    (190, 194, 198),
)
_FLOORS: tuple[Colour, ...] = (
    (188, 140, 92),
    (146, 98, 62),
    (206, 176, 136),
    (112, 82, 62),
)
_WALLS: tuple[Colour, ...] = (
    (222, 214, 200),
    (176, 190, 192),
    (204, 178, 160),
    (150, 164, 150),
    (214, 206, 214),
)
_CLOTHS: tuple[Colour, ...] = (
    (128, 40, 52),
    (48, 66, 108),
    (70, 100, 82),
    (176, 164, 148),
    (196, 150, 70),
    (104, 104, 112),
)


@dataclass(frozen=True)
class Scene:
    """Everything that is chosen about a photo but the guitar on it."""

    size: tuple[int, int]  # width, height in pixels
    turn: float  # degrees, clockwise; near 90 or -90 it lies
    is_mirrored: bool  # a left-hander
    fill: float  # how much of the frame the guitar spans, 0..1
    offset: tuple[float, float]  # -1..1 of the room that is left
    tilt: tuple[float, float]  # perspective, across and along
    ground: str  # a key of GROUNDS
    shadow: tuple[float, float, float]  # shift right and down in pixels, strength
    warmth: float  # -1 (cold light) to 1 (warm)
    brightness: float  # a factor
    vignette: float  # 0..1
    noise: float  # standard deviation in grey levels
    blur: float  # sigma in pixels; below 0.3 none
    seed: int  # of the ground's and the camera's chance


def choose_scene(rng: np.random.Generator, size: tuple[int, int]) -> Scene:
    """Choose a scene by chance; in a wide frame the guitar lies, else it stands."""
    width, height = size
    turn = float(np.clip(rng.normal(0, 9), -40, 40))
    if width > height:
        turn = float(rng.choice([-90, 90])) + turn / 2
    names = list(GROUNDS)
    weights = np.array([GROUND_WEIGHTS[name] for name in names])
    return Scene(
        size=size,
        turn=turn,
        is_mirrored=bool(rng.random() < 0.06),
        fill=float(rng.uniform(0.9, 0.98)),
        offset=(float(rng.uniform(-1, 1)), float(rng.uniform(-1, 1))),
        tilt=(float(rng.normal(0, 0.04)), float(rng.normal(0, 0.05))),
        ground=names[rng.choice(len(names), p=weights / weights.sum())],
        shadow=(
            float(rng.uniform(-10, 14)),
            float(rng.uniform(3, 14)),
            float(rng.uniform(0.25, 0.55)),
        ),
        warmth=float(rng.normal(0, 0.35)),
        brightness=float(rng.uniform(0.88, 1.06)),
        vignette=float(rng.uniform(0, 0.3)) if rng.random() < 0.6 else 0.0,
        noise=float(rng.uniform(0.6, 4.5)),
        blur=float(rng.uniform(0, 0.8)),
        seed=int(rng.integers(2**32)),
    )


def take_photo(guitar: Guitar, scene: Scene) -> Pixels:
    """Return the photo of ``guitar`` in ``scene``; the same two give the same."""
    rng = np.random.default_rng(scene.seed)
    layer = _placed(draw_guitar(guitar, rng), guitar, scene)
    ground = GROUNDS[scene.ground](scene.size, rng)
    light = _shadow(layer.alpha, scene.shadow)
    seen = np.asarray(cv2.multiply(light, 255 - layer.alpha, scale=1 / 255), np.uint8)
    image = np.asarray(cv2.add(layer.image, faded(ground, seen)), np.uint8)
    return _exposed(image, scene, rng)


def _placed(layer: Layer, guitar: Guitar, scene: Scene) -> Layer:
    """Shrink a drawing and turn it into its place in the photo."""
    matrix, scale = _placement(guitar, scene)
    step = min(1.0, 1.08 * scale)
    placing = matrix @ np.diag([1 / step, 1 / step, 1])
    image, alpha = (
        cv2.warpPerspective(
            cv2.resize(plane, None, fx=step, fy=step, interpolation=cv2.INTER_AREA),
            placing,
            scene.size,
            flags=cv2.INTER_LINEAR,
        )
        for plane in (layer.image, layer.alpha)
    )
    return Layer(np.asarray(image, np.uint8), np.asarray(alpha, np.uint8))


def _placement(guitar: Guitar, scene: Scene) -> tuple[NDArray[np.float64], float]:
    """Return the matrix from the drawing's pixels to the photo's, and its scale."""
    angle = np.radians(scene.turn)
    mirror = -1.0 if scene.is_mirrored else 1.0
    turn = np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    ) @ np.diag([mirror, 1.0])
    points = hull(guitar) @ turn.T
    low, high = points.min(axis=0), points.max(axis=0)
    size = np.array(scene.size)
    scale = float(scene.fill * (size / (high - low)).min())  # pixels a unit
    room = size - scale * (high - low)
    shift = size / 2 + np.array(scene.offset) * room * 0.18 - scale * (low + high) / 2
    to_units = np.array([[1 / PER_UNIT, 0, LEFT], [0, 1 / PER_UNIT, TOP], [0, 0, 1]])
    pose = np.eye(3)
    pose[:2, :2], pose[:2, 2] = scale * turn, shift
    return _perspective(scene) @ pose @ to_units, scale / PER_UNIT


def _perspective(scene: Scene) -> NDArray[np.float64]:
    """Return the slight tilt of the camera, which leaves the middle where it is."""
    width, height = scene.size
    middle = np.array([[1, 0, width / 2], [0, 1, height / 2], [0, 0, 1]])
    tilt = np.eye(3)
    tilt[2, :2] = scene.tilt[0] / width, scene.tilt[1] / height
    shrink = np.diag([0.97, 0.97, 1.0])
    return np.asarray(middle @ shrink @ tilt @ np.linalg.inv(middle))


def _shadow(alpha: Mask, shadow: tuple[float, float, float]) -> Mask:
    """Return how much light the shadow of what ``alpha`` covers leaves, 0..255."""
    right, down, strength = shadow
    small = cv2.resize(alpha, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    move = np.array([[1, 0, right / 4], [0, 1, down / 4]])
    height, width = small.shape
    moved = cv2.warpAffine(small, move, (width, height))
    soft = cv2.GaussianBlur(moved, (0, 0), 1.2 + abs(right) / 8)
    dark = cv2.resize(soft, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.convertScaleAbs(dark, alpha=-strength, beta=255))


def _exposed(image: Pixels, scene: Scene, rng: np.random.Generator) -> Pixels:
    """Add what light and camera do: colour cast, vignette, blur and noise."""
    width, height = scene.size
    if scene.blur >= 0.3:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), scene.blur), np.uint8)
    cast = scene.brightness * (1 + np.array([0.07, 0.0, -0.09]) * scene.warmth)
    rows = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    fall = 1 - np.float32(scene.vignette / 2) * (rows**2 + columns**2)
    speckle = rng.standard_normal((height, width), dtype=np.float32)
    speckle *= np.float32(scene.noise)
    channels = [
        cv2.add(
            cv2.multiply(channel, fall, scale=float(factor), dtype=cv2.CV_32F),
            speckle,
            dtype=cv2.CV_8U,
        )
        for channel, factor in zip(cv2.split(image), cast, strict=True)
    ]
    return np.asarray(cv2.merge(channels))


def _clouds(
    size: tuple[int, int], rng: np.random.Generator, cells: tuple[int, int]
) -> NDArray[np.float32]:
    """Return smooth noise, -0.5..0.5, with so many cells across and down."""
    noise = rng.random(cells[::-1], dtype=np.float32) - np.float32(0.5)
    return np.asarray(cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC))


def _pick(colours: tuple[Colour, ...], rng: np.random.Generator) -> Colour:
    return colours[rng.integers(len(colours))]


def _white(size: tuple[int, int], rng: np.random.Generator) -> Pixels:
    level = np.float32(rng.uniform(0.97, 1.03))
    return shaded(level + 0.02 * _clouds(size, rng, (2, 2)), (250, 250, 250))


def _gradient(size: tuple[int, int], rng: np.random.Generator) -> Pixels:
    return shaded(0.95 + 0.28 * _clouds(size, rng, (2, 2)), _pick(_PALE, rng))


def _floor(size: tuple[int, int], rng: np.random.Generator) -> Pixels:
    """Boards side by side, along the longer side of the frame."""
    across, along = min(size), max(size)
    boards = int(rng.integers(5, 9))
    edges = np.linspace(0, across, boards + 1).astype(int)
    grain = 0.16 * _clouds((across, along), rng, (90, 7))
    shade = 1 + grain + 0.10 * _clouds((across, along), rng, (24, 3))
    for left, right in itertools.pairwise(edges):
        shade[:, left:right] += rng.uniform(-0.09, 0.09)
        shade[:, max(0, left - 1) : left + 1] *= 0.62
        joint = int(rng.integers(along))
        shade[joint : joint + 2, left:right] *= 0.68
    if size[0] > size[1]:
        shade = np.ascontiguousarray(shade.T)
    return shaded(shade, _pick(_FLOORS, rng))


def _wall(size: tuple[int, int], rng: np.random.Generator) -> Pixels:
    """A plastered wall, its skirting board and a strip of floor below."""
    width, height = size
    shade = 1 + 0.04 * _clouds(size, rng, (width // 4, height // 4))
    shade += 0.12 * _clouds(size, rng, (3, 3))
    image = shaded(shade, _pick(_WALLS, rng))
    top = int(height * rng.uniform(0.8, 0.92))
    image[top:] = _floor((width, height), rng)[: height - top]
    skirting = max(8, height // 30)
    image[top - skirting : top] = (238, 236, 230)
    image[top - skirting - 1] = image[top - skirting - 1] // 2 + 60
    image[top - 1 : top + 2] = (84, 74, 66)
    return image


def _cloth(size: tuple[int, int], rng: np.random.Generator) -> Pixels:
    """A woven cloth with soft folds."""
    width, height = size
    thread = np.kron([[0.03, -0.03], [-0.03, 0.03]], np.ones((2, 2)))
    weave = np.tile(thread, (height // 4 + 1, width // 4 + 1))[:height, :width]
    rows = np.linspace(0, height / 200, height, dtype=np.float32)[:, None]
    columns = np.linspace(0, width / 200, width, dtype=np.float32)[None, :]
    slant, bend = np.float32(rng.uniform(-1.2, 1.2)), _clouds(size, rng, (3, 3))
    folds = np.sin((columns + slant * rows + 1.6 * bend) * np.float32(3.1))
    shade = 1 + weave.astype(np.float32) + np.float32(0.11) * folds
    return shaded(shade, _pick(_CLOTHS, rng))


GROUNDS = {
    "white": _white,
    "gradient": _gradient,
    "floor": _floor,
    "wall": _wall,
    "cloth": _cloth,
}
GROUND_WEIGHTS = {"white": 3, "gradient": 2.5, "floor": 1, "wall": 1.2, "cloth": 0.8}
