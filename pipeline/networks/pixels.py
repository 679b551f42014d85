"""Photos as the network takes them: decoded and fitted into a square once, then kept.

The squares of one size lie in ``cache/pixels-<size>``, by the sha256 of the photo. They
are what ``images.square_image`` gives, so that training sees what a check will see.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ImageError, InputError
from pipeline.home import SetFolder
from pipeline.images import ImageStore, Pixels, decode_image, square_image
from pipeline.machine import usable_cores
from pipeline.networks.rows import RowStore
from pipeline.progress import Progress, silent

CHUNK = 64  # photos, at least, decoded before they are written together
CHUNK_BYTES = 1 << 23  # of tiny photos more: each writing reads all the keys there are
VERSION = 1  # goes up when square_image gives other pixels


class StoredPhoto(Protocol):
    """A photo of the store, wherever it was listed."""

    @property
    def sha256(self) -> str:
        """The name of its bytes."""

    @property
    def extension(self) -> str:
        """How its file's name ends."""


@dataclass(frozen=True)
class MappedPixels:
    """Squares that stay on the disk until they are asked for."""

    squares: NDArray[np.generic]  # (M, S, S, 3) uint8: all that the cache holds
    places: NDArray[np.int64]  # (N,): which of them are ours, in order

    def __len__(self) -> int:
        return len(self.places)

    def take(self, positions: Sequence[int] | NDArray[np.int64]) -> NDArray[np.uint8]:
        """Read the squares at ``positions`` of our order: (n, S, S, 3)."""
        chosen = self.squares[self.places[np.asarray(positions, np.int64)]]
        return np.asarray(chosen, np.uint8)


def square_photo(file: Path, size: int) -> Pixels:
    """Decode a photo's file and fit it into ``(size, size, 3)``.

    Raises:
        ImageError: It can't be decoded.
    """
    return square_image(decode_image(file, min_side=size), size)


def map_pixels(
    folder: SetFolder,
    photos: Sequence[StoredPhoto],
    size: int,
    *,
    progress: Progress = silent,
) -> MappedPixels:
    """Return the photos as squares of ``size`` pixels, mapped from the cache.

    Raises:
        InputError: A photo is missing from the store, or broken; or the disk has no
            room for those that are not in the cache yet.
    """
    store = RowStore(
        folder.cache, f"pixels-v{VERSION}-{size}", (size, size, 3), np.uint8
    )
    keys = [photo.sha256 for photo in photos]
    missing = set(store.missing(keys))
    if missing:
        store.check_room(len(missing))
        images = ImageStore(folder.images)
        files = {
            photo.sha256: images.path(photo.sha256, photo.extension)
            for photo in photos
            if photo.sha256 in missing
        }
        _decode(store, files, size, progress)
    return MappedPixels(store.mapped(), store.places(keys))


def load_pixels(
    folder: SetFolder,
    photos: Sequence[StoredPhoto],
    size: int,
    *,
    progress: Progress = silent,
) -> NDArray[np.uint8]:
    """Return the photos as squares, (N, size, size, 3), in memory and in order.

    Raises:
        InputError: A photo is missing from the store, or broken.
    """
    mapped = map_pixels(folder, photos, size, progress=progress)
    return mapped.take(np.arange(len(mapped)))


def _decode(
    store: RowStore, files: dict[str, Path], size: int, progress: Progress
) -> None:
    """Decode in threads (the decoders release the lock) and write chunk by chunk."""
    names = list(files)
    step = max(CHUNK, CHUNK_BYTES // (3 * size * size))
    with (
        ThreadPoolExecutor(max_workers=min(8, usable_cores())) as pool,
        progress("decoding photos", len(names)) as advance,
    ):
        for start in range(0, len(names), step):
            chunk = names[start : start + step]
            squares = pool.map(lambda name: _square(files[name], size), chunk)
            store.add(chunk, np.stack(list(squares)))
            advance(len(chunk))


def _square(file: Path, size: int) -> Pixels:
    try:
        return square_photo(file, size)
    except ImageError as error:
        raise InputError(
            f"{file} can't be read any more: {error}; put the photo back, or reject it"
            " in the labeler and split again"
        ) from error
