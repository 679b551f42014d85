"""Training pictures, changed a little each time they are seen. The only albumentations.

One warp turns, shifts, zooms and shrinks the cached square to the network's size, so
that a picture is resampled once; what it uncovers is filled with the picture's edge.
"""

import os
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.images import Pixels

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # it would ask the network on import
import albumentations as A  # noqa: N812  as all of its own pages call it
import cv2

CACHE_MARGIN = 0.075  # cached beyond each side, of the side: zooming in stays sharp
TINY = 64  # a network's size up to which photos are as small: enlarging only blurs


@dataclass(frozen=True)
class Strength:
    """How far a picture may be changed; each is drawn evenly between the bounds."""

    turn: float = 15.0  # degrees, either way
    shift: float = 0.08  # of the side, either way
    zoom: float = 0.15  # of the size, either way
    shear: float = 0.0  # degrees of slant, either way
    light: float = 0.1  # of brightness and of contrast, either way
    mirror: bool = True  # left-right, every other time
    upside_down: bool = False  # top-bottom, every other time


class Augment:
    """Changes pictures; what it does follows from the seed alone.

    Not to be shared by threads: it carries its random state.
    """

    def __init__(self, cached_size: int, image_size: int, strength: Strength) -> None:
        self._compose = _compose(cached_size, image_size, strength)
        self._random = random.Random()  # noqa: S311  pictures, no secrets

    def __call__(self, image: Pixels, seed: tuple[int, ...]) -> Pixels:
        """Return a changed copy of a square (C, C, 3), as (S, S, 3) ``uint8``.

        Args:
            image: A square of the cached size; not modified.
            seed: The same gives the same pixels.
        """
        sequence = np.random.SeedSequence(seed)
        self._random.seed(int(sequence.generate_state(1)[0]))
        # All steps draw from one stream. `set_random_seed` would begin each of them at
        # the same place: what was mirrored would always be upside down as well.
        self._compose.set_random_state(np.random.default_rng(sequence), self._random)
        return np.asarray(self._compose(image=image)["image"], np.uint8)


class _Warp(A.Affine):  # type: ignore[misc]  # albumentations carries no types
    """An affine warp of which only the middle is computed, instead of cut out.

    Args:
        image_size: Pixels of the middle square.
        more: As of ``A.Affine``.
    """

    def __init__(self, image_size: int, **more: Any) -> None:
        super().__init__(**more)
        self._image_size = image_size

    def apply(
        self,
        img: Pixels,
        matrix: NDArray[np.float64],
        output_shape: tuple[int, int],
        **params: object,
    ) -> Pixels:
        """Warp ``img`` by ``matrix``, (3, 3), as seen from the middle's corner."""
        to_middle = matrix[:2].copy()
        to_middle[:, 2] -= [(side - self._image_size) // 2 for side in output_shape]
        side = (self._image_size, self._image_size)
        warped = cv2.warpAffine(
            img, to_middle, side, flags=self.interpolation, borderMode=self.border_mode
        )
        return np.asarray(warped, np.uint8)


def cached_size(image_size: int) -> int:
    """Return the side of the square to cache for a network of ``image_size``.

    As many pixels more on either side: the middle stays the middle.
    """
    if image_size <= TINY:
        return image_size
    return image_size + 2 * round(image_size * CACHE_MARGIN)


def _compose(cached: int, image_size: int, strength: Strength) -> A.Compose:
    shrink = image_size / cached
    shift = strength.shift * shrink
    steps: list[A.BasicTransform] = []
    if strength.mirror:
        steps.append(A.HorizontalFlip(p=0.5))
    if strength.upside_down:
        steps.append(A.VerticalFlip(p=0.5))
    steps.append(
        _Warp(
            image_size,
            rotate=(-strength.turn, strength.turn),
            translate_percent=(-shift, shift),
            shear={"x": (-strength.shear, strength.shear), "y": (0.0, 0.0)},
            scale=((1 - strength.zoom) * shrink, (1 + strength.zoom) * shrink),
            keep_ratio=True,
            border_mode=cv2.BORDER_REPLICATE,
            p=1.0,
        )
    )
    if strength.light:
        steps.append(A.RandomBrightnessContrast(strength.light, strength.light, p=1.0))
    return A.Compose(steps)
