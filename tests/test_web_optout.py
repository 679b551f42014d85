import json

import pytest
from urllib3 import HTTPHeaderDict

from pipeline.web.optout import opt_out_of, read_reservations

SITE = "https://shop.test"


def headers(*tags: str, **more: str) -> HTTPHeaderDict:
    made = HTTPHeaderDict({name.replace("_", "-"): told for name, told in more.items()})
    for tag in tags:
        made.add("X-Robots-Tag", tag)
    return made


@pytest.mark.parametrize(
    ("tags", "rule"),
    [
        (["noai"], "noai"),
        (["NoImageAI"], "noimageai"),
        (["nofollow, noai"], "noai"),
        (["nofollow", "all", "noimageai"], "noimageai"),
        (["img2dataset: noai"], "noai"),
        (["googlebot: noindex, noimageai"], "noimageai"),
        (["noindex"], "noindex"),
        (["none"], "none"),
        (["noimageindex"], "noimageindex"),
        (["*: noindex"], "noindex"),
        (["mekiki: noindex"], "noindex"),
        (["Mekiki/0.1: nofollow, noindex"], "noindex"),
        (["googlebot: noindex", "noindex"], "noindex"),
        (["googlebot: noindex, mekiki: noindex"], "noindex"),
        (["unavailable_after: Sat, 25 Jun 2050 15:00:00 GMT, noindex"], "noindex"),
        (["max-image-preview: large, noindex"], "noindex"),
        (["noindex, noai"], "noai"),
    ],
)
def test_a_robots_tag_that_means_us_opts_out(tags, rule):
    assert opt_out_of(headers(*tags)) == f"X-Robots-Tag: {rule}"


@pytest.mark.parametrize(
    "tags",
    [
        [],
        [""],
        ["all"],
        ["nofollow, noarchive, nosnippet"],
        ["googlebot: noindex"],
        ["googlebot: nofollow, none", "bingbot: noimageindex"],
        ["max-snippet: -1, max-video-preview: -1"],
        ["unavailable_after: 25 Jun 2010 15:00:00 PST"],
        ["noaim"],
        [":,,:"],
    ],
)
def test_a_robots_tag_for_others_or_for_other_things_lets_us_be(tags):
    assert opt_out_of(headers(*tags)) == ""


@pytest.mark.parametrize(
    ("value", "reason"),
    [("1", "TDM reservation"), (" 1 ", "TDM reservation"), ("0", ""), ("yes", "")],
)
def test_a_header_reserves_text_and_data_mining(value, reason):
    assert opt_out_of(headers(tdm_reservation=value)) == reason


def reserved(rules: object, path: str) -> bool:
    return read_reservations(json.dumps(rules).encode()).hold(SITE + path)


@pytest.mark.parametrize(
    ("location", "path", "expected"),
    [
        ("/", "/a.jpg", True),
        ("/photos/", "/photos/a.jpg", True),
        ("/photos/", "/a.jpg", False),
        ("/photos/*.jpg", "/photos/x/a.jpg", True),
        ("/photos/*.jpg$", "/photos/a.jpg?x=1", False),
        ("*.png", "/a/b.png", True),
        ("/a%20b", "/a%20b/c.jpg", True),
        ("/%E5%B7%9D", "/%e5%b7%9d.jpg", True),
        ("/Photos/", "/photos/a.jpg", False),
        ("", "/a.jpg", False),
        ("photos", "/photos", False),
        ("/a\nDisallow: /", "/b.jpg", False),
        ("/a#b", "/a.jpg", False),
    ],
)
def test_a_location_matches_as_a_path_in_robots_txt_does(location, path, expected):
    rules = [{"location": location, "tdm-reservation": 1}]

    assert reserved(rules, path) is expected


def test_of_several_locations_the_first_that_matches_tells():
    rules = [
        {"location": "/free/", "tdm-reservation": 0},
        {"location": "/", "tdm-reservation": 1, "tdm-policy": "https://shop.test/p"},
        {"location": "/late/", "tdm-reservation": 0},
    ]

    assert not reserved(rules, "/free/a.jpg")
    assert reserved(rules, "/a.jpg")
    assert reserved(rules, "/late/a.jpg")


def test_a_rule_without_its_list_and_a_number_in_quotes_are_understood():
    assert reserved({"location": "/", "tdm-reservation": "1"}, "/a.jpg")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"<!doctype html>",
        b"null",
        b'["/", 1, null, {"tdm-reservation": 1}, {"location": 1}]',
        b'[{"location": "/"}]',
        b"\xff\xfe[",
        b"[" * 100_000,
    ],
    ids=["empty", "cut", "HTML", "null", "odd rules", "unset", "noise", "deep"],
)
def test_a_broken_file_reserves_nothing(body):
    assert not read_reservations(body).hold(SITE + "/a.jpg")


def test_a_byte_order_mark_is_no_trouble():
    body = b'\xef\xbb\xbf[{"location": "/", "tdm-reservation": 1}]'

    assert read_reservations(body).hold(SITE + "/a.jpg")
