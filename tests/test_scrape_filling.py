"""Searches fill every category to the same number, in an order that can be resumed."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from pipeline import catalog as catalogs
from pipeline.catalog import Catalog, Outcome
from pipeline.catalog.candidates import Candidate
from pipeline.catalog.endings import Ending
from pipeline.catalog.finding import Found
from pipeline.home import set_folder
from pipeline.images import ImageFacts
from pipeline.scrape.filling import SPARE, Filled, Filling, Service
from pipeline.scrape.plan import Allowance, Plan, make_plan
from pipeline.scrape.sources.discovery import Discovery
from pipeline.scrape.sources.search import Results
from pipeline.settings import ScrapeSettings, SetSettings
from pipeline.web.answers import FailedError, RefusedError, UnreachableError
from pipeline.web.fetch import Fetcher
from pipeline.web.quota import QuotaSpentError
from tests.conftest import NOW

TOMORROW = 1_800_000_000.0


@dataclass(frozen=True)
class Shelf:
    """A search over numbered works: the n-th of a query is ``<query>/<n>``."""

    kind: str = "openverse"
    page_size: int = 4
    depth: int = 12
    works: Mapping[str, int] = field(default_factory=dict, hash=False)

    def first_page(self, query: str) -> str:
        return f"http://{self.kind}.net/{query}?page=1"

    def read_page(self, url: str, answer: object, category: str) -> Results:
        query, _, page = url.partition(".net/")[2].partition("?page=")
        last = min(self.works.get(query, self.depth), self.depth)
        start = (int(page) - 1) * self.page_size
        found = tuple(
            Found(
                self.kind,
                category,
                f"http://photos.net/{self.kind}/{query}/{number}.jpg",
                work=f"{self.kind}:{query}/{number}",
            )
            for number in range(start, min(start + self.page_size, last))
        )
        more = start + self.page_size < last
        next_url = url.replace(f"={page}", f"={int(page) + 1}") if more else None
        return Results(found, next_url)


@dataclass
class World:
    """Services that answer or not, photos that can be had or not."""

    asked: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    refused: Callable[[str], bool] = lambda _origin: False
    troubles: dict[str, Exception] = field(default_factory=dict)  # by URL
    calls_left: int = 1000
    killed_after: int = 10_000  # photos fetched, pages read

    def ask(self, url: str) -> Mapping[str, object]:
        if self.calls_left == 0:
            raise QuotaSpentError("daily quota of 3 calls is used", TOMORROW)
        self._count(self.asked, url)
        self.calls_left -= 1
        if url in self.troubles:
            raise self.troubles[url]
        return {}

    def ending(self, candidate: Candidate) -> Ending:
        self._count(self.fetched, candidate.origin)
        if self.refused(candidate.origin):
            return Ending(candidate.id, Outcome.REFUSED, "HTTP 404")
        sha256 = f"{hash(candidate.origin) & (1 << 63) - 1:064x}"
        facts = ImageFacts(sha256, "JPEG", "jpg", 64, 64, 1000)
        return Ending(candidate.id, Outcome.STORED, facts=facts)

    def _count(self, done: list[str], what: str) -> None:
        if len(self.asked) + len(self.fetched) >= self.killed_after:
            raise KeyboardInterrupt
        done.append(what)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    opened = Fetcher(ScrapeSettings())
    yield opened
    opened.close()


def settings(per_category: int = 10, **queries: list[str]) -> SetSettings:
    wanted = queries or {"cat": ["tabby", "siamese"], "dog": ["poodle", "beagle"]}
    return SetSettings.model_validate(
        {
            "category": [{"name": n, "queries": q} for n, q in wanted.items()],
            "source": [{"kind": "openverse"}, {"kind": "commons"}],
            "scrape": {"per_category": per_category},
        }
    )


def fill(
    catalog: Catalog,
    fetcher: Fetcher,
    world: World,
    chosen: SetSettings,
    *shelves: Shelf,
) -> Filled:
    def fetch(batch: list[Candidate]) -> None:
        for start in range(0, len(batch), 3):
            endings = [world.ending(one) for one in batch[start : start + 3]]
            catalog.candidates.finish(endings, NOW)

    discovery = Discovery(chosen, catalog, fetcher, lambda: NOW, lambda _: None)
    services = [Service(shelf, world.ask) for shelf in shelves or (Shelf(),)]
    return Filling(services, discovery, fetch).run()


def stored(catalog: Catalog) -> dict[str, int]:
    return catalog.candidates.stored_per_category()


def test_every_category_gets_what_is_wanted_and_no_more(sqlite_catalog, fetcher, world):
    world.refused = lambda origin: origin.endswith(("1.jpg", "6.jpg"))

    filled = fill(sqlite_catalog, fetcher, world, settings(10))

    assert stored(sqlite_catalog) == {"cat": 10, "dog": 10}
    assert filled.missing == {}
    assert len(set(world.fetched)) == len(world.fetched)
    counts = sqlite_catalog.candidates.counts()
    assert counts["refused"] == {"HTTP 404": len(world.fetched) - 20}
    assert set(counts["pending"]) == {SPARE}


def test_queries_and_services_take_turns(sqlite_catalog, fetcher, world):
    shelves = Shelf(), Shelf("commons", page_size=6)

    fill(sqlite_catalog, fetcher, world, settings(18), *shelves)

    of_cats = [url for url in world.asked if "tabby" in url or "siamese" in url]
    assert of_cats == [
        "http://openverse.net/tabby?page=1",
        "http://commons.net/tabby?page=1",
        "http://openverse.net/siamese?page=1",
        "http://commons.net/siamese?page=1",
    ]


def test_categories_fill_at_the_same_pace(sqlite_catalog, fetcher, world):
    world.calls_left = 3

    filled = fill(sqlite_catalog, fetcher, world, settings(10))

    assert [("tabby" in url or "siamese" in url) for url in world.asked] == [
        True,
        False,
        True,
    ]
    assert filled.missing == {"cat": 2, "dog": 6}


def test_a_spent_quota_ends_the_run_and_the_next_one_goes_on(
    sqlite_catalog, fetcher, world
):
    world.calls_left = 3
    first = fill(sqlite_catalog, fetcher, world, settings(10))
    assert [error.until for error in first.spent] == [TOMORROW]
    asked = list(world.asked)

    world.calls_left = 100
    second = fill(sqlite_catalog, fetcher, world, settings(10))

    assert second.missing == {}
    assert second.spent == ()
    assert not set(asked) & set(world.asked[len(asked) :])
    assert stored(sqlite_catalog) == {"cat": 10, "dog": 10}


def test_what_a_spent_service_cannot_give_another_gives(sqlite_catalog, fetcher, world):
    spent = World(calls_left=0)
    discovery = Discovery(
        settings(5), sqlite_catalog, fetcher, lambda: NOW, lambda _: None
    )

    def fetch(batch: list[Candidate]) -> None:
        sqlite_catalog.candidates.finish([world.ending(one) for one in batch], NOW)

    services = [Service(Shelf(), spent.ask), Service(Shelf("commons"), world.ask)]
    filled = Filling(services, discovery, fetch).run()

    assert filled.missing == {}
    assert stored(sqlite_catalog) == {"cat": 5, "dog": 5}


def test_what_nobody_has_is_said(sqlite_catalog, fetcher, world):
    few = Shelf(works={"tabby": 3, "siamese": 2})

    filled = fill(sqlite_catalog, fetcher, world, settings(10), few)

    assert filled.missing == {"cat": 5}
    assert filled.spent == ()


def test_a_service_that_cannot_be_reached_is_asked_once(sqlite_catalog, fetcher, world):
    first = Shelf().first_page("tabby")
    world.troubles[first] = UnreachableError("host name not found")

    filled = fill(sqlite_catalog, fetcher, world, settings(10))

    assert world.asked == [first]
    assert filled.discovered.pages_failed == 1
    assert filled.missing == {"cat": 10, "dog": 10}

    world.troubles.clear()
    fill(sqlite_catalog, fetcher, world, settings(10))
    assert stored(sqlite_catalog) == {"cat": 10, "dog": 10}


def test_a_query_that_is_refused_leaves_the_others(sqlite_catalog, fetcher, world):
    first = Shelf().first_page("tabby")
    world.troubles[first] = RefusedError("HTTP 400: license is not known")

    filled = fill(sqlite_catalog, fetcher, world, settings(10))

    assert filled.discovered.pages_refused == 1
    assert stored(sqlite_catalog) == {"cat": 10, "dog": 10}


def test_one_failing_page_leaves_the_service_to_the_other_queries(
    sqlite_catalog, fetcher, world
):
    world.troubles[Shelf().first_page("tabby")] = FailedError("HTTP 503")

    filled = fill(sqlite_catalog, fetcher, world, settings(10))

    assert filled.discovered.pages_failed == 1
    assert stored(sqlite_catalog) == {"cat": 10, "dog": 10}


def test_a_work_that_two_categories_find_is_fetched_from_one_address(
    sqlite_catalog, fetcher, world
):
    both = settings(3, cat=["pet"], dog=["pet"])

    fill(sqlite_catalog, fetcher, world, both)

    assert stored(sqlite_catalog) == {"cat": 3, "dog": 3}
    found = sqlite_catalog.candidates.counts()
    assert found["known"] == {"same bytes as another candidate": 3}


def rows(catalog: Catalog) -> list[str]:
    tried = catalog.candidates.pending(("openverse", "commons"), ("cat", "dog"))
    images = [
        (image.sha256, image.candidate_id, image.origin, image.category)
        for image in catalog.photos.stored()
    ]
    pages = sorted(map(repr, catalog.candidates.pages().values()))
    counts = catalog.candidates.counts()
    return [*map(repr, tried), *map(repr, images), *pages, repr(counts)]


@pytest.mark.parametrize("killed_after", range(1, 60, 4))
def test_a_killed_run_ends_as_an_undisturbed_one(tmp_path, fetcher, killed_after):
    """Killed again and again, each time a little later."""

    def ended(name: str, *moments: int) -> list[str]:
        folder = set_folder(tmp_path / name, "things")
        shelves = Shelf(), Shelf("commons", page_size=6, works={"tabby": 5})
        with catalogs.opened(folder) as catalog:
            for moment in moments:
                world = World(refused=bad, killed_after=moment)
                with suppress(KeyboardInterrupt):
                    fill(catalog, fetcher, world, chosen, *shelves)
            fill(catalog, fetcher, World(refused=bad), chosen, *shelves)
            return rows(catalog)

    def bad(origin: str) -> bool:
        return origin.endswith(("1.jpg", "5.jpg", "7.jpg"))

    chosen = settings(13, cat=["tabby", "siamese"], dog=["tabby", "beagle"])

    assert ended("killed", killed_after, 3) == ended("calm")


def plan(catalog: Catalog, chosen: SetSettings, *allowances: Allowance) -> Plan:
    shelves = [Shelf(), Shelf("commons", page_size=6)][: len(allowances)]
    searches = {
        shelf.kind: (shelf, allowance)
        for shelf, allowance in zip(shelves, allowances, strict=True)
    }
    return make_plan(chosen, catalog, searches, [])


def test_the_plan_counts_the_calls_that_the_run_will_make(
    sqlite_catalog, fetcher, world
):
    free = Allowance(None, None)
    planned = plan(sqlite_catalog, settings(10), free, free)

    fill(sqlite_catalog, fetcher, world, settings(10), Shelf(), Shelf("commons", 6))

    assert sum(service.calls for service in planned.services) == len(world.asked)
    assert planned.wanted == planned.expected == 20
    assert planned.days == 1
    after = plan(sqlite_catalog, settings(10), free, free)
    assert (after.wanted, sum(service.calls for service in after.services)) == (0, 0)


def test_the_plan_says_the_days_that_a_quota_makes_of_it(sqlite_catalog):
    planned = plan(sqlite_catalog, settings(10), Allowance(2, 1))

    assert (planned.services[0].calls, planned.days) == (6, 4)
    assert planned.lines == [
        "plan: 20 photos wanted from searches (2 categories of 10; 0 in the store)",
        "  openverse: about 6 calls of up to 4 works; 1 of 2 calls a day are left",
        "  the quotas make that 4 days: run the same command once a day, it goes on",
    ]


def test_the_plan_says_when_there_can_not_be_enough(sqlite_catalog):
    planned = plan(sqlite_catalog, settings(30), Allowance(None, None))

    assert (planned.wanted, planned.expected) == (60, 48)
    assert planned.lines[0].startswith(
        "plan: 60 photos wanted from searches, up to 48 of them to be expected"
    )


def test_a_set_of_lists_and_folders_has_a_plan_of_no_calls(sqlite_catalog):
    planned = make_plan(settings(10), sqlite_catalog, {}, ["folder: /photos"])

    assert planned.lines == ["plan: 2 categories", "  folder: /photos"]
