import heapq
import math

import pytest

from pipeline.web.answers import BROKEN_OFF, TIMED_OUT, FailedError, UnreachableError
from pipeline.web.hosts import (
    FAILED_LIMIT,
    MAX_WAIT_S,
    UNREACHED_LIMIT,
    Host,
    Hosts,
)
from pipeline.web.manners import WIKIMEDIA_MEDIA, Gate, Manner

BUSY = FailedError("HTTP 429", status=429)


def make_host(connections: int = 8) -> Host:
    return Host("shop.test", Gate(Manner(connections)))


def connections(host: Host) -> int:
    return min(gate.manner.connections for gate in host.gates)


def crawl(host: Host, requests: int, latency_s: float) -> float:
    """Ask as often as the host's connections and pace allow; return requests/s.

    Every answer is good. The connections are played one event after the other.
    """
    free_at = [(0.0, number) for number in range(connections(host))]
    asked, now = 0, 0.0
    while asked < requests:
        now, number = heapq.heappop(free_at)
        wait_s = host.turn(now, 0.0)
        if wait_s > 0:
            heapq.heappush(free_at, (now + wait_s, number))
            continue
        asked += 1
        host.did_well(latency_s)
        heapq.heappush(free_at, (now + latency_s, number))
    return requests / now


@pytest.mark.parametrize(
    ("latency_s", "connections"), [(0.1, 16), (0.1, 1), (0.005, 8), (2.0, 4)]
)
def test_a_healthy_host_is_asked_as_fast_as_its_connections_allow(
    latency_s, connections
):
    rate = crawl(make_host(connections), 2000, latency_s)

    assert rate >= 0.95 * connections / latency_s


def test_after_a_struggle_a_host_comes_back_to_its_pace():
    host = make_host(16)
    host.turn(0.0, 0.0)
    host.struggled(BUSY, 0.0, 0.1)

    assert crawl(host, 10, 0.1) < 10
    host = make_host(16)
    host.struggled(BUSY, 0.0, 0.1)
    assert crawl(host, 5000, 0.1) >= 0.9 * 160


def test_the_next_request_waits_for_what_the_site_wishes():
    host = make_host()

    assert host.turn(0.0, 5.0) == 0.0
    assert host.turn(2.0, 5.0) == 3.0
    assert host.turn(4.999, 5.0) == pytest.approx(0.001)
    assert host.turn(5.0, 5.0) == 0.0


@pytest.mark.parametrize(
    "error",
    [
        FailedError("HTTP 429", status=429),
        FailedError("HTTP 503", status=503),
        FailedError(TIMED_OUT),
        FailedError(BROKEN_OFF),
        UnreachableError(TIMED_OUT),
    ],
    ids=str,
)
def test_a_struggle_spaces_the_requests(error):
    host = make_host()
    host.turn(0.0, 0.0)
    host.struggled(error, 0.0, 0.1)

    assert host.turn(0.1, 0.0) == pytest.approx(0.4)


@pytest.mark.parametrize("status", [500, 502])
def test_a_broken_page_is_no_struggle_of_the_host(status):
    host = make_host()
    host.turn(0.0, 0.0)
    host.struggled(FailedError(f"HTTP {status}", status=status), 0.0, 0.1)

    assert host.turn(0.1, 0.0) == 0.0


def test_errors_never_make_the_delay_shorter():
    host = make_host()
    host.turn(0.0, 0.0)
    host.struggled(BUSY, 0.0, 0.0)
    for _ in range(100):
        host.answered()  # a fast 404
        host.struggled(FailedError("HTTP 500", status=500), 0.0, 0.001)
        host.missed(FailedError("HTTP 500", status=500), for_good=False)

    assert host.turn(0.0, 0.0) == 0.5


def test_a_rest_holds_for_the_whole_host_and_the_longest_one_counts():
    host = make_host()
    host.rest(30.0, BUSY)
    host.rest(10.0, BUSY)

    assert host.turn(0.0, 0.0) == 30.0
    assert host.turn(30.0, 0.0) == 0.0


def test_a_rest_that_is_too_long_to_wait_for_is_an_error_until_it_is_not():
    host = make_host()
    host.rest(MAX_WAIT_S + 100.0, BUSY)

    with pytest.raises(FailedError, match="HTTP 429"):
        host.turn(0.0, 0.0)
    assert host.turn(100.0, 0.0) == MAX_WAIT_S


def test_a_host_that_takes_no_connection_is_given_up_and_one_that_fails_later():
    for error, limit in (
        (UnreachableError("can't connect"), UNREACHED_LIMIT),
        (FailedError("HTTP 500", status=500), FAILED_LIMIT),
    ):
        host = make_host()
        for number in range(limit):
            assert host.turn(float(number), 0.0) == 0.0
            host.missed(error, for_good=True)

        with pytest.raises(FailedError, match=str(error)):
            host.turn(math.inf, 0.0)


def test_an_answer_forgives_what_failed_before():
    host = make_host()
    for _ in range(3 * FAILED_LIMIT):
        host.missed(FailedError("HTTP 500", status=500), for_good=True)
        host.answered()

    assert host.turn(0.0, 0.0) == 0.0


def test_of_several_manners_the_strictest_holds_from_then_on():
    hosts = Hosts(8)
    url = "https://media.museum.net/a.jpg"
    seen = [
        connections(hosts.of(url, manner))
        for manner in (None, Manner(4), Manner(2), Manner(6), None)
    ]

    assert seen == [8, 4, 2, 2, 2]


def test_wikimedias_media_hosts_share_two_connections_whoever_asks():
    hosts = Hosts(8)
    upload = hosts.of("https://upload.wikimedia.org/a.jpg")
    thumb = hosts.of("https://thumb.wikimedia.org:443/a.jpg", WIKIMEDIA_MEDIA)

    assert connections(upload) == connections(thumb) == 2
    with upload.slot(), thumb.slot():
        assert not upload.gates[-1].slots.acquire(blocking=False)
    assert connections(hosts.of("https://shop.test/a.jpg")) == 8
