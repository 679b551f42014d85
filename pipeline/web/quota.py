"""How many calls a service grants, and that we never take more.

Limits are windows that slide: no stretch of ``per_s`` seconds holds more than ``calls``
of our calls. What the service advertises on its answers replaces what we knew of it
(``X-RateLimit-Limit-<scope>: 20/min``), and where it says that less is left than we
counted (``X-RateLimit-Available-<scope>``), it is believed. Short windows are waited
for. A window of an hour or more ends the run, with the time to go on at; its calls are
kept in a file, for the next run, another set, another process.

Source of the headers: Openverse's throttling, https://api.openverse.org/v1/.
"""

import bisect
import contextlib
import fcntl
import json
import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.web.answers import FailedError
from pipeline.web.timing import Timing
from pipeline.writing import write_atomically

LONG_S = 3600.0  # a window from this length on is a day's quota or the like
MAX_WAIT_S = 600.0  # a longer wait ends the run
DAY_S = 86_400.0
EDGE_S = 0.1  # a call is heard a little after it was sent
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": DAY_S}  # by first letter, as Django has it
_RATE = re.compile(r"(\d{1,9})/(\d{0,4})([smhd])[a-z]*")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rate:
    """So many calls in any stretch of so many seconds."""

    calls: int
    per_s: float


class QuotaSpentError(FailedError):
    """No more calls for long; ``until`` is when there are, in seconds since 1970."""

    def __init__(self, reason: str, until: float = 0.0) -> None:
        super().__init__(reason)
        self.until = until


def read_rate(written: str) -> Rate | None:
    """Read a limit as Openverse writes it: "20/min", "200/day"."""
    found = _RATE.fullmatch(written.strip().lower())
    if found is None:
        return None
    calls, number, unit = found.groups()
    return Rate(int(calls), (int(number) if number else 1) * _UNITS[unit])


class Quota:
    """The calls at one service; safe to use from several threads and processes.

    Args:
        name: How messages call the service.
        rates: What it grants as far as is known; its answers correct that.
        file: Keeps the calls of long windows; ``None`` keeps them for this run alone.
        timing: Clocks.
        wait: Waits for seconds; raises where the run is stopped meanwhile.
        spacing_s: The least time between the starts of two calls.
    """

    def __init__(
        self,
        name: str,
        rates: Sequence[Rate],
        file: Path | None,
        timing: Timing,
        wait: Callable[[float], None],
        *,
        spacing_s: float = 0.0,
    ) -> None:
        self._name = name
        self._rates = {rate.per_s: rate for rate in rates}
        self._file = file
        self._wall = timing.wall
        self._wait = wait
        self._spacing_s = spacing_s
        self._lock = threading.Lock()
        self._calls: list[float] = []  # when, sorted; in seconds since 1970
        self._held_until = 0.0  # because the service said so
        with self._shared():
            pass  # what was kept is read

    @property
    def per_day(self) -> int | None:
        """How many calls a day are granted; ``None``: as many as one likes."""
        long = [r.calls for r in self._rates.values() if r.per_s >= LONG_S]
        return min(long) if long else None

    @property
    def left_today(self) -> int | None:
        """How many of these are left now."""
        long = [rate for rate in self._rates.values() if rate.per_s >= LONG_S]
        now = self._wall()
        if long and self._held_until > now + LONG_S:
            return 0
        return min((self._left(rate, now) for rate in long), default=None)

    def take(self) -> None:
        """Wait for a call to be granted, and count it.

        Raises:
            QuotaSpentError: There is none for an hour or more.
        """
        while True:
            with self._lock, self._shared() as keep:
                now = self._wall()
                free_at, rate = self._free(now)
                if free_at <= now:
                    bisect.insort(self._calls, now)
                    keep()
                    return
            if free_at - now > MAX_WAIT_S:
                raise QuotaSpentError(self._spent(rate), free_at)
            self._wait(free_at - now)

    def obey(self, headers: Mapping[str, str]) -> None:
        """Take over what an answer says of limits and of what is left of them."""
        said = {name.lower(): value for name, value in headers.items()}
        now = self._wall()
        with self._lock, self._shared() as keep:
            for name, value in said.items():
                scope = name.removeprefix("x-ratelimit-limit-")
                rate = read_rate(value) if scope != name else None
                if rate is None:
                    continue
                self._rates[rate.per_s] = rate
                left = said.get(f"x-ratelimit-available-{scope}", "").strip()
                if left.isdecimal():
                    # what others took at our expense, as if it were just now
                    others = self._left(rate, now) - int(left)
                    self._calls += [now] * others
            keep()

    def hold(self, seconds: float) -> None:
        """Let nothing be asked for some time, because the service said so."""
        with self._lock, self._shared() as keep:
            self._held_until = max(self._held_until, self._wall() + seconds)
            keep()

    def _free(self, now: float) -> tuple[float, Rate | None]:
        """Return when the next call is granted, and the limit that it waits for."""
        free_at, waits_for = max(now, self._held_until), None
        if self._calls:
            free_at = max(free_at, self._calls[-1] + self._spacing_s)
        for rate in self._rates.values():
            if self._left(rate, now) == 0:
                oldest = self._calls[-rate.calls] if rate.calls else now
                if oldest + rate.per_s + EDGE_S > free_at:
                    free_at, waits_for = oldest + rate.per_s + EDGE_S, rate
        return free_at, waits_for

    def _left(self, rate: Rate, now: float) -> int:
        since = bisect.bisect_right(self._calls, now - rate.per_s - EDGE_S)
        return max(0, rate.calls - (len(self._calls) - since))

    def _spent(self, rate: Rate | None) -> str:
        if rate is None:
            return f"{self._name} wants to be left alone"
        span = "daily" if rate.per_s == DAY_S else f"{rate.per_s / 3600:g}-hour"
        return f"{self._name}: {span} quota of {rate.calls:,} calls is used"

    @contextlib.contextmanager
    def _shared(self) -> Iterator[Callable[[], None]]:
        """Read the file and hold it against others; what is yielded writes it."""
        if self._file is None:
            yield lambda: None
            return
        file = self._file
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._read(file)
            yield lambda: self._write(file)

    def _read(self, file: Path) -> None:
        """Take over what is kept; a damaged file counts as none."""
        try:
            kept = json.loads(file.read_text("utf-8"))
            self._calls = sorted(float(at) for at in kept["calls"])
            self._held_until = float(kept["held_until"])
            rates = [Rate(int(calls), float(per_s)) for calls, per_s in kept["rates"]]
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError) as error:
            logger.warning(
                "%s is not what was kept there (%r): begun anew", file, error
            )
            return
        self._rates |= {rate.per_s: rate for rate in rates}

    def _write(self, file: Path) -> None:
        """Keep the calls that still count, and what the service grants."""
        longest = max((rate.per_s for rate in self._rates.values()), default=0.0)
        since = self._wall() - longest - EDGE_S
        self._calls = self._calls[bisect.bisect_right(self._calls, since) :]
        kept = {
            "calls": self._calls,
            "held_until": self._held_until,
            "rates": [(rate.calls, rate.per_s) for rate in self._rates.values()],
        }
        write_atomically(file, json.dumps(kept).encode(), sync=False)
