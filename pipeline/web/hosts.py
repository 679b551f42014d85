"""How a host is treated: how many at a time, how far apart, and when to let it be."""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.web.addresses import host_of, netloc_of
from pipeline.web.answers import (
    BROKEN_OFF,
    TIMED_OUT,
    FailedError,
    UnreachableError,
)
from pipeline.web.manners import Gate, Manner, manner_of_host
from pipeline.web.pacing import Pace

UNREACHED_LIMIT = 4  # connections in a row that did not come about
FAILED_LIMIT = 10  # URLs in a row that failed in passing
MAX_WAIT_S = 60.0  # a server that wants more is asked again by the next run
_SLOWING = frozenset({408, 429, 503, 504})  # too slow, too many, overloaded
_NOTHING_S = 1e-6  # a wait that is none: clocks are floats


class Host:
    """One host during one run; safe to use from several threads."""

    def __init__(self, name: str, own: Gate) -> None:
        self.name = name
        self.was_reached = False  # some answer came
        self.was_missed = False  # some connection did not come about
        self.gates: tuple[Gate, ...] = (own,)
        self._lock = threading.Lock()
        self._pace = Pace()
        self._last = -math.inf  # start of the newest request
        self._least_s = 0.0  # between two starts, as the site wished last
        self._rest: tuple[float, FailedError] | None = None  # until when, and why
        self._unreached = 0
        self._failed = 0
        self._given_up: FailedError | None = None

    def add(self, gate: Gate) -> None:
        """Put the host under one more manner, from now on."""
        with self._lock:
            if gate not in self.gates:
                own, *others = self.gates
                # All threads enter shared gates in one order, lest they block.
                shared = sorted([*others, gate], key=lambda one: one.manner)
                self.gates = (own, *shared)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one of the host's connections."""
        gates = self.gates
        for gate in gates:
            gate.slots.acquire()
        try:
            yield
        finally:
            for gate in gates:
                gate.slots.release()

    def turn(self, now: float, least_s: float) -> float:
        """Return 0 where the next request may start, and take it to start now.

        Else return the seconds after which to ask again.

        Args:
            now: By the clock that all times of a host are of.
            least_s: The delay that the site wishes.

        Raises:
            FailedError: The host is left alone for the rest of the run, or wants to be
                for longer than we wait.
        """
        with self._lock:
            if self._given_up is not None:
                raise self._given_up.again()
            self._least_s = least_s
            due = self._last + self._delay_s()
            if self._rest is not None:
                until, error = self._rest
                if until - now > MAX_WAIT_S:
                    raise error.again()
                due = max(due, until)
            if due - now > _NOTHING_S:
                return due - now
            self._last = now
            return 0.0

    def rest(self, until: float, error: FailedError) -> None:
        """Let nothing start before ``until``: the host asked for it, by ``error``."""
        with self._lock:
            if self._rest is None or until > self._rest[0]:
                self._rest = (until, error)

    def answered(self) -> None:
        """Note an answer, whatever it says, that is no "not now"."""
        with self._lock:
            self.was_reached = True
            self._unreached = self._failed = 0

    def did_well(self, latency_s: float) -> None:
        """Note an answer that was wanted, and how long it took to begin."""
        self.answered()
        with self._lock:
            self._pace.note_good(latency_s)

    def struggled(self, error: FailedError, started: float, now: float) -> None:
        """Note how an attempt failed, for the pace."""
        if error.status in _SLOWING or error.reason in {TIMED_OUT, BROKEN_OFF}:
            with self._lock:
                self._pace.note_bad(self._delay_s(), started, now)

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

    def _delay_s(self) -> float:
        connections = min(gate.manner.connections for gate in self.gates)
        return self._pace.delay_s(self._least_s, connections)


class Hosts:
    """The hosts of one run, by name and port; safe to use from several threads."""

    def __init__(self, per_host: int) -> None:
        self._per_host = per_host
        self._hosts: dict[str, Host] = {}
        self._gates: dict[Manner, Gate] = {}
        self._lock = threading.Lock()

    def of(self, url: str, manner: Manner | None = None) -> Host:
        """Return the host of a URL, from now on under ``manner`` too."""
        name = netloc_of(url)
        with self._lock:
            host = self._hosts.get(name)
            if host is None:
                host = self._hosts[name] = Host(name, Gate(Manner(self._per_host)))
                self._apply(manner_of_host(host_of(url).rstrip(".")), host)
            self._apply(manner, host)
            return host

    def _apply(self, manner: Manner | None, host: Host) -> None:
        if manner is not None:
            host.add(self._gates.setdefault(manner, Gate(manner)))

    def reached(self) -> list[str]:
        """Name the hosts that answered, sorted."""
        with self._lock:
            return sorted(
                host.name for host in self._hosts.values() if host.was_reached
            )

    def unreached(self) -> list[str]:
        """Name those that were asked and never took a connection, sorted."""
        with self._lock:
            return sorted(
                host.name
                for host in self._hosts.values()
                if host.was_missed and not host.was_reached
            )
