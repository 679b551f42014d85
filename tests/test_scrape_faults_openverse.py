"""All that Openverse may do wrong: what a whole scrape asked, and what it kept."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import pytest

from pipeline.catalog import Outcome
from pipeline.errors import NetworkError
from tests.doubles.scraping import (
    Time,
    make_set,
    pages,
    plan,
    played,
    run,
)
from tests.doubles.services.limits import Limit
from tests.doubles.services.serving import Services
from tests.doubles.services.web import Reply, json_reply, too_many
from tests.doubles.services.world import World

QUERIES = {"cat": "cat", "dog": "dog"}
FULL = {"cat": 25, "dog": 25}
SEARCH = "/v1/images/"
TOKEN = "/v1/auth_tokens/token/"  # noqa: S105  a path


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
            world = World.for_queries(dict.fromkeys(QUERIES, works), sites=["flickr"])
            return opened.enter_context(played(world, time, monkeypatch, **limits))

        yield start


@pytest.fixture
def make(tmp_path):
    """Return a function that writes the set; it wants 25 photos a category."""

    def make(*kinds, per_category=25, more=""):
        kinds = kinds or ("openverse",)
        return make_set(tmp_path, QUERIES, *kinds, per_category=per_category, more=more)

    return make


@pytest.fixture
def use_key(monkeypatch):
    """Return a function that tells mekiki a key, which Openverse may know or not."""

    def use(services=None, *, verified=True):
        monkeypatch.setenv("MEKIKI_OPENVERSE_CLIENT_ID", "me")
        monkeypatch.setenv("MEKIKI_OPENVERSE_CLIENT_SECRET", "hush")
        if services:
            services.openverse.keys.add("me", "hush", verified=verified)

    return use


def sizes(services):
    """Return the page sizes that were asked for."""
    asked = services.openverse.asked(SEARCH)
    return {one.target.partition("page_size=")[2].partition("&")[0] for one in asked}


def refused_pages(folder):
    return [page.reason for page in pages(folder) if page.outcome is Outcome.REFUSED]


# Pages, keys and limits


def test_without_a_key_a_page_has_20_works(serve, make, time):
    services = serve()

    summary = run(make(), time)

    assert summary.stored == FULL
    assert sizes(services) == {"20"}
    assert len(services.openverse.asked(SEARCH)) == 4
    assert services.violations == []


def test_with_a_key_a_page_has_48_works_and_one_token_serves_all(
    serve, make, time, use_key
):
    services = serve()
    use_key(services)

    summary = run(make(), time)

    assert summary.stored == FULL
    assert sizes(services) == {"48"}
    asked = services.openverse.asked(SEARCH)
    assert (len(asked), {one.authorized for one in asked}) == (2, {True})
    assert len(services.openverse.asked(TOKEN)) == 1
    assert services.violations == []


def test_no_more_than_the_first_240_works_of_a_query_are_asked_for(serve, make, time):
    services = serve(works=300)

    summary = run(make(per_category=250), time)

    assert summary.stored == {"cat": 240, "dog": 240}
    assert summary.missing == {"cat": 10, "dog": 10}
    assert len(services.openverse.asked(SEARCH)) == 2 * 12
    assert services.violations == []


def test_limits_below_those_assumed_are_taken_from_the_answers(serve, make, time):
    few = (Limit("anon_burst", 3, "min"), Limit("anon_sustained", 100, "day"))
    services = serve(anonymous=few)

    summary = run(make(per_category=50), time)

    assert summary.stored == {"cat": 50, "dog": 50}
    moments = [one.at for one in services.openverse.asked(SEARCH)]
    assert len(moments) == 6
    assert all(later - first >= 60 for first, later in zip(moments, moments[3:]))  # noqa: B905  the third after each
    assert services.violations == []


def test_calls_of_others_at_our_expense_are_counted(serve, make, time):
    few = (Limit("anon_burst", 3, "min"), Limit("anon_sustained", 100, "day"))
    services = serve(anonymous=few)
    one_left = {"X-RateLimit-Limit-anon_burst": "3/min"}
    one_left["X-RateLimit-Available-anon_burst"] = "0"
    services.openverse.answers_next(json_reply({"results": []}, headers=one_left))

    run(make(), time)

    first, second, *_ = (one.at for one in services.openverse.asked(SEARCH))
    assert second - first >= 60
    assert services.violations == []


@pytest.mark.parametrize(
    ("trouble", "least_s"),
    [
        (too_many(30), 30),
        (too_many(45, as_date=True), 45),
        (Reply(b'{"detail": "Request was throttled."}', 429), 2),
        (Reply(b"down", 503), 2),
        (Reply(b"<html>Checking your browser", 200), 2),
        (json_reply([1]), 2),
        (Reply(reset=True), 2),
    ],
    ids=["seconds", "date", "no header", "down", "no JSON", "a list", "reset"],
)
def test_a_not_now_is_waited_out(serve, make, time, trouble, least_s):
    services = serve()
    services.openverse.answers_next(None, trouble)

    summary = run(make(), time)

    assert summary.stored == FULL
    asked = services.openverse.asked(SEARCH)
    waits = {
        one.target: later.at - one.at
        for one, later in pairwise(asked)
        if one.target == later.target
    }
    assert len(asked) == 5
    assert [wait >= least_s for wait in waits.values()] == [True]
    assert {page.outcome for page in pages(make())} == {Outcome.STORED}
    assert services.violations == []


def test_what_stays_down_is_told_and_asked_again_by_the_next_run(serve, make, time):
    services = serve()
    services.openverse.answers_next(*[Reply(b"down", 503)] * 10)

    with pytest.raises(NetworkError, match=r"openverse \(HTTP 503\)") as ended:
        run(make(), time)

    assert "the same command goes on: mekiki scrape things" in str(ended.value)
    assert {(page.outcome, page.reason) for page in pages(make())} == {
        (Outcome.FAILED, "HTTP 503")
    }
    assert run(make(), time).stored == FULL
    assert services.violations == []


def test_a_token_that_ends_in_the_middle_is_replaced(serve, make, time, use_key):
    services = serve(works=240)
    services.openverse.keys.calls = 2
    use_key(services)

    summary = run(make(per_category=100), time)

    assert summary.stored == {"cat": 100, "dog": 100}
    statuses = [one.status for one in services.openverse.asked(SEARCH)]
    assert statuses == [200, 200, 401, 200, 200, 401, 200, 200]
    assert len(services.openverse.asked(TOKEN)) == 3
    assert services.violations == []


def test_a_token_is_renewed_before_it_ends_by_the_clock(serve, make, time, use_key):
    few = (Limit("oauth2_client_credentials_burst", 1, "min"),)
    services = serve(works=240, registered=few)
    services.openverse.keys.lifetime_s = 150
    use_key(services)

    summary = run(make(per_category=100), time)

    assert summary.stored == {"cat": 100, "dog": 100}
    assert {one.status for one in services.openverse.asked(SEARCH)} == {200}
    assert len(services.openverse.asked(TOKEN)) > 1
    assert services.violations == []


def test_a_key_never_verified_is_held_to_the_limits_it_is_told(
    serve, make, time, use_key
):
    few = (Limit("anon_burst", 2, "min"), Limit("anon_sustained", 200, "day"))
    services = serve(works=240, anonymous=few)
    use_key(services, verified=False)

    summary = run(make(per_category=100), time)

    assert summary.stored == {"cat": 100, "dog": 100}
    assert len(services.openverse.asked(SEARCH)) == 6
    assert services.violations == []
    allowance = plan(make(), time).services[0].allowance
    assert allowance.per_day == 200


def test_a_key_that_is_not_accepted_ends_the_run_with_what_to_do(
    serve, make, time, use_key
):
    services = serve()
    use_key()

    with pytest.raises(NetworkError, match="the key is not accepted") as ended:
        run(make(), time)

    assert "MEKIKI_OPENVERSE_CLIENT_SECRET" in str(ended.value)
    assert "hush" not in str(ended.value)
    assert services.openverse.asked(SEARCH) == []
    assert {page.outcome for page in pages(make())} == {Outcome.FAILED}


def test_a_key_that_was_corrected_gets_the_pages_that_were_kept_from_it(
    serve, make, time, use_key
):
    services = serve()
    use_key()
    with pytest.raises(NetworkError, match="the key is not accepted"):
        run(make(), time)

    use_key(services)

    assert run(make(), time).stored == FULL
    assert services.violations == []


def test_beside_a_key_that_is_not_accepted_the_other_service_fills(
    serve, make, time, use_key
):
    services = serve()
    services.world.add(
        *World.for_queries(dict.fromkeys(QUERIES, 240), sites=["commons"]).photos[120:]
    )
    use_key()

    summary = run(make("openverse", "commons"), time)

    assert summary.stored == FULL
    assert "openverse: the key is not accepted" in summary.line
    assert services.violations == []


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (
            json_reply({"detail": "page_size may not exceed 10"}, 401),
            "HTTP 401: page_size may not exceed 10",
        ),
        (
            json_reply({"detail": {"license": ["License 'x' does not exist."]}}, 400),
            "HTTP 400: license: License 'x' does not exist.",
        ),
        (
            json_reply(
                {
                    "error": "InputError",
                    "detail": "License 'x' does not exist.",
                    "fields": ["license"],
                },
                400,
            ),
            "HTTP 400: License 'x' does not exist.",
        ),
        (json_reply({"detail": "Not found."}, 404), "HTTP 404: Not found."),
        (json_reply({"results": None}), "not a page of Openverse's results"),
    ],
    ids=["401", "400", "400 of old", "404", "no results"],
)
def test_a_page_that_is_refused_is_recorded_and_the_others_go_on(
    serve, make, time, refusal, reason
):
    services = serve()
    services.openverse.answers_next(None, refusal)  # the first page of the second

    summary = run(make(), time)

    assert summary.stored == {"cat": 25, "dog": 0}
    assert refused_pages(make()) == [reason]
    assert "pages not read: 0 failed, 1 refused" in summary.line
    assert "dog 25" in summary.line
    asked = len(services.openverse.asked())
    run(make(), time)
    assert len(services.openverse.asked()) == asked
    assert services.violations == []
