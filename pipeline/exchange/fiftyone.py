"""Labels as folders and lists that FiftyOne reads and writes.

*Tree*: its ImageClassificationDirectoryTree, a folder of photos a category. *Manifest*:
its FiftyOneImageClassificationDataset, ``labels.json`` with photos in ``data/``, or as
one file whose photos stay in the store.

What has no category is in ``_rejected``, ``_unsure`` and ``_conflict``; FiftyOne's own
``_unlabeled`` says nothing of a photo. What was scraped is in its category as what a
person said is: which of them it was stands in ``mekiki.json`` (of a tree) or under
``mekiki`` (of a manifest), so that reading it back takes over what was changed. Where
that is lost, as when FiftyOne wrote the files anew, rows are bare: a label that is the
scraped one says nothing.

Formats: https://docs.voxel51.com/user_guide/import_datasets.html
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.catalog import Status
from pipeline.errors import InputError
from pipeline.exchange.documents import (
    Past,
    is_object,
    past_of,
    read_json,
    read_past,
    text_in,
    write_json,
)
from pipeline.exchange.folders import (
    contents_of,
    files_in,
    fill,
    filled,
    folder_names,
)
from pipeline.exchange.rows import Handed, Row
from pipeline.images import ImageStore
from pipeline.progress import Progress

OURS = "mekiki.json"
LABELS = "labels.json"
_DATA = "data"
_DATA_LIST = "data.json"  # FiftyOne's list of where photos lie, in place of data/
_UNLABELED = "_unlabeled"
_FOLDERS = {
    Status.REJECTED: "_rejected",
    Status.UNSURE: "_unsure",
    Status.CONFLICT: "_conflict",
}
_STATUS_OF = {folder: status for status, folder in _FOLDERS.items()}


@dataclass(frozen=True)
class Reading:
    """What reading photos needs."""

    store: ImageStore
    progress: Progress


def write_tree(
    out: Path,
    photos: Sequence[Handed],
    set_name: str,
    *,
    as_copies: bool,
    progress: Progress,
) -> list[Path]:
    """Write a folder of photos for each category; return the photos that are missing.

    Raises:
        InputError: ``out`` is there already, or can't be written.
    """
    labels = sorted({photo.label for photo in photos if photo.label})
    names = folder_names(labels, [*_STATUS_OF, _UNLABELED])
    with filled(out) as folder:
        files = []
        for photo in photos:
            inside = folder / _class_of(photo, names, _UNLABELED)
            files.append((photo.place, inside / photo.place.name))
        for inside in {target.parent for _, target in files}:
            inside.mkdir()
        missing = fill(files, as_copies=as_copies, progress=progress)
        ours = {
            "set": set_name,
            "folders": {name: label for label, name in names.items()},
            "photos": {photo.sha256: past_of(photo) for photo in photos},
        }
        write_json(folder / OURS, ours)
    return missing


def write_manifest(
    out: Path,
    photos: Sequence[Handed],
    categories: Sequence[str],
    *,
    as_copies: bool,
    progress: Progress,
) -> list[Path]:
    """Write ``labels.json`` and ``data/``; where ``out`` is a .json, that file alone.

    In the file alone, photos are called by where they lie in the store.

    Returns:
        The photos that are missing.

    Raises:
        InputError: ``out`` is there already, or can't be written.
    """
    if out.suffix.lower() == ".json":
        names = [str(photo.place) for photo in photos]
        write_json(out, _labels(photos, names, categories))
        return [photo.place for photo in photos if not photo.place.exists()]
    with filled(out) as folder:
        (folder / _DATA).mkdir()
        files = [(photo.place, folder / _DATA / photo.place.name) for photo in photos]
        missing = fill(files, as_copies=as_copies, progress=progress)
        names = [photo.sha256 for photo in photos]
        write_json(folder / LABELS, _labels(photos, names, categories))
    return missing


def read_tree(folder: Path, reading: Reading) -> tuple[list[Row], str]:
    """Read a folder of photos for each category; return the rows and their digest.

    Photos are known by their content: they may have been renamed and moved.

    Raises:
        InputError: It has no folders of photos, or ``mekiki.json`` is broken.
    """
    paths = [Path(name) for name in files_in(folder)]
    paths = [path for path in paths if len(path.parts) > 1]
    if not paths:
        raise InputError(
            f"{folder} has no folders of photos, one for each category; nor has it a"
            f" {LABELS}"
        )
    ours = _ours(folder / OURS)
    known = ours.get("folders")
    names = known if is_object(known) else {}
    past = read_past(ours)
    found = contents_of([folder / path for path in paths], *_of(reading))
    rows, content = [], hashlib.sha256()
    for number, (path, sha256) in enumerate(zip(paths, found, strict=True), start=1):
        content.update(f"{path.as_posix()}\0{sha256}\0".encode("utf-8", "replace"))
        where = str(path)
        if not sha256:
            rows.append(Row(number, where, fault="it can't be read"))
            continue
        label = text_in(names, path.parts[0]) or path.parts[0]
        rows.append(_row(number, where, label, past, sha256=sha256))
    return rows, content.hexdigest()


def read_manifest(file: Path, reading: Reading) -> tuple[list[Row], str]:
    """Read ``labels.json`` with the photos beside it; return the rows, and a digest.

    Raises:
        InputError: It is no such list.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} can't be read: {error.strerror}") from error
    listed = read_json(data, str(file))
    if not is_object(listed) or not is_object(labels := listed.get("labels")):
        raise InputError(f"{file} must have 'labels', as FiftyOne writes them")
    classes = listed.get("classes")
    past = read_past(listed.get("mekiki"))
    places = _places(file.parent)
    at = {name: places[name] for name in labels if name in places}
    contents = dict(zip(at, contents_of(list(at.values()), *_of(reading)), strict=True))
    rows = []
    for number, (name, target) in enumerate(labels.items(), start=1):
        label = _label(target, classes if isinstance(classes, list) else [])
        if label is None:
            fault = f"its label can't be understood: {target!r:.60}"
            rows.append(Row(number, name, fault=fault))
        else:
            named = {"sha256": contents.get(name, ""), "image": name}
            rows.append(_row(number, name, label or _UNLABELED, past, **named))
    content = hashlib.sha256(data)
    content.update("\0".join(contents.values()).encode())
    return rows, content.hexdigest()


def _row(
    number: int,
    where: str,
    label: str,
    past: Mapping[str, Past],
    *,
    sha256: str,
    image: str = "",
) -> Row:
    was_label, was_status, version = past.get(
        sha256 or Path(image).stem, ("", None, None)
    )
    status: Status | None = Status.LABELLED
    if label in _STATUS_OF and was_label != label:
        status = _STATUS_OF[label]
        status = None if status is Status.CONFLICT else status
    elif label == _UNLABELED:
        status = None
    elif was_status is Status.SCRAPED and was_label == label:
        status = Status.SCRAPED
    return Row(
        number,
        where,
        sha256=sha256,
        image=image,
        label=label,
        status=status,
        version=version,
        is_bare=was_status is None,
    )


def _class_of(photo: Handed, names: Mapping[str, str], without: str) -> str:
    if photo.status in _FOLDERS:
        return _FOLDERS[photo.status]
    return names[photo.label] if photo.label else without


def _labels(
    photos: Sequence[Handed], names: Sequence[str], categories: Sequence[str]
) -> dict[str, object]:
    as_they_are = {photo.label: photo.label for photo in photos if photo.label}
    of_photos = [_class_of(photo, as_they_are, "") for photo in photos]
    classes = list(dict.fromkeys([*categories, *filter(None, of_photos)]))
    places = {name: at for at, name in enumerate(classes)}
    return {
        "classes": classes,
        "labels": {
            name: places.get(label)
            for name, label in zip(names, of_photos, strict=True)
        },
        "mekiki": {"photos": {photo.sha256: past_of(photo) for photo in photos}},
    }


def _label(target: object, classes: Sequence[object]) -> str | None:
    """Return the label that a target is: ``""`` of none, ``None`` of an odd one."""
    if is_object(target):
        target = target.get("label")
    if isinstance(target, list):
        labels = {_label(one, classes) for one in target}
        return "" if not labels else labels.pop() if len(labels) == 1 else None
    if isinstance(target, int) and not isinstance(target, bool):
        if not 0 <= target < len(classes):
            return None
        target = classes[target]
    if target is None:
        return ""
    return target if isinstance(target, str) else None


def _ours(file: Path) -> Mapping[str, object]:
    try:
        ours = read_json(file.read_bytes(), str(file))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(f"{file} can't be read: {error.strerror}") from error
    return ours if is_object(ours) else {}


def _places(folder: Path) -> dict[str, Path]:
    """Return where the photos beside a manifest lie, by their names in it."""
    places = {}
    data = folder / _DATA
    for name in files_in(data):
        places[str(Path(name).with_suffix(""))] = data / name
    listed = _ours(folder / _DATA_LIST)
    for name in listed:
        places.setdefault(name, folder / text_in(listed, name))
    return places


def _of(reading: Reading) -> tuple[ImageStore, Progress]:
    return reading.store, reading.progress
