"""All that Commons may do wrong: what a whole scrape asked, and what it kept."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import pytest

from pipeline.catalog import Outcome
from pipeline.errors import NetworkError
from tests.doubles.scraping import (
    Time,
    candidates,
    make_set,
    pages,
    played,
    run,
)
from tests.doubles.services.commons import api_error, maxlag
from tests.doubles.services.serving import Services
from tests.doubles.services.web import Reply, json_reply, too_many
from tests.doubles.services.world import World

QUERIES = {"cat": "cat", "dog": "dog"}
FULL = {"cat": 25, "dog": 25}
API = "/w/api.php"
DEED = "https://creativecommons.org/licenses"


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def serve(
    time: Time, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Services]]:
    """Return a function that plays the services, with so many works a query."""
    with ExitStack() as opened:

        def start(works: int = 60, **limits: Any) -> Services:
            world = World.for_queries(dict.fromkeys(QUERIES, works), sites=["commons"])
            return opened.enter_context(played(world, time, monkeypatch, **limits))

        yield start


@pytest.fixture
def make(tmp_path):
    """Return a function that writes the set; it wants 25 photos a category."""

    def make(per_category=25, more=""):
        return make_set(
            tmp_path, QUERIES, "commons", per_category=per_category, more=more
        )

    return make


def asked_twice(services):
    """Return the waits before calls that were made again."""
    return [
        later.at - one.at
        for one, later in pairwise(services.commons.asked(API))
        if one.target == later.target
    ]


def of_cats(folder):
    return [one for one in candidates(folder) if one.category == "cat"]


# Pages of results


@pytest.mark.parametrize("is_old", [False, True], ids=["format 2", "format 1"])
def test_pages_come_in_no_order_and_are_taken_by_rank(serve, make, time, is_old):
    services = serve()
    services.commons.old_format = is_old

    summary = run(make(), time)

    titles = [one.title for one in of_cats(make())]
    assert titles == [f"cat {rank} ({rank})" for rank in range(1, 51)]
    assert [one.outcome for one in of_cats(make())] == ["stored"] * 25 + [None] * 25
    assert summary.stored == FULL
    assert services.violations == []


@pytest.mark.parametrize("is_old", [False, True], ids=["format 2", "format 1"])
def test_a_search_is_continued_as_commons_says_until_it_has_no_more(
    serve, make, time, is_old
):
    services = serve()
    services.commons.imageinfos = 20
    services.commons.old_format = is_old

    summary = run(make(per_category=100), time)

    assert summary.stored == {"cat": 60, "dog": 60}
    assert summary.missing == {"cat": 40, "dog": 40}
    # of each query 50 works in three calls, then 10
    targets = [one.target for one in services.commons.asked(API)]
    assert len(targets) == len(set(targets)) == 2 * 4
    assert len(candidates(make())) == 120
    assert services.violations == []


def test_what_came_without_a_scaled_picture_is_taken_as_it_is(serve, make, time):
    services = serve()
    services.commons.transforms = 10

    summary = run(make(), time)

    hosts = [one.origin.partition("/wikipedia")[0] for one in of_cats(make())]
    assert hosts == [services.thumbs.url] * 10 + [services.upload.url] * 40
    assert summary.stored == FULL
    assert services.violations == []


def test_a_search_that_finds_nothing_is_no_trouble(serve, make, time):
    services = serve(works=0)

    summary = run(make(), time)

    assert [page.outcome for page in pages(make())] == [Outcome.STORED] * 2
    assert summary.missing == FULL
    assert "not to be found: cat 25, dog 25" in summary.line
    assert len(services.commons.asked(API)) == 2
    assert services.violations == []


# Errors


@pytest.mark.parametrize(
    ("trouble", "least_s"),
    [
        (maxlag(5), 5),
        (maxlag(23), 23),
        (maxlag(0), 5),
        (api_error("maxlag"), 5),
        (api_error("ratelimited"), 5),
        (api_error("readonly"), 5),
        (api_error("internal_api_error_DBQueryError"), 5),
        (too_many(18), 18),
        (too_many(39, as_date=True), 39),
        (Reply(b"too many requests", 429), 2),
        (Reply(b"upstream", 502), 2),
        (Reply(b"<html>Wikimedia Error", 200), 2),
        (Reply(reset=True), 2),
    ],
    ids=[
        *("maxlag", "lags long", "lags a bit", "says no time", "ratelimited"),
        *("readonly", "internal", "seconds", "date", "429", "502", "html", "reset"),
    ],
)
def test_a_not_now_is_waited_out(serve, make, time, trouble, least_s):
    services = serve()
    services.commons.answers_next(None, trouble)

    summary = run(make(), time)

    assert summary.stored == FULL
    assert [wait >= least_s for wait in asked_twice(services)] == [True]
    assert [page.outcome for page in pages(make())] == [Outcome.STORED] * 2
    assert services.violations == []


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (api_error("badvalue"), "error badvalue"),
        (api_error("cirrussearch-too-busy-error"), "error cirrussearch-too-busy-error"),
        (json_reply({"query": {"pages": 7}}), "not a page of Commons' results"),
        (json_reply({"servedby": "mw1"}), "not a page of Commons' results"),
        (Reply(b"no such page", 404), "HTTP 404"),
        (
            Reply(b"", 302, headers={"Location": "https://login.wikimedia.org/"}),
            "leads to another site",
        ),
    ],
    ids=["badvalue", "another", "odd pages", "no query", "404", "moved"],
)
def test_a_page_that_is_refused_is_recorded_and_the_others_go_on(
    serve, make, time, trouble, reason
):
    services = serve()
    services.commons.answers_next(None, trouble)

    summary = run(make(), time)

    assert summary.stored == {"cat": 25, "dog": 0}
    assert {page.category: page.reason for page in pages(make())} == {
        "cat": "",
        "dog": reason,
    }
    assert len(services.commons.asked(API)) == 2
    assert "pages not read: 0 failed, 1 refused" in summary.line
    assert services.violations == []


def test_what_lags_for_ever_is_told_and_asked_again_by_the_next_run(serve, make, time):
    services = serve()
    services.commons.answers_next(*[maxlag(5)] * 10)

    with pytest.raises(NetworkError, match=r"commons \(error maxlag\)") as ended:
        run(make(), time)

    assert "the same command goes on: mekiki scrape things" in str(ended.value)
    assert [page.reason for page in pages(make())] == ["error maxlag"] * 2
    assert run(make(), time).stored == FULL
    assert services.violations == []


def test_no_contact_no_answer_and_the_user_hears_why(serve, make, time, monkeypatch):
    services = serve()
    monkeypatch.delenv("MEKIKI_CONTACT")  # this machine may be asked without

    with pytest.raises(NetworkError, match="commons: HTTP 403: not let in") as ended:
        run(make(), time)

    assert "MEKIKI_CONTACT" in str(ended.value)
    assert len(services.commons.asked(API)) == 2
    monkeypatch.setenv("MEKIKI_CONTACT", "photos@museum.net")
    assert run(make(), time).stored == FULL


def test_calls_are_one_at_a_time_and_fewer_than_five_a_second(serve, make, time):
    services = serve(works=400)

    run(make(per_category=300), time)

    moments = [one.at for one in services.commons.asked(API)]
    assert len(moments) == 12
    assert all(later - one >= 0.2 for one, later in pairwise(moments))
    assert services.commons.most_seen_at_once == 1
    assert services.violations == []


def test_a_limit_that_is_met_unawares_is_waited_for(serve, make, time):
    services = serve(works=200, commons_per_minute=3)  # which it does not advertise

    summary = run(make(per_category=200), time)

    assert summary.stored == {"cat": 200, "dog": 200}
    statuses = [one.status for one in services.commons.asked(API)]
    assert statuses == [200, 200, 200, 429, 200, 200, 200, 429, 200, 200]
    assert len(services.violations) == 2  # the calls that met a 429, none too early


def test_a_slow_call_is_followed_by_a_rest(serve, make, time):
    services = serve(works=200)
    services.commons.before = lambda _asked: time.sleep(1.5)

    run(make(per_category=100), time)

    moments = [one.at for one in services.commons.asked(API)]
    assert all(later - one >= 1.5 + 5 for one, later in pairwise(moments))
    assert services.violations == []
