"""Keras, imported without the lines that its backend writes while it starts.

Every module that needs Keras says ``from pipeline.networks.backend import keras``.
TensorFlow writes to the file descriptor of stderr before any of its settings is
read, so the descriptor itself is turned away during the import.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.errors import SettingsError

__all__ = ["keras"]

_STDERR = 2  # the file descriptor


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    kept = os.dup(_STDERR)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STDERR)
    try:
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)
        os.close(nowhere)


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # later lines: errors alone
try:
    with _quiet_stderr():
        import keras
except ModuleNotFoundError as error:
    raise SettingsError(
        f"this needs Keras and its backend, and {error.name} is not installed;"
        " install mekiki with its train extra: pip install 'mekiki[train]'"
    ) from error
keras.config.disable_interactive_logging()  # it writes to stdout otherwise
logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns of slow tracing
