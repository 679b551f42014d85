"""Training pictures, changed a little each time they are seen. The only albumentations.

One warp turns, shifts, zooms and shrinks the cached square to the network's size, so
that a picture is resampled once; what it uncovers is filled with the picture's edge.
"""

import os
from dataclasses import dataclass

import numpy as np

from pipeline.images import Pixels

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # it would ask the network on import
import albumentations as A  # noqa: N812  as all of its own pages call it
import cv2

CACHE_MARGIN = 0.075  # cached beyond each side, of the side: zooming in stays sharp


@dataclass(frozen=True)
class Strength:
    """How far a picture may be changed; each is drawn evenly between the bounds."""

    turn: float = 15.0  # degrees, either way
    shift: float = 0.08  # of the side, either way
    zoom: float = 0.15  # of the size, either way
    light: float = 0.1  # of brightness and of contrast, either way
    mirror: bool = True  # left-right, every other time


class Augment:
    """Changes pictures; what it does follows from the seed alone.

    Not to be shared by threads: it carries its random state.
    """

    def __init__(self, cached_size: int, image_size: int, strength: Strength) -> None:
        self._compose = _compose(cached_size, image_size, strength)

    def __call__(self, image: Pixels, seed: tuple[int, ...]) -> Pixels:
        """Return a changed copy of a square (C, C, 3), as (S, S, 3) ``uint8``.

        Args:
            image: A square of the cached size; not modified.
            seed: The same gives the same pixels.
        """
        self._compose.set_random_seed(_one_number(seed))
        return np.asarray(self._compose(image=image)["image"], np.uint8)


def cached_size(image_size: int) -> int:
    """Return the side of the square to cache for a network of ``image_size``.

    As many pixels more on either side: the middle stays the middle.
    """
    return image_size + 2 * round(image_size * CACHE_MARGIN)


def _compose(cached: int, image_size: int, strength: Strength) -> A.Compose:
    shrink = image_size / cached
    shift = strength.shift * shrink
    steps: list[A.BasicTransform] = [
        A.HorizontalFlip(p=0.5 if strength.mirror else 0.0),
        A.Affine(
            rotate=(-strength.turn, strength.turn),
            translate_percent=(-shift, shift),
            scale=((1 - strength.zoom) * shrink, (1 + strength.zoom) * shrink),
            keep_ratio=True,
            border_mode=cv2.BORDER_REPLICATE,
            p=1.0,
        ),
        A.CenterCrop(image_size, image_size),
        A.RandomBrightnessContrast(strength.light, strength.light, p=1.0),
    ]
    return A.Compose(steps)


def _one_number(seed: tuple[int, ...]) -> int:
    """Mix the parts of a seed into 32 bits, as albumentations takes them."""
    return int(np.random.SeedSequence(seed).generate_state(1)[0])
