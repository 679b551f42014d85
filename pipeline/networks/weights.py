"""Which weights a set asks for, and the text that tells them from all others."""

import hashlib
from pathlib import Path

from pipeline.errors import WeightsError

IMAGENET, NONE = "imagenet", "none"


def weights_key(weights: str) -> str:
    """Return a text that is equal only where the weights are.

    Args:
        weights: ``imagenet``, ``none``, or the path of a file.

    Returns:
        ``imagenet``, ``none``, or the sha256 of the file.

    Raises:
        WeightsError: There is no such file.
    """
    if weights in {IMAGENET, NONE}:
        return weights
    try:
        with Path(weights).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(
            f"[train] weights: {weights} can't be read ({error.strerror}); expected"
            ' "imagenet", "none", or the path of a .weights.h5 or .h5 file saved'
            " without the top"
        ) from error
