"""Asking the network for bytes, politely and within limits.

Every URL, and every one it redirects to, is checked: its scheme, whether we may leave
this machine at all, what its site says of robots and of data mining, and the address
that is connected to; then the headers that it comes with. Passing errors are tried
again. A host that can't be reached is let be for the rest of the run. No cookies, no
proxies, no ``.netrc``.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from urllib.parse import urlencode

from pipeline.settings import ScrapeSettings, SetSettings
from pipeline.web.addresses import (
    canonical_url,
    host_of,
    is_this_machine,
    join_url,
    names_user,
)
from pipeline.web.answers import (
    NAMES_USER,
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
)
from pipeline.web.asking import Asker, Terms, redirect_of
from pipeline.web.consent import Consent
from pipeline.web.contact import contact_of, user_agent
from pipeline.web.exchange import MEGABYTE, Limit, Received
from pipeline.web.hosts import Host, Hosts
from pipeline.web.manners import Manner
from pipeline.web.optout import (
    MAX_TDM_BYTES,
    NO_RESERVATIONS,
    Reservations,
    opt_out_of,
    read_reservations,
)
from pipeline.web.robots import MAX_ROBOTS_BYTES, NO_RULES, Rules, read_rules
from pipeline.web.timing import REAL_TIME, Timing
from pipeline.web.transport import Network, Request, Transport

__all__ = ["MEGABYTE", "Fetcher", "fetcher_for", "network_of"]

MAX_REDIRECTS = 10  # RFC 9309 asks for five at least

_API = Limit(20 * MEGABYTE)
# Asked once: a site that can't say it now has not said it.
_TDM_FILE = Terms(Limit(MAX_TDM_BYTES, cut=True), retries=0)


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
        self._headers = {
            "User-Agent": user_agent(contact),
            "Accept": "*/*",
            "Accept-Encoding": "gzip, deflate",
        }
        self._transport = transport or network_of(settings)
        self._asker = Asker(self._transport, settings.timeout_s, timing)
        self._hosts = Hosts(settings.per_host)
        self._consent = Consent(self._read_robots, self._read_tdm_file)

    @property
    def max_bytes(self) -> int:
        """How large a photo may be."""
        return int(self._settings.max_megabytes * MEGABYTE)

    def fetch(
        self, url: str, *, max_bytes: int | None = None, manner: Manner | None = None
    ) -> Answer:
        """Return what ``url`` leads to.

        Args:
            url: An http(s) address; its fragment is not sent.
            max_bytes: More is refused; by default what a photo may have.
            manner: How its host is to be treated from now on, beside what it was.

        Raises:
            RefusedError: It is not to be had, for good.
            FailedError: It is not to be had now.
        """
        limit = Limit(self.max_bytes if max_bytes is None else max_bytes)
        terms = Terms(limit, self._settings.retries, opt_out_of)
        return self._follow(url, terms, self._consent.check, manner)

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
        url = _web_address(url)
        host = self._host(url)
        asked = self._headers | dict(headers)
        request = Request(url, asked)
        if form is not None:
            asked["Content-Type"] = "application/x-www-form-urlencoded"
            request = Request(url, asked, "POST", urlencode(form).encode())
        try:
            reply = self._asker.exchange(request, host, lambda *_: _API)
        except FailedError as error:
            host.missed(error, for_good=False)
            raise
        host.answered()
        return _answer(url, reply)

    def reached(self) -> list[str]:
        """Name the hosts (with port, where given) that answered, sorted."""
        return self._hosts.reached()

    def unreached(self) -> list[str]:
        """Name those that were asked and never took a connection, sorted."""
        return self._hosts.unreached()

    def wait(self, seconds: float) -> None:
        """Wait, unless the run is stopped meanwhile.

        Raises:
            FailedError: It is.
        """
        self._asker.wait(seconds)

    def stop(self) -> None:
        """End waits now; nothing is asked any more."""
        self._asker.stop()

    def close(self) -> None:
        """Stop, and give the connections back."""
        self.stop()
        self._transport.close()

    def _follow(
        self,
        url: str,
        terms: Terms,
        check: Callable[[str], float],
        manner: Manner | None = None,
    ) -> Answer:
        """Follow redirects from ``url``; each hop is checked anew.

        ``check`` raises where a hop may not be asked, and returns the site's delay.
        """
        url = _web_address(url)
        for _ in range(MAX_REDIRECTS + 1):
            host = self._host(url, manner)
            request = Request(url, self._headers)
            reply = self._asker.get(request, host, terms, check(url))
            location = redirect_of(reply)
            if location is None:
                return _answer(url, reply)
            target = join_url(url, location)
            if target is None:
                raise RefusedError(NOT_WEB, status=reply.status)
            url = target
        raise RefusedError(TOO_MANY_REDIRECTS)

    def _host(self, url: str, manner: Manner | None = None) -> Host:
        """Return the host of a URL that we may ask at all."""
        if not self._contact and not is_this_machine(host_of(url)):
            raise RefusedError(NO_CONTACT)
        return self._hosts.of(url, manner)

    def _read_robots(self, url: str) -> Rules:
        """Read a robots.txt; see ``consent`` for what comes of its trouble."""
        hops: list[str] = []

        def check(hop: str) -> float:
            hops.append(hop)
            return 0.0

        terms = Terms(Limit(MAX_ROBOTS_BYTES, cut=True), self._settings.retries)
        try:
            answer = self._follow(url, terms, check)
        except FetchError as error:
            if isinstance(error, UnreachableError) or error.reason == STOPPED:
                raise
            if isinstance(error, RefusedError):
                is_4xx = error.status is not None and error.status < 500
                if is_4xx or error.reason == TOO_MANY_REDIRECTS:
                    return NO_RULES
                if error.reason == PRIVATE and len(hops) == 1:
                    raise  # so is the whole site
            raise FailedError(f"robots.txt can't be read: {error.reason}") from error
        return read_rules(answer.body)

    def _read_tdm_file(self, url: str) -> Reservations:
        try:
            answer = self._follow(url, _TDM_FILE, self._consent.check_robots)
        except FetchError:
            return NO_RESERVATIONS
        return read_reservations(answer.body)


@contextmanager
def fetcher_for(
    settings: SetSettings,
    *,
    contact: str = "",
    timing: Timing = REAL_TIME,
    transport: Transport | None = None,
) -> Iterator[Fetcher]:
    """Open a fetcher with the limits of a set, and its contact if no other is given."""
    contact = contact or contact_of(settings)
    fetcher = Fetcher(settings.scrape, contact, timing=timing, transport=transport)
    try:
        yield fetcher
    finally:
        fetcher.close()


def network_of(settings: ScrapeSettings) -> Network:
    """Return the network, as far as a set may use it."""
    return Network(per_host=settings.per_host, allow_private=settings.allow_private)


def _web_address(url: str) -> str:
    """Return an address as it is sent; raise where it is none of the web."""
    sent = canonical_url(url)
    if sent is None:
        raise RefusedError(NAMES_USER if names_user(url) else NOT_WEB)
    return sent


def _answer(url: str, reply: Received) -> Answer:
    content_type = reply.headers.get("Content-Type", "")
    return Answer(url, reply.status, content_type, reply.body, reply.headers)
