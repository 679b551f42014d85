"""Asking the network for bytes, politely and within limits.

Every URL, and every one it redirects to, is checked: its scheme, whether we may leave
this machine at all, robots.txt, and the address that is connected to. Passing errors
are tried again with doubling waits, or when the server says. A host that can't be
reached is let be for the rest of the run. No cookies, no proxies, no ``.netrc``.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from urllib.parse import urldefrag, urlencode

from pipeline.settings import ScrapeSettings, SetSettings
from pipeline.web.addresses import host_of, is_this_machine, join_url, netloc_of
from pipeline.web.answers import (
    FORBIDDEN,
    NO_CONTACT,
    NOT_WEB,
    STOPPED,
    TOO_MANY_REDIRECTS,
    Answer,
    FailedError,
    FetchError,
    RefusedError,
    UnreachableError,
    error_of_status,
)
from pipeline.web.consent import (
    MAX_ROBOTS_BYTES,
    NO_RULES,
    Consent,
    Rules,
    read_rules,
)
from pipeline.web.contact import contact_of, user_agent
from pipeline.web.exchange import DRAINED, MEGABYTE, Limit, Received, exchange
from pipeline.web.hosts import Host
from pipeline.web.timing import REAL_TIME, Timing
from pipeline.web.transport import Network, Request, Transport

__all__ = ["MEGABYTE", "Fetcher", "fetcher_for"]

MAX_REDIRECTS = 10
MAX_WAIT_S = 60.0  # a server that wants more is asked again by the next run
_FIRST_WAIT_S = 1.0  # doubled with every further attempt
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


_API = Limit(20 * MEGABYTE)
_ROBOTS = Limit(MAX_ROBOTS_BYTES, cut=True)


class Fetcher:
    """Fetches for one run; safe to use from several threads.

    Args:
        settings: Limits: bytes, connections a host, time, attempts, addresses.
        contact: Who answers for us; without one, only this machine is asked.
        timing: Clocks and waiting; by default, ``stop`` ends every wait.
        transport: Sends the requests; by default over the network.
    """

    def __init__(
        self,
        settings: ScrapeSettings,
        contact: str = "",
        *,
        timing: Timing = REAL_TIME,
        transport: Transport | None = None,
    ) -> None:
        self._settings = settings
        self._contact = contact
        self._stopped = threading.Event()
        self._sleep = timing.sleep or self._stopped.wait
        self._clock = timing.clock
        self._headers = {
            "User-Agent": user_agent(contact),
            "Accept": "*/*",
            "Accept-Encoding": "gzip, deflate",
        }
        self._transport = transport or Network(
            per_host=settings.per_host, allow_private=settings.allow_private
        )
        self._consent = Consent(self._read_robots)
        self._hosts: dict[str, Host] = {}
        self._lock = threading.Lock()

    @property
    def max_bytes(self) -> int:
        """How large a photo may be."""
        return int(self._settings.max_megabytes * MEGABYTE)

    def fetch(self, url: str, *, max_bytes: int | None = None) -> Answer:
        """Return what ``url`` leads to.

        Args:
            url: An http(s) address; its fragment is not sent.
            max_bytes: More is refused; by default what a photo may have.

        Raises:
            RefusedError: It is not to be had, for good.
            FailedError: It is not to be had now.
        """
        limit = self.max_bytes if max_bytes is None else max_bytes
        return self._follow(url, Limit(limit), consent=True)

    def fetch_bytes(self, url: str) -> bytes:
        """Return the bytes of a photo; raises as ``fetch`` does."""
        return self.fetch(url).body

    def call(
        self,
        url: str,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask a service's API once, and return its answer whatever its status.

        An API is open to its clients under terms of its own, so no robots.txt is asked
        for; pacing, retries and redirects are the caller's. ``form`` makes it a POST.

        Raises:
            RefusedError, FailedError: There was no answer.
        """
        host = self._host(url)
        asked = self._headers | dict(headers)
        request = Request(url, asked)
        if form is not None:
            asked["Content-Type"] = "application/x-www-form-urlencoded"
            request = Request(url, asked, "POST", urlencode(form).encode())
        try:
            reply = self._exchange(request, lambda _status, _headers: _API)
        except FailedError as error:
            host.missed(error, for_good=False)
            raise
        host.answered()
        return _answer(url, reply)

    def reached(self) -> list[str]:
        """Name the hosts (with port, where given) that answered, sorted."""
        with self._lock:
            hosts = list(self._hosts.values())
        return sorted(host.name for host in hosts if host.was_reached)

    def unreached(self) -> list[str]:
        """Name those that were asked and never took a connection, sorted."""
        with self._lock:
            hosts = list(self._hosts.values())
        missed = [host for host in hosts if host.was_missed and not host.was_reached]
        return sorted(host.name for host in missed)

    def stop(self) -> None:
        """End waits now; nothing is asked any more."""
        self._stopped.set()

    def close(self) -> None:
        """Stop, and give the connections back."""
        self.stop()
        self._transport.close()

    def _follow(self, url: str, limit: Limit, *, consent: bool) -> Answer:
        """Follow redirects from ``url``; each hop is checked anew."""
        for _ in range(MAX_REDIRECTS + 1):
            url = urldefrag(url).url
            host = self._host(url)
            rules = self._consent.rules(url) if consent else NO_RULES
            if not rules.allow(url):
                raise RefusedError(FORBIDDEN)
            with host.slots:
                reply = self._persist(url, host, rules.delay_s, limit)
            location = _location(reply)
            if location is None:
                return _answer(url, reply)
            target = join_url(url, location)
            if target is None:
                raise RefusedError(NOT_WEB, status=reply.status)
            url = target
        raise RefusedError(TOO_MANY_REDIRECTS)

    def _host(self, url: str) -> Host:
        """Return the host of a URL that we may ask at all."""
        bare = host_of(url)
        if not bare:
            raise RefusedError(NOT_WEB)
        if not self._contact and not is_this_machine(bare):
            raise RefusedError(NO_CONTACT)
        name = netloc_of(url)
        with self._lock:
            if name not in self._hosts:
                self._hosts[name] = Host(name, self._settings.per_host)
            return self._hosts[name]

    def _persist(self, url: str, host: Host, delay_s: float, limit: Limit) -> Received:
        """Ask until there is an answer, or no more attempts."""
        for attempt in range(self._settings.retries + 1):
            if host.trouble is not None:
                raise host.trouble.again()
            self._wait(host.turn(self._clock(), delay_s))
            try:
                reply = self._ask(url, limit)
            except FailedError as error:
                wait_s = error.retry_after_s
                if wait_s is None:
                    wait_s = _FIRST_WAIT_S * 2**attempt
                is_last = attempt == self._settings.retries or wait_s > MAX_WAIT_S
                host.missed(error, for_good=is_last)
                if is_last:
                    raise
                if error.status == 429 or error.retry_after_s is not None:
                    host.pause(self._clock(), wait_s)  # it is the host that asks
                else:
                    self._wait(wait_s)
            except RefusedError as error:
                if error.status is not None:
                    host.answered()
                raise
            else:
                host.answered()
                return reply
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self._sleep(seconds)
        if self._stopped.is_set():
            raise FailedError(STOPPED)

    def _ask(self, url: str, limit: Limit) -> Received:
        """Send one request; what is neither a success nor a redirect is raised."""

        def limit_of(status: int, _headers: Mapping[str, str]) -> Limit:
            return limit if 200 <= status < 300 else DRAINED

        reply = self._exchange(Request(url, self._headers), limit_of)
        if not 200 <= reply.status < 300 and _location(reply) is None:
            raise error_of_status(reply.status, reply.headers)
        return reply

    def _exchange(
        self, request: Request, limit_of: Callable[[int, Mapping[str, str]], Limit]
    ) -> Received:
        return exchange(
            self._transport,
            request,
            self._settings.timeout_s,
            limit_of,
            self._stopped.is_set,
        )

    def _read_robots(self, url: str) -> Rules:
        try:
            answer = self._follow(url, _ROBOTS, consent=False)
        except UnreachableError:
            raise
        except FetchError as error:
            if isinstance(error, RefusedError):
                if error.status is None:
                    raise
                if error.status < 500:
                    return NO_RULES  # 4xx: there is none
            raise FailedError(f"robots.txt can't be read: {error.reason}") from error
        return read_rules(answer.body)


@contextmanager
def fetcher_for(
    settings: SetSettings,
    *,
    timing: Timing = REAL_TIME,
    transport: Transport | None = None,
) -> Iterator[Fetcher]:
    """Open a fetcher with the limits and the contact of a set."""
    fetcher = Fetcher(
        settings.scrape, contact_of(settings), timing=timing, transport=transport
    )
    try:
        yield fetcher
    finally:
        fetcher.close()


def _answer(url: str, reply: Received) -> Answer:
    content_type = reply.headers.get("Content-Type", "")
    return Answer(url, reply.status, content_type, reply.body, reply.headers)


def _location(reply: Received) -> str | None:
    """Return where an answer sends us on to, if it does."""
    location = reply.headers.get("Location")
    if reply.status not in _REDIRECTS or not location:
        return None
    # Sent as bytes, most often UTF-8, and read as Latin-1.
    return location.encode("latin-1", "replace").decode("utf-8", "replace")
