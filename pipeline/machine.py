"""What the machine we run on offers."""

import os


def usable_cores() -> int:
    """Count the cores that we may use; macOS does not tell those from all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
