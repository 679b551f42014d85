"""What is kept in the cache: whole or not at all, and only what is understood.

Whatever is kept can be worked out again, so a file that can't be used costs time only.
"""

import io
import logging
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.writing import write_atomically

logger = logging.getLogger(__name__)

Arrays = Mapping[str, NDArray[Any]]
Key = TypeVar("Key")
Kept = TypeVar("Kept")

_EVERY_S = 10.0
_SHARE = 20  # times as long as saving took


def read_cached(
    file: Path, made_by: tuple[int, ...], parse: Callable[[Arrays], dict[Key, Kept]]
) -> dict[Key, Kept]:
    """Read what ``write_cached`` wrote; nothing where that can't be used.

    Args:
        file: Where it was written.
        made_by: The version, the settings it must have been made by.
        parse: Makes of the arrays what was kept; raises where they don't fit.
    """
    if not file.exists():
        return {}
    try:
        # opened here: numpy leaves a file open that turns out to be none of its own
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
            found = tuple(stored["made_by"].tolist())
            if found != made_by:
                raise ValueError(f"made by {found}, expected {made_by}")
            return parse(stored)
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        EOFError,
        RuntimeError,  # encrypted, of an unknown method
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        logger.warning("%s can't be used, working it out again: %s", file, error)
        return {}


def write_cached(file: Path, made_by: tuple[int, ...], arrays: Arrays) -> None:
    """Write arrays by name, in place of what the file held."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, made_by=np.array(made_by), **arrays)
    write_atomically(file, buffer.getvalue(), sync=False)


@contextmanager
def saving(
    save: Callable[[], None], clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[], None]]:
    """Save what is worked out now and then, and at the end however that comes.

    Now and then: so seldom that saving, which writes all there is, takes little of the
    time.

    Args:
        save: Writes all that is known.
        clock: Seconds.
    """
    due = clock() + _EVERY_S

    def save_where_due() -> None:
        nonlocal due
        began = clock()
        if began >= due:
            save()
            due = clock() + max(_EVERY_S, _SHARE * (clock() - began))

    try:
        yield save_where_due
    finally:
        save()
