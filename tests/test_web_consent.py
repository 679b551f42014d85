import pytest

from pipeline.web.answers import FailedError
from pipeline.web.consent import (
    MAX_CRAWL_DELAY_S,
    MAX_ROBOTS_BYTES,
    NO_RULES,
    Consent,
    Rules,
    read_rules,
    site_of,
)

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
    ],
    ids=["byte order mark", "carriage returns alone", "Windows lines"],
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
        (b"Request-rate: 1/10s", 10.0),
    ],
)
def test_a_wish_for_slowness_becomes_a_delay_within_reason(line, delay_s):
    assert read_rules(b"User-agent: *\n" + line).delay_s == delay_s


def test_a_site_is_asked_once_and_another_port_is_another_site():
    asked: list[str] = []

    def ask(url: str) -> Rules:
        asked.append(url)
        return NO_RULES

    consent = Consent(ask)
    for url in (f"{SITE}/a", f"{SITE}/b", f"{SITE}:8443/a", "http://SHOP.test/a"):
        consent.rules(url)

    assert asked == [
        f"{SITE}/robots.txt",
        f"{SITE}:8443/robots.txt",
        "http://shop.test/robots.txt",
    ]
    assert site_of("http://me:pw@Shop.test/x") == "http://shop.test"


def test_a_site_that_could_not_be_asked_answers_the_same_all_run():
    asked: list[str] = []

    def ask(url: str) -> Rules:
        asked.append(url)
        raise FailedError("HTTP 503", status=503)

    consent = Consent(ask)
    for _ in range(2):
        with pytest.raises(FailedError, match="HTTP 503"):
            consent.rules(SITE)

    assert len(asked) == 1
