"""Treating hosts more carefully than the settings ask for: a manner, and its gate.

A manner limits connections and bytes over all the hosts that it is applied to, taken
together. A host may be under several; each of them holds, so the strictest does.
"""

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_BURST_S = 1.0  # of bytes at once, after a rest
_WINDOW_S = 10.0  # no such stretch of time brings more than its share of bytes


@dataclass(frozen=True, order=True)
class Manner:
    """A stricter treatment."""

    connections: int  # open at a time
    bytes_per_s: float = math.inf  # over any 10 s
    name: str = ""  # of whom it is owed to


# Wikimedia's robot policy: two connections, 25 Mbit/s over 10 s, for all its media.
# https://wikitech.wikimedia.org/wiki/Robot_policy
WIKIMEDIA_MEDIA = Manner(2, 25e6 / 8, "Wikimedia media")
_OF_DOMAINS: Mapping[str, Manner] = MappingProxyType({"wikimedia.org": WIKIMEDIA_MEDIA})


def manner_of_host(host: str) -> Manner | None:
    """Return the manner that is owed to a host (without port), if any is."""
    for domain, manner in _OF_DOMAINS.items():
        if host == domain or host.endswith("." + domain):
            return manner
    return None


class Gate:
    """What a manner lets through; shared by all connections under it."""

    def __init__(self, manner: Manner) -> None:
        self.manner = manner
        self.slots = threading.BoundedSemaphore(manner.connections)
        self.budget: ByteBudget | None = None
        if math.isfinite(manner.bytes_per_s):
            self.budget = ByteBudget(manner.bytes_per_s)


class ByteBudget:
    """A token bucket of bytes; safe to use from several threads.

    It holds a second's worth and is filled a little slower than ``bytes_per_s``, so
    that burst and filling together never bring more than ten seconds' worth in ten.
    """

    def __init__(self, bytes_per_s: float) -> None:
        self._most = bytes_per_s * _BURST_S
        self._fill = bytes_per_s * (1 - _BURST_S / _WINDOW_S)
        self._level = self._most
        self._at = -math.inf
        self._lock = threading.Lock()

    def spend(self, num_bytes: int, now: float) -> float:
        """Note bytes that came; return the seconds until more may come."""
        with self._lock:
            if now > self._at:
                gained = (now - self._at) * self._fill
                self._level = min(self._most, self._level + gained)
                self._at = now
            self._level -= num_bytes
            return max(0.0, -self._level / self._fill)
