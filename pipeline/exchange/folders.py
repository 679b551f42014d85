"""Folders of photos: named after categories, filled by links, recognised by content.

A folder is filled under another name and renamed, so that it is whole or absent.
"""

import errno
import hashlib
import os
import shutil
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.errors import InputError
from pipeline.images import ImageStore
from pipeline.progress import Progress

_FORBIDDEN = frozenset('/\\:*?"<>|')  # in names, on one system or another
_MAX_BYTES = 200  # of a folder's name; systems take 255
_LITTER = frozenset({"thumbs.db", "desktop.ini"})
_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.EACCES}
_READERS = 4  # files read at a time


def folder_names(labels: Iterable[str], reserved: Iterable[str]) -> dict[str, str]:
    """Give every label a folder's name of its own.

    It is the label where that can be one; else what can't stand in a name is written
    as %2F and the like, and what is too long or taken ends in a part of its digest.
    """
    taken = {_folded(name) for name in reserved}
    names: dict[str, str] = {}
    for label in labels:
        name = "".join(
            f"%{ord(char):02X}" if char in _FORBIDDEN or ord(char) < 32 else char
            for char in label
        )
        if name.startswith("."):
            name = f"%2E{name[1:]}"
        if name.endswith((".", " ")):
            name = f"{name[:-1]}%{ord(name[-1]):02X}"
        if len(name.encode()) > _MAX_BYTES or _folded(name) in taken:
            start = name.encode()[: _MAX_BYTES - 9].decode("utf-8", "ignore")
            name = f"{start}~{hashlib.sha256(label.encode()).hexdigest()[:8]}"
        taken.add(_folded(name))
        names[label] = name
    return names


@contextmanager
def filled(target: Path) -> Iterator[Path]:
    """Name a folder to be filled; it is ``target`` once it is whole.

    Raises:
        InputError: ``target`` is there and not empty, or can't be made.
    """
    target = target.absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target} is there already; name a folder that is not")
    part = target.with_name(f".{target.name}.mekiki-part")
    try:
        if part.exists():  # of one that was killed
            shutil.rmtree(part)
        part.mkdir(parents=True)
        yield part
        part.replace(target)
    except OSError as error:
        raise InputError(
            f"{target} can't be written: {error.strerror or error}"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def fill(
    files: Sequence[tuple[Path, Path]],
    *,
    as_copies: bool,
    progress: Progress,
) -> list[Path]:
    """Link files to new places, or copy them where no link can be had.

    Args:
        files: Where each lies, and where it is to be; its folder is there.
        as_copies: Whether to copy all of them.
        progress: How the work is shown.

    Returns:
        Those that are not there any more.
    """
    missing = []
    with progress("writing photos", len(files)) as advance:
        for source, target in files:
            try:
                if not as_copies:
                    as_copies = not _linked(source, target)
                if as_copies:
                    shutil.copyfile(source, target)
            except FileNotFoundError:
                missing.append(source)
            advance(1)
    return missing


def files_in(folder: Path) -> list[str]:
    """List the files of a folder and those in it, as relative paths, sorted.

    What systems leave in folders, and all that is hidden, is passed over.
    """
    found = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            os.path.relpath(os.path.join(root, name), folder)  # noqa: PTH118  100,000
            for name in names
            if not name.startswith(".") and name.casefold() not in _LITTER
        ]
    return sorted(found)


def contents_of(
    files: Sequence[Path], store: ImageStore, progress: Progress
) -> list[str]:
    """Return the sha256 of each file's bytes, ``""`` where it can't be read.

    A link to a photo of the store is known without reading it.
    """

    def content(file: Path) -> str:
        with suppress(OSError):
            if _is_stored(file, store):
                return file.stem
            with file.open("rb") as opened:
                return hashlib.file_digest(opened, "sha256").hexdigest()
        return ""

    with (
        progress("reading photos", len(files)) as advance,
        ThreadPoolExecutor(_READERS) as pool,
    ):
        found = []
        for sha256 in pool.map(content, files):
            found.append(sha256)
            advance(1)
    return found


def _is_stored(file: Path, store: ImageStore) -> bool:
    if len(file.stem) != 64:
        return False
    with suppress(OSError):
        return store.path(file.stem, file.suffix[1:]).samefile(file)
    return False


def _linked(source: Path, target: Path) -> bool:
    """Link a file; ``False`` where the systems of files allow none."""
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return False
    return True


def _folded(name: str) -> str:
    """Return a name as a system that ignores case and composition compares it."""
    return unicodedata.normalize("NFC", name).casefold()
