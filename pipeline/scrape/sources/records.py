"""What published data holds: pictures with their labels, many in one file."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.catalog import Part

# What published data calls its parts. What it has for validation is drawn from like
# the train part: mekiki draws its own.
_PARTS = {
    "train": Part.TRAIN,
    "val": Part.TRAIN,
    "validation": Part.TRAIN,
    "test": Part.TEST,
}

CHUNK = 1000  # records that are read at a time,
CHUNK_BYTES = 64_000_000  # or as many as take so much memory


@dataclass(frozen=True)
class Record:
    """One picture of a published data set."""

    label: str  # what the data calls its class
    origin: str  # "<absolute path of the file>#<index or member>"
    content: bytes | NDArray[np.uint8]  # a file, or (height, width[, 3]) grey or RGB
    part: Part | None = None

    @property
    def size(self) -> int:
        """Bytes that the content takes in memory."""
        content = self.content
        return len(content) if isinstance(content, bytes) else content.nbytes


def label_name(number: int, classes: Sequence[str]) -> str:
    """Return the name of label ``number``, or words that say it has none."""
    return classes[number] if 0 <= number < len(classes) else f"label {number}"


def part_named(word: str) -> Part | None:
    """Return the part that a folder or file of published data is named after."""
    return _PARTS.get(word.lower())
