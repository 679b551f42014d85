"""One process at a time where two would get in each other's way.

The lock is the system's, on a file of the set, and ends with the process that holds it,
however that ends. On a catalog that several machines share, it holds on each of them.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import InputError
from pipeline.home import SetFolder

_FILE = ".lock"


def take_lock(handle: int, file: Path, instead: str) -> None:
    """Lock an open file until it is closed.

    Args:
        handle: Of the file.
        file: What messages call it.
        instead: What to do on another file system: "keep the set", ...

    Raises:
        BlockingIOError: Another process holds it.
        InputError: The file system takes no locks.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        raise InputError(
            f"{file} can't be locked: {error.strerror}; where the file system takes no"
            f" locks, {instead} on another one"
        ) from error


@contextmanager
def held_alone(folder: SetFolder, doing: str) -> Iterator[None]:
    """Hold a set while its photos are brought in or taken out.

    Args:
        folder: The set.
        doing: What messages call it: "scrape", ...

    Raises:
        InputError: Another process holds it; or its folder can't be written or locked.
    """
    try:
        handle = os.open(folder.folder / _FILE, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise InputError(
            f"{folder.folder} can't be written: {error.strerror}"
        ) from error
    try:
        try:
            take_lock(handle, folder.folder / _FILE, "keep the set")
        except BlockingIOError as error:
            other = os.pread(handle, 100, 0).decode("utf-8", "replace").strip()
            raise InputError(
                f"{folder.name} is in use by {other or 'another process'}; wait until"
                " that is done, or end it with Ctrl-C: it goes on later"
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"mekiki {doing} (process {os.getpid()})".encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)
