"""Arrays of one shape by key, in two files that only grow.

``<name>.rows`` holds the arrays end to end, ``<name>.keys`` one sha256 a line, in the
same order. The rows are on the disk before their keys are written, so that a process
killed at any moment leaves what it had finished, and nothing half done counts.
"""

import fcntl
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pipeline.errors import InputError

_KEY_BYTES = 65  # a sha256 in hex, and the end of the line


class RowStore:
    """Rows by sha256; several processes may add to it, one after the other."""

    def __init__(
        self, folder: Path, name: str, shape: tuple[int, ...], dtype: DTypeLike
    ) -> None:
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self._rows_file = folder / f"{name}.rows"
        self._keys_file = folder / f"{name}.keys"
        self._row_bytes = math.prod(shape) * self.dtype.itemsize

    def missing(self, keys: Sequence[str]) -> list[str]:
        """List the keys that have no row yet, once each, in the order given."""
        known = set(self._keys())
        return [key for key in dict.fromkeys(keys) if key not in known]

    def check_room(self, number: int) -> None:
        """Refuse, before it is begun, what the disk has no room for.

        Args:
            number: Rows that are to be added.

        Raises:
            InputError: They need more than is free; the message says how much.
        """
        folder = self._rows_file.parent
        folder.mkdir(parents=True, exist_ok=True)
        needed = number * (self._row_bytes + _KEY_BYTES)
        free = shutil.disk_usage(folder).free
        if needed > free:
            photos = "1 photo needs" if number == 1 else f"{number:,} photos need"
            raise InputError(
                f"{photos} {_gigabytes(needed)} in {folder}, where"
                f" {_gigabytes(free)} are free: make room (what lies there may be"
                " deleted, it is made again when it is needed), or set a smaller"
                " [train] image_size"
            )

    def add(self, keys: Sequence[str], rows: NDArray[np.generic]) -> None:
        """Add a row for each key; those that are there already stay as they are.

        Args:
            keys: sha256 in hex.
            rows: Shape ``(len(keys), *shape)``.

        Raises:
            OSError: They can't be written, the disk is full; none of them counts.
        """
        rows = np.ascontiguousarray(rows, self.dtype)
        if rows.shape != (len(keys), *self.shape):
            raise ValueError(
                f"expected rows of shape {(len(keys), *self.shape)}, got {rows.shape}"
            )
        with self._locked(), self._named():
            known = self._keys()
            place_of = {key: place for place, key in enumerate(keys)}
            new = [place_of[key] for key in place_of.keys() - set(known)]
            new.sort()
            with self._rows_file.open("ab") as file:
                file.truncate(len(known) * self._row_bytes)
                file.write(rows[new].tobytes())
                file.flush()
                os.fsync(file.fileno())
            with self._keys_file.open("ab") as file:
                file.truncate(len(known) * _KEY_BYTES)
                file.write("".join(f"{keys[place]}\n" for place in new).encode())

    def places(self, keys: Sequence[str]) -> NDArray[np.int64]:
        """Return where in ``mapped()`` the row of each key lies.

        Raises:
            KeyError: A key has no row.
        """
        place_of = {key: place for place, key in enumerate(self._keys())}
        return np.array([place_of[key] for key in keys], np.int64)

    def mapped(self) -> NDArray[np.generic]:
        """Return all rows as a file mapped into memory, read-only."""
        number = len(self._keys())
        if number == 0:
            return np.empty((0, *self.shape), self.dtype)
        return np.memmap(self._rows_file, self.dtype, "r", shape=(number, *self.shape))

    def _keys(self) -> list[str]:
        """Read the keys whose line and row are whole."""
        try:
            lines = self._keys_file.read_bytes()
            whole = self._rows_file.stat().st_size // self._row_bytes
        except FileNotFoundError:
            return []
        number = min(len(lines) // _KEY_BYTES, whole)
        return lines[: number * _KEY_BYTES].decode().split("\n")[:number]

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Let an error of writing say which file: a full disk names none."""
        try:
            yield
        except OSError as error:
            named = error.filename or str(self._rows_file)
            raise OSError(error.errno, error.strerror, named) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._keys_file.parent.mkdir(parents=True, exist_ok=True)
        with self._keys_file.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:,.1f} GB"
