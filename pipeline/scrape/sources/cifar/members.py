"""The files in a folder or in a tar, one after the other, nothing written anywhere."""

import lzma
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import InputError
from pipeline.scrape.sources.folder import is_regular, list_files

PAGE = "https://www.cs.toronto.edu/~kriz/cifar.html"
_BROKEN = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError)


@dataclass(frozen=True)
class Member:
    """A regular file; readable until the next one is asked for."""

    name: str  # the path inside the folder or the tar, with "/"
    origin: str  # the file's absolute path, or "<tar>#<name>"
    read: Callable[[int], bytes]  # no more than so many bytes of it


def list_members(path: Path) -> Iterator[Member]:
    """Yield the files of a folder, sorted, or of a tar, as they come there.

    A file that is no tar is listed with those beside it that begin alike or name its
    classes. Hidden files are left out, and what is no regular file.

    Raises:
        InputError: There is nothing, or it is damaged.
    """
    if path.is_dir():
        files = list_files(path)
        yield from (_on_disk(file, path) for file in files if is_regular(file))
    elif not path.is_file():
        raise InputError(
            f'{path} does not exist; [[source]] kind = "cifar" needs a published'
            f" archive there (cifar-10-python.tar.gz from {PAGE}), or class folders"
        )
    elif _is_tar(path):
        yield from _in_tar(path)
    else:
        beside = (path, path.with_name("batches.meta"), path.with_name("meta"))
        yield from (_on_disk(file, path.parent) for file in beside if file.is_file())


def _on_disk(file: Path, folder: Path) -> Member:
    def read(most: int) -> bytes:
        try:
            with file.open("rb") as opened:
                return opened.read(most)
        except OSError as error:
            raise InputError(f"{file} can't be read: {error.strerror}") from error

    return Member(file.relative_to(folder).as_posix(), str(file), read)


def _is_tar(path: Path) -> bool:
    try:
        return tarfile.is_tarfile(path)
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from error
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise _damaged(path, error) from error


def _in_tar(path: Path) -> Iterator[Member]:
    try:
        with tarfile.open(path) as tar:
            while (info := tar.next()) is not None:
                name = os.path.normpath(info.name)
                if info.isreg() and not _is_hidden(name):
                    yield Member(name, f"{path}#{name}", _reader(tar, info, path))
                tar.members = []  # type: ignore[attr-defined]  # else all are kept
    except _BROKEN as error:
        raise _damaged(path, error) from error


def _reader(
    tar: tarfile.TarFile, info: tarfile.TarInfo, path: Path
) -> Callable[[int], bytes]:
    def read(most: int) -> bytes:
        file = tar.extractfile(info)
        if file is None:
            raise ValueError(f"{info.name} is no regular file")
        try:
            with file:
                return file.read(most)
        except _BROKEN as error:
            raise _damaged(path, error) from error

    return read


def _is_hidden(name: str) -> bool:
    return any(step.startswith(".") for step in name.split("/"))


def _damaged(path: Path, error: Exception) -> InputError:
    said = (str(error) or type(error).__name__).splitlines()[0]
    return InputError(f"{path} is damaged: {said}; fetch it again")
