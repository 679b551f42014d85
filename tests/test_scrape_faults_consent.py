"""What sites say of robots and of mining: what a scrape asked, and what it kept."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import pytest

from tests.doubles.scraping import (
    Time,
    counts,
    endings,
    make_set,
    played,
    run,
)
from tests.doubles.services import spoiled
from tests.doubles.services.media import FORBID_ALL, photo_site_path
from tests.doubles.services.serving import Services
from tests.doubles.services.world import World

QUERIES = {"cat": "cat", "dog": "dog"}
FULL = {"cat": 10, "dog": 10}
FORBIDDEN = ("refused", "robots.txt forbids it")
RESERVED = ("refused", "TDM reservation")
STORED = ("stored", "")


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def serve(
    time: Time, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Services]]:
    """Return a function that plays the services, with 15 works a query and site."""
    with ExitStack() as opened:

        def start(*sites: Any, **more: Any) -> Services:
            works = dict.fromkeys(QUERIES, 15)
            world = World.for_queries(works, sites=sites or ("flickr",), **more)
            return opened.enter_context(played(world, time, monkeypatch))

        yield start


@pytest.fixture
def make(tmp_path):
    """Return a function that writes the set; it wants 10 photos a category."""

    def make(*kinds, more=""):
        kinds = kinds or ("openverse",)
        return make_set(tmp_path, QUERIES, *kinds, per_category=10, more=more)

    return make


def put(services, *replies):
    """Let the photo site answer these where the fourth cat lies; return its path."""
    path = photo_site_path(services.world.photos[3])
    services.photo_site.put(path, *replies)
    return path


@pytest.mark.parametrize(
    ("tags", "ending"),
    [
        (["noai"], ("refused", "X-Robots-Tag: noai")),
        (["noimageai"], ("refused", "X-Robots-Tag: noimageai")),
        (["noindex, nofollow"], ("refused", "X-Robots-Tag: noindex")),
        (["none"], ("refused", "X-Robots-Tag: none")),
        (["noimageindex"], ("refused", "X-Robots-Tag: noimageindex")),
        (["NoArchive", "NoAI"], ("refused", "X-Robots-Tag: noai")),
        (["img2dataset: noai"], ("refused", "X-Robots-Tag: noai")),
        (["mekiki: noindex"], ("refused", "X-Robots-Tag: noindex")),
        (["otherbot: noindex"], STORED),
        (["noarchive", "max-image-preview: large"], STORED),
        (["unavailable_after: 25 Jun 2010 15:00:00 PST"], STORED),
    ],
    ids=str,
)
def test_a_photo_that_is_marked_against_learning_is_refused(
    serve, make, time, tags, ending
):
    services = serve()
    path = put(services, spoiled.marked(services.world.photos[3].jpeg(), *tags))

    summary = run(make(), time)

    assert endings(make())["cat 4"] == ending
    assert len(services.photo_site.asked(path)) == 1
    assert summary.stored == FULL
    assert services.violations == []


def test_a_photo_whose_header_reserves_mining_is_refused(serve, make, time):
    services = serve()
    put(services, spoiled.reserved(services.world.photos[3].jpeg(), "https://o.net/p"))

    summary = run(make(), time)

    assert endings(make())["cat 4"] == RESERVED
    assert summary.stored == FULL
    assert services.violations == []


def test_a_photo_that_the_site_reserves_in_its_file_is_not_asked_for(serve, make, time):
    services = serve()
    path = photo_site_path(services.world.photos[3])
    services.photo_site.put(
        "/.well-known/tdmrep.json", spoiled.tdmrep((path, 1), ("/*", 0))
    )

    summary = run(make(), time)

    assert endings(make())["cat 4"] == RESERVED
    assert services.photo_site.asked(path) == []
    assert len(services.photo_site.asked("/.well-known/tdmrep.json")) == 1
    assert summary.stored == FULL
    assert services.violations == []


@pytest.mark.parametrize("moved_to", ["", "/elsewhere/rules.txt"])
def test_a_photo_that_robots_txt_forbids_is_not_asked_for(serve, make, time, moved_to):
    services = serve()
    path = photo_site_path(services.world.photos[3])
    rules = f"User-agent: mekiki\nDisallow: {path}\n"
    services.photo_site.set_robots(rules, moved_to=moved_to)

    summary = run(make(), time)

    assert endings(make())["cat 4"] == FORBIDDEN
    assert services.photo_site.asked(path) == []
    assert len(services.photo_site.asked("/robots.txt")) == 1
    assert summary.stored == FULL
    assert services.violations == []


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_site_without_robots_txt_forbids_nothing(serve, make, time, status):
    services = serve()
    services.photo_site.set_robots(FORBID_ALL, status=status)

    assert run(make(), time).stored == FULL
    assert services.violations == []


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_site_whose_robots_txt_cannot_be_had_is_left_and_another_fills(
    serve, make, time, status
):
    services = serve("flickr", "commons")
    services.photo_site.set_robots(status=status)
    services.photo_site.judge_by(FORBID_ALL)

    summary = run(make("openverse", "commons"), time)

    assert counts(make())["failed"] == {f"robots.txt can't be read: HTTP {status}": 30}
    assert {one.path for one in services.photo_site.asked()} == {"/robots.txt"}
    assert summary.stored == FULL
    assert services.violations == []


def test_a_site_that_forbids_all_is_left_and_another_fills(serve, make, time):
    services = serve("flickr", "commons")
    services.photo_site.set_robots(FORBID_ALL)

    summary = run(make("openverse", "commons"), time)

    assert counts(make())["refused"] == {FORBIDDEN[1]: 30}
    assert len(services.photo_site.asked()) == 1
    assert summary.stored == FULL
    assert services.violations == []


def test_a_crawl_delay_is_kept_between_photos(serve, make, time):
    services = serve()
    services.photo_site.set_robots("User-agent: *\nCrawl-delay: 7\n")

    run(make(more="per_host = 1\n"), time)  # so that no other thread moves the clock

    moments = sorted(one.at for one in services.photo_site.asked())
    assert len(moments) >= 20
    assert all(later - one > 6.9 for one, later in pairwise(moments))
    assert services.violations == []
