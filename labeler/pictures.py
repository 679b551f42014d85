"""Photos on their way to a browser: thumbnails in packs, one photo large.

A photo that browsers show as it is, and that is small enough, goes out byte for byte;
any other as a JPEG made for it. The last ones are held in memory.
"""

import io
import struct
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from pipeline.errors import ImageError
from pipeline.home import SetFolder
from pipeline.images import ImageStore, decode_image, encode_jpeg, thumbnail

LARGE_SIDE = 1024  # pixels of the longer side
FULL_SIDE = 4096  # of one that is looked at closely
AS_IT_IS = 400_000  # bytes up to which a photo is not made anew
HELD = 96  # large photos in memory
THREADS = 2
_EXIF_TURN = 0x0112
_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}


class Stored(NamedTuple):
    """A file of the store."""

    sha256: str
    extension: str


@dataclass(frozen=True)
class Picture:
    """A picture as it is sent."""

    data: bytes
    media_type: str


class Pictures:
    """The pictures of one set; may be asked from several threads."""

    def __init__(self, folder: SetFolder) -> None:
        self._store = ImageStore(folder.images)
        self._thumbnails = folder.thumbnails
        self._held: OrderedDict[str, Picture] = OrderedDict()
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(THREADS, "thumbnails")

    def large(self, stored: Stored) -> Picture:
        """Return a photo, at most ``LARGE_SIDE`` pixels a side.

        Raises:
            ImageError: It can't be decoded.
        """
        with self._lock:
            found = self._held.get(stored.sha256)
            if found is not None:
                self._held.move_to_end(stored.sha256)
                return found
        made = _make(self._path(stored), LARGE_SIDE)
        with self._lock:
            self._held[stored.sha256] = made
            while len(self._held) > HELD:
                self._held.popitem(last=False)
        return made

    def full(self, stored: Stored) -> Picture:
        """Return a photo, at most ``FULL_SIDE`` pixels a side.

        Raises:
            ImageError: It can't be decoded.
        """
        return _make(self._path(stored), FULL_SIDE)

    def pack(self, photos: Sequence[Stored | None]) -> bytes:
        """Return thumbnails in one piece: a count, their lengths, their bytes.

        Numbers are 32 bits, little endian. One that can't be shown has length 0.
        """
        bodies = list(self._threads.map(self._thumbnail, photos))
        sizes = [len(body) for body in bodies]
        head = struct.pack(f"<{len(sizes) + 1}I", len(sizes), *sizes)
        return b"".join([head, *bodies])

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _thumbnail(self, stored: Stored | None) -> bytes:
        if stored is None:
            return b""
        place = self._thumbnails / stored.sha256[:2] / f"{stored.sha256}.jpg"
        try:
            return place.read_bytes()
        except FileNotFoundError:
            pass
        try:
            made = thumbnail(self._path(stored), stored.sha256, self._thumbnails)
            return made.read_bytes()
        except (ImageError, OSError):
            return b""

    def _path(self, stored: Stored) -> Path:
        return self._store.path(stored.sha256, stored.extension)


def _make(file: Path, side: int) -> Picture:
    if (plain := _as_it_is(file, side)) is not None:
        return plain
    image = Image.fromarray(decode_image(file, min_side=side))
    image.thumbnail((side, side), reducing_gap=2.0)
    return Picture(encode_jpeg(np.asarray(image)), "image/jpeg")


def _as_it_is(file: Path, side: int) -> Picture | None:
    """Return a file's own bytes, where every browser shows them as we would."""
    media_type = _TYPES.get(file.suffix[1:])
    try:
        if media_type is None or file.stat().st_size > AS_IT_IS:
            return None
        data = file.read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            is_plain = image.mode in {"RGB", "L"} and max(image.size) <= side
            is_upright = image.getexif().get(_EXIF_TURN, 1) == 1
            is_still = not getattr(image, "is_animated", False)
            if not (is_plain and is_upright and is_still):
                return None
        # not decoded: the store takes in nothing that can't be, to its end
        return Picture(data, media_type)
    except (OSError, ValueError, SyntaxError):
        return None
