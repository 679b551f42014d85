"""What keeps a photo from machine learning where robots.txt lets it be fetched.

``X-Robots-Tag`` headers, and the reservation of text and data mining as the W3C's
community report has it (TDMRep, https://www.w3.org/community/reports/tdmrep/): in a
header, or in a file of the site. Where several speak, any one of them is enough: what
the file reserves is not asked for to see whether its header takes that back.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from protego import Protego
from urllib3 import HTTPHeaderDict

from pipeline.web.addresses import readings_of
from pipeline.web.answers import RESERVED
from pipeline.web.robots import ROBOT

MAX_TDM_BYTES = 500 * 1024
# Machine learning is what our photos are for: these count whatever robot they name.
_NO_LEARNING = ("noai", "noimageai")
_NO_INDEX = ("noindex", "none", "noimageindex")  # where all robots are meant, or ours
# "name: rule" names a robot, but for rules that have a value of their own.
_ADDRESSED = re.compile(r"([a-z*][\w.*-]*)(?:/\S*)?\s*:\s*(.*)")
_WITH_VALUE = frozenset(
    {"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"}
)


def opt_out_of(headers: HTTPHeaderDict) -> str:
    """Return the reason why these headers refuse us an answer, ``""`` if none does."""
    tags = headers.getlist("X-Robots-Tag")
    if tags:
        rules = robots_tag_rules(tags)
        for rule in (*_NO_LEARNING, *_NO_INDEX):
            if rule in rules:
                return f"X-Robots-Tag: {rule}"
    if headers.get("TDM-Reservation", "").strip() == "1":
        return RESERVED
    return ""


def robots_tag_rules(tags: Iterable[str]) -> set[str]:
    """Collect what ``X-Robots-Tag`` headers tell us, in lower case.

    A robot's name holds for all the rules behind it in the same header.
    """
    rules: set[str] = set()
    for tag in tags:
        for_us = True
        for part in tag.lower().split(","):
            rule = part.strip()
            named = _ADDRESSED.fullmatch(rule)
            if named and named[1] not in _WITH_VALUE:
                for_us = named[1] in {"*", ROBOT}
                rule = named[2].strip()
            if for_us or rule in _NO_LEARNING:
                rules.add(rule)
    return rules


@dataclass(frozen=True)
class Reservations:
    """A site's ``tdmrep.json``: which paths are reserved."""

    rules: tuple[tuple[Protego, bool], ...] = ()  # matches by forbidding; reserved

    def hold(self, url: str) -> bool:
        """Say whether mining what is at ``url`` is reserved: the first match tells.

        However the server reads it.
        """
        return any(map(self._hold, readings_of(url)))

    def _hold(self, url: str) -> bool:
        for location, is_reserved in self.rules:
            if not location.can_fetch(url, ROBOT):
                return is_reserved
        return False


NO_RESERVATIONS = Reservations()


def read_reservations(body: bytes) -> Reservations:
    """Read a ``tdmrep.json``, whatever it holds: what is broken reserves nothing."""
    try:
        told = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return NO_RESERVATIONS
    rules = []
    for rule in told if isinstance(told, list) else [told]:
        location = rule.get("location") if isinstance(rule, dict) else None
        if isinstance(location, str) and (pattern := _pattern(location)):
            rules.append((pattern, str(rule.get("tdm-reservation")) == "1"))
    return Reservations(tuple(rules))


def _pattern(location: str) -> Protego | None:
    """Return what matches a location; the report takes robots.txt's patterns over."""
    path = location.strip()
    if not path.startswith(("/", "*")) or len(path.splitlines()) > 1 or "#" in path:
        return None
    return Protego.parse(f"User-agent: *\nDisallow: {path}")
