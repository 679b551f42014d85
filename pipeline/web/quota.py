"""How many calls a service grants, and that we never take more.

Limits are windows that slide (see ``rates``). What is granted again soon is waited for;
what is not ends the run, with the time to go on at. Calls are kept in a file, for the
next run, another set, another process: the service may not count them, we do.
"""

import bisect
import contextlib
import fcntl
import json
import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.web.answers import FailedError
from pipeline.web.rates import DAY_S, Rate, Window, read_limits
from pipeline.web.timing import Timing
from pipeline.writing import write_atomically

LONG_S = 3600.0  # a window from this length on is a day's quota or the like
MAX_WAIT_S = 600.0  # a longer wait ends the run
MAX_HOLD_S = DAY_S  # whatever a service wants: then it is asked again

logger = logging.getLogger(__name__)


class QuotaSpentError(FailedError):
    """No more calls for long; ``until`` is when there are, in seconds since 1970."""

    def __init__(self, reason: str, until: float = 0.0) -> None:
        super().__init__(reason)
        self.until = until


class Quota:
    """The calls at one service; safe to use from several threads and processes.

    Args:
        name: How messages call the service.
        rates: What it grants as far as is known; its answers correct that.
        file: Keeps calls and limits; ``None`` keeps them for this run alone.
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
        self._assumed = {rate.per_s: rate for rate in rates}
        self._windows = {rate.per_s: Window(rate) for rate in rates}
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
        return min((window.rate.calls for window in self._long()), default=None)

    @property
    def left_today(self) -> int | None:
        """How many of these are left now."""
        now = self._wall()
        if self._held_until > now + LONG_S:
            return 0
        left = (window.left(self._calls, now) for window in self._long())
        return min(left, default=None)

    def take(self) -> None:
        """Wait for a call to be granted, and count it.

        Raises:
            QuotaSpentError: There is none for longer than we wait.
        """
        while True:
            with self._lock, self._shared() as keep:
                now = self._wall()
                free_at, window = self._free(now)
                if free_at <= now:
                    bisect.insort(self._calls, now)
                keep()
            if free_at <= now:
                return
            if free_at - now > MAX_WAIT_S:
                raise QuotaSpentError(self._spent(window), free_at)
            logger.info("%s: the next call in %.1f s", self._name, free_at - now)
            self._wait(free_at - now)

    def obey(self, headers: Mapping[str, str]) -> None:
        """Take over what an answer says of limits and of what is left of them.

        A limit that it does not say any more holds for one more window.
        """
        limits = list(read_limits(headers))
        if not limits:
            return
        with self._lock, self._shared() as keep:
            now = self._wall()
            for rate, left in limits:
                if rate.calls == 0:  # to be asked again after that
                    self._hold(rate.per_s, now)
                    continue
                window = self._windows.setdefault(rate.per_s, Window(rate))
                window.obey(rate, left, self._calls, now)
            self._drop_unsaid({rate.per_s for rate, _ in limits}, now)
            keep()

    def hold(self, seconds: float) -> None:
        """Let nothing be asked for some time, because the service said so."""
        with self._lock, self._shared() as keep:
            self._hold(seconds, self._wall())
            keep()

    def _drop_unsaid(self, said: Collection[float], now: float) -> None:
        for per_s, window in tuple(self._windows.items()):
            is_old = window.said_at and now - window.said_at > per_s
            if is_old and per_s not in said:
                del self._windows[per_s]
                if per_s in self._assumed:
                    self._windows[per_s] = Window(self._assumed[per_s])

    def _hold(self, seconds: float, now: float) -> None:
        until = now + min(seconds, MAX_HOLD_S)
        self._held_until = max(self._held_until, until)

    def _long(self) -> list[Window]:
        return [w for per_s, w in self._windows.items() if per_s >= LONG_S]

    def _free(self, now: float) -> tuple[float, Window | None]:
        """Return when the next call is granted, and the window it waits for."""
        free_at, waits_for = max(now, self._held_until), None
        if self._calls:
            free_at = max(free_at, self._calls[-1] + self._spacing_s)
        for window in self._windows.values():
            granted_at = window.free_at(self._calls, now)
            if granted_at > free_at:
                free_at, waits_for = granted_at, window
        return free_at, waits_for

    def _spent(self, window: Window | None) -> str:
        if window is None:
            return f"{self._name} wants to be left alone"
        hours = window.rate.per_s / 3600
        span = {24.0: "daily", 1.0: "hourly"}.get(hours, f"{hours:g}-hour")
        return f"{self._name}: {span} quota of {window.rate.calls:,} calls is used"

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
        now = self._wall()
        try:
            kept = json.loads(file.read_text("utf-8"))
            calls = sorted(_moment(at, now) for at in kept["calls"])
            held_until = _moment(kept["held_until"], now + MAX_HOLD_S)
            windows = [
                Window(
                    Rate(int(one["calls"]), float(one["per_s"])),
                    _moment(one["said_at"], now),
                    [(_moment(at, now), int(taken)) for at, taken in one["others"]],
                )
                for one in kept["windows"]
            ]
        except FileNotFoundError:
            return
        except (
            OSError,
            ValueError,
            TypeError,
            KeyError,
            OverflowError,
            RecursionError,
        ) as error:
            logger.warning(
                "%s is not what was kept there (%r): begun anew", file, error
            )
            return
        self._calls, self._held_until = calls, held_until
        self._windows |= {window.rate.per_s: window for window in windows}

    def _write(self, file: Path) -> None:
        """Keep what still counts, and what the service said of its limits."""
        now = self._wall()
        for window in self._windows.values():
            window.forget(now)
        since = min((w.since(now) for w in self._windows.values()), default=now)
        newest = self._calls[-1:]  # counts for the spacing
        self._calls = self._calls[bisect.bisect_right(self._calls, since) :] or newest
        kept = {
            "calls": self._calls,
            "held_until": self._held_until,
            "windows": [
                {
                    "calls": window.rate.calls,
                    "per_s": window.rate.per_s,
                    "said_at": window.said_at,
                    "others": window.others,
                }
                for window in self._windows.values()
                if window.said_at
            ],
        }
        write_atomically(file, json.dumps(kept).encode(), sync=False)


def _moment(kept: object, latest: float) -> float:
    """Read a time; one beyond the latest is of a clock that was wrong.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(kept, int | float) or not kept >= 0:
        raise ValueError(f"not a time: {kept!r}")
    return min(float(kept), latest)
