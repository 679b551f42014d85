"""What a site's robots.txt lets us fetch, and how far apart (RFC 9309).

2xx: its rules hold. 4xx: it has none, everything may be fetched. 5xx, 429, no answer:
not now; that passes, so the next run asks again. Redirects are followed as for any
other address. The first 500 KiB are read. An answer holds for the whole run, for one
scheme, host and port.
"""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from protego import Protego

from pipeline.web.addresses import netloc_of
from pipeline.web.answers import FetchError

ROBOT = "mekiki"  # the name that robots.txt files call us by
# Sites see our name with a version, and some write it so; the parser wants it bare.
_VERSION = re.compile(
    rf"^(\s*user-agent\s*:\s*{ROBOT})/\S*", re.IGNORECASE | re.MULTILINE
)
MAX_ROBOTS_BYTES = 500 * 1024  # what RFC 9309 asks for at least
MAX_CRAWL_DELAY_S = 30.0  # a longer wish is taken as this: a set must end some day


@dataclass(frozen=True)
class Rules:
    """What a site allows; ``None`` where it says nothing."""

    robots: Protego | None
    delay_s: float  # between the starts of two requests

    def allow(self, url: str) -> bool:
        """Say whether ``url`` may be fetched."""
        return self.robots is None or self.robots.can_fetch(url, ROBOT)


NO_RULES = Rules(None, 0.0)


def read_rules(body: bytes) -> Rules:
    """Parse a robots.txt, whatever it holds: what can't be understood is no rule."""
    text = body[:MAX_ROBOTS_BYTES].decode("utf-8-sig", errors="replace")
    robots = Protego.parse(_VERSION.sub(r"\1", text))
    delay_s = robots.crawl_delay(ROBOT) or 0.0
    rate = robots.request_rate(ROBOT)
    if rate is not None and rate.requests > 0:
        delay_s = max(delay_s, rate.seconds / rate.requests)
    return Rules(robots, min(max(delay_s, 0.0), MAX_CRAWL_DELAY_S))


def site_of(url: str) -> str:
    """Return scheme, host and port of a URL: what one robots.txt speaks for."""
    return f"{urlsplit(url).scheme}://{netloc_of(url)}"


class Consent:
    """Every site's rules, asked for once a run.

    Args:
        ask: Reads the robots.txt at a URL; raises where it can't be had now. What it
            raises is raised again for every address of that site.
    """

    def __init__(self, ask: Callable[[str], Rules]) -> None:
        self._ask = ask
        self._answers: dict[str, Rules | FetchError] = {}
        self._asking: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def rules(self, url: str) -> Rules:
        """Return the rules of the site that ``url`` is of."""
        site = site_of(url)
        with self._lock:
            asking = self._asking.setdefault(site, threading.Lock())
        with asking:
            if site not in self._answers:
                self._answers[site] = self._answer(f"{site}/robots.txt")
        answer = self._answers[site]
        if isinstance(answer, FetchError):
            raise answer.again()
        return answer

    def _answer(self, url: str) -> Rules | FetchError:
        try:
            return self._ask(url)
        except FetchError as error:
            return error
