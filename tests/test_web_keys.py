"""A key is exchanged for tokens, and neither is ever told to anybody else."""

import logging
from collections.abc import Iterator

import pytest

from pipeline.web.answers import DeniedError, FailedError, FetchError
from pipeline.web.fetch import Fetcher
from pipeline.web.keys import Key
from pipeline.web.transport import Request
from tests.doubles.fetching import Time, make_fetcher
from tests.doubles.services.openverse import Openverse
from tests.doubles.services.web import Record, Reply, json_reply, too_many
from tests.doubles.services.world import World

SECRET = "hush-hush"  # noqa: S105  made up
TOKEN = "/v1/auth_tokens/token/"  # noqa: S105  a path


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def openverse(time: Time) -> Iterator[Openverse]:
    record = Record(time.wall)
    server = Openverse(record, World(), lambda _photo: "")
    server.keys.add("shop", SECRET)
    yield server
    server.stop()
    assert record.errors == []


@pytest.fixture
def fetcher(time: Time) -> Iterator[Fetcher]:
    opened = make_fetcher(time)
    yield opened
    opened.close()


@pytest.fixture
def key(openverse, fetcher, time) -> Key:
    token_url = openverse.url + "auth_tokens/token/"
    return Key(fetcher, token_url, "shop", SECRET, time.timing)


def test_a_token_goes_with_every_call_and_is_asked_for_once(openverse, key):
    first = key.headers()

    assert first["Authorization"].startswith("Bearer ")
    assert key.headers() == first
    assert len(openverse.asked(TOKEN)) == 1


def test_a_token_is_renewed_a_little_before_it_ends(openverse, key, time):
    openverse.keys.lifetime_s = 3600
    first = key.headers()

    time.now = 3500
    assert key.headers() == first
    time.now = 3590
    assert key.headers() != first


def test_a_token_that_was_dropped_is_replaced(openverse, key):
    first = key.headers()

    key.drop()

    assert key.headers() != first
    assert len(openverse.asked(TOKEN)) == 2


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_key_that_is_not_accepted_is_told_with_what_to_do(openverse, key, status):
    openverse.answers_next(json_reply({"error": "invalid_client"}, status))

    with pytest.raises(DeniedError, match="the key is not accepted") as denied:
        key.headers()

    assert "MEKIKI_OPENVERSE_CLIENT_ID" in denied.value.reason
    assert "MEKIKI_OPENVERSE_CLIENT_SECRET" in denied.value.reason


def test_a_key_that_nobody_knows_is_not_accepted(openverse, fetcher, time):
    token_url = openverse.url + "auth_tokens/token/"

    with pytest.raises(DeniedError, match="the key is not accepted"):
        Key(fetcher, token_url, "nobody", SECRET, time.timing).headers()


def test_no_token_now_is_a_failure_that_passes(openverse, key):
    openverse.answers_next(too_many(30))

    with pytest.raises(FailedError, match="HTTP 429") as failed:
        key.headers()

    assert failed.value.retry_after_s == 30


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"<html>"),
        json_reply([]),
        json_reply({"access_token": "abc"}),
        json_reply({"expires_in": 10}),
        json_reply({"access_token": "abc", "expires_in": "soon"}),
        json_reply({"access_token": "abc", "expires_in": None}),
        json_reply({"access_token": "abc", "expires_in": 10**400}),
        Reply(b"[" * 100_000),
    ],
    ids=lambda reply: reply.body[:60].decode(),
)
def test_an_answer_without_a_token_is_a_failure_that_passes(openverse, key, reply):
    openverse.answers_next(reply)

    with pytest.raises(FailedError, match="no token in the answer"):
        key.headers()

    assert key.headers()


def test_neither_key_nor_token_is_told_to_anybody(openverse, key, caplog):
    with caplog.at_level(logging.DEBUG):
        token = key.headers()["Authorization"].removeprefix("Bearer ")
        openverse.answers_next(json_reply({"detail": SECRET}, 401), Reply(b"", 500))
        key.drop()
        reasons = []
        for _ in range(2):
            with pytest.raises(FetchError) as error:
                key.headers()
            reasons.append(repr(error.value))
    request = Request("http://host/", {"Authorization": token}, "POST", SECRET.encode())

    for told in (caplog.text, *reasons, repr(key), repr(vars(key)["_fetcher"])):
        assert SECRET not in told
        assert token not in told
    assert SECRET not in repr(request)
    assert token not in repr(request)
