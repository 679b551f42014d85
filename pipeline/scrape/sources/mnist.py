"""MNIST as it was published: four idx files, packed or not, in one folder.

``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and the same of ``t10k``, the
test part; ``.gz`` behind the name and a dot before ``idx`` are taken too. One part may
be missing. Fashion-MNIST and Kuzushiji-MNIST have the same files.

An idx file is two zero bytes, 8 for unsigned bytes, the number of dimensions, each
dimension as four bytes (the highest first), and the values. Pixels: 255 is ink.
"""

import gzip
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import numpy as np

from pipeline.catalog import Part
from pipeline.errors import InputError
from pipeline.scrape.sources.records import CHUNK, CHUNK_BYTES, Record, label_name
from pipeline.settings import MnistSource

_NAME = re.compile(r"(train|t10k)-(images|labels)[-.]idx([13])-ubyte(\.gz)?")
PAGE = "http://yann.lecun.com/exdb/mnist/"
_LONGEST_SIDE = 4096  # pixels; what says more is no idx file of pictures
_WANTED = (
    "train-images-idx3-ubyte and train-labels-idx1-ubyte, t10k-images-idx3-ubyte and"
    " t10k-labels-idx1-ubyte, packed (.gz) or not"
)


def read_mnist(source: MnistSource, _max_bytes: int) -> Iterator[Record]:
    """Yield the digits of both parts, train first, in the order of the files.

    Raises:
        InputError: A file is missing, damaged or of another format.
    """
    files = _files(source.path)
    for name, part in (("train", Part.TRAIN), ("t10k", Part.TEST)):
        images, labels = files.get((name, "images")), files.get((name, "labels"))
        if images and labels:
            yield from _read_part(images, labels, source.classes, part)
        elif images or labels:
            lacking = "labels" if images else "images"
            raise InputError(
                f"{source.path} lacks the {lacking} that belong to"
                f" {(images or labels or source.path).name}"
            )


def _files(folder: Path) -> dict[tuple[str, str], Path]:
    """Return the files there are by part and content; a packed one comes second."""
    try:
        paths = sorted(folder.iterdir(), reverse=True)
    except FileNotFoundError as error:
        raise InputError(
            f'{folder} does not exist; [[source]] kind = "mnist" needs the folder of'
            f" {_WANTED}: MNIST's are published at {PAGE}"
        ) from error
    except OSError as error:
        raise InputError(f"{folder} can't be read: {error.strerror}") from error
    named = {path: _NAME.fullmatch(path.name) for path in paths if path.is_file()}
    files = {(name[1], name[2]): path for path, name in named.items() if name}
    if not files:
        raise InputError(f"{folder} holds none of {_WANTED}")
    return files


def _read_part(
    images: Path, labels: Path, classes: tuple[str, ...], part: Part
) -> Iterator[Record]:
    with _opened(images) as pixels, _opened(labels) as numbers:
        count, height, width = _dimensions(pixels, images, 3)
        (told,) = _dimensions(numbers, labels, 1)
        if count != told:
            raise InputError(
                f"{images} holds {count:,} pictures, {labels} {told:,} labels; they"
                " don't belong together"
            )
        step = max(1, min(CHUNK, CHUNK_BYTES // (height * width)))
        for start in range(0, count, step):
            here = min(step, count - start)
            values = _read_all(pixels, here * height * width, images)
            block = np.frombuffer(values, np.uint8).reshape(here, height, width)
            for index, number in enumerate(_read_all(numbers, here, labels)):
                origin = f"{images}#{start + index}"
                yield Record(label_name(number, classes), origin, block[index], part)
        for file, path in ((pixels, images), (numbers, labels)):
            if _read(file, 1, path):
                raise InputError(f"{path} goes on after the end that it states")


def _opened(path: Path) -> IO[bytes]:
    try:
        if path.suffix == ".gz":
            return cast(IO[bytes], gzip.open(path))
        return path.open("rb")
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from error


def _dimensions(file: IO[bytes], path: Path, number: int) -> tuple[int, ...]:
    """Read the header of an idx file of unsigned bytes."""
    magic = _read(file, 4, path)
    if magic != bytes((0, 0, 8, number)):
        raise InputError(
            f"{path} is no idx file of {number} dimensions of bytes: it begins with"
            f" {magic.hex(' ') or 'nothing'} instead of 00 00 08 0{number}"
        )
    sizes = struct.unpack(f">{number}I", _read_all(file, 4 * number, path))
    if not all(0 < side <= _LONGEST_SIDE for side in sizes[1:]):
        shape = " x ".join(map(str, sizes))
        raise InputError(f"{path} states {shape} values, which are no pictures")
    return sizes


def _read_all(file: IO[bytes], size: int, path: Path) -> bytes:
    data = _read(file, size, path)
    if len(data) < size:
        raise _cut_short(path)
    return data


def _read(file: IO[bytes], size: int, path: Path) -> bytes:
    """Read on, unpacking; every way that can fail is an InputError."""
    try:
        return file.read(size)
    except EOFError as error:
        raise _cut_short(path) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path} is damaged: {error}") from error
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from error


def _cut_short(path: Path) -> InputError:
    return InputError(f"{path} ends before the end that it states; fetch it again")
