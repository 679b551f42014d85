import gzip
import socket
import threading
from collections.abc import Iterator

import pytest

from pipeline.settings import ScrapeSettings
from pipeline.web.answers import FailedError, RefusedError
from pipeline.web.fetch import Fetcher
from pipeline.web.manners import Manner
from tests.doubles.fetching import Time, make_fetcher
from tests.doubles.shop_site import Reply, Site, moved, photo, serve_site


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


def test_a_photo_comes_with_what_the_server_said_of_it(site, fetcher):
    url = site.add("/a.jpg", photo(b"bytes"))

    answer = fetcher.fetch(url + "#top")

    assert answer.body == b"bytes"
    assert (answer.status, answer.content_type) == (200, "image/jpeg")
    assert answer.final_url == url
    assert site.requests == ["/robots.txt", "/.well-known/tdmrep.json", "/a.jpg"]
    assert all(agent.startswith("mekiki/") for agent in site.user_agents)


def test_a_compressed_body_is_unpacked(site, fetcher):
    packed = gzip.compress(b"page" * 1000)
    url = site.add("/a", Reply(packed, headers={"Content-Encoding": "gzip"}))

    assert fetcher.fetch_bytes(url) == b"page" * 1000


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


def test_an_address_that_carries_a_password_is_refused(site, fetcher):
    url = site.add("/a", "").replace("http://", "http://jo:secret@")

    with pytest.raises(RefusedError, match="a user name or password in the address"):
        fetcher.fetch(url)

    assert site.requests == []


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


def test_a_redirect_to_a_private_address_is_refused(site, time, monkeypatch):
    """The first host is public, as far as the name server says."""
    port = int(site.url.rpartition(":")[2])
    real_getaddrinfo = socket.getaddrinfo

    def told_public(host, *rest, **more):
        if host != "museum.net":
            return real_getaddrinfo("127.0.0.1", *rest, **more)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", port))]

    monkeypatch.setattr(socket, "getaddrinfo", told_public)
    site.add("/a.jpg", moved(f"http://127.0.0.1:{port}/b.jpg"))
    site.add("/b.jpg", photo(b"bytes"))
    careful = Fetcher(ScrapeSettings(), "jo@shop.net", timing=time.timing)

    with pytest.raises(RefusedError, match="private address"):
        careful.fetch(f"http://museum.net:{port}/a.jpg")

    assert (site.times("/a.jpg"), site.times("/b.jpg")) == (1, 0)
    careful.close()


def test_a_proxy_from_the_environment_is_not_used(site, fetcher, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    url = site.add("/a.jpg", photo(b"bytes"))

    assert fetcher.fetch_bytes(url) == b"bytes"


def test_without_a_contact_a_redirect_to_another_machine_is_refused(site, fetcher):
    url = site.add("/a.jpg", moved("https://photos.museum.net/a.jpg"))

    with pytest.raises(RefusedError, match="no contact is set"):
        fetcher.fetch(url)


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


def test_a_body_that_is_announced_too_large_is_not_read(site, time):
    """It never comes: reading it would end in a failure, not in a refusal."""
    fetcher = make_fetcher(time, max_megabytes=0.001)
    url = site.add("/a.jpg", Reply(b"", claimed_length=5000))

    with pytest.raises(RefusedError, match=r"more than 0\.001 MB"):
        fetcher.fetch(url)

    assert site.times("/a.jpg") == 1
    fetcher.close()


def test_a_body_that_goes_on_behind_its_announced_end_is_cut_there(site, fetcher):
    longer = Reply(b"photo and more", content_type="image/jpeg", claimed_length=5)
    url = site.add("/a.jpg", longer)

    assert fetcher.fetch_bytes(url) == b"photo"
    assert fetcher.fetch_bytes(url) == b"photo"


def test_answers_that_nobody_wants_cost_no_connection_of_their_own(site, time):
    fetcher = make_fetcher(time, max_megabytes=0.01)
    site.add("/gone.jpg", Reply(b"gone" * 1000, 404))
    site.add("/busy.jpg", Reply(b"busy" * 1000, 503), photo(b"bytes"))
    site.add("/moved.jpg", moved("/a.jpg"))
    site.add("/large.jpg", photo(b"x" * 20_000))
    site.add("/mine.jpg", Reply(b"x" * 20_000, headers={"X-Robots-Tag": "noai"}))
    site.add("/empty.jpg", Reply(b""))
    site.add("/a.jpg", photo(b"bytes"))

    for path in ("/gone.jpg", "/large.jpg", "/mine.jpg"):
        with pytest.raises(RefusedError):
            fetcher.fetch(site.url + path)
    for path in ("/busy.jpg", "/moved.jpg", "/empty.jpg", "/a.jpg"):
        fetcher.fetch(site.url + path)

    assert len(site.requests) == 11
    assert site.connections == 1
    fetcher.close()


def test_a_manner_limits_connections_for_all_its_hosts_together(site, time):
    fetcher = make_fetcher(time, per_host=4)
    careful = Manner(2)
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

    with serve_site() as second:
        for one in (site, second):
            one.add("/a.jpg", photo(b"bytes"))
            fetcher.fetch(one.url + "/a.jpg", manner=careful)
            one.before = count
        # From now on the hosts are under it, whoever asks.
        urls = [one.url + "/a.jpg" for one in (site, second) for _ in range(4)]
        threads = [threading.Thread(target=fetcher.fetch, args=(url,)) for url in urls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(busy) == 8
    assert max(busy) == 2
    fetcher.close()


def test_a_manner_limits_bytes_as_they_come(site, fetcher, time):
    manner = Manner(2, bytes_per_s=10_000)
    url = site.add("/a.jpg", photo(b"x" * 40_000))

    for _ in range(5):
        fetcher.fetch(url, manner=manner)

    # A second's worth at once, the rest at nine tenths of the rate.
    assert time.now == pytest.approx((5 * 40_000 - 10_000) / 9_000, rel=0.05)


def test_an_api_is_asked_as_it_is_whatever_robots_txt_says(site, fetcher):
    site.add("/robots.txt", "User-agent: *\nDisallow: /")
    refusing = Reply(b"{}", 401, headers={"X-Robots-Tag": "noindex"})
    url = site.add("/v1/images/", refusing)

    answer = fetcher.call(url, headers={"Authorization": "Bearer x"})

    assert (answer.status, answer.body) == (401, b"{}")
    assert site.requests == ["/v1/images/"]
