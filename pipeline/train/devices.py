"""What a training computes on and how precisely; what it can't use is told in a line.

On a GPU or TPU in ``mixed_bfloat16``, on a CPU in float32, unless the set says
otherwise. With JAX every device there is takes its part of each batch
(``keras.distribution``, data parallel); Keras' other backends have that in part or not
at all, and train on one.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from pipeline.machine import nvidia_gpus
from pipeline.networks.backend import keras
from pipeline.networks.precision import Precision, built_in
from pipeline.settings import TrainSettings
from pipeline.train.job import Say

SPREADS = "jax"  # the backend that trains on several devices
NAMES = {"jax": "JAX", "tensorflow": "TensorFlow"}


@contextmanager
def computing(settings: TrainSettings, say: Say) -> Iterator[Precision]:
    """Build and train what is made within on all that this machine offers.

    Args:
        settings: Whose ``precision`` counts.
        say: Told what is used, and what is there and can't be.

    Yields:
        The precision.
    """
    backend, devices = keras.backend.backend(), list_devices()
    precision = choose_precision(settings, devices)
    line = devices_line(backend, devices, visible_gpus(os.environ), precision)
    if line:
        say(line)
    with _spread_over(backend, devices), built_in(precision):
        yield precision


def list_devices() -> list[str]:
    """Name what the backend can compute on, as ``gpu:0``; CPUs only without others."""
    return [str(name) for name in keras.distribution.list_devices()]


def is_cpu(devices: Sequence[str]) -> bool:
    """Tell whether there is no accelerator among devices."""
    return all(name.startswith("cpu") for name in devices)


def num_replicas() -> int:
    """Count the devices that share each batch of what is built and trained here."""
    distribution = keras.distribution.distribution()
    return distribution.num_model_replicas if distribution else 1


def choose_precision(settings: TrainSettings, devices: Sequence[str]) -> Precision:
    """Return what the set asks for; of itself, what suits the devices."""
    if settings.precision != "auto":
        return settings.precision
    if settings.recipe == "quick" or is_cpu(devices):
        return "float32"
    return "mixed_bfloat16"


def visible_gpus(environment: "os._Environ[str] | dict[str, str]") -> int:
    """Count the GPUs that nobody hid from us by ``CUDA_VISIBLE_DEVICES``."""
    shown = environment.get("CUDA_VISIBLE_DEVICES")
    if shown is None:
        return nvidia_gpus()
    named = [one for one in shown.split(",") if one.strip() not in {"", "-1"}]
    return min(len(named), nvidia_gpus())


def devices_line(
    backend: str, devices: Sequence[str], gpus: int, precision: Precision
) -> str:
    """Say what is computed on, where that is not simply the CPU.

    Args:
        backend: Of Keras.
        devices: That it can use.
        gpus: That the machine has.
        precision: That it computes in.
    """
    name = NAMES.get(backend, backend)
    if is_cpu(devices):
        if gpus == 0:
            return ""
        return (
            f"a GPU is there, and {name} as it is installed can't use it: training on"
            " the CPU; pip install 'mekiki[gpu]' changes that (docs/gpu.md)"
        )
    if len(devices) > 1 and backend != SPREADS:
        return (
            f"training on {devices[0]} in {precision}; {name} uses one of"
            f" {len(devices)} devices, KERAS_BACKEND=jax all (docs/gpu.md)"
        )
    return f"training on {', '.join(devices)} in {precision}"


def _spread_over(backend: str, devices: Sequence[str]) -> AbstractContextManager[None]:
    if backend != SPREADS or len(devices) < 2:
        return nullcontext()
    spread: AbstractContextManager[None] = keras.distribution.DataParallel(
        devices=list(devices), auto_shard_dataset=False
    ).scope()
    return spread
