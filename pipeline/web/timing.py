"""The clocks we go by, and how we wait: handed in, so that days can pass in a test."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Clocks and waiting.

    ``sleep`` waits for seconds; ``None`` leaves it to whoever waits, who can then be
    woken when the run is stopped.
    """

    clock: Callable[[], float] = time.monotonic  # seconds from any start
    wall: Callable[[], float] = time.time  # seconds since 1970, UTC
    sleep: Callable[[float], object] | None = None


REAL_TIME = Timing()
