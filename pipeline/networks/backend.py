"""Keras, imported without the lines that its backend writes while it starts.

Every module that needs Keras says ``from pipeline.networks.backend import keras``.
TensorFlow writes to the file descriptor of stderr before any of its settings is
read, so the descriptor itself is turned away during the import.

``KERAS_BACKEND`` says which backend computes. Where it is not set, JAX does on a GPU
that it can use, and where there is no TensorFlow; else what Keras chooses: TensorFlow.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from pipeline.errors import SettingsError
from pipeline.machine import nvidia_gpus

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


def choose_backend(is_installed: Callable[[str], bool], gpus: int) -> str | None:
    """Return the backend to use where nobody named one, or ``None``: Keras' choice.

    Args:
        is_installed: Whether a module of that name is.
        gpus: How many of NVIDIA's there are.
    """
    if not is_installed("jax"):
        return None
    plugins = ("jax_cuda12_plugin", "jax_cuda13_plugin")
    uses_gpus = gpus > 0 and any(is_installed(name) for name in plugins)
    return "jax" if uses_gpus or not is_installed("tensorflow") else None


if "KERAS_BACKEND" not in os.environ:
    _chosen = choose_backend(lambda name: find_spec(name) is not None, nvidia_gpus())
    if _chosen is not None:
        os.environ["KERAS_BACKEND"] = _chosen
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
