"""The double of Wikimedia Commons says what its reference says, faults included."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.doubles.services.commons import api_error, maxlag
from tests.doubles.services.limits import Limit
from tests.doubles.services.serving import Services, serve_services
from tests.doubles.services.web import HandClock, too_many
from tests.doubles.services.world import Photo, World

AGENT = "mekiki/0.1 (https://operator.test; me@operator.test) requests/2"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def services(clock: HandClock) -> Iterator[Services]:
    world = World.for_queries({"Fender Jaguar": 300, "red apple": 3}, seed=1)
    with serve_services(world, clock=clock) as services:
        yield services


@pytest.fixture
def client() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["User-Agent"] = AGENT
        yield session


@pytest.fixture
def call(services, client, clock):
    """Call the API of Commons, as it should be called, a second after the last time."""

    def ask(search="Fender Jaguar filetype:bitmap", **params):
        clock.now += 1
        wanted = {
            "action": "query",
            "format": "json",
            "formatversion": "2",
            "generator": "search",
            "gsrnamespace": "6",
            "gsrsearch": search,
            "gsrlimit": "50",
            "prop": "imageinfo",
            "iiprop": "url|size|mime|sha1|timestamp|user|extmetadata",
            "iiurlwidth": "500",
            "maxlag": "5",
            **params,
        }
        return client.get(services.commons_url, params=wanted)

    return ask


def numbered(pages: list[dict[str, int]]) -> list[int]:
    return [page["index"] for page in pages]


def test_pages_come_out_of_order_with_their_index(call, services):
    answer = call().json()

    pages = answer["query"]["pages"]
    assert answer["batchcomplete"] is True
    assert answer["continue"] == {"gsroffset": 50, "continue": "gsroffset||"}
    assert numbered(pages) != sorted(numbered(pages)) == list(range(1, 51))
    assert services.violations == []


def test_the_older_format_keys_pages_by_their_number(call):
    answer = call("red apple", formatversion="1").json()

    pages = answer["query"]["pages"]
    assert answer["batchcomplete"] == ""
    assert [str(page["pageid"]) for page in pages.values()] == list(pages)


def test_a_search_is_continued_to_its_end(call):
    seen: list[int] = []
    more: dict[str, str] = {}
    while True:
        answer = call(**more).json()
        seen += numbered(answer["query"]["pages"])
        if "continue" not in answer:
            break
        more = {name: str(value) for name, value in answer["continue"].items()}

    assert sorted(seen) == list(range(1, 301))


def test_pages_can_be_described_in_several_answers(services, call):
    services.commons.imageinfos = 20
    described, more = [], {"gsroffset": "50"}
    for _ in range(3):
        answer = call(**more).json()
        pages = answer["query"]["pages"]
        described += [page["pageid"] for page in pages if "imageinfo" in page]
        more = {name: str(value) for name, value in answer["continue"].items()}
        assert sorted(numbered(pages)) == list(range(51, 101))

    assert len(set(described)) == len(described) == 50
    assert (more["gsroffset"], answer["batchcomplete"]) == ("100", True)


def test_only_50_pages_of_a_request_have_thumbnails(call):
    pages = call(gsrlimit="80").json()["query"]["pages"]

    with_thumbs = [page for page in pages if "thumburl" in page["imageinfo"][0]]
    assert sorted(numbered(with_thumbs)) == list(range(1, 51))
    assert all("url" in page["imageinfo"][0] for page in pages)


def test_nothing_found_is_an_answer_without_query(call):
    assert call("no such thing").json() == {"batchcomplete": True}


def test_search_keywords_are_no_words_to_find(call):
    terms = '"red apple" filetype:bitmap filew:>640 incategory:"Some fruit"'

    assert len(call(terms).json()["query"]["pages"]) == 3


def test_pages_can_be_asked_for_by_number_or_title(services, call):
    photo = services.world.search("red apple")[-1]
    services.world.add(replace(photo, number=9_000, missing=True))

    by_number = call(generator="", pageids=f"{photo.number}|9000|12345").json()
    by_title = call(generator="", titles=f"File:{photo.name}|File:No.jpg").json()

    assert [page.get("missing", False) for page in by_number["query"]["pages"]].count(
        True
    ) == 2
    assert photo.number in [page.get("pageid") for page in by_title["query"]["pages"]]


def test_thumbnails_are_on_the_ladder_and_addresses_track(services, call, client):
    info = call("red apple", iiurlwidth="400").json()["query"]["pages"][0]["imageinfo"]
    thumb, whole = urlsplit(info[0]["thumburl"]), urlsplit(info[0]["url"])

    assert "/500px-" in thumb.path
    assert info[0]["thumbwidth"] == 400
    assert parse_qs(thumb.query)["utm_content"] == ["thumbnail"]
    assert parse_qs(whole.query)["utm_content"] == ["original"]
    assert f"{thumb.scheme}://{thumb.netloc}" == services.thumbs.url
    assert f"{whole.scheme}://{whole.netloc}" == services.upload.url
    plain = services.thumbs.url + thumb.path
    assert client.get(plain).headers["Content-Type"] == "image/jpeg"
    assert services.violations == []

    by_hand = client.get(plain.replace("500px", "400px"))
    assert (by_hand.status_code, "w.wiki/GHai" in by_hand.text) == (400, True)
    assert client.get(plain.replace("500px", "960px")).status_code == 400
    assert client.get(info[0]["url"]).status_code == 200
    assert [one.split(": ")[1] for one in services.violations] == [
        "thumbnail of a width made by hand",
        "tracking parameters",
    ]


def test_a_file_smaller_than_the_thumbnail_is_given_whole(call):
    info = call("red apple", iiurlwidth="900").json()["query"]["pages"][0]["imageinfo"]

    assert info[0]["thumburl"].split("?")[0] == info[0]["url"].split("?")[0]
    assert info[0]["thumbwidth"] == info[0]["width"] == 640


def test_sizes_and_sha1_are_those_of_the_file(call, client):
    info = call("red apple").json()["query"]["pages"][0]["imageinfo"][0]
    body = client.get(info["url"].split("?")[0]).content

    assert info["sha1"] == hashlib.sha1(body, usedforsecurity=False).hexdigest()
    assert info["size"] == len(body)


def test_a_file_can_be_there_twice(services, call):
    one = Photo(9_030, "Pear", site="commons", width=640, height=480)
    services.world.add(one, replace(one, number=9_031, title="A pear", copy_of=9_030))

    pages = call("pear").json()["query"]["pages"]
    assert len(pages) == 2
    assert len({page["imageinfo"][0]["sha1"] for page in pages}) == 1


def test_extmetadata_holds_numbers_languages_html_and_gaps(services, call):
    services.world.add(
        Photo(9_010, "Plum", site="commons", licence="pdm", creator=None),
        Photo(9_011, "Plum", site="commons", extmetadata={"LicenseShortName": ...}),
    )

    pages = call("plum").json()["query"]["pages"]
    bare, odd = sorted(pages, key=lambda page: page["index"])
    values = bare["imageinfo"][0]["extmetadata"]
    assert values["CommonsMetadataExtension"]["value"] == 1.2
    assert values["ImageDescription"]["value"] == {"en": "<b>Plum</b>", "_type": "lang"}
    assert values["LicenseShortName"]["value"] == "Public domain"
    assert {"LicenseUrl", "Artist"}.isdisjoint(values)
    values = odd["imageinfo"][0]["extmetadata"]
    assert values["Artist"]["value"].startswith("<a href=")
    assert "LicenseShortName" not in values


@pytest.mark.parametrize(
    ("licence", "name"),
    [
        ("by-sa", "CC BY-SA 4.0"),
        ("by-nc", "CC BY-NC 4.0"),
        ("by-nd", "CC BY-ND 4.0"),
        ("cc0", "CC0"),
        ("fair-use", "Fair use"),
        ("gfdl", "GFDL"),
    ],
)
def test_licences_have_the_names_of_commons(services, call, licence, name):
    plum = Photo(9_020, "Plum", "commons", licence=licence, licence_version="4.0")
    services.world.add(plum)

    (page,) = call("plum", iiextmetadatafilter="LicenseShortName|NonFree").json()[
        "query"
    ]["pages"]

    values = page["imageinfo"][0]["extmetadata"]
    assert values["LicenseShortName"]["value"] == name
    assert ("NonFree" in values) == (licence == "fair-use")


def test_errors_come_with_http_200(services, call, clock):
    services.commons.answers_next(maxlag(5), None, api_error("internal_api_error"))

    lagged = call()
    clock.now += 4
    fine, failed = call(), call()

    assert (lagged.status_code, lagged.json()["error"]["code"]) == (200, "maxlag")
    assert lagged.headers["Retry-After"] == "5"
    assert "query" in fine.json()
    assert failed.json()["error"]["code"] == "internal_api_error"
    assert services.violations == []


def test_asking_a_lagged_database_again_at_once_is_written_down(services, call):
    services.commons.answers_next(maxlag(5))

    call()
    call()

    assert "4.00 s before Retry-After was over" in services.violations[0]


def test_retry_after_comes_in_seconds_and_as_a_date(services, call, clock):
    services.commons.answers_next(too_many(30), None, too_many(18, as_date=True))

    in_seconds = call()
    clock.now += 29
    call()
    as_date = call()

    assert (in_seconds.status_code, in_seconds.headers["Retry-After"]) == (429, "30")
    until = parsedate_to_datetime(as_date.headers["Retry-After"]).timestamp()
    assert 18 <= until - clock.now < 19
    assert services.violations == []


@pytest.mark.parametrize(
    "agent", ["", "python-requests/2.34", "Mozilla/5.0 (me@operator.test)", "me/1 (x)"]
)
def test_who_does_not_say_who_asks_is_refused(services, call, client, agent):
    client.headers["User-Agent"] = agent

    assert call().status_code == 403
    assert client.get(services.upload.url + "/x.jpg").status_code == 403
    assert client.get(services.openverse_url + "images/?q=a").status_code == 200
    assert client.get(services.shop.url + "/x.jpg").status_code == 404
    assert len(services.violations) == 3


def test_calls_beyond_5_a_second_or_the_limit_of_a_minute_are_written_down(
    services, call, client
):
    services.commons.limits = (Limit("api", 7, "min"),)
    call("red apple")
    again = services.commons.asked()[0].target

    for _ in range(4):
        client.get(services.commons.origin + again)
    assert services.violations == []
    client.get(services.commons.origin + again)
    assert call("red apple").status_code == 200
    assert call("red apple").status_code == 429
    assert [one.split(": ")[1] for one in services.violations] == [
        "6 calls in a second",
        "call beyond 7/min",
    ]


def test_a_second_call_at_a_time_is_refused_and_written_down(services, call):
    inside, go_on = threading.Event(), threading.Event()

    def hold(_asked):
        services.commons.before = lambda _asked: None
        inside.set()
        go_on.wait()

    services.commons.before = hold
    first = threading.Thread(target=call)
    first.start()
    inside.wait()
    with requests.Session() as other:
        refused = other.get(services.commons_url, headers={"User-Agent": AGENT})
    go_on.set()
    first.join()

    assert refused.status_code == 429
    assert "commons: 2 requests at a time" in services.violations[0]
