"""What a photo search is: queries → pages of results → candidates.

A search is pure: it says which URL to ask and what the answer means; asking is the
caller's. The licence filter of a query only narrows: every result is read on its own,
and one whose licence is not allowed is listed too, so that it is refused and counted.
"""

import html
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from pipeline.catalog.finding import Found
from pipeline.licences import attribution_line, parse_licence
from pipeline.scrape.sources.pages.markup import plain_text
from pipeline.web.addresses import is_recordable, join_url

_LONGEST_ID = 200  # characters of a service's name of a work
_UNSEEN = ("script", "style")
_VOID = ("br", "hr", "img", "input", "link", "meta", "wbr")  # end where they begin
_APART = ("br", "dd", "div", "dt", "li", "p", "table", "td", "th", "tr", "ul")


@dataclass(frozen=True)
class Results:
    """What one page of results shows."""

    found: tuple[Found, ...]  # in the order of their rank
    next_url: str | None  # ``None``: there are no more


class Search(Protocol):
    """A service that is asked for photos by words."""

    @property
    def kind(self) -> str:
        """The kind of the source, also ``Found.source``."""

    @property
    def page_size(self) -> int:
        """How many works one call may bring."""

    @property
    def depth(self) -> int:
        """How many works one query may bring, over all its pages."""

    def first_page(self, query: str) -> str:
        """Return the URL of a query's first page: always the same, without secrets."""

    def read_page(self, url: str, answer: object, category: str) -> Results:
        """Read the JSON that was answered to ``url``.

        Raises:
            InputError: It is no page of results; the text is a short reason.
        """


def with_licence(
    found: Found,
    stated: Sequence[str],
    url: str,
    allowed: Collection[str],
    creator: str = "",
) -> Found:
    """Fill in a candidate's licence, and the attribution line where it lacks one.

    Args:
        found: The candidate, with title and author.
        stated: What the service says of the licence, the best wording first.
        url: The address that it gives for the licence.
        allowed: Slugs; of several licences offered an allowed one counts.
        creator: Whom the line is to name; the author where empty.

    Returns:
        The candidate; what is not understood is left in the words it was stated in.
    """
    licence = parse_licence(*stated, url, preferred=allowed)
    address = clean_url(url) or ""
    if licence is None:
        words = next(filter(None, map(plain_text, stated)), "")
        return replace(found, licence=words, licence_url=address)
    line = attribution_line(found.title, creator or found.author, licence)
    return replace(
        found,
        licence=licence.name,
        licence_version=licence.version,
        licence_url=licence.url or address,
        attribution=found.attribution or line,
    )


def clean_url(url: object, base: str = "") -> str | None:
    """Return a service's address as one would send it, without ``utm_`` tracking.

    ``None`` where it is none of the web, or longer than a catalog can hold.
    """
    if not isinstance(url, str) or not (whole := join_url(base, url)):
        return None
    parts = urlsplit(whole)
    kept = [one for one in parts.query.split("&") if not one.startswith("utm_")]
    clean = urlunsplit(parts._replace(query="&".join(kept)))
    return clean if is_recordable(clean) else None


def short_name(value: object) -> str:
    """Return a service's name of a work (a number or text), ``""`` where unusable."""
    is_name = isinstance(value, str | int) and not isinstance(value, bool)
    name = plain_text(value) if is_name else ""
    return name if len(name) <= _LONGEST_ID else ""


def text_of(written: object) -> str:
    """Return what HTML says to a reader, on one line; ``""`` of what is no text."""
    return _read(written)[0]


def first_link(written: object) -> str:
    """Return where the first link in HTML leads, as written there."""
    return _read(written)[1]


def _read(written: object) -> tuple[str, str]:
    if isinstance(written, bool) or not isinstance(written, str | int | float):
        return "", ""
    reader = _Reader()
    try:
        reader.feed(str(written))
        reader.close()
    except AssertionError:  # what the parser says of some broken declarations
        return plain_text(html.unescape(re.sub(r"<[^>]*>", " ", str(written)))), ""
    return plain_text("".join(reader.words)), reader.link


class _Reader(HTMLParser):
    """Gathers what HTML shows: text that is not hidden, the first link."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.link = ""
        self._hidden = ""  # the element that is not shown
        self._depth = 0  # how many of that name are open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if self._hidden:
            self._depth += tag == self._hidden
        elif tag not in _VOID and (tag in _UNSEEN or _is_hiding(said.get("style"))):
            self._hidden, self._depth = tag, 1
        else:
            self.words += " " if tag in _APART else ""
            if tag == "a" and not self.link:
                self.link = (said.get("href") or "").strip()

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            self._depth -= tag == self._hidden
            self._hidden = self._hidden if self._depth else ""
        elif tag in _APART:
            self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)


def _is_hiding(style: str | None) -> bool:
    return re.search(r"display\s*:\s*none", style or "", re.IGNORECASE) is not None
