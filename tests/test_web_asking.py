import email.utils
import itertools
import socket
import threading
from collections.abc import Iterator

import pytest

from pipeline.settings import ScrapeSettings
from pipeline.web.answers import FailedError, RefusedError, UnreachableError
from pipeline.web.fetch import Fetcher
from pipeline.web.timing import Timing
from tests.doubles.fetching import WALL_AT_START, Time, make_fetcher
from tests.doubles.shop_site import Reply, Site, photo, serve_site


@pytest.fixture
def site() -> Iterator[Site]:
    with serve_site() as running:
        yield running


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def fetcher(time: Time) -> Iterator[Fetcher]:
    opened = make_fetcher(time)
    yield opened
    opened.close()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_crawl_delay_spaces_the_requests(site, fetcher, time):
    site.add("/robots.txt", "User-agent: *\nCrawl-delay: 7")
    url = site.add("/a.jpg", photo(b"bytes"))

    for _ in range(3):
        fetcher.fetch(url)

    # robots.txt, tdmrep.json, and the three.
    assert time.slept == [7, 7, 7, 7]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451, 304, 501])
def test_a_no_is_final_and_not_asked_for_again(site, fetcher, time, status):
    url = site.add("/a.jpg", Reply(b"", status))

    with pytest.raises(RefusedError, match=f"HTTP {status}") as caught:
        fetcher.fetch(url)

    assert caught.value.status == status
    assert site.times("/a.jpg") == 1
    assert time.slept == []


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 520, 529])
def test_a_not_now_is_asked_again_with_doubling_waits(site, fetcher, time, status):
    url = site.add("/a.jpg", Reply(b"", status), Reply(b"", status), photo(b"bytes"))

    assert fetcher.fetch_bytes(url) == b"bytes"
    assert site.times("/a.jpg") == 3
    assert time.slept == [1, 2]


def test_after_the_last_attempt_a_not_now_is_a_failure(site, fetcher, time):
    url = site.add("/a.jpg", Reply(b"", 503))

    with pytest.raises(FailedError, match="HTTP 503"):
        fetcher.fetch(url)

    assert site.times("/a.jpg") == 4
    assert time.slept == [1, 2, 4]


def test_a_server_that_says_when_to_come_back_is_believed(site, fetcher, time):
    wait = Reply(b"", 503, headers={"Retry-After": "42"})
    url = site.add("/a.jpg", wait, photo(b"bytes"))

    assert fetcher.fetch_bytes(url) == b"bytes"
    assert time.slept == [42]


def test_a_server_that_wants_a_long_rest_is_left_to_the_next_run(site, fetcher, time):
    url = site.add("/a.jpg", Reply(b"", 429, headers={"Retry-After": "3600"}))

    with pytest.raises(FailedError, match="HTTP 429"):
        fetcher.fetch(url)

    assert site.times("/a.jpg") == 1
    assert time.slept == []


def test_a_body_that_ends_early_is_asked_for_again(site, fetcher, time):
    cut = Reply(b"half", content_type="image/jpeg", claimed_length=8)
    url = site.add("/a.jpg", cut, photo(b"complete"))

    assert fetcher.fetch_bytes(url) == b"complete"
    assert time.slept == [1]


def test_a_host_that_takes_no_connection_is_given_up_for_this_run(time):
    port = closed_port()
    fetcher = make_fetcher(time)

    for number in range(5):
        with pytest.raises(UnreachableError, match="can't connect"):
            fetcher.fetch(f"http://127.0.0.1:{port}/{number}.jpg")

    assert time.slept == [1, 2, 4]
    assert fetcher.unreached() == [f"127.0.0.1:{port}"]
    assert fetcher.reached() == []
    fetcher.close()


def test_a_host_that_fails_time_after_time_is_given_up_for_this_run(site, time):
    fetcher = make_fetcher(time, retries=0)
    site.add("/a.jpg", Reply(b"", 500))

    for _ in range(20):
        with pytest.raises(FailedError, match="HTTP 500"):
            fetcher.fetch(site.url + "/a.jpg")

    assert site.times("/a.jpg") == 10
    assert fetcher.unreached() == []
    fetcher.close()


def test_a_name_that_no_name_server_knows_is_unreachable(time, monkeypatch):
    def unknown(*_args, **_more):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    for allow_private in (True, False):
        fetcher = Fetcher(
            ScrapeSettings(allow_private=allow_private, retries=0),
            "jo@shop.net",
            timing=time.timing,
        )
        with pytest.raises(UnreachableError, match="host name not found"):
            fetcher.fetch("http://nowhere.net/a.jpg")
        fetcher.close()


def test_no_more_connections_than_allowed_are_open_to_a_host(site, time):
    fetcher = make_fetcher(time, per_host=2)
    busy: list[int] = []
    lock, now_busy = threading.Lock(), [0]
    pair = threading.Barrier(2)

    def count(path: str) -> None:
        if path != "/a.jpg":
            return
        with lock:
            now_busy[0] += 1
            busy.append(now_busy[0])
        pair.wait(5)  # two at a time meet here
        with lock:
            now_busy[0] -= 1

    site.before = count
    url = site.add("/a.jpg", photo(b"bytes"))
    threads = [threading.Thread(target=fetcher.fetch, args=(url,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert max(busy) == 2
    assert site.times("/robots.txt") == 1
    fetcher.close()


def test_a_stopped_fetcher_ends_its_waits_and_asks_nothing_more(site):
    fetcher = Fetcher(ScrapeSettings(allow_private=True))
    url = site.add("/a.jpg", Reply(b"", 503))
    site.before = lambda path: fetcher.stop() if path == "/a.jpg" else None

    with pytest.raises(FailedError, match="stopped"):
        fetcher.fetch(url)

    assert site.times("/a.jpg") == 1
    fetcher.close()


@pytest.mark.parametrize("status", [429, 503])
def test_a_date_to_come_back_at_is_read_by_the_clock_on_the_wall(
    site, fetcher, time, status
):
    when = email.utils.formatdate(WALL_AT_START + 42, usegmt=True)
    wait = Reply(b"", status, headers={"Retry-After": when})
    url = site.add("/a.jpg", wait, photo(b"bytes"))

    assert fetcher.fetch_bytes(url) == b"bytes"
    assert time.slept == [42]


@pytest.mark.parametrize("status", [429, 503])
def test_a_host_that_wants_a_rest_gets_it_from_every_thread(site, time, status):
    """The first photo is answered "not now"; nobody asks for another meanwhile."""
    fetcher = make_fetcher(time, retries=0)
    asked_at: list[float] = []
    site.before = lambda _path: asked_at.append(time.now)
    url = site.add("/a.jpg", Reply(b"", status, headers={"Retry-After": "30"}))
    others = [site.add(f"/{number}.jpg", photo(b"bytes")) for number in range(3)]

    with pytest.raises(FailedError, match=f"HTTP {status}"):
        fetcher.fetch(url)
    threads = [threading.Thread(target=fetcher.fetch, args=(url,)) for url in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(asked_at) == 6
    assert all(at >= 30 for at in asked_at[3:])
    fetcher.close()


def test_a_host_that_wants_a_long_rest_is_asked_for_nothing_else(site, fetcher, time):
    wait = Reply(b"", 503, headers={"Retry-After": "3600"})
    url = site.add("/a.jpg", wait, photo(b"bytes"))
    other = site.add("/b.jpg", photo(b"bytes"))

    for refused in (url, other):
        with pytest.raises(FailedError, match="HTTP 503"):
            fetcher.fetch(refused)

    assert (site.times("/a.jpg"), site.times("/b.jpg")) == (1, 0)
    time.now += 3600
    assert fetcher.fetch_bytes(other) == fetcher.fetch_bytes(url) == b"bytes"


def test_a_struggling_host_is_asked_more_slowly_and_errors_never_speed_that_up(
    site, fetcher, time
):
    site.add("/busy.jpg", Reply(b"", 503), photo(b"bytes"))
    site.add("/gone.jpg", Reply(b"", 404))
    site.add("/a.jpg", photo(b"bytes"))
    starts: list[float] = []
    site.before = lambda path: starts.append(time.now) if path == "/gone.jpg" else None

    fetcher.fetch(site.url + "/busy.jpg")
    for _ in range(20):
        with pytest.raises(RefusedError, match="HTTP 404"):
            fetcher.fetch(site.url + "/gone.jpg")
    apart = {round(later - sooner, 3) for sooner, later in itertools.pairwise(starts)}
    assert len(apart) == 1
    assert min(apart) > 0.3

    for _ in range(30):
        fetcher.fetch(site.url + "/a.jpg")
    time.slept.clear()
    fetcher.fetch(site.url + "/a.jpg")
    assert time.slept == []


def test_a_connection_that_breaks_is_asked_for_again(site, fetcher, time):
    url = site.add("/a.jpg", Reply(reset=True), photo(b"bytes"))

    assert fetcher.fetch_bytes(url) == b"bytes"
    assert time.slept == [1]


def test_a_site_that_always_breaks_off_fails_with_that_reason(site, fetcher):
    url = site.add("/a.jpg", Reply(reset=True))

    with pytest.raises(FailedError, match="connection broken off"):
        fetcher.fetch(url)

    assert site.times("/a.jpg") == 4


def test_a_photo_that_waits_for_its_next_attempt_holds_no_connection(site, time):
    other = site.add("/b.jpg", photo(b"b"))
    url = site.add("/a.jpg", Reply(b"", 500), photo(b"a"))
    got: list[bytes] = []

    def fetch_other_meanwhile(seconds: float) -> None:
        got.append(single.fetch_bytes(other))
        time.sleep(seconds)

    timing = Timing(time.clock, time.wall, fetch_other_meanwhile)
    settings = ScrapeSettings(allow_private=True, per_host=1)
    single = Fetcher(settings, timing=timing)

    assert single.fetch_bytes(url) == b"a"
    assert got == [b"b"]
    single.close()
