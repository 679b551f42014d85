"""CIFAR: class folders of image files, or the python batches as published.

Either may be a folder or a tar, packed or not; a single batch will do too. What counts
is the path inside: ``train/airplane/0001.png`` is an airplane of the train part, and
``airplane/0001.png`` one of no part. A file's class is the folder it lies in, its part
the nearest folder above that is called train or test (val and validation are train).
Of ``data_batch_1``, ... and ``test_batch`` (CIFAR-10), ``train`` and ``test``
(CIFAR-100, with its fine labels) the part is in the name. What the tar itself, or the
folder that the source names, is called is never taken for a part: where the files
don't say it, ``part`` in the source does.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.catalog import Part
from pipeline.errors import InputError
from pipeline.scrape.sources.cifar.batches import read_batch, read_names
from pipeline.scrape.sources.cifar.members import Member, list_members
from pipeline.scrape.sources.records import Record, label_name, part_named
from pipeline.settings import CifarSource

_BATCH = re.compile(r"data_batch_\d+|test_batch")
_BATCH_100 = ("train", "test")  # with "meta" beside them
_NAMES = ("batches.meta", "meta")
_WANTED = "class folders of images nor CIFAR's python batches"


def read_cifar(source: CifarSource, max_bytes: int) -> Iterator[Record]:
    """Yield the pictures of a source, in the order of its files.

    Args:
        source: Where they are.
        max_bytes: Of an image file no more than one byte beyond this is read.

    Raises:
        InputError: The files are missing, damaged or hold something else.
    """
    there = {member.name for member in list_members(source.path)}
    batches = {name for name in there if _is_batch(name, there)}
    said = Part(source.part) if source.part else None
    if batches:
        yield from _read_batches(source.path, batches, said)
    elif any("/" in name for name in there):
        yield from _read_folders(source.path, max_bytes, said)
    else:
        raise InputError(f"{source.path} holds neither {_WANTED}")


def _is_batch(name: str, there: set[str]) -> bool:
    folder, last = posixpath.split(name)
    if last in _BATCH_100:
        return posixpath.join(folder, "meta") in there
    return _BATCH.fullmatch(last) is not None


def _read_folders(path: Path, max_bytes: int, said: Part | None) -> Iterator[Record]:
    for member in list_members(path):
        *above, label, _ = ("", *member.name.split("/"))
        if label:
            parts = filter(None, map(part_named, reversed(above)))
            content = member.read(max_bytes + 1)
            yield Record(label, member.origin, content, next(parts, said))


def _read_batches(path: Path, batches: set[str], said: Part | None) -> Iterator[Record]:
    names = _names(path)
    for member in list_members(path):
        if member.name in batches:
            folder, last = posixpath.split(member.name)
            part = part_named(last.removesuffix("_batch")) or said
            part = Part.TRAIN if last.startswith("data_batch") else part
            yield from _read_pictures(member, _classes(names, folder, member), part)


def _read_pictures(
    member: Member, classes: Sequence[str], part: Part | None
) -> Iterator[Record]:
    pixels, labels = read_batch(member)
    mark = "" if "#" in member.origin else "#"
    for index, label in enumerate(labels):
        origin = f"{member.origin}{mark or '/'}{index}"
        yield Record(label_name(label, classes), origin, pixels[index], part)


def _names(path: Path) -> Mapping[str, Sequence[str]]:
    """Return the names of the classes, by the folder their file lies in."""
    found = {}
    for member in list_members(path):
        folder, last = posixpath.split(member.name)
        if last in _NAMES:
            found[folder] = read_names(member)
    return found


def _classes(
    names: Mapping[str, Sequence[str]], folder: str, member: Member
) -> Sequence[str]:
    if folder not in names:
        raise InputError(
            f"{member.origin} has no {' or '.join(_NAMES)} beside it, which names the"
            " classes"
        )
    return names[folder]
