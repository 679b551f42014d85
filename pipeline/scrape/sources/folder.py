"""Photos in a folder that holds one folder a category, named as the category.

Names are compared after Unicode normalisation (NFC): a disk may spell 「ガ」 in two
characters. Files are taken sorted, at any depth; hidden ones are skipped.
"""

import os
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from pipeline.catalog.finding import Found
from pipeline.errors import InputError
from pipeline.scrape.sources.discovery import Discovered, Discovery
from pipeline.settings import FolderSource


def list_folder(source: FolderSource, discovery: Discovery) -> Discovered:
    """Record the files of every category's folder as candidates.

    Raises:
        InputError: The folder does not exist or can't be read.
    """
    folders = _folders(source.path)
    found = Discovered()
    for category in discovery.settings.category_names:
        folder = folders.pop(_normal(category), None)
        if folder is None:
            note = f"no folder {category!r} in {source.path}"
            found += Discovered(notes=(note,))
            continue
        if not os.access(folder, os.R_OK | os.X_OK):
            note = f"{folder} can't be read: permission denied"
            found += Discovered(notes=(note,))
            continue
        files = list(list_files(folder))
        regular = [file for file in files if is_regular(file)]
        named = [file for file in regular if _is_recordable(str(file))]
        new = discovery.catalog.candidates.add(
            [Found("folder", category, str(file)) for file in named], discovery.now()
        )
        found += Discovered(new=new)
        for left, why in (
            (len(files) - len(regular), "as pipes or devices"),
            (len(regular) - len(named), "for names that are not UTF-8"),
        ):
            if left:
                note = f"left out {why}: {left} in {folder}"
                found += Discovered(notes=(note,))
        discovery.advance(1)
    if folders:
        names = ", ".join(sorted(folder.name for folder in folders.values()))
        note = f"folders of no category in {source.path}: {names}"
        found += Discovered(notes=(note,))
    return found


def list_files(folder: Path) -> Iterator[Path]:
    """Yield the files below ``folder``, sorted, without hidden ones."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield Path(place) / name


def is_regular(file: Path) -> bool:
    """Say whether a file can be read to an end: pipes and devices can't.

    What is not there counts as one: a link to nothing has a reason to be recorded.
    """
    try:
        return stat.S_ISREG(file.stat().st_mode)
    except OSError:
        return True


def _folders(root: Path) -> dict[str, Path]:
    """Return the folders in ``root`` by normalised name."""
    try:
        return {
            _normal(path.name): path
            for path in sorted(root.iterdir())
            if path.is_dir() and not path.name.startswith(".")
        }
    except FileNotFoundError as error:
        raise InputError(
            f'{root} does not exist; [[source]] kind = "folder" needs a folder that'
            " holds one folder a category"
        ) from error
    except OSError as error:
        raise InputError(f"{root} can't be read: {error.strerror}") from error


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _is_recordable(path: str) -> bool:
    """Say whether a path is text: file systems also allow names that are not."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
