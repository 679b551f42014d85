"""Limits of calls over windows that slide: reading them, and counting against them.

A limit is kept when no stretch of ``per_s`` seconds holds more than ``calls`` calls.
What a service advertises replaces what was assumed; of what it advertises for windows
of one length within such a window, the least counts.

Source of the headers: Openverse's throttling (Django REST framework's),
https://api.openverse.org/v1/.
"""

import bisect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

DAY_S = 86_400.0
EDGE_S = 0.1  # a call is heard a little after it was sent
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": DAY_S}  # by first letter, as there
_RATE = re.compile(r"([0-9]{1,9})/([0-9]{0,4})([smhd])[a-z]*")
_LIMIT, _LEFT = "x-ratelimit-limit-", "x-ratelimit-available-"


@dataclass(frozen=True)
class Rate:
    """So many calls in any stretch of so many seconds."""

    calls: int
    per_s: float

    def __post_init__(self) -> None:
        if not (self.calls >= 0 and self.per_s > 0):
            raise ValueError(f"no rate: {self.calls} calls in {self.per_s} s")


def read_rate(written: str) -> Rate | None:
    """Read a limit as Openverse writes it: "20/min", "200/day", "5/hour"."""
    found = _RATE.fullmatch(written.strip().lower())
    if found is None:
        return None
    calls, number, unit = found.groups()
    per_s = (int(number) if number else 1) * _UNITS[unit]
    return Rate(int(calls), per_s) if per_s else None


def read_limits(headers: Mapping[str, str]) -> Iterator[tuple[Rate, int | None]]:
    """Yield each limit that an answer tells, and how many of its calls are left.

    An answer out of a cache (RFC 9111, 5.1) tells what was true when it was kept, for
    whoever asked then: of it, nothing is taken.
    """
    said = {name.lower(): value for name, value in headers.items()}
    if "age" in said or said.get("cf-cache-status", "").upper() == "HIT":
        return
    for name, value in said.items():
        rate = read_rate(value) if name.startswith(_LIMIT) else None
        if rate is not None:
            left = said.get(_LEFT + name.removeprefix(_LIMIT), "").strip()
            is_number = left.isascii() and left.isdecimal()
            yield rate, int(left) if is_number and len(left) < 10 else None


@dataclass
class Window:
    """The window of one length: what it grants, and what of that others have taken.

    All times are seconds since 1970; ``calls`` is when we called, sorted.
    """

    rate: Rate
    said_at: float = 0.0  # when the service said so last; 0: it is assumed
    others: list[tuple[float, int]] = field(default_factory=list)  # when, how many

    def obey(
        self, rate: Rate, left: int | None, calls: Sequence[float], now: float
    ) -> None:
        """Take over what the service says of this window.

        Args:
            rate: The limit; a higher one counts when the lower was not told for long.
            left: Calls that it says are left, which never adds to what is.
            calls: Our own.
            now: When it says so.
        """
        if rate.calls <= self.rate.calls or now - self.said_at > self.rate.per_s:
            self.rate, self.said_at = rate, now
        taken = 0 if left is None else self.left(calls, now) - left
        if taken > 0:  # by others, at our expense, and as if it were just now
            self.others.append((now, taken))

    def left(self, calls: Sequence[float], now: float) -> int:
        """Return how many calls are granted now."""
        since = self.since(now)
        own = len(calls) - bisect.bisect_right(calls, since)
        others = sum(number for at, number in self.others if at > since)
        return max(0, self.rate.calls - own - others)

    def free_at(self, calls: Sequence[float], now: float) -> float:
        """Return when the next call is granted: ``now``, or later."""
        if self.left(calls, now) > 0:
            return now
        since = self.since(now)
        own = [(at, 1) for at in calls[bisect.bisect_right(calls, since) :]]
        counted = sorted(own + [other for other in self.others if other[0] > since])
        too_many = sum(number for _, number in counted) - self.rate.calls + 1
        for at, number in counted:
            too_many -= number
            if too_many <= 0:
                return at + self.rate.per_s + EDGE_S
        return now + self.rate.per_s + EDGE_S  # it grants none at all

    def since(self, now: float) -> float:
        """Return the time up to which calls count no more."""
        return now - self.rate.per_s - EDGE_S

    def forget(self, now: float) -> None:
        """Drop what others have taken and counts no more."""
        self.others = [other for other in self.others if other[0] > self.since(now)]
