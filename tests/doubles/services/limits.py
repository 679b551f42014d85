"""Limits of calls over sliding windows, as Django REST framework counts them."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

SECONDS = {"second": 1, "min": 60, "hour": 3_600, "day": 86_400}
# A client counts from when it asked, the server from when it heard: calls on the very
# edge of a window are let through.
LEEWAY_S = 0.05


@dataclass(frozen=True)
class Limit:
    """So many calls a unit of time."""

    scope: str
    number: int
    unit: str  # a key of SECONDS

    @property
    def rate(self) -> str:
        return f"{self.number}/{self.unit}"


class Counter:
    """Counts the calls of one caller against limits that all hold together."""

    def __init__(self, limits: Sequence[Limit]) -> None:
        self.limits = tuple(limits)
        self._calls: deque[float] = deque()

    def take(self, now: float) -> Limit | None:
        """Count a call in, or return the limit that stands against it."""
        while self._calls and self._calls[0] <= now - SECONDS["day"]:
            self._calls.popleft()
        exceeded = next((one for one in self.limits if self.left(one, now) <= 0), None)
        if exceeded is None:
            self._calls.append(now)
        return exceeded

    def left(self, limit: Limit, now: float) -> int:
        return limit.number - len(self._within(limit, now))

    def wait(self, limit: Limit, now: float) -> float:
        """Return the seconds until ``limit`` grants another call."""
        calls = self._within(limit, now)
        if len(calls) < limit.number:
            return 0.0
        if limit.number == 0:
            return float(SECONDS[limit.unit])
        return calls[len(calls) - limit.number] + SECONDS[limit.unit] - now

    def headers(self, now: float) -> dict[str, str]:
        """Return what Openverse says of its limits on every answer to a search."""
        headers = {}
        for limit in self.limits:
            headers[f"X-RateLimit-Limit-{limit.scope}"] = limit.rate
            left = str(max(0, self.left(limit, now)))
            headers[f"X-RateLimit-Available-{limit.scope}"] = left
        return headers

    def _within(self, limit: Limit, now: float) -> list[float]:
        since = now - SECONDS[limit.unit] + LEEWAY_S
        return [at for at in self._calls if at > since]
