"""A fetcher for tests, and time that passes only by waiting for it."""

import threading

from pipeline.settings import ScrapeSettings
from pipeline.web.fetch import Fetcher
from pipeline.web.timing import Timing

WALL_AT_START = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


class Time:
    """Clocks that go on only by sleeping; what was slept is written down."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(round(seconds, 3))
            self.now += seconds

    def clock(self) -> float:
        return self.now

    def wall(self) -> float:
        return WALL_AT_START + self.now

    @property
    def timing(self) -> Timing:
        return Timing(self.clock, self.wall, self.sleep)


def make_fetcher(time: Time, **settings: object) -> Fetcher:
    """Open a fetcher that may reach this machine."""
    chosen = {"allow_private": True, "timeout_s": 5.0} | settings
    return Fetcher(ScrapeSettings.model_validate(chosen), timing=time.timing)
