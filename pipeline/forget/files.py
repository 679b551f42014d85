"""Photos that were taken down leave the disk: store, thumbnails and caches."""

import hashlib
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from pipeline.errors import CatalogError
from pipeline.home import SetFolder

_WHOLE = 64  # letters of a sha256


def count_strangers(folder: SetFolder, known: Collection[str]) -> int:
    """Count the photos of the store that are not among some bytes."""
    names = (_name_of(file) for file in folder.images.glob("*/*"))
    return sum(len(name) == _WHOLE and name not in known for name in names)


def remove_files(folder: SetFolder, sha256s: Collection[str]) -> None:
    """Remove photos, thumbnails, and all caches: they can be made again."""
    try:
        for sha in sha256s:
            (folder.thumbnails / sha[:2] / f"{sha}.jpg").unlink(missing_ok=True)
        for file in _files_of(folder, sha256s):
            file.unlink(missing_ok=True)
        if folder.cache.exists():
            shutil.rmtree(folder.cache.resolve())  # it may be a link to another disk
            folder.cache.resolve().mkdir()
    except OSError as error:
        raise CatalogError(
            f"{error.filename} can't be removed: {error.strerror}; nothing comes back,"
            " and the same command goes on"
        ) from error


def _files_of(folder: SetFolder, sha256s: Collection[str]) -> Iterator[Path]:
    """Yield the files of the store that hold some bytes, also under no name yet.

    A run that was killed while it wrote leaves a whole photo in a ``.part``.
    """
    for start in sorted({sha[:2] for sha in sha256s}):
        place = folder.images / start
        inside = list(place.iterdir()) if place.is_dir() else []
        for file in filter(Path.is_file, inside):
            is_part = file.suffix == ".part"
            if (_sha256_of(file) if is_part else _name_of(file)) in sha256s:
                yield file


def _name_of(file: Path) -> str:
    return file.name.partition(".")[0]


def _sha256_of(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except FileNotFoundError:  # renamed meanwhile, by another machine's run
        return ""
