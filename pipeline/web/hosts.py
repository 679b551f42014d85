"""How a host is treated: how many at a time, how far apart, and when to let it be."""

import threading

from pipeline.web.answers import FailedError, UnreachableError

UNREACHED_LIMIT = 4  # connections in a row that did not come about
FAILED_LIMIT = 10  # URLs in a row that failed in passing


class Host:
    """One host during one run; safe to use from several threads."""

    def __init__(self, name: str, per_host: int) -> None:
        self.name = name
        self.slots = threading.BoundedSemaphore(per_host)
        self.was_reached = False  # some answer came
        self.was_missed = False  # some connection did not come about
        self._lock = threading.Lock()
        self._free_at = 0.0
        self._unreached = 0
        self._failed = 0
        self._given_up: FailedError | None = None

    @property
    def trouble(self) -> FailedError | None:
        """Why the host is left alone for the rest of the run, if it is."""
        return self._given_up

    def turn(self, now: float, delay_s: float) -> float:
        """Reserve the next request; return the seconds to wait for it."""
        with self._lock:
            start = max(now, self._free_at)
            self._free_at = start + delay_s
        return start - now

    def pause(self, now: float, seconds: float) -> None:
        """Let nothing start before ``seconds`` have passed."""
        with self._lock:
            self._free_at = max(self._free_at, now + seconds)

    def answered(self) -> None:
        """Note an answer, whatever it says, that is no "not now"."""
        with self._lock:
            self.was_reached = True
            self._unreached = self._failed = 0

    def missed(self, error: FailedError, *, for_good: bool) -> None:
        """Note an attempt that failed; ``for_good``: its URL is not tried again."""
        with self._lock:
            unreachable = isinstance(error, UnreachableError)
            self.was_missed |= unreachable
            self.was_reached |= not unreachable
            self._unreached = self._unreached + 1 if unreachable else 0
            self._failed += for_good
            if self._unreached >= UNREACHED_LIMIT or self._failed >= FAILED_LIMIT:
                self._given_up = error
