"""A service's API is asked for JSON one call at a time; what passes is waited out."""

import email.utils
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.web.answers import (
    DeniedError,
    FailedError,
    RefusedError,
    UnreachableError,
)
from pipeline.web.api import Api
from pipeline.web.fetch import Fetcher
from pipeline.web.keys import Key
from pipeline.web.quota import Quota, QuotaSpentError
from pipeline.web.rates import DAY_S, Rate
from tests.doubles.fetching import WALL_AT_START, Time, make_fetcher
from tests.doubles.services.commons import api_error, maxlag
from tests.doubles.services.openverse import Openverse
from tests.doubles.services.server import Server
from tests.doubles.services.web import Asked, Record, Reply, json_reply, too_many
from tests.doubles.services.world import World

RESULTS: Mapping[str, object] = {"results": []}
SECRET = "hush-hush"  # noqa: S105  made up


class Service(Server):
    """Answers what it is told to, else with no results."""

    always = json_reply(RESULTS)

    def answer(self, asked: Asked) -> Reply:
        return self.always

    @property
    def url(self) -> str:
        return f"{self.origin}/v1/images/?q=cat"

    @property
    def moments(self) -> list[float]:
        return [round(one.at - WALL_AT_START, 3) for one in self.asked()]


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def record(time: Time) -> Iterator[Record]:
    record = Record(time.wall)
    yield record
    assert record.errors == []


@pytest.fixture
def service(record: Record) -> Iterator[Service]:
    server = Service("service", record, most_at_once=1, wants_contact=False)
    yield server
    server.stop()


@pytest.fixture
def openverse(record: Record) -> Iterator[Openverse]:
    world = World.for_queries({"cat": 100}, sites=["flickr"])
    server = Openverse(record, world, lambda _photo: "http://museum.net/1.jpg")
    server.keys.add("shop", SECRET)
    yield server
    server.stop()


@pytest.fixture
def fetcher(time: Time) -> Iterator[Fetcher]:
    opened = make_fetcher(time)
    yield opened
    opened.close()


@pytest.fixture
def open_api(fetcher: Fetcher, time: Time) -> Callable[..., Api]:
    def opened(
        *rates: Rate, key: Key | None = None, rests: bool = False, spacing_s: float = 0
    ) -> Api:
        quota = Quota(
            "service", rates, None, time.timing, fetcher.wait, spacing_s=spacing_s
        )
        return Api(fetcher, quota, time.timing, key=key, rests=rests)

    return opened


@pytest.fixture
def api(open_api: Callable[..., Api]) -> Api:
    return open_api()


@pytest.fixture
def api_with_key(open_api, openverse, fetcher, time):
    token_url = openverse.url + "auth_tokens/token/"
    return open_api(key=Key(fetcher, token_url, "shop", SECRET, time.timing))


def test_the_json_of_an_answer_is_returned(service, api):
    service.answers_next(json_reply({"results": [{"title": "猫"}]}))

    assert api.get_json(service.url) == {"results": [{"title": "猫"}]}


# What passes


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 520])
def test_a_not_now_is_asked_again_with_doubling_waits(service, api, status):
    service.answers_next(*[Reply(b"down", status)] * 4)

    assert api.get_json(service.url) == RESULTS
    assert service.moments == [0, 2, 6, 14, 30]


def test_a_not_now_for_ever_is_a_failure_with_its_status(service, api):
    service.answers_next(*[Reply(b"down", 503)] * 5)

    with pytest.raises(FailedError, match=r"^HTTP 503$"):
        api.get_json(service.url)

    assert len(service.moments) == 5


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_service_that_says_when_to_come_back_is_believed(
    service, api, record, status, as_date
):
    service.answers_next(too_many(39, as_date=as_date, status=status))

    assert api.get_json(service.url) == RESULTS
    assert service.moments == [0, 39]
    assert record.violations == []


def test_one_that_says_at_once_is_not_asked_at_once_for_ever(service, api):
    service.answers_next(*[Reply(b"", 429, headers={"Retry-After": "0"})] * 3)

    assert api.get_json(service.url) == RESULTS
    assert service.moments == [0, 2, 6, 14]


def test_a_date_that_is_over_is_no_reason_to_hurry(service, api):
    past = email.utils.formatdate(WALL_AT_START - 500, usegmt=True)
    service.answers_next(Reply(b"", 503, headers={"Retry-After": past}))

    assert api.get_json(service.url) == RESULTS
    assert service.moments == [0, 2]


def test_the_last_wish_to_wait_holds_for_what_is_asked_next(service, api, record):
    service.answers_next(*[too_many(25)] * 5)

    with pytest.raises(FailedError, match="HTTP 429"):
        api.get_json(service.url)
    api.get_json(service.url)

    assert service.moments == [0, 25, 50, 75, 100, 125]
    assert record.violations == []


def test_a_service_that_wants_a_long_rest_ends_the_run_for_it(service, api):
    service.answers_next(too_many(7200))

    for _ in range(2):
        with pytest.raises(QuotaSpentError) as spent:
            api.get_json(service.url)

    assert spent.value.until == WALL_AT_START + 7200
    assert service.moments == [0]


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>Checking your browser", b"[1]", b'"text"', b'{"a":', b"[" * 100_000],
    ids=lambda body: body[:30].decode(),
)
def test_an_answer_that_is_no_json_is_asked_for_again_and_then_a_failure(
    service, api, body
):
    service.answers_next(Reply(body))
    assert api.get_json(service.url) == RESULTS

    service.answers_next(*[Reply(body)] * 5)
    with pytest.raises(FailedError, match=r"^answer is no JSON$"):
        api.get_json(service.url)


def test_a_connection_that_breaks_is_tried_again(service, api):
    service.answers_next(Reply(reset=True))

    assert api.get_json(service.url) == RESULTS
    assert service.moments == [0, 2]


def test_a_host_that_takes_no_connection_is_tried_three_times(api, time):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    with pytest.raises(UnreachableError, match="can't connect"):
        api.get_json(f"http://127.0.0.1:{port}/v1/")

    assert time.slept == [2, 4]


def test_a_private_address_ends_in_what_lets_it_be_asked(service, time):
    with_closing = make_fetcher(time, allow_private=False)
    quota = Quota("service", (), None, time.timing, with_closing.wait)

    with pytest.raises(DeniedError, match="private address; allow_private = true"):
        Api(with_closing, quota, time.timing).get_json(service.url)

    with_closing.close()
    assert service.asked() == []


def test_a_stopped_run_asks_no_more(service, api, fetcher):
    service.answers_next(*[Reply(b"down", 503)] * 5)
    service.before = lambda _asked: fetcher.stop()

    with pytest.raises(FailedError, match="stopped"):
        api.get_json(service.url)

    assert len(service.moments) == 1


# What does not pass


@pytest.mark.parametrize(
    ("status", "said", "reason"),
    [
        (404, {"detail": "Not found."}, "HTTP 404: Not found."),
        (404, "no such page", "HTTP 404"),
        (404, {}, "HTTP 404"),
        (404, {"detail": None}, "HTTP 404"),
        (
            400,
            {"detail": {"license": ["License 'x' does not exist.", "Nor 'y'."]}},
            "HTTP 400: license: License 'x' does not exist.",
        ),
        (
            400,
            {"detail": {"page": ["Too low."], "q": "Too long."}},
            "HTTP 400: page: Too low., q: Too long.",
        ),
        (400, {"detail": ["One.", "Two."]}, "HTTP 400: One."),
        (400, {"detail": []}, "HTTP 400"),
        (
            400,
            {"error": "InputError", "detail": "Bad licence.", "fields": ["license"]},
            "HTTP 400: Bad licence.",
        ),
        (
            401,
            {"detail": "page_size may not exceed 20 for anonymous requests"},
            "HTTP 401: page_size may not exceed 20 for anonymous requests",
        ),
        (410, {"detail": "two\nlines\tand \x1b[31mred\x00\ud800"}, None),
        (400, {"detail": "long " * 1000}, None),
    ],
)
def test_a_no_is_final_and_told_in_the_words_of_the_service(
    service, api, status, said, reason
):
    service.answers_next(Reply(json.dumps(said).encode(), status))

    with pytest.raises(RefusedError) as refused:
        api.get_json(service.url)

    assert refused.value.reason.isprintable()
    assert len(refused.value.reason) <= 140
    assert reason in {refused.value.reason, None}
    assert refused.value.status == status
    assert len(service.moments) == 1


def test_who_is_not_let_in_hears_what_may_help(service, api):
    service.answers_next(Reply(b"set a User-Agent", 403))

    with pytest.raises(DeniedError, match=r"HTTP 403.*MEKIKI_CONTACT"):
        api.get_json(service.url)

    assert len(service.moments) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def any_service() -> Iterator[Callable[[Reply], Mapping[str, object]]]:
    """Return a function that asks a service, which always gives the same answer."""
    time = Time()
    server = Service("service", Record(time.wall), wants_contact=False)
    fetcher = make_fetcher(time)
    quota = Quota("service", [], None, time.timing, fetcher.wait)
    api = Api(fetcher, quota, time.timing)

    def ask(reply: Reply) -> Mapping[str, object]:
        server.always = reply
        return api.get_json(server.url)

    yield ask
    fetcher.close()
    server.stop()


@given(status=st.sampled_from([200, 400, 401, 404]), detail=JSON, error=JSON)
def test_whatever_a_service_says_it_is_an_answer_or_a_short_reason(
    any_service, status, detail, error
):
    reply = Reply(json.dumps({"detail": detail, "error": error}).encode(), status)
    try:
        assert "detail" in any_service(reply)
    except (RefusedError, FailedError) as trouble:
        reason = trouble.reason
    else:
        reason = ""
    assert reason == "" or reason.isprintable()
    assert len(reason) <= 140


# MediaWiki's errors, which come with HTTP 200


@pytest.mark.parametrize(
    ("trouble", "wait_s"),
    [
        (maxlag(5), 7),  # the lag that its words tell
        (maxlag(23), 25),
        (maxlag(0), 5),
        (api_error("maxlag", "Waiting for db1: 31.5 seconds lagged."), 31.5),
        (api_error("ratelimited"), 5),
        (api_error("readonly"), 5),
        (api_error("internal_api_error_DBQueryError"), 5),
    ],
)
def test_an_error_of_mediawiki_that_passes_is_waited_out(
    service, api, record, trouble, wait_s
):
    service.answers_next(trouble)

    assert api.get_json(service.url) == RESULTS
    assert service.moments == [0, wait_s]
    assert record.violations == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"code": "badvalue", "info": "…"}, "error badvalue"),
        ({"info": "…"}, "error unknown"),
        ({"code": "odd\n\x00code"}, "error odd code"),
    ],
)
def test_another_error_of_mediawiki_is_refused_by_its_code(service, api, error, reason):
    service.answers_next(json_reply({"error": error}))

    with pytest.raises(RefusedError) as refused:
        api.get_json(service.url)

    assert refused.value.reason == reason
    assert len(service.moments) == 1


# Manners


def test_a_slow_call_is_followed_by_a_rest_where_the_service_wants_that(
    service, open_api, time
):
    def take_time(seconds: float) -> Callable[[Asked], None]:
        def wait(_asked: Asked) -> None:
            time.now += seconds

        return wait

    for rests, seconds, apart in ((True, 1.5, 6.5), (True, 0.5, 0.5), (False, 9, 9)):
        service.before = take_time(seconds)
        api = open_api(rests=rests)
        start = len(service.moments)
        api.get_json(service.url)
        api.get_json(service.url)
        first, second = service.moments[start:]
        assert second - first == pytest.approx(apart)


def test_calls_of_many_threads_go_out_one_at_a_time_and_apart(
    service, open_api, record
):
    api = open_api(spacing_s=0.25)
    threads = [
        threading.Thread(target=api.get_json, args=(service.url,)) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert service.moments == pytest.approx([0.25 * number for number in range(6)])
    assert service.most_seen_at_once == 1
    assert record.violations == []


def test_every_attempt_takes_of_the_quota(service, open_api):
    api = open_api(Rate(3, DAY_S))
    service.answers_next(*[Reply(b"down", 503)] * 5)

    with pytest.raises(QuotaSpentError, match="daily quota of 3 calls is used"):
        api.get_json(service.url)

    assert len(service.moments) == 3


def test_limits_told_with_a_refusal_count_too(service, open_api):
    api = open_api(Rate(20, 60))
    told = {"X-RateLimit-Limit-anon_burst": "1/min"}
    service.answers_next(json_reply({"detail": "Not found."}, 404, told))

    with pytest.raises(RefusedError):
        api.get_json(service.url)
    api.get_json(service.url)

    assert service.moments[1] >= 60


# Redirects


def test_a_slash_that_is_missing_is_put_there_once(service, api):
    service.answers_next(Reply(b"", 301, headers={"Location": "/v1/images/?q=cat"}))

    assert api.get_json(service.origin + "/v1/images?q=cat") == RESULTS
    assert [one.target for one in service.asked()] == [
        "/v1/images?q=cat",
        "/v1/images/?q=cat",
    ]


def test_a_service_that_sends_in_circles_is_not_followed(service, api):
    there = Reply(b"", 301, headers={"Location": "/v1/images?q=cat"})
    service.answers_next(there, there, there)

    with pytest.raises(RefusedError, match="HTTP 301"):
        api.get_json(service.url)

    assert len(service.moments) == 2


@pytest.mark.parametrize(
    "location",
    [
        "https://museum.net/v1/images/?q=cat",
        "//museum.net/v1/images/?q=cat",
        "/login/",
        "/v1/images/?q=dog",
        "https://{host}/v1/images/?q=cat",
        "http://[",
    ],
)
def test_another_place_is_not_gone_to(service, api, location):
    host = service.origin.removeprefix("http://")
    headers = {"Location": location.replace("{host}", host)}
    service.answers_next(Reply(b"", 302, headers=headers))

    with pytest.raises(RefusedError):
        api.get_json(service.url)

    assert len(service.moments) == 1


# Keys


def search(openverse: Openverse, size: int = 20) -> str:
    return f"{openverse.url}images/?q=cat&page_size={size}"


def answers(openverse: Openverse) -> list[int]:
    return [one.status for one in openverse.asked("/v1/images/")]


def test_with_a_key_a_service_grants_more(openverse, api, api_with_key):
    with pytest.raises(RefusedError, match="page_size may not exceed 20"):
        api.get_json(search(openverse, 50))

    results = api_with_key.get_json(search(openverse, 50))["results"]

    assert isinstance(results, list)
    assert len(results) == 50


def test_a_token_that_ends_in_the_middle_is_replaced(openverse, api_with_key):
    api_with_key.get_json(search(openverse))
    openverse.keys.expire_tokens()

    api_with_key.get_json(search(openverse))

    assert answers(openverse) == [200, 401, 200]


def test_a_key_whose_new_token_is_not_accepted_is_told(openverse, api_with_key):
    openverse.keys.calls = 0

    with pytest.raises(DeniedError, match="the key is not accepted") as denied:
        api_with_key.get_json(search(openverse))

    assert "MEKIKI_OPENVERSE_CLIENT_SECRET" in denied.value.reason
    assert SECRET not in denied.value.reason
    assert answers(openverse) == [401, 401]


def test_a_page_too_large_is_not_held_against_the_key(openverse, api_with_key):
    with pytest.raises(RefusedError, match="page_size may not exceed 50"):
        api_with_key.get_json(search(openverse, 51))

    assert answers(openverse) == [401]
    assert len(openverse.asked("/v1/auth_tokens/token/")) == 1


def test_a_service_that_has_no_token_now_is_waited_for(openverse, api_with_key, record):
    openverse.answers_next(too_many(30))

    assert "results" in api_with_key.get_json(search(openverse))
    tokens = openverse.asked("/v1/auth_tokens/token/")
    assert [one.at - WALL_AT_START for one in tokens] == [0, 30]


def test_a_token_is_fresh_after_a_long_wait_for_the_quota(
    openverse, fetcher, open_api, time
):
    openverse.keys.lifetime_s = 90
    token_url = openverse.url + "auth_tokens/token/"
    key = Key(fetcher, token_url, "shop", SECRET, time.timing)
    api = open_api(Rate(1, 300), key=key)

    for _ in range(3):
        api.get_json(search(openverse))

    assert answers(openverse) == [200, 200, 200]
