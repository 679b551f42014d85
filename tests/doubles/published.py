"""Published data in small: idx files, python batches, tars, parquet."""

import gzip
import io
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def idx(values: NDArray[np.uint8]) -> bytes:
    """Return an idx file of bytes."""
    header = bytes((0, 0, 8, values.ndim))
    return header + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def digits(number: int, seed: int = 0) -> NDArray[np.uint8]:
    """Draw that many grey pictures of 9 x 7 pixels, all different."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (number, 9, 7), dtype=np.uint8)


def write_mnist(
    folder: Path, part: str, labels: list[int], *, seed: int = 0, packed: bool = False
) -> NDArray[np.uint8]:
    """Write the two files of a part (train or t10k); return the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = digits(len(labels), seed)
    for name, data in (
        (f"{part}-images-idx3-ubyte", idx(pixels)),
        (f"{part}-labels-idx1-ubyte", idx(np.array(labels, np.uint8))),
    ):
        whole = gzip.compress(data) if packed else data
        (folder / (name + ".gz" * packed)).write_bytes(whole)
    return pixels


def rows(number: int, seed: int = 0) -> NDArray[np.uint8]:
    """Draw that many pictures as CIFAR has them: red, green and blue of 32 x 32."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (number, 3072), dtype=np.uint8)


def old_batch(pixels: NDArray[np.uint8], labels: list[int]) -> bytes:
    """Return a batch as Python 2 wrote it: names and pixels are byte strings."""

    def text(value: bytes) -> bytes:
        return b"T" + struct.pack("<I", len(value)) + value

    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    shape = b"(" + b"".join(map(number, pixels.shape)) + b"t"
    kind = b"cnumpy\ndtype\n(" + text(b"u1") + b"K\0K\1tR"
    kind += b"(K\3" + text(b"|") + b"NNN" + number(-1) + number(-1) + b"K\0tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\0t"
    array += text(b"b") + b"tR(K\1" + shape + kind + b"\x89" + text(pixels.tobytes())
    told = b"](" + b"".join(map(number, labels)) + b"e"
    return b"\x80\2}(" + text(b"data") + array + b"tb" + text(b"labels") + told + b"u."


def names_file(*names: str, key: str = "label_names") -> bytes:
    """Return what names the classes: ``batches.meta``, or ``meta``."""
    return pickle.dumps({key: list(names)}, protocol=2)


def write_tar(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    """Write a tar of files, in the order given."""
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path
