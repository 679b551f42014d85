"""Openverse's image search: its URLs, and its answers → candidates.

A query is worth its first 240 works, whatever ``result_count`` says; a page takes 20
without a key, 50 with one (of which 48 fit 240 evenly).
Source: the API's own schema, https://api.openverse.org/v1/.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from pipeline.catalog.finding import Found
from pipeline.errors import InputError
from pipeline.licences import LICENCES
from pipeline.scrape.sources.search import (
    Results,
    clean_url,
    short_name,
    text_of,
    with_licence,
)

LONGEST_QUERY = 200  # characters; the service cuts there
NO_RESULTS_PAGE = "not a page of Openverse's results"
_PAGE_SIZES = {False: 20, True: 48}  # by whether a key is used
_COMMONS_PAGE = re.compile(r"/index\.php\?(?:.*&)?curid=([1-9]\d{0,19})(?:&|$)")


@dataclass(frozen=True)
class Openverse:
    """The search of one Openverse; a ``Search``."""

    base_url: str  # ends in /v1/
    licences: tuple[str, ...]  # the slugs allowed
    is_registered: bool  # whether calls carry a key's token

    kind: ClassVar[str] = "openverse"
    depth: ClassVar[int] = 240

    @property
    def page_size(self) -> int:
        """How many works one call may bring."""
        return _PAGE_SIZES[self.is_registered]

    def first_page(self, query: str) -> str:
        """Return the URL of a query's first page."""
        asked = {
            "q": query[:LONGEST_QUERY],
            "license": ",".join(slug for slug in LICENCES if slug in self.licences),
            "page_size": self.page_size,
            "page": 1,
        }
        address = f"{self.base_url.rstrip('/')}/images/"  # without the slash: not found
        return f"{address}?{urlencode(asked, safe=',', quote_via=quote)}"

    def read_page(self, url: str, answer: object, category: str) -> Results:
        """Read what was answered to ``url``.

        Raises:
            InputError: It is no page of results.
        """
        whole = answer if isinstance(answer, Mapping) else {}
        results = whole.get("results")
        if not isinstance(results, list):
            raise InputError(NO_RESULTS_PAGE)
        found = (self._candidate(item, category) for item in results)
        return Results(
            tuple(one for one in found if one is not None),
            self._next_page(url, whole.get("page_count")) if results else None,
        )

    def _next_page(self, url: str, page_count: object) -> str | None:
        parts = urlsplit(url)
        asked = dict(parse_qsl(parts.query, keep_blank_values=True))
        page = _number(asked.get("page"), 1) + 1
        last = self.depth // _number(asked.get("page_size"), self.page_size)
        if isinstance(page_count, int) and page_count > 0:
            last = min(last, page_count)
        if page > last:
            return None
        query = urlencode(asked | {"page": page}, safe=",", quote_via=quote)
        return urlunsplit(parts._replace(query=query))

    def _candidate(self, item: object, category: str) -> Found | None:
        """Read one result; ``None`` where it says neither what nor where it is."""
        if not isinstance(item, Mapping):
            return None
        work = _work(item)
        photo = clean_url(item.get("url"))
        if not (photo or work):
            return None
        address = item.get("license_url")
        return with_licence(
            Found(
                self.kind,
                category,
                photo or work,
                page=clean_url(item.get("foreign_landing_url")) or "",
                title=text_of(item.get("title")),
                author=text_of(item.get("creator")),
                work=work if photo else "",
                author_url=clean_url(item.get("creator_url")) or "",
                attribution=text_of(item.get("attribution")),
            ),
            [
                f"{text_of(item.get('license'))}"
                f" {text_of(item.get('license_version'))}".strip()
            ],
            address if isinstance(address, str) else "",
            self.licences,
        )


def _work(item: Mapping[str, object]) -> str:
    """Return the one name of a work; a file of Commons has Commons' own."""
    page = item.get("foreign_landing_url")
    if "wikimedia" in [item.get("provider"), item.get("source")]:
        shown = _COMMONS_PAGE.search(page) if isinstance(page, str) else None
        if shown:
            return f"commons:{shown[1]}"
    name = short_name(item.get("id"))
    return f"openverse:{name}" if name else ""


def _number(written: str | None, default: int) -> int:
    """Return a positive number from a URL."""
    is_number = written is not None and re.fullmatch(r"[1-9]\d{0,8}", written)
    return int(written) if written and is_number else default
