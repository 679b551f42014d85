"""Whether a URL may be asked for: one decision, with one reason.

Its site's robots.txt is read first (RFC 9309). 2xx: its rules hold. 4xx, or redirects
without end: it has none, everything may be fetched. 5xx, 429, no answer: not now; that
passes, so the next run asks again. Then, where the rules let us, the site's
``tdmrep.json``: only what was understood reserves anything. Both are asked for once a
run, for one scheme, host and port.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from pipeline.web.addresses import netloc_of
from pipeline.web.answers import FORBIDDEN, RESERVED, FetchError, RefusedError
from pipeline.web.optout import Reservations
from pipeline.web.robots import Rules

Told = TypeVar("Told")

_TDM_FILE = "/.well-known/tdmrep.json"


def site_of(url: str) -> str:
    """Return scheme, host and port of a URL: what one robots.txt speaks for."""
    return f"{urlsplit(url).scheme}://{netloc_of(url)}"


class Consent:
    """What every site lets us have; safe to use from several threads.

    Args:
        read_robots: Reads the robots.txt at a URL; raises where it can't be had now.
            What it raises is raised again for every address of that site.
        read_tdm_file: Reads the ``tdmrep.json`` at a URL.
    """

    def __init__(
        self,
        read_robots: Callable[[str], Rules],
        read_tdm_file: Callable[[str], Reservations],
    ) -> None:
        self._robots = _Once(read_robots)
        self._reservations = _Once(read_tdm_file)

    def check_robots(self, url: str) -> float:
        """Return the delay that the site of a URL wishes, in seconds.

        Raises:
            RefusedError: robots.txt forbids the URL.
            FailedError: What it says can't be known now.
        """
        rules = self._robots.of(f"{site_of(url)}/robots.txt")
        if not rules.allow(url):
            raise RefusedError(FORBIDDEN)
        return rules.delay_s

    def check(self, url: str) -> float:
        """Return the delay that the site of a URL wishes, in seconds.

        Raises:
            RefusedError: The site does not let us have the URL.
            FailedError: Whether it does can't be known now.
        """
        delay_s = self.check_robots(url)
        if self._reservations.of(site_of(url) + _TDM_FILE).hold(url):
            raise RefusedError(RESERVED)
        return delay_s


class _Once(Generic[Told]):
    """What was read at a URL, by whoever was first to ask for it."""

    def __init__(self, read: Callable[[str], Told]) -> None:
        self._read = read
        self._told: dict[str, Told | FetchError] = {}
        self._reading: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def of(self, url: str) -> Told:
        """Return what was read, or raise what was raised."""
        told = self._told.get(url)
        if told is None:
            told = self._first(url)
        if isinstance(told, FetchError):
            raise told.again()
        return told

    def _first(self, url: str) -> Told | FetchError:
        with self._lock:
            reading = self._reading.setdefault(url, threading.Lock())
        with reading:
            if url not in self._told:
                try:
                    self._told[url] = self._read(url)
                except FetchError as error:
                    self._told[url] = error
        return self._told[url]
