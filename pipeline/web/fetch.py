"""Asking the network for bytes, politely and within limits; the only requests.

Every URL, and every one it redirects to, is checked: its scheme, whether we may leave
this machine at all, robots.txt, and the address that is connected to. Passing errors
are tried again with doubling waits, or when the server says. A host that can't be
reached is let be for the rest of the run. No cookies, no proxies, no ``.netrc``.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urldefrag

import requests
import urllib3
from requests.adapters import HTTPAdapter

from pipeline.settings import ScrapeSettings, SetSettings
from pipeline.web.addresses import host_of, is_this_machine, join_url, netloc_of
from pipeline.web.answers import (
    FORBIDDEN,
    NO_CONTACT,
    NOT_WEB,
    PRIVATE,
    STOPPED,
    TOO_MANY_REDIRECTS,
    Answer,
    FailedError,
    FetchError,
    RefusedError,
    UnreachableError,
    error_of_status,
    explain,
)
from pipeline.web.connections import PrivateAddressError, pool_classes
from pipeline.web.consent import (
    MAX_ROBOTS_BYTES,
    NO_RULES,
    Consent,
    Rules,
    read_rules,
)
from pipeline.web.contact import contact_of, user_agent
from pipeline.web.hosts import Host

MEGABYTE = 1_000_000
MAX_REDIRECTS = 10
MAX_WAIT_S = 60.0  # a server that wants more is asked again by the next run
_FIRST_WAIT_S = 1.0  # doubled with every further attempt
_CHUNK = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class _Limit:
    """How many bytes are read, and whether what is longer is cut or refused."""

    max_bytes: int
    cut: bool = False


@dataclass(frozen=True)
class _Reply:
    """One server's answer: a body, or where to go on."""

    status: int
    content_type: str
    body: bytes
    location: str | None


# Of a body that nobody wants, so much is read that the connection can be kept.
_DRAINED = _Limit(64 * 1024, cut=True)
_ROBOTS = _Limit(MAX_ROBOTS_BYTES, cut=True)


class Fetcher:
    """Fetches for one run; safe to use from several threads.

    Args:
        settings: Limits: bytes, connections a host, time, attempts, addresses.
        contact: Who answers for us; without one, only this machine is asked.
        sleep: Waits for seconds; by default in a way that ``stop`` ends.
        clock: Seconds from any start.
    """

    def __init__(
        self,
        settings: ScrapeSettings,
        contact: str = "",
        *,
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._contact = contact
        self._stopped = threading.Event()
        self._sleep = sleep or self._stopped.wait
        self._clock = clock
        self._headers = {
            "User-Agent": user_agent(contact),
            "Accept": "*/*",
            "Accept-Encoding": "gzip, deflate",
        }
        self._adapter = HTTPAdapter(
            pool_connections=64, pool_maxsize=settings.per_host, max_retries=0
        )
        self._adapter.poolmanager.pool_classes_by_scheme = pool_classes(
            allow_private=settings.allow_private
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
        return self._follow(url, _Limit(limit), consent=True)

    def fetch_bytes(self, url: str) -> bytes:
        """Return the bytes of a photo; raises as ``fetch`` does."""
        return self.fetch(url).body

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
        self._adapter.close()

    def _follow(self, url: str, limit: _Limit, *, consent: bool) -> Answer:
        """Follow redirects from ``url``; each hop is checked anew."""
        for _ in range(MAX_REDIRECTS + 1):
            url = urldefrag(url).url
            host = self._host(url)
            rules = self._consent.rules(url) if consent else NO_RULES
            if not rules.allow(url):
                raise RefusedError(FORBIDDEN)
            with host.slots:
                reply = self._persist(url, host, rules.delay_s, limit)
            if reply.location is None:
                return Answer(url, reply.status, reply.content_type, reply.body)
            target = join_url(url, reply.location)
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

    def _persist(self, url: str, host: Host, delay_s: float, limit: _Limit) -> _Reply:
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

    def _ask(self, url: str, limit: _Limit) -> _Reply:
        """Send one request; every way it can go wrong is a ``FetchError``."""
        try:
            request = requests.Request("GET", url, headers=self._headers).prepare()
            response = self._adapter.send(
                request, stream=True, timeout=self._settings.timeout_s, proxies={}
            )
            with response:
                return self._reply(response, limit)
        except PrivateAddressError as error:
            raise RefusedError(PRIVATE) from error
        except ValueError as error:  # a URL that can't be sent
            raise RefusedError(NOT_WEB) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise explain(error) from error

    def _reply(self, response: requests.Response, limit: _Limit) -> _Reply:
        status, headers = response.status_code, response.headers
        content_type = headers.get("Content-Type", "")
        if status in _REDIRECTS and headers.get("Location"):
            self._read(response, _DRAINED)
            # Sent as bytes, most often UTF-8, and read as Latin-1.
            location = headers["Location"].encode("latin-1", "replace")
            text = location.decode("utf-8", "replace")
            return _Reply(status, content_type, b"", text)
        if not 200 <= status < 300:
            self._read(response, _DRAINED)
            raise error_of_status(status, headers)
        body = self._read(response, limit)
        return _Reply(status, content_type, body, None)

    def _read(self, response: requests.Response, limit: _Limit) -> bytes:
        """Read a body within its limit of size."""
        chunks: list[bytes] = []
        size = 0
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            chunks.append(chunk)
            size += len(chunk)
            if size > limit.max_bytes:
                if limit.cut:
                    break
                raise RefusedError(
                    f"more than {limit.max_bytes / MEGABYTE:g} MB",
                    status=response.status_code,
                    content_type=response.headers.get("Content-Type"),
                )
            if self._stopped.is_set():
                raise FailedError(STOPPED)
        return b"".join(chunks)[: limit.max_bytes]

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
def fetcher_for(settings: SetSettings) -> Iterator[Fetcher]:
    """Open a fetcher with the limits and the contact of a set."""
    fetcher = Fetcher(settings.scrape, contact_of(settings))
    try:
        yield fetcher
    finally:
        fetcher.close()
