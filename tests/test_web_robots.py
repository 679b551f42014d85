import pytest

from pipeline.web.robots import MAX_CRAWL_DELAY_S, MAX_ROBOTS_BYTES, read_rules

SITE = "https://shop.test"


def allowed(robots: bytes, path: str) -> bool:
    return read_rules(robots).allow(SITE + path)


def test_a_forbidden_folder_is_forbidden_and_the_rest_is_not():
    robots = b"User-agent: *\nDisallow: /private/\nAllow: /private/ok.jpg\n"

    assert not allowed(robots, "/private/a.jpg")
    assert allowed(robots, "/private/ok.jpg")
    assert allowed(robots, "/public/a.jpg")


def test_rules_for_our_name_replace_those_for_all():
    robots = b"User-agent: *\nDisallow: /\n\nUser-agent: Mekiki\nDisallow: /x\n"

    assert allowed(robots, "/a")
    assert not allowed(robots, "/x/a")


def test_our_name_counts_with_the_version_that_sites_see_beside_it():
    robots = (
        b"User-agent: googlebot\nDisallow: /\n\nUser-agent : Mekiki/0.1.0\nDisallow: /x"
    )

    assert allowed(robots, "/a")
    assert not allowed(robots, "/x/a")


@pytest.mark.parametrize(
    "robots",
    [
        b"\xef\xbb\xbfUser-agent: *\nDisallow: /no/",
        b"User-agent: *\rDisallow: /no/\r",
        b"User-agent: *\r\nDisallow: /no/ # because\r\n",
        b"\xff\xfe\x00\nUser-agent: *\nDisallow: /no/",
        b"<pre>\nUser-agent: *\nDisallow: /no/\n</pre>",
        b"Sitemap: https://shop.test/s\n\nUSER-AGENT:*\nNoindex: /x\nDISALLOW:/no/",
        b"User-agent: a\nUser-agent: *\n\n# \xe9\nDisallow: /no/\nCrawl-delay: ?",
    ],
    ids=[
        "byte order mark",
        "carriage returns alone",
        "Windows lines",
        "noise before",
        "inside HTML",
        "unknown lines and cases",
        "several names, Latin-1",
    ],
)
def test_an_odd_robots_txt_is_still_obeyed(robots):
    assert not allowed(robots, "/no/a.jpg")
    assert allowed(robots, "/yes/a.jpg")


@pytest.mark.parametrize(
    "robots",
    [b"", b"<!doctype html><title>Disallow: /</title>", b"\x00\xff\xfe\x80" * 50],
    ids=["empty", "HTML", "noise"],
)
def test_a_robots_txt_that_says_nothing_forbids_nothing(robots):
    assert allowed(robots, "/a.jpg")


def test_what_lies_behind_the_first_500_kib_is_not_read():
    robots = b"User-agent: *\nDisallow: /a\n" + b"#" * MAX_ROBOTS_BYTES
    robots += b"\nDisallow: /b\n"

    assert not allowed(robots, "/a")
    assert allowed(robots, "/b")


@pytest.mark.parametrize(
    ("line", "delay_s"),
    [
        (b"", 0.0),
        (b"Crawl-delay: 2.5", 2.5),
        (b"Crawl-delay: 86400", MAX_CRAWL_DELAY_S),
        (b"Crawl-delay: soon", 0.0),
        (b"Crawl-delay: -3", 0.0),
        (b"Request-rate: 1/10s", 10.0),
        (b"Request-rate: 30/1m", 2.0),
        (b"Request-rate: 1/2\nCrawl-delay: 5", 5.0),
    ],
)
def test_a_wish_for_slowness_becomes_a_delay_within_reason(line, delay_s):
    assert read_rules(b"User-agent: *\n" + line).delay_s == delay_s
