"""Files that are whole or absent, whatever happens meanwhile.

Bytes go to a temporary name beside their place (``.….part``), are waited for until
they are safe on the disk, and are renamed. Many files are waited for together.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

_SYNCING = 8  # files waited for at a time
_NUMBERS = count()  # of files written by this process


def write_atomically(target: Path, data: bytes, *, sync: bool = True) -> None:
    """Write a file that is whole or absent, whatever happens meanwhile.

    ``sync=False`` leaves out the wait for the disk, for what can be made again.

    Raises:
        OSError: The disk is full, ...; ``target`` is a device, a pipe or a folder.
    """
    target = _replaceable(target)
    part = _write_part(target, data, os.fsync if sync else None)
    try:
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_together(files: Iterable[tuple[Path, bytes]]) -> None:
    """Write many files, each whole or absent; all are on the disk when this returns.

    They are written first and waited for afterwards, all at once: a disk confirms a
    thousand small files together in little more time than one. Where this is cut
    short, some files may be there; a name that comes twice is written once.

    Raises:
        OSError: The disk is full, ...
    """
    parts: dict[Path, Path] = {}  # where it goes → where it lies meanwhile
    try:
        for target, data in files:
            if target not in parts:
                parts[target] = _write_part(target, data, _let_go)
        with ThreadPoolExecutor(_SYNCING) as pool:
            list(pool.map(_sync, parts.values()))
            for target, part in parts.items():
                part.replace(target)
            list(pool.map(_sync, {target.parent for target in parts}))
    except BaseException:
        for part in parts.values():
            part.unlink(missing_ok=True)
        raise


@contextmanager
def part_of(target: Path) -> Iterator[Path]:
    """Name a file beside its place, to be written and renamed by whoever asks.

    None of that name is left behind.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield part
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _replaceable(target: Path) -> Path:
    """Follow a link to where a file is to be; raise where something else stands."""
    try:
        mode = target.lstat().st_mode
        if stat.S_ISLNK(mode):
            target = target.resolve()
            mode = target.lstat().st_mode
    except FileNotFoundError:
        return target
    if not stat.S_ISREG(mode):  # /dev/stdout must stay what it is
        raise FileExistsError(errno.EEXIST, "not a regular file", str(target))
    return target


def _write_part(
    target: Path, data: bytes, settle: Callable[[int], None] | None
) -> Path:
    """Write a file beside its place, and ``settle`` it while it is open."""
    part, handle = _open_part(target)
    try:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(handle, rest) :]
            if settle is not None:
                settle(handle)
        finally:
            os.close(handle)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return part


def _let_go(handle: int) -> None:
    """Let the disk begin with a file, where the system is one that can be told so."""
    if hasattr(os, "posix_fadvise"):  # Linux begins to write what is let go
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)


def _open_part(target: Path) -> tuple[Path, int]:
    """Open a new file beside a place, under a name that nobody else has."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    has_folder = False
    while True:
        part = target.with_name(f".{os.getpid()}-{next(_NUMBERS)}.part")
        try:
            handle = os.open(part, flags, 0o644)
        except FileNotFoundError:
            if has_folder:  # /proc takes no files
                raise
            target.parent.mkdir(parents=True, exist_ok=True)
            has_folder = True
        except FileExistsError:  # left by one that was killed, or of another machine
            continue
        else:
            os.fchmod(handle, 0o644)  # whatever the umask
            return part, handle


def _sync(path: Path) -> None:
    """Wait until a file or a folder is safe on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
