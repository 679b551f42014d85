"""The changes of ``augment``, for tiny pictures: an epoch has tens of thousands.

The same warp and light, drawn and laid out by hand: what albumentations does beside the
pixels takes half a millisecond a picture, as long as training on a tiny one.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.images import Pixels
from pipeline.train.augment import Strength


class TinyAugment:
    """Changes pictures as ``Augment`` does, by the seed alone."""

    def __init__(self, cached_size: int, image_size: int, strength: Strength) -> None:
        self._cached, self._size, self._strength = cached_size, image_size, strength

    def __call__(self, image: Pixels, seed: tuple[int, ...]) -> Pixels:
        """Return a changed copy of a square (C, C, 3), as (S, S, 3) ``uint8``.

        Args:
            image: A square of the cached size; not modified.
            seed: The same gives the same pixels.
        """
        rng = np.random.default_rng(seed)
        draws = 2 * rng.random(9) - 1  # -1..1, always as many
        warped = cv2.warpAffine(
            image,
            self._warp(draws[:7]),
            (self._size, self._size),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        contrast, brightness = self._strength.light * draws[7:]
        levels = np.arange(256) * (1 + contrast) + 255 * brightness
        return np.asarray(cv2.LUT(warped, levels.clip(0, 255).round().astype(np.uint8)))

    def _warp(self, draws: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the map (2, 3) from the square to the picture, about both middles."""
        strength = self._strength
        across, along, turn, slant, zoom, mirror, upside_down = draws
        turn = math.radians(strength.turn * turn)
        slant = math.tan(math.radians(strength.shear * slant))
        scale = (1 + strength.zoom * zoom) * self._size / self._cached
        turned = np.array(
            [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
        )
        flips = [
            -1.0 if strength.mirror and mirror < 0 else 1.0,
            -1.0 if strength.upside_down and upside_down < 0 else 1.0,
        ]
        linear = scale * turned @ np.array([[1.0, slant], [0.0, 1.0]]) @ np.diag(flips)
        shift = strength.shift * self._size * np.array([across, along])
        middle = (
            (self._size - 1) / 2 + shift - linear @ np.full(2, (self._cached - 1) / 2)
        )
        return np.column_stack([linear, middle])
