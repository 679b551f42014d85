"""What the machine we run on offers."""

import os
from pathlib import Path


def usable_cores() -> int:
    """Count the cores that we may use; macOS does not tell those from all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def nvidia_gpus(devices: Path = Path("/dev")) -> int:
    """Count NVIDIA's GPUs, whether anything installed can use them or not."""
    return sum(1 for _ in devices.glob("nvidia[0-9]*"))
