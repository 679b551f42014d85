import json
import threading
from collections.abc import Iterator

import pytest

from pipeline.web.answers import FailedError, RefusedError
from pipeline.web.consent import Consent, site_of
from pipeline.web.fetch import Fetcher
from pipeline.web.optout import NO_RESERVATIONS, Reservations, read_reservations
from pipeline.web.robots import NO_RULES, Rules, read_rules
from tests.doubles.fetching import Time, make_fetcher
from tests.doubles.shop_site import Reply, Site, moved, photo, serve_site

SITE = "https://shop.test"
TDM = "/.well-known/tdmrep.json"


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


class Files:
    """Reads the two files of every site, and writes down what it was asked for."""

    def __init__(self, robots: bytes = b"", tdm: bytes = b"[]") -> None:
        self.robots, self.tdm = robots, tdm
        self.asked: list[str] = []

    def read_robots(self, url: str) -> Rules:
        self.asked.append(url)
        return read_rules(self.robots)

    def read_tdm_file(self, url: str) -> Reservations:
        self.asked.append(url)
        return read_reservations(self.tdm)

    @property
    def consent(self) -> Consent:
        return Consent(self.read_robots, self.read_tdm_file)


def test_a_site_is_asked_once_and_another_port_is_another_site():
    files = Files()
    consent = files.consent
    for url in (f"{SITE}/a", f"{SITE}/b", f"{SITE}:8443/a", "http://SHOP.test/a"):
        consent.check(url)

    sites = [SITE, f"{SITE}:8443", "http://shop.test"]
    assert files.asked == [
        site + file for site in sites for file in ("/robots.txt", TDM)
    ]
    assert site_of("http://me:pw@Shop.test/x") == "http://shop.test"


def test_what_may_be_had_comes_with_the_delay_that_its_site_wishes():
    assert Files(b"User-agent: *\nCrawl-delay: 3").consent.check(f"{SITE}/a") == 3.0


def test_what_robots_txt_forbids_is_refused_whatever_is_reserved():
    files = Files(
        b"User-agent: *\nDisallow: /a", b'[{"location": "/", "tdm-reservation": 1}]'
    )
    consent = files.consent

    with pytest.raises(RefusedError, match=r"robots\.txt forbids it"):
        consent.check(f"{SITE}/a.jpg")
    with pytest.raises(RefusedError, match="TDM reservation"):
        consent.check(f"{SITE}/b.jpg")


def test_a_site_that_could_not_be_asked_answers_the_same_all_run():
    asked: list[str] = []

    def ask(url: str) -> Rules:
        asked.append(url)
        raise FailedError("HTTP 503", status=503)

    consent = Consent(ask, lambda _url: NO_RESERVATIONS)
    for _ in range(2):
        with pytest.raises(FailedError, match="HTTP 503"):
            consent.check(SITE)

    assert len(asked) == 1


def test_threads_that_meet_at_a_new_site_ask_it_once():
    asked: list[str] = []
    met = threading.Barrier(4)

    def ask(url: str) -> Rules:
        asked.append(url)
        return NO_RULES

    consent = Consent(ask, lambda _url: NO_RESERVATIONS)

    def check() -> None:
        met.wait(5)
        consent.check(f"{SITE}/a")

    threads = [threading.Thread(target=check) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert asked == [f"{SITE}/robots.txt"]


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


@pytest.mark.parametrize(
    "path",
    [
        "/a/../private/x.jpg",
        "/./private/x.jpg",
        "/.//private/x.jpg",
        "/a/..///private//x.jpg",
        "/a;/../private/x.jpg",
        "/a/%2e%2e/private/x.jpg",
        "/%70rivate/x.jpg",
    ],
)
@pytest.mark.parametrize("is_redirected", [False, True])
def test_no_way_of_writing_it_leads_into_a_forbidden_folder(
    site, fetcher, path, is_redirected
):
    site.add("/robots.txt", "User-agent: *\nDisallow: /private/")
    site.add("/private/x.jpg", photo(b"bytes"))
    url = site.url + path
    if is_redirected:
        url = site.add("/a.jpg", moved(url))

    with pytest.raises(RefusedError, match=r"robots\.txt forbids it"):
        fetcher.fetch(url)
    assert not [path for path in site.requests if "x.jpg" in path]


def test_an_address_that_names_two_hosts_is_asked_of_none(site, fetcher):
    other = site.url.replace("127.0.0.1", "evil.test\\@127.0.0.1")

    with pytest.raises(RefusedError, match="not a web address"):
        fetcher.fetch(f"{other}/a.jpg#part")
    assert not site.requests


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


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_site_without_robots_txt_lets_us_have_everything(site, fetcher, status):
    site.add("/robots.txt", Reply(b"User-agent: *\nDisallow: /", status))
    url = site.add("/a.jpg", photo(b"bytes"))

    assert fetcher.fetch_bytes(url) == b"bytes"


def test_a_site_that_is_too_busy_for_its_robots_txt_is_left_for_later(site, fetcher):
    site.add("/robots.txt", Reply(b"", 429))
    url = site.add("/a.jpg", photo(b"bytes"))

    with pytest.raises(FailedError, match=r"robots\.txt can't be read: HTTP 429"):
        fetcher.fetch(url)

    assert site.times("/a.jpg") == 0


def test_a_site_whose_robots_txt_never_comes_is_left_for_later(site, time):
    fetcher = make_fetcher(time, timeout_s=0.05, retries=0)
    site.add("/robots.txt", Reply(b"#", drip=True, headers={}))
    url = site.add("/a.jpg", photo(b"bytes"))

    with pytest.raises(FailedError, match=r"robots\.txt can't be read: timed out"):
        fetcher.fetch(url)

    assert site.times("/a.jpg") == 0
    fetcher.close()


def test_what_is_forbidden_five_redirects_away_is_forbidden(site, fetcher):
    site.add("/robots.txt", moved("/r1"))
    for number in range(1, 5):
        site.add(f"/r{number}", moved(f"/r{number + 1}"))
    site.add("/r5", "User-agent: *\nDisallow: /")
    url = site.add("/a.jpg", photo(b"bytes"))

    with pytest.raises(RefusedError, match=r"robots\.txt forbids it"):
        fetcher.fetch(url)


def test_a_robots_txt_that_redirects_in_circles_is_none(site, fetcher):
    site.add("/robots.txt", moved("/robots.txt"))
    url = site.add("/a.jpg", photo(b"bytes"))

    assert fetcher.fetch_bytes(url) == b"bytes"


def test_a_robots_txt_that_leads_to_where_we_may_not_go_leaves_the_site_for_later(
    site, fetcher
):
    site.add("/robots.txt", moved("https://rules.museum.net/robots.txt"))
    url = site.add("/a.jpg", photo(b"bytes"))

    with pytest.raises(FailedError, match=r"robots\.txt can't be read: leaves this"):
        fetcher.fetch(url)


def test_what_robots_txt_itself_is_tagged_with_does_not_matter(site, fetcher):
    tags = {"X-Robots-Tag": "noindex", "TDM-Reservation": "1"}
    site.add("/robots.txt", Reply(b"", headers=tags))
    site.add(TDM, Reply(b"[]", headers=tags))
    url = site.add("/a.jpg", photo(b"bytes"))

    assert fetcher.fetch_bytes(url) == b"bytes"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"X-Robots-Tag": "noai"}, "X-Robots-Tag: noai"),
        ({"X-Robots-Tag": ["all", "img2dataset: noai"]}, "X-Robots-Tag: noai"),
        ({"x-robots-tag": "nofollow, noimageai"}, "X-Robots-Tag: noimageai"),
        ({"X-Robots-Tag": "noindex"}, "X-Robots-Tag: noindex"),
        ({"tdm-reservation": "1"}, "TDM reservation"),
    ],
)
@pytest.mark.parametrize("status", [200, 302])
def test_a_photo_whose_headers_opt_out_is_not_read(
    site, fetcher, headers, reason, status
):
    """The body never ends: what was read of it would not let us go on."""
    headers["Location"] = "/b.jpg"
    endless = Reply(b"x", status, headers=headers, drip=True)
    site.add("/b.jpg", photo(b"bytes"))
    url = site.add("/a.jpg", endless)

    with pytest.raises(RefusedError) as caught:
        fetcher.fetch(url)

    assert str(caught.value) == reason
    assert caught.value.status == status
    assert site.times("/b.jpg") == 0


def test_a_tag_for_another_robot_does_not_keep_us_from_a_photo(site, fetcher):
    tags = {"X-Robots-Tag": ["googlebot: noindex", "nofollow"], "TDM-Reservation": "0"}
    url = site.add("/a.jpg", Reply(b"bytes", headers=tags))

    assert fetcher.fetch_bytes(url) == b"bytes"


def test_what_a_sites_file_reserves_is_never_asked_for(site, fetcher):
    rules = [
        {"location": "/free/*.jpg", "tdm-reservation": 0},
        {"location": "/", "tdm-reservation": 1},
    ]
    site.add(TDM, json.dumps(rules))
    free = site.add("/free/a.jpg", photo(b"bytes"))
    reserved = site.add("/a.jpg", photo(b"bytes"))
    leading = site.add("/free/b.jpg", moved("/a.jpg"))

    assert fetcher.fetch_bytes(free) == b"bytes"
    for url in (reserved, leading):
        with pytest.raises(RefusedError, match="TDM reservation"):
            fetcher.fetch(url)

    assert (site.times("/a.jpg"), site.times(TDM)) == (0, 1)


def test_the_file_of_reservations_is_found_where_it_redirects_to(site, fetcher):
    site.add(TDM, moved("/tdm.json", 301))
    site.add("/tdm.json", '[{"location": "/", "tdm-reservation": 1}]')
    url = site.add("/a.jpg", photo(b"bytes"))

    with pytest.raises(RefusedError, match="TDM reservation"):
        fetcher.fetch(url)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"", 404),
        Reply(b"", 500),
        Reply(b"", 503),
        Reply(b"<html>", 200),
        Reply(reset=True),
        moved(TDM),
    ],
    ids=["404", "500", "503", "HTML", "broken off", "in circles"],
)
def test_a_site_that_can_not_say_what_it_reserves_has_reserved_nothing(
    site, fetcher, reply
):
    site.add(TDM, reply)
    url = site.add("/a.jpg", photo(b"bytes"))

    assert fetcher.fetch_bytes(url) == b"bytes"


@pytest.mark.parametrize(
    "robots", ["User-agent: *\nDisallow: /.well-known/", "User-agent: *\nDisallow: /r"]
)
def test_reservations_are_not_read_where_robots_txt_forbids_it(site, fetcher, robots):
    site.add("/robots.txt", robots)
    site.add(TDM, moved("/r.json"))
    site.add("/r.json", '[{"location": "/", "tdm-reservation": 1}]')
    url = site.add("/a.jpg", photo(b"bytes"))

    assert fetcher.fetch_bytes(url) == b"bytes"
    assert site.times("/r.json") == 0
    assert site.times(TDM) == ("well-known" not in robots)
