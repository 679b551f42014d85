"""A picture → the views by which its copies are found.

A view is the picture as it is, or with one or all of its flat borders taken off. Each
has a 64-bit pHash (the signs of the 8x8 lowest frequencies of a 32x32 grey picture
against their median) with the bits that ``imagehash.phash`` gives, and that of the
mirrored picture: mirroring flips the sign of the odd columns of the same DCT.

The innermost view has the hashes of its cut-outs, too: the same nine for every picture,
which overlap so much that a copy cut by up to a tenth lies close to one of them.

Trimming goes on until nothing flat is left at any side, so that a product on white
and the same product on white in a black frame end at the same box.
"""

from dataclasses import dataclass, replace

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.images import Pixels

DECODED_SIDE = 128  # pixels of the shorter side: enough for pHash's bits
COARSE_SIDE = 8  # cells of a view's coarse brightness
CROP_SIDE = 0.925  # of each side: half way between a picture and one cut by 15 %
CROPS = tuple(  # left and top of each cut-out; shares of the sides
    (across * (1 - CROP_SIDE) / 2, down * (1 - CROP_SIDE) / 2)
    for down in range(3)
    for across in range(3)
)
_DCT_SIDE = 32
_HASH_SIDE = 8
_FLAT = 16  # levels of 255 within which a row is one colour: JPEG noise stays below
_SPECKS = 0.02  # share of a row that may stand out of it
_LEAST_CONTENT = 8  # pixels of the decoded picture; less is no content

_step = np.arange(_DCT_SIDE)
_COSINES = np.cos(
    np.pi * _step[:_HASH_SIDE, None] * (2 * _step[None] + 1) / (2 * _DCT_SIDE)
)  # (8, 32): the lowest rows of the DCT-II
_MIRROR = np.tile(np.where(_step[:_HASH_SIDE] % 2, -1.0, 1.0), _HASH_SIDE)

_CUT_SIDE = 2 * _DCT_SIDE  # pixels of the square that all cut-outs are made of


def _cut_cosines() -> NDArray[np.float64]:
    """Return the (24, 64) lowest rows of the DCT of each third of the cut-outs.

    Cutting, shrinking and the DCT are all linear: one matrix does them at once.
    """
    each = Image.fromarray(np.eye(_CUT_SIDE, dtype=np.float32))
    rows = []
    for start in sorted({top for _, top in CROPS}):
        top, bottom = start * _CUT_SIDE, (start + CROP_SIDE) * _CUT_SIDE
        shrunk = each.resize(
            (_CUT_SIDE, _DCT_SIDE),
            Image.Resampling.LANCZOS,
            (0, top, _CUT_SIDE, bottom),
        )
        rows.append(_COSINES @ np.asarray(shrunk, np.float64))
    return np.concatenate(rows)


_CUT_COSINES = _cut_cosines()

Box = tuple[float, float, float, float]  # top, bottom, left, right; shares, 0..1
WHOLE: Box = (0.0, 1.0, 0.0, 1.0)
PixelBox = tuple[int, int, int, int]


@dataclass(frozen=True)
class View:
    """A picture or a part of it, as copies of it are looked for."""

    layer: int  # what of ``layers``: 0 whole, 1 one border off, 2 all borders off
    box: Box
    aspect: float  # width ÷ height
    phash: int
    mirrored_phash: int
    coarse: NDArray[np.uint8]  # (8, 8): mean brightness of each cell
    crops: NDArray[
        np.uint64
    ]  # (9,): pHash of each of ``CROPS``; 0 but for the innermost


def views_of(image: Pixels) -> list[View]:
    """Return the view of each layer of the picture that differs from the others."""
    whole, peeled, content = layers(image)
    boxes = {whole: 0} | {
        box: n for box, n in ((peeled, 1), (content, 2)) if box != whole
    }
    views = [_view(image, layer, box) for box, layer in boxes.items()]
    innermost = list(boxes)[-1]
    return [*views[:-1], replace(views[-1], crops=_crops(image, innermost))]


def layers(image: Pixels) -> tuple[PixelBox, PixelBox, PixelBox]:
    """Return the whole picture, what is inside its border, and inside all borders.

    A photo in a frame is found inside the frame, even where its own edge is flat; and
    a product on white is found however wide the white around it is.
    """
    height, width = image.shape[:2]
    whole = (0, height, 0, width)
    return whole, _peeled(image, whole), content_box(image)


def phash(image: Pixels) -> tuple[int, int]:
    """Return the 64-bit pHash of a picture and that of its mirror image."""
    low = _frequencies(Image.fromarray(image).convert("L"))
    plain, mirrored = _bits(np.stack([low, low * _MIRROR])).tolist()
    return plain, mirrored


def hash_text(value: int) -> str:
    """Write a hash as imagehash does: 16 hexadecimal digits."""
    bits = np.unpackbits(np.array([value], ">u8").view(np.uint8))
    return str(imagehash.ImageHash(bits.reshape(_HASH_SIDE, _HASH_SIDE) > 0))


def content_box(image: Pixels) -> PixelBox:
    """Find what is inside all flat borders.

    The whole picture where it has none, or is nothing but one.
    """
    box = (0, image.shape[0], 0, image.shape[1])
    while (inner := _peeled(image, box)) != box:
        box = inner
    return box


def _peeled(image: Pixels, box: PixelBox) -> PixelBox:
    """Take one flat border off, whose sides may have colours of their own."""
    top, bottom, left, right = box
    above, below = _flat_rows(image[top:bottom, left:right])
    top, bottom = top + above, bottom - below
    before, after = _flat_rows(image[top:bottom, left:right].swapaxes(0, 1))
    left, right = left + before, right - after
    if min(bottom - top, right - left) < _LEAST_CONTENT:
        return box
    return top, bottom, left, right


def _flat_rows(rows: Pixels) -> tuple[int, int]:
    """Count the rows of one colour from the first on, and from the last back."""
    if not rows.size:
        return 0, 0
    first = _run_of_one_colour(rows)
    if first == len(rows):
        return first, 0
    return first, _run_of_one_colour(rows[::-1])


def _run_of_one_colour(rows: Pixels) -> int:
    colour = np.median(rows[0], axis=0)
    darkest, brightest = colour - _FLAT, colour + _FLAT
    count, step = 0, 8
    while count < len(rows):  # in pieces: most pictures have no border
        flat = cv2.inRange(rows[count : count + step], darkest, brightest)
        busy = (flat == 0).mean(axis=1) > _SPECKS
        if busy.any():
            return count + int(busy.argmax())
        count, step = count + step, step * 2
    return len(rows)


def _crops(image: Pixels, box: PixelBox) -> NDArray[np.uint64]:
    top, bottom, left, right = box
    part = np.ascontiguousarray(image[top:bottom, left:right])
    side = (_CUT_SIDE, _CUT_SIDE)
    grey = Image.fromarray(part).convert("L").resize(side, Image.Resampling.BOX)
    low = _CUT_COSINES @ np.asarray(grey, np.float64) @ _CUT_COSINES.T
    cut = low.reshape(3, _HASH_SIDE, 3, _HASH_SIDE).swapaxes(1, 2)
    return _bits(cut.reshape(len(CROPS), -1))


def _frequencies(grey: Image.Image) -> NDArray[np.float64]:
    """Return the (64,) lowest frequencies of a picture."""
    small = grey.resize((_DCT_SIDE, _DCT_SIDE), Image.Resampling.LANCZOS)
    low = _COSINES @ np.asarray(small, np.float64) @ _COSINES.T
    return np.asarray(low.ravel())


def _bits(low: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Return the hashes of pictures by their frequencies, ``(N, 64)``."""
    middle = np.partition(low, (31, 32), axis=1)[:, 31:33].mean(axis=1, keepdims=True)
    return np.packbits(low > middle, axis=1).view(">u8").astype(np.uint64).ravel()


def _view(image: Pixels, layer: int, box: PixelBox) -> View:
    height, width = image.shape[:2]
    top, bottom, left, right = box
    part = np.ascontiguousarray(image[top:bottom, left:right])
    plain, mirrored = phash(part)
    grey = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY)
    size = (COARSE_SIDE, COARSE_SIDE)
    return View(
        layer=layer,
        box=(top / height, bottom / height, left / width, right / width),
        aspect=(right - left) / (bottom - top),
        phash=plain,
        mirrored_phash=mirrored,
        coarse=np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA)),
        crops=np.zeros(len(CROPS), np.uint64),
    )
