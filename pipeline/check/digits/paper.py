"""How much of what lies around a mark is plain paper: of one colour, and smooth.

A photo of something else has dark strokes too, but grass, cloth and other things are
beside them. Light may fall off and shadows cross: half as bright is the same paper.
"""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.images import Pixels

_SHRUNK = 0.5  # looked at on half the pixels: noise goes
_AROUND = 0.4  # of a mark's longer side: how far its surroundings reach
_DARKEST, _BRIGHTEST = 0.5, 1.45  # times as bright as the middle value
_COLOUR = 0.03  # of red, green and blue that add up to 1
_ROUGH = 0.04  # of the brightness, a pixel


@dataclass(frozen=True)
class Paper:
    """A photo's brightness, colour and roughness, on half its pixels."""

    bright: NDArray[np.float32]  # (h, w), 0..255
    colour: NDArray[np.float32]  # (h, w, 3), adds up to 1
    rough: NDArray[np.float32]  # (h, w), change of brightness a pixel
    brightest: float  # of what there is of it, 0..255
    plain: float  # share of the whole photo that is, 0..1

    @classmethod
    def of(cls, image: Pixels) -> Self:
        """Look at a photo: RGB, ``uint8``, (H, W, 3)."""
        small = cv2.resize(
            cv2.medianBlur(image, 3),
            None,
            fx=_SHRUNK,
            fy=_SHRUNK,
            interpolation=cv2.INTER_AREA,
        ).astype(np.float32)
        bright = small.mean(axis=2)
        rough = np.hypot(cv2.Sobel(bright, -1, 1, 0), cv2.Sobel(bright, -1, 0, 1)) / 8
        colour = small / (3 * bright[..., None] + 20)
        brightest = max(1.0, float(np.percentile(bright[::2, ::2], 90)))
        plain = _plain_share(bright, colour, rough)
        return cls(bright, colour, rough, brightest, plain)

    def plainness(self, box: tuple[slice, slice]) -> float:
        """Return the share of a box and of what is around it that is plain, 0..1.

        Args:
            box: Rows and columns of the photo, in its own pixels.
        """
        size = max(side.stop - side.start for side in box)
        reach = _AROUND * size + 8
        rows, columns = (
            slice(
                max(0, int(_SHRUNK * (side.start - reach))),
                int(_SHRUNK * (side.stop + reach)) + 1,
            )
            for side in box
        )
        return _plain_share(
            self.bright[rows, columns],
            self.colour[rows, columns],
            self.rough[rows, columns],
        )

    def brightness(self, places: tuple[slice, slice]) -> NDArray[np.float32]:
        """Return the brightness of a box of the photo beside the brightest, 0..1."""
        rows, columns = places
        down = (np.arange(rows.start, rows.stop) * _SHRUNK).astype(int)
        across = (np.arange(columns.start, columns.stop) * _SHRUNK).astype(int)
        part = self.bright[
            np.minimum(down, self.bright.shape[0] - 1)[:, None],
            np.minimum(across, self.bright.shape[1] - 1)[None],
        ]
        return np.asarray(part / self.brightest, np.float32)


def _plain_share(
    bright: NDArray[np.float32],
    colour: NDArray[np.float32],
    rough: NDArray[np.float32],
) -> float:
    """Return the share that is about as bright as most of it, of its colour, smooth."""
    middle = float(np.median(bright)) + 1.0
    off = np.abs(colour - np.median(colour.reshape(-1, 3), axis=0)).max(axis=2)
    plain = (
        (bright > _DARKEST * middle)
        & (bright < _BRIGHTEST * middle)
        & (off < _COLOUR)
        & (rough < _ROUGH * middle)
    )
    return float(plain.mean())
