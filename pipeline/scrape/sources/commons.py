"""Wikimedia Commons' file search: its URLs, and its answers → candidates.

Of a file its scaled picture is taken, at the smallest step of the servers' ladder that
is twice the side a network sees; of one smaller than that the file itself. A call
brings at most 50 works, for no more are scaled in one.
Sources: https://www.mediawiki.org/wiki/API:Imageinfo and the CommonsMetadata extension.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from pipeline.catalog.finding import Found
from pipeline.errors import InputError
from pipeline.scrape.sources.pages.markup import plain_text
from pipeline.scrape.sources.search import (
    Results,
    clean_url,
    first_link,
    short_name,
    text_of,
    with_licence,
)

LADDER = (20, 40, 60, 120, 250, 330, 500, 960, 1280, 1920, 3840)  # px wide
NO_RESULTS_PAGE = "not a page of Commons' results"
_FIELDS = (
    "LicenseShortName|LicenseUrl|License|UsageTerms|Artist|Credit|Attribution"
    "|AttributionRequired|ImageDescription|Restrictions|NonFree"
)
_ASKED = {
    "action": "query",
    "format": "json",
    "formatversion": "2",
    "generator": "search",
    "gsrnamespace": "6",
    "gsrsearch": "",
    "gsrlimit": "50",
    "prop": "imageinfo",
    "iiprop": "url|size|mime|sha1|timestamp|user|extmetadata",
    "iiurlwidth": "",
    "iiextmetadatafilter": _FIELDS,
    "maxlag": "5",  # seconds that the servers may lag before they send us away
}
_PHOTOS = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/tiff")
_NON_FREE = "Non-free"
_NOT_SAID = ("none", "", "0", "false", "no")
_FILE_GONE = "filemissing"
_FILE_NAME = re.compile(r"^[^:]{1,40}:\s*(.+?)(?:\.[A-Za-z]{3,4})?$")


@dataclass(frozen=True)
class Commons:
    """The search of one Wikimedia Commons; a ``Search``."""

    api_url: str  # ends in /w/api.php
    licences: tuple[str, ...]  # the slugs allowed
    image_size: int  # pixels of the side that the network sees

    kind: ClassVar[str] = "commons"
    page_size: ClassVar[int] = 50
    depth: ClassVar[int] = 10_000

    @property
    def width(self) -> int:
        """How wide the scaled pictures are, at least."""
        wanted = 2 * self.image_size
        return next((step for step in LADDER if step >= wanted), LADDER[-1])

    def first_page(self, query: str) -> str:
        """Return the URL of a query's first page."""
        wanted = {
            "gsrsearch": f"{query} filetype:bitmap",
            "iiurlwidth": str(self.width),
        }
        return f"{self.api_url}?{urlencode(_ASKED | wanted, quote_via=quote)}"

    def read_page(self, url: str, answer: object, category: str) -> Results:
        """Read what was answered to ``url``, in either format version.

        Raises:
            InputError: It is no page of results, or one of Commons' errors.
        """
        if not isinstance(answer, Mapping):
            raise InputError(NO_RESULTS_PAGE)
        if "error" in answer:
            raise InputError(f"Commons' error {_code(answer['error'])}")
        pages = sorted(_pages(answer), key=_rank)
        found = (self._candidate(page, category) for page in pages)
        return Results(
            tuple(one for one in found if one is not None),
            self._next_page(url, answer.get("continue")),
        )

    def _next_page(self, url: str, more: object) -> str | None:
        """Merge what goes on into the first page's URL."""
        if not isinstance(more, Mapping) or not more:
            return None
        offset = short_name(more.get("gsroffset"))
        if offset.isdecimal() and int(offset) >= self.depth:
            return None
        parts = urlsplit(url)
        asked = dict(parse_qsl(parts.query, keep_blank_values=True))
        first = {name: value for name, value in asked.items() if name in _ASKED}
        on = {name: value for name, value in more.items() if _is_plain(value)}
        query = urlencode(first | on, quote_via=quote, errors="replace")
        following = urlunsplit(parts._replace(query=query))
        return following if following != url else None

    def _candidate(self, page: Mapping[str, object], category: str) -> Found | None:
        """Read one file; ``None`` where it is gone, or is no photo."""
        info = page.get("imageinfo")
        info = info[0] if isinstance(info, list) and info else None
        if not isinstance(info, Mapping) or _is_gone(page) or _is_gone(info):
            return None
        if isinstance(info.get("mime"), str) and info["mime"] not in _PHOTOS:
            return None
        number = short_name(page.get("pageid"))
        number = number if number.isdecimal() else ""
        work = f"commons:{number}" if number else ""
        photo = self._address(info.get("thumburl")) or self._address(info.get("url"))
        if not (photo or work):
            return None
        said = info.get("extmetadata")
        said = said if isinstance(said, Mapping) else {}
        artist = _value(said, "Artist")
        shown = self._address(info.get("descriptionurl"))
        found = Found(
            self.kind,
            category,
            photo or work,
            page=shown
            or (self._address(f"index.php?curid={number}") if number else ""),
            title=_title(page.get("title")),
            author=text_of(artist) or text_of(_value(said, "Attribution")),
            work=work if photo else "",
            author_url=self._address(first_link(artist)),
        )
        return self._licensed(found, said)

    def _address(self, written: object) -> str:
        return clean_url(written, self.api_url) or "" if written else ""

    def _licensed(self, found: Found, said: Mapping[str, object]) -> Found:
        stated = [
            text_of(_value(said, "LicenseShortName")),
            text_of(_value(said, "License")),
        ]
        if str(_value(said, "NonFree")).strip().lower() not in _NOT_SAID:
            stated.append(_NON_FREE)
        return _with_restrictions(
            with_licence(
                found,
                stated,
                text_of(_value(said, "LicenseUrl")),
                self.licences,
                creator=text_of(_value(said, "Attribution")),
            ),
            text_of(_value(said, "Restrictions")),
        )


def _pages(answer: Mapping[str, object]) -> list[Mapping[str, object]]:
    """List the pages of an answer, none where nothing was found."""
    if not {"query", "continue", "batchcomplete"} & set(answer):
        raise InputError(NO_RESULTS_PAGE)
    pages = answer.get("query") or {}
    if isinstance(pages, Mapping):
        pages = pages.get("pages") or []
        if isinstance(pages, Mapping):  # format version 1: by the page's number
            pages = list(pages.values())
        if isinstance(pages, list):
            return [page for page in pages if isinstance(page, Mapping)]
    raise InputError(NO_RESULTS_PAGE)


def _rank(page: Mapping[str, object]) -> int:
    index = page.get("index")
    return index if isinstance(index, int) else sys.maxsize


def _is_gone(part: Mapping[str, object]) -> bool:
    """Say whether a page or file is marked so; version 1 writes ``""`` for true."""
    return any(part.get(mark, False) is not False for mark in ("missing", _FILE_GONE))


def _value(said: Mapping[str, object], name: str) -> object:
    """Return a field of the extended metadata, in English where it has languages."""
    field = said.get(name)
    value = field.get("value") if isinstance(field, Mapping) else None
    if isinstance(value, Mapping):
        words = {key: word for key, word in value.items() if key != "_type"}
        return words.get("en") or next(iter(words.values()), None)
    return value


def _title(name: object) -> str:
    """Return a file's name without its namespace and suffix."""
    whole = plain_text(name) if isinstance(name, str) else ""
    shown = _FILE_NAME.match(whole)
    return shown[1] if shown else whole


def _with_restrictions(found: Found, words: str) -> Found:
    """Say in the attribution line what else than copyright binds a photo's use."""
    if not words or not found.attribution:
        return found
    named = ", ".join(filter(None, (word.strip() for word in words.split("|"))))
    line = f"{found.attribution} Restrictions beside copyright: {named}"
    return replace(found, attribution=line)


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int)


def _code(error: object) -> str:
    return (short_name(error.get("code")) if isinstance(error, Mapping) else "") or "?"
