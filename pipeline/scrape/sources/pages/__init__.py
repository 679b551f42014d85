"""Photos on web pages: one crawl a category and query, next-page links followed.

Every page is recorded together with the candidates it shows, in one transaction and
in the order of the crawl. So a crawl that was killed goes on at the page where it
stopped, no page is read twice, and the candidates get the ids of an undisturbed crawl.
Rereading asks for every page again, for what is new there.
A page that failed in passing ends its crawl for this run; the next run asks again.
"""

import logging
from urllib.parse import quote

from pipeline.catalog import Outcome
from pipeline.catalog.finding import Found, PageRead
from pipeline.errors import InputError, SettingsError
from pipeline.scrape.sources.discovery import Discovered, Discovery, lifted_refusals
from pipeline.scrape.sources.pages.following import find_next_page, site_name
from pipeline.scrape.sources.pages.markup import read_markup
from pipeline.scrape.sources.pages.optout import page_opt_out
from pipeline.scrape.sources.pages.pictures import Picture, find_pictures
from pipeline.settings import PagesSource, SetSettings
from pipeline.web.answers import FetchError, RefusedError

MAX_PAGE_BYTES = 20_000_000
_CATEGORY, _QUERY = "{category}", "{query}"  # filled in, percent-encoded
ELSEWHERE = "leads to another site"

logger = logging.getLogger(__name__)


def crawl_pages(source: PagesSource, discovery: Discovery) -> Discovered:
    """Record the pages of a source and the candidates they show.

    Raises:
        SettingsError: The URL can't tell the categories apart.
    """
    known = {} if discovery.reread else discovery.catalog.candidates.pages()
    found = Discovered()
    for category, url in first_pages(source, discovery.settings):
        crawl = _Crawl(category, source.max_pages, discovery, known)
        found += crawl.run(url)
    return found


def first_pages(source: PagesSource, settings: SetSettings) -> list[tuple[str, str]]:
    """List where the crawls start: category and URL.

    Raises:
        SettingsError: The URL can't tell the categories apart.
    """
    has_query = _QUERY in source.url
    if not has_query and _CATEGORY not in source.url:
        raise SettingsError(
            '[[source]] kind = "pages": url must contain {category} or {query}, so'
            f" that each photo's category is known; got {source.url!r}"
        )
    starts: list[tuple[str, str]] = []
    for category in settings.category:
        if has_query and not category.queries:
            raise SettingsError(
                f"[[category]] {category.name!r} needs queries: the url of a pages"
                " source contains {query}"
            )
        for query in category.queries if has_query else ("",):
            url = source.url.replace(_CATEGORY, quote(category.name, safe=""))
            url = url.replace(_QUERY, quote(query, safe=""))
            starts.append((category.name, url))
    return list(dict.fromkeys(starts))


class _Crawl:
    """One category's way from page to page."""

    def __init__(
        self,
        category: str,
        max_pages: int,
        discovery: Discovery,
        known: dict[tuple[str, str], PageRead],
    ) -> None:
        self._category = category
        self._max_pages = max_pages
        self._discovery = discovery
        self._known = known
        self._lifted = lifted_refusals(discovery.settings)

    def run(self, first_url: str) -> Discovered:
        """Read the pages from ``first_url`` on that were not read before."""
        found, seen = Discovered(), set[str]()
        url: str | None = first_url
        while url is not None and url not in seen and len(seen) < self._max_pages:
            is_first = not seen
            seen.add(url)
            page = self._known.get((self._category, url))
            if page is None or self._is_due(page):
                page, new = self._read(url, is_first=is_first)
                found += _count(page, new)
                self._discovery.advance(1)
            url = page.next_url if page.outcome is Outcome.STORED else None
        return found

    def _is_due(self, page: PageRead) -> bool:
        """Say whether a page that was met before is to be asked for again."""
        return page.outcome is Outcome.FAILED or (
            page.outcome is Outcome.REFUSED and page.reason in self._lifted
        )

    def _read(self, url: str, *, is_first: bool) -> tuple[PageRead, int]:
        """Fetch one page and record how that ended; count the new candidates."""
        pictures: list[Picture] = []
        next_url = None
        outcome, reason = Outcome.STORED, ""
        try:
            answer = self._discovery.fetcher.fetch(url, max_bytes=MAX_PAGE_BYTES)
            sites = {site_name(url), site_name(answer.final_url)}
            if len(sites) > 1 and not is_first:
                raise RefusedError(ELSEWHERE)
            markup = read_markup(answer.body, answer.final_url, answer.content_type)
            if opted_out := page_opt_out(markup):
                raise RefusedError(opted_out)
            pictures = find_pictures(markup)
            next_url = find_next_page(markup)
            if next_url is not None and site_name(next_url) not in sites:
                next_url = None
        except FetchError as error:
            refused = isinstance(error, RefusedError)
            outcome = Outcome.REFUSED if refused else Outcome.FAILED
            reason = error.reason
        except InputError as error:
            outcome, reason = Outcome.REFUSED, str(error)
        if reason:
            logger.info("page %s: %s", url, reason)
        page = PageRead("pages", self._category, url, outcome, reason, next_url)
        self._known[self._category, url] = page
        rows = [self._candidate(picture, url) for picture in pictures]
        new = self._discovery.catalog.candidates.add_page(
            page, rows, self._discovery.now()
        )
        return page, new

    def _candidate(self, picture: Picture, page: str) -> Found:
        return Found(
            "pages",
            self._category,
            picture.url,
            page,
            picture.title,
            picture.author,
            picture.licence,
            picture.licence_url,
        )


def _count(page: PageRead, new: int) -> Discovered:
    return Discovered(
        new=new,
        pages_read=page.outcome is Outcome.STORED,
        pages_failed=page.outcome is Outcome.FAILED,
        pages_refused=page.outcome is Outcome.REFUSED,
    )
