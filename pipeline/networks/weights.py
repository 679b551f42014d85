"""Which weights a set asks for, and the text that tells them from all others."""

import hashlib
from pathlib import Path

from pipeline.errors import WeightsError

IMAGENET, NONE = "imagenet", "none"


def weights_key(weights: str, expected: str | None = None) -> str:
    """Return a text that is equal only where the weights are.

    Args:
        weights: ``imagenet``, ``none``, or the path of a file.
        expected: The sha256 that the file must have, in small letters, where given.

    Returns:
        ``imagenet``, ``none``, or the sha256 of the file.

    Raises:
        WeightsError: There is no such file, or it is another one than expected.
    """
    if weights in {IMAGENET, NONE}:
        return weights
    try:
        with Path(weights).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(
            f"[train] weights: {weights} can't be read ({error.strerror}); expected"
            ' "imagenet", "none", or the path of a .weights.h5 or .h5 file saved'
            " without the top"
        ) from error
    if expected and found != expected:
        raise WeightsError(
            f"[train] weights: {weights} has the sha256 {found}, expected"
            f" {expected} (weights_sha256): fetch the file again, or correct or remove"
            " weights_sha256"
        )
    return found
