"""JSON from files that anybody may have written: nothing in it is taken for granted."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeGuard

from pipeline.catalog import Status
from pipeline.errors import InputError
from pipeline.exchange.rows import Handed
from pipeline.writing import write_atomically

Past = tuple[str, Status, int | None]  # label, status and version at the export


def read_json(data: bytes, name: str) -> object:
    """Return what a JSON file holds.

    Raises:
        InputError: It is no JSON.
    """
    try:
        return json.loads(data.decode("utf-8-sig"))
    except RecursionError as error:
        raise InputError(f"{name} is nested too deeply to be read") from error
    except ValueError as error:
        raise InputError(f"{name} is not JSON: {error}") from error


def write_json(out: Path, value: object) -> None:
    """Write a JSON file, whole or not at all; letters stay letters.

    Raises:
        InputError: It can't be written there.
    """
    data = json.dumps(value, ensure_ascii=False, indent=1).encode()
    try:
        write_atomically(out, data)
    except OSError as error:
        raise InputError(f"{out} can't be written: {error.strerror}") from error


def is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    """Say whether a value is an object; the names in one are always text."""
    return isinstance(value, dict)


def text_in(value: Mapping[str, object], name: str) -> str:
    """Return a text in an object, ``""`` where there is none."""
    text = value.get(name)
    return text if isinstance(text, str) else ""


def number_in(value: Mapping[str, object], name: str) -> int | None:
    """Return a whole number of 0 or more in an object."""
    return _whole(value.get(name))


def past_of(photo: Handed) -> list[object]:
    """Return a photo's state at the export, as ``read_past`` reads it back."""
    return [photo.label or "", photo.status, photo.version]


def read_past(value: object) -> dict[str, Past]:
    """Return the state of each photo at the export, by sha256; what is odd is left."""
    if not is_object(value) or not is_object(photos := value.get("photos")):
        return {}
    past = {}
    for sha256, state in photos.items():
        if isinstance(state, list) and len(state) == 3:
            label, status, version = state
            if isinstance(label, str) and status in set(Status):
                past[sha256] = (label, Status(status), _whole(version))
    return past


def _whole(value: object) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value < 2**31 else None
