import gzip
import socket
import threading
from collections.abc import Iterator

import pytest

from pipeline.settings import ScrapeSettings
from pipeline.web.answers import (
    FailedError,
    RefusedError,
    UnreachableError,
    error_of_status,
)
from pipeline.web.fetch import Fetcher
from pipeline.web.timing import Timing
from tests.doubles.shop_site import Reply, Site, moved, photo, serve_site


@pytest.fixture
def site() -> Iterator[Site]:
    with serve_site() as running:
        yield running


class Time:
    """A clock that goes on only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds

    def clock(self) -> float:
        return self.now

    @property
    def timing(self) -> Timing:
        return Timing(self.clock, self.clock, self.sleep)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def fetcher(time: Time) -> Iterator[Fetcher]:
    opened = make_fetcher(time)
    yield opened
    opened.close()


def make_fetcher(time: Time, **settings: object) -> Fetcher:
    chosen = {"allow_private": True, "timeout_s": 5.0} | settings
    return Fetcher(ScrapeSettings.model_validate(chosen), timing=time.timing)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_photo_comes_with_what_the_server_said_of_it(site, fetcher):
    url = site.add("/a.jpg", photo(b"bytes"))

    answer = fetcher.fetch(url + "#top")

    assert answer.body == b"bytes"
    assert (answer.status, answer.content_type) == (200, "image/jpeg")
    assert answer.final_url == url
    assert site.requests == ["/robots.txt", "/a.jpg"]
    assert all(agent.startswith("mekiki/") for agent in site.user_agents)


def test_a_compressed_body_is_unpacked(site, fetcher):
    packed = gzip.compress(b"page" * 1000)
    url = site.add("/a", Reply(packed, headers={"Content-Encoding": "gzip"}))

    assert fetcher.fetch_bytes(url) == b"page" * 1000


def test_what_robots_txt_forbids_is_never_asked_for(site, fetcher):
    site.add("/robots.txt", "User-agent: *\nDisallow: /private")
    url = site.add("/private/a.jpg", photo(b"bytes"))

    with pytest.raises(RefusedError, match=r"robots\.txt forbids it"):
        fetcher.fetch(url)

    assert site.times("/private/a.jpg") == 0


def test_a_redirect_into_a_forbidden_folder_is_not_followed(site, fetcher):
    site.add("/robots.txt", "User-agent: *\nDisallow: /private")
    site.add("/private/a.jpg", photo(b"bytes"))
    url = site.add("/a.jpg", moved("/private/a.jpg"))

    with pytest.raises(RefusedError, match=r"robots\.txt forbids it"):
        fetcher.fetch(url)

    assert site.times("/private/a.jpg") == 0


def test_robots_txt_is_found_where_it_redirects_to(site, fetcher):
    site.add("/robots.txt", moved("/rules.txt"))
    site.add("/rules.txt", "User-agent: *\nDisallow: /")
    url = site.add("/a.jpg", photo(b"bytes"))

    with pytest.raises(RefusedError, match=r"robots\.txt forbids it"):
        fetcher.fetch(url)


@pytest.mark.parametrize("status", [500, 501, 505, 522, 599])
def test_a_site_whose_robots_txt_is_broken_is_left_for_later(site, fetcher, status):
    site.add("/robots.txt", Reply(b"", status))
    url = site.add("/a.jpg", photo(b"bytes"))

    with pytest.raises(FailedError, match=rf"robots\.txt can't be read: HTTP {status}"):
        fetcher.fetch(url)

    assert site.times("/a.jpg") == 0


def test_a_crawl_delay_spaces_the_requests(site, fetcher, time):
    site.add("/robots.txt", "User-agent: *\nCrawl-delay: 7")
    url = site.add("/a.jpg", photo(b"bytes"))

    for _ in range(3):
        fetcher.fetch(url)

    assert time.slept == [7, 7]


def test_redirects_are_followed_to_where_they_end(site, fetcher):
    end = site.add("/photos/é.jpg", photo(b"bytes"))
    site.replies["/photos/%C3%A9.jpg"] = site.replies["/photos/é.jpg"]
    url = site.add("/a", moved("/b", 301))
    site.add("/b", moved("photos/%C3%A9.jpg", 307))

    answer = fetcher.fetch(url)

    assert answer.body == b"bytes"
    assert answer.final_url == end.replace("é", "%C3%A9")


def test_redirects_in_a_circle_end(site, fetcher):
    url = site.add("/a", moved("/b"))
    site.add("/b", moved("/a"))

    with pytest.raises(RefusedError, match="too many redirects"):
        fetcher.fetch(url)


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/a", "http://[::1"]
)
def test_a_redirect_out_of_the_web_is_refused(site, fetcher, target):
    url = site.add("/a", moved(target))

    with pytest.raises(RefusedError, match="not a web address"):
        fetcher.fetch(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "photos/1.jpg",
        "file:///a",
        "http://",
        "http://[::1",
        "http://a b/",
        "http://x:y/",
    ],
)
def test_what_is_no_web_address_is_refused(fetcher, url):
    with pytest.raises(RefusedError, match="not a web address"):
        fetcher.fetch(url)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433"]
)
def test_this_machine_is_not_connected_to_unless_the_set_allows_it(site, time, host):
    site.add("/a.jpg", photo(b"bytes"))
    port = site.url.rpartition(":")[2]
    careful = Fetcher(ScrapeSettings(), "jo@shop.net", timing=time.timing)

    with pytest.raises(RefusedError, match="private address"):
        careful.fetch(f"http://{host}:{port}/a.jpg")

    assert site.requests == []
    careful.close()


def test_a_name_that_changes_its_address_is_held_to_the_one_connected_to(
    site, time, monkeypatch
):
    """The name server says a public address first, then that of this machine."""
    port = int(site.url.rpartition(":")[2])
    asked: list[str] = []
    connected: list[str] = []
    real_getaddrinfo = socket.getaddrinfo

    def changing(host, *rest, **more):
        if host != "rebinding.net":
            connected.append(host)
            return real_getaddrinfo("127.0.0.1", *rest, **more)
        asked.append(host)
        address = "93.184.215.14" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    site.add("/a.jpg", photo(b"bytes"))
    careful = Fetcher(ScrapeSettings(), "jo@shop.net", timing=time.timing)

    # Both addresses lead to the site here; only what was checked is connected to.
    assert careful.fetch_bytes(f"http://rebinding.net:{port}/a.jpg") == b"bytes"
    careful.close()
    assert (asked, connected) == (["rebinding.net"], ["93.184.215.14"])

    later = Fetcher(ScrapeSettings(), "jo@shop.net", timing=time.timing)
    with pytest.raises(RefusedError, match="private address"):
        later.fetch(f"http://rebinding.net:{port}/a.jpg")
    later.close()


def test_a_proxy_from_the_environment_is_not_used(site, fetcher, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    url = site.add("/a.jpg", photo(b"bytes"))

    assert fetcher.fetch_bytes(url) == b"bytes"


def test_without_a_contact_a_redirect_to_another_machine_is_refused(site, fetcher):
    url = site.add("/a.jpg", moved("https://photos.museum.net/a.jpg"))

    with pytest.raises(RefusedError, match="no contact is set"):
        fetcher.fetch(url)


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


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("17", 17.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("Wed, 21 Oct 2015 " + "9" * 20 + ":28:00 GMT", None),
        ("Wed, 21 Oct 2015 07:28:00 +" + "9" * 20, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(value, seconds):
    assert error_of_status(503, {"Retry-After": value}).retry_after_s == seconds


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


def test_more_bytes_than_allowed_are_refused_whether_announced_or_not(site, time):
    fetcher = make_fetcher(time, max_megabytes=0.001)
    big = b"x" * 5000
    packed = Reply(gzip.compress(big), headers={"Content-Encoding": "gzip"})
    site.add("/plain.jpg", photo(big))
    site.add("/packed.jpg", packed)
    site.add("/endless.jpg", Reply(b"x" * 300, drip=True))

    for path in ("/plain.jpg", "/packed.jpg", "/endless.jpg"):
        with pytest.raises(RefusedError, match=r"more than 0\.001 MB"):
            fetcher.fetch(site.url + path)
        assert site.times(path) == 1
    fetcher.close()


def test_a_body_that_drips_is_cut_off_after_its_whole_time(site, time):
    fetcher = make_fetcher(time, timeout_s=0.05, retries=0)
    url = site.add("/a.jpg", Reply(b"x", drip=True))

    with pytest.raises(FailedError, match="timed out"):
        fetcher.fetch(url)

    fetcher.close()


def test_a_server_that_says_nothing_times_out(site, time):
    silent = threading.Event()
    fetcher = make_fetcher(time, timeout_s=0.05, retries=0)
    site.before = lambda path: (
        None if path == "/robots.txt" else silent.wait(5) and None
    )

    with pytest.raises(FailedError, match="timed out"):
        fetcher.fetch(site.url + "/a.jpg")

    silent.set()
    fetcher.close()


def test_headers_that_drip_are_cut_off(time):
    fetcher = make_fetcher(time, timeout_s=0.05, retries=0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        stopped = threading.Event()

        def drip_headers() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                try:
                    while not stopped.wait(0.02):
                        connection.sendall(b"X-More: and more\r\n")
                except OSError:
                    return

        thread = threading.Thread(target=drip_headers)
        thread.start()
        port = server.getsockname()[1]

        with pytest.raises(FailedError, match="timed out"):
            fetcher.fetch(f"http://127.0.0.1:{port}/a.jpg")

        stopped.set()
        thread.join()
    fetcher.close()


def test_no_more_connections_than_allowed_are_open_to_a_host(site, time):
    fetcher = make_fetcher(time, per_host=2)
    busy: list[int] = []
    lock, now_busy = threading.Lock(), [0]
    pair = threading.Barrier(2)

    def count(path: str) -> None:
        if path == "/robots.txt":
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
