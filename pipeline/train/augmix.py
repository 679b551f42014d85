"""AugMix (Hendrycks et al., ICLR 2020, arXiv 1912.02781), drawn for each picture.

Three chains of one to three operations are mixed by Dirichlet weights, and the result
with the picture itself by a Beta one. The operations are the paper's, none of them of
ImageNet-C, at its strength (3 of 10); unlike there, what a turn or a shift uncovers is
filled with the picture's edge, as in the rest of the training. The loss that belongs
to it is in ``pipeline.train.consistency``.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.images import Pixels
from pipeline.train.noise import look_up

Operation = Callable[[Pixels, float, np.random.Generator], Pixels]

CHAINS = 3
MOST_OPERATIONS = 3  # in a chain
ALPHA = 1.0  # of the Dirichlet and the Beta distribution
STRENGTH = 0.3  # of 1; each operation draws evenly up to it
LEAST_STRENGTH = 0.01
TURN = 30.0  # degrees, at strength 1
SHEAR = 0.3  # of the side
SHIFT = 1 / 3  # of the side
BITS = 4  # that posterise leaves at strength 0; none fewer than 1
_SALT = 0xA_913  # keeps these draws apart from those of the augmentation


def augmix(image: Pixels, seed: tuple[int, ...]) -> Pixels:
    """Return a mixture of ``image`` with changed copies of itself.

    Args:
        image: RGB, ``uint8``, shape (H, W, 3); not modified.
        seed: The same gives the same pixels.
    """
    rng = np.random.default_rng((*seed, _SALT))
    weights = rng.dirichlet([ALPHA] * CHAINS)
    share = rng.beta(ALPHA, ALPHA)
    mixed = cv2.addWeighted(image, 1 - share, image, 0, 0, dtype=cv2.CV_32F)
    for weight in weights:
        changed = image
        for name in rng.choice(_NAMES, rng.integers(1, MOST_OPERATIONS + 1)):
            strength = rng.uniform(LEAST_STRENGTH, STRENGTH)
            changed = AUGMIX[name](changed, strength, rng)
        mixed = cv2.addWeighted(changed, share * weight, mixed, 1, 0, dtype=cv2.CV_32F)
    return np.asarray(cv2.convertScaleAbs(mixed), np.uint8)  # rounds


def autocontrast(image: Pixels, _: float, __: np.random.Generator) -> Pixels:
    """Spread each channel over 0..255; a plain one stays."""
    bounds = [cv2.minMaxLoc(channel)[:2] for channel in cv2.split(image)]
    low, high = np.array(bounds, np.float32).T
    is_plain = high <= low
    steps = np.arange(256, dtype=np.float32)[:, None]
    spread = (steps - low) * (255 / np.where(is_plain, 1, high - low))
    return look_up(image, np.where(is_plain, steps, spread))


def equalize(image: Pixels, _: float, __: np.random.Generator) -> Pixels:
    """Flatten the histogram of each channel."""
    channels = [cv2.equalizeHist(channel) for channel in cv2.split(image)]
    return np.asarray(cv2.merge(channels), np.uint8)


def posterize(image: Pixels, strength: float, _: np.random.Generator) -> Pixels:
    """Keep the highest bits alone."""
    bits = max(1, BITS - int(strength * BITS))
    return np.asarray(image & np.uint8(256 - (1 << (8 - bits))), np.uint8)


def solarize(image: Pixels, strength: float, _: np.random.Generator) -> Pixels:
    """Invert what is lighter than a bound."""
    steps = np.arange(256, dtype=np.float32)[:, None].repeat(3, axis=1)
    is_light = steps >= 256 - int(strength * 256)
    return look_up(image, np.where(is_light, 255 - steps, steps))


def rotate(image: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    """Turn about the middle, either way."""
    turn = np.deg2rad(_either_way(strength * TURN, rng))
    cos, sin = np.cos(turn), np.sin(turn)
    return _warp(image, np.array([[cos, sin], [-sin, cos]]))


def shear_x(image: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    """Move rows aside, the farther from the middle the more."""
    return _warp(image, np.array([[1, _either_way(strength * SHEAR, rng)], [0, 1]]))


def shear_y(image: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    """Move columns up or down, the farther from the middle the more."""
    return _warp(image, np.array([[1, 0], [_either_way(strength * SHEAR, rng), 1]]))


def translate_x(image: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    """Shift left or right."""
    shift = _either_way(strength * SHIFT * image.shape[1], rng)
    return _warp(image, np.eye(2), (shift, 0))


def translate_y(image: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    """Shift up or down."""
    shift = _either_way(strength * SHIFT * image.shape[0], rng)
    return _warp(image, np.eye(2), (0, shift))


AUGMIX: dict[str, Operation] = {
    "autocontrast": autocontrast,
    "equalize": equalize,
    "posterize": posterize,
    "rotate": rotate,
    "solarize": solarize,
    "shear_x": shear_x,
    "shear_y": shear_y,
    "translate_x": translate_x,
    "translate_y": translate_y,
}
_NAMES = tuple(AUGMIX)


def _either_way(amount: float, rng: np.random.Generator) -> float:
    return amount if rng.random() < 0.5 else -amount


def _warp(
    image: Pixels, turning: NDArray[np.float64], shift: tuple[float, float] = (0, 0)
) -> Pixels:
    """Apply ``turning`` (2, 2) about the middle, then ``shift`` in pixels (x, y)."""
    height, width = image.shape[:2]
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    moved = middle - turning @ middle + shift
    warped = cv2.warpAffine(
        image,
        np.column_stack([turning, moved]),
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(warped, np.uint8)
