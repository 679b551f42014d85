"""Searches: every category filled up to ``per_category``, all at the same pace.

It goes in rounds. First the candidates found so far are tried, of each category the
first ones by id and no more than are still wanted; then every category that wants more
reads one further page of results, of the query it has read least of; and so on until
all are full or nothing is left. Whatever moment a run is killed at, the same candidates
are tried in the end, and get the same ids: both depend only on what the catalog holds
when a round begins.

Candidates that were not needed stay, to be tried when ``per_category`` is raised.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from pipeline.catalog import Outcome
from pipeline.catalog.candidates import Candidate
from pipeline.catalog.finding import PageRead
from pipeline.errors import InputError
from pipeline.scrape.sources.discovery import Discovered, Discovery, lifted_refusals
from pipeline.scrape.sources.search import Results, Search
from pipeline.settings import SEARCHES, SetSettings
from pipeline.web.answers import FailedError, RefusedError, UnreachableError
from pipeline.web.quota import QuotaSpentError

SPARE = "spare: its category is full"
FAILED_LIMIT = 3  # pages of a service in a row, then it is let be for this run

logger = logging.getLogger(__name__)

Pages = Mapping[tuple[str, str], PageRead]


@dataclass(frozen=True)
class Service:
    """A search service: how its pages are read, and how it is asked for one."""

    search: Search
    ask: Callable[[str], Mapping[str, object]]


@dataclass(frozen=True)
class Filled:
    """What filling came to."""

    discovered: Discovered
    missing: Mapping[str, int]  # photos still wanted, by category, where there are any
    spent: tuple[QuotaSpentError, ...]  # the quotas that ended it
    down: Mapping[str, FailedError]  # services that did not answer in the end, and why

    def is_held_up(self, services: Collection[str]) -> bool:
        """Say whether photos are missing because no service could be asked."""
        return bool(self.missing) and bool(services) and set(services) == set(self.down)


@dataclass(frozen=True)
class Stream:
    """The pages of results of one query of a category at one service."""

    search: Search
    category: str
    first: str  # URL of the first page

    def ahead(self, pages: Pages) -> tuple[int, str | None]:
        """Return how many pages were read, and the next one, if there is any."""
        url: str | None = self.first
        seen = set[str]()
        while url is not None and url not in seen:
            page = pages.get((self.category, url))
            if page is None or page.outcome is Outcome.FAILED:
                return len(seen), url
            if page.outcome is Outcome.REFUSED:
                return len(seen), None
            seen.add(url)
            url = page.next_url
        return len(seen), None


def streams_of(settings: SetSettings, searches: Sequence[Search]) -> list[Stream]:
    """List the streams of every category, in the order they are begun."""
    return [
        Stream(search, category.name, search.first_page(query))
        for category in settings.category
        for query in category.queries
        for search in searches
    ]


def wanted(settings: SetSettings, stored: Mapping[str, int]) -> dict[str, int]:
    """Return how many photos each category still wants from searches."""
    return {
        name: max(0, settings.scrape.per_category - stored.get(name, 0))
        for name in settings.category_names
    }


class Filling:
    """Fills the categories of a set.

    Args:
        services: Whom to ask.
        discovery: The set, its catalog and its clock.
        fetch: Tries candidates, and records how they end.
    """

    def __init__(
        self,
        services: Sequence[Service],
        discovery: Discovery,
        fetch: Callable[[list[Candidate]], None],
    ) -> None:
        self._services = {service.search.kind: service for service in services}
        self._discovery = discovery
        self._fetch = fetch
        searches = [service.search for service in services]
        self._streams = streams_of(discovery.settings, searches)
        known = discovery.catalog.candidates.pages()
        lifted = lifted_refusals(discovery.settings)
        self._pages = {
            place: page
            for place, page in known.items()
            if not discovery.reread and page.reason not in lifted
        }
        self._closed: set[Stream] = set()
        self._tried: dict[str, int] = {}  # the highest id tried, by category
        self._failures: dict[str, int] = {}  # in a row, by service
        self._found = Discovered()
        self._spent: list[QuotaSpentError] = []
        self._down: dict[str, FailedError] = {}

    def run(self) -> Filled:
        """Fill until every category is full, or nobody has more."""
        going_on = True
        while going_on:
            self._fetch_wanted()
            going_on = self._read_round()
        missing = {name: n for name, n in self._wanted().items() if n}
        for name in self._discovery.settings.category_names:
            reason = "" if name in missing else SPARE
            self._discovery.catalog.candidates.note_pending(SEARCHES, name, reason)
        notes = (f"{kind}: {error.reason}" for kind, error in self._down.items())
        self._found += Discovered(notes=tuple(notes))
        return Filled(self._found, missing, tuple(self._spent), self._down)

    def _wanted(self) -> dict[str, int]:
        stored = self._discovery.catalog.candidates.stored_per_category(SEARCHES)
        return wanted(self._discovery.settings, stored)

    def _fetch_wanted(self) -> None:
        """Try what was found, as long as it is wanted."""
        while batch := [
            candidate
            for category, number in self._wanted().items()
            if number
            for candidate in self._discovery.catalog.candidates.pending(
                tuple(self._services),
                [category],
                after=self._tried.get(category, 0),
                limit=number,
            )
        ]:
            for candidate in batch:
                self._tried[candidate.category] = candidate.id
            self._fetch(batch)

    def _read_round(self) -> bool:
        """Let every category that wants more read a page; say whether any could."""
        needy = [name for name, number in self._wanted().items() if number]
        levels = {name: self._level(name) for name in needy if self._next(name)}
        lowest = min(levels.values(), default=0)
        for name in (name for name, level in levels.items() if level == lowest):
            place = self._next(name)
            if place is not None:
                self._read(*place)
        return bool(levels)

    def _level(self, category: str) -> int:
        """Count the pages of a category that were read."""
        own = (stream for stream in self._streams if stream.category == category)
        return sum(stream.ahead(self._pages)[0] for stream in own)

    def _next(self, category: str) -> tuple[Stream, str] | None:
        """Choose the page that a category reads next: of what it read least of."""
        best: tuple[int, Stream, str] | None = None
        for stream in self._streams:
            if stream.category != category or stream in self._closed:
                continue
            read, url = stream.ahead(self._pages)
            if url is not None and (best is None or read < best[0]):
                best = (read, stream, url)
        return None if best is None else best[1:]

    def _read(self, stream: Stream, url: str) -> None:
        """Ask for a page of results and record what it shows."""
        service = self._services[stream.search.kind]
        results = Results((), None)
        outcome, reason = Outcome.STORED, ""
        try:
            answer = service.ask(url)
            results = stream.search.read_page(url, answer, stream.category)
            self._answered(stream.search.kind)
        except QuotaSpentError as error:
            self._spent.append(error)
            self._close(stream.search.kind)
            return
        except FailedError as error:
            outcome, reason = Outcome.FAILED, error.reason
            self._missed(stream, error)
        except RefusedError as error:
            outcome, reason = Outcome.REFUSED, error.reason
        except InputError as error:
            outcome, reason = Outcome.REFUSED, str(error)
        self._record(stream, url, results, outcome, reason)

    def _record(
        self, stream: Stream, url: str, results: Results, outcome: Outcome, reason: str
    ) -> None:
        page = PageRead(
            stream.search.kind, stream.category, url, outcome, reason, results.next_url
        )
        if reason:
            logger.warning("%s, %s: %s", stream.search.kind, stream.category, reason)
        self._pages[stream.category, url] = page
        new = self._discovery.catalog.candidates.add_page(
            page, results.found, self._discovery.now()
        )
        self._found += Discovered(
            new=new,
            pages_read=outcome is Outcome.STORED,
            pages_failed=outcome is Outcome.FAILED,
            pages_refused=outcome is Outcome.REFUSED,
        )

    def _answered(self, kind: str) -> None:
        self._failures[kind] = 0
        self._down.pop(kind, None)

    def _missed(self, stream: Stream, error: FailedError) -> None:
        """Let a stream be for this run; after several failures, its service too."""
        kind = stream.search.kind
        self._closed.add(stream)
        self._failures[kind] = self._failures.get(kind, 0) + 1
        self._down[kind] = error
        if isinstance(error, UnreachableError) or self._failures[kind] >= FAILED_LIMIT:
            self._close(kind)

    def _close(self, kind: str) -> None:
        own = (stream for stream in self._streams if stream.search.kind == kind)
        self._closed.update(own)
