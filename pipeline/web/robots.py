"""What a robots.txt lets us fetch, and how far apart (RFC 9309)."""

import re
from dataclasses import dataclass

from protego import Protego

from pipeline.web.addresses import readings_of

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
        """Say whether ``url`` may be fetched, however the server reads it."""
        robots = self.robots
        return robots is None or all(
            robots.can_fetch(reading, ROBOT) for reading in readings_of(url)
        )


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
