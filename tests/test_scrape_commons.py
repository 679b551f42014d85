"""Wikimedia Commons' URLs, and what its answers mean."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalog.finding import Found
from pipeline.errors import InputError
from pipeline.licences import DEFAULT_LICENCES
from pipeline.scrape.sources.commons import Commons
from pipeline.scrape.sources.search import Results, Search

API = "https://commons.test/w/api.php"
SEARCH: Search = Commons(API, DEFAULT_LICENCES, image_size=224)
FIRST = SEARCH.first_page("Fender Jaguar")
CC = "https://creativecommons.org/licenses"
MORE = {"gsroffset": 50, "continue": "gsroffset||"}
UTM = "?utm_source=commons.wikimedia.org&utm_campaign=imageinfo&utm_content=thumbnail"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def said(**fields: object) -> dict[str, object]:
    whole: dict[str, object] = {
        "LicenseShortName": "CC BY-SA 4.0",
        "License": "cc-by-sa-4.0",
        "LicenseUrl": f"{CC}/by-sa/4.0",
        "UsageTerms": "Creative Commons Attribution-Share Alike 4.0",
        "Artist": '<a href="//commons.test/wiki/User:Jo" title="User:Jo">Jo Li</a>',
        "Credit": '<span class="int-own-work" lang="en">Own work</span>',
        "AttributionRequired": "true",
        "Restrictions": "",
    }
    return {
        key: {"value": value, "source": "commons-desc-page"}
        for key, value in (whole | fields).items()
        if value is not None
    }


def info(**more: object) -> dict[str, object]:
    return {
        "timestamp": "2020-01-01T00:00:00Z",
        "user": "Jo",
        "size": 3_000_000,
        "width": 4000,
        "height": 3000,
        "thumburl": f"https://thumb.test/a/ab/500px-Jaguar.jpg{UTM}",
        "thumbwidth": 500,
        "thumbheight": 375,
        "url": f"https://upload.test/a/ab/Jaguar.jpg{UTM}",
        "descriptionurl": "https://commons.test/wiki/File:Jaguar.jpg",
        "sha1": "ab" * 20,
        "mime": "image/jpeg",
        "extmetadata": said(),
    } | more


def page(number: int = 7, index: int = 1, **more: object) -> dict[str, object]:
    return {
        "pageid": number,
        "ns": 6,
        "title": "File:Fender Jaguar 1966.v2.jpg",
        "index": index,
        "imagerepository": "local",
        "imageinfo": [info()],
    } | more


def answer(*pages: object) -> dict[str, object]:
    return {"batchcomplete": True, "query": {"pages": list(pages)}}


def read(*pages: object, url: str = FIRST, more: object = None) -> Results:
    whole = answer(*pages) | ({} if more is None else {"continue": more})
    return SEARCH.read_page(url, whole, "Jaguar")


def only(**more: object) -> Found:
    (found,) = read(page(imageinfo=[info(**more)])).found
    return found


def licensed(**fields: object) -> Found:
    return only(extmetadata=said(**fields))


def asked(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, strict_parsing=True))


def test_a_query_is_asked_for_bitmaps_among_the_files():
    assert FIRST.startswith(f"{API}?")
    assert asked(FIRST) == {
        "action": "query",
        "format": "json",
        "formatversion": "2",
        "generator": "search",
        "gsrnamespace": "6",
        "gsrsearch": "Fender Jaguar filetype:bitmap",
        "gsrlimit": "50",
        "prop": "imageinfo",
        "iiprop": "url|size|mime|sha1|timestamp|user|extmetadata",
        "iiurlwidth": "500",
        "iiextmetadatafilter": (
            "LicenseShortName|LicenseUrl|License|UsageTerms|Artist|Credit|Attribution"
            "|AttributionRequired|ImageDescription|Restrictions|NonFree"
        ),
        "maxlag": "5",
    }
    assert SEARCH.first_page("Fender Jaguar") == FIRST


@pytest.mark.parametrize(
    ("image_size", "width"),
    [(16, 40), (32, 120), (224, 500), (250, 500), (384, 960), (1024, 3840)],
)
def test_pictures_are_asked_for_at_a_step_of_the_ladder(image_size, width):
    url = Commons(API, DEFAULT_LICENCES, image_size).first_page("x")

    assert asked(url)["iiurlwidth"] == str(width)


def test_the_next_page_takes_over_what_the_answer_says_and_nothing_older():
    second = read(page(), more=MORE).next_url
    assert second is not None
    assert asked(second) == asked(FIRST) | {
        "gsroffset": "50",
        "continue": "gsroffset||",
    }

    partly = {"iistart": "2020|x", "gsroffset": 50, "continue": "||info"}
    third = read(page(), url=second, more=partly).next_url
    assert third is not None
    assert asked(third)["iistart"] == "2020|x"

    fourth = read(url=third, more={"gsroffset": 100}).next_url
    assert fourth is not None
    assert asked(fourth) == asked(FIRST) | {"gsroffset": "100"}


@pytest.mark.parametrize(
    "more", [None, {}, [], "x", {"gsroffset": 10_000}, {"gsroffset": "10050"}], ids=repr
)
def test_there_is_no_next_page_where_none_is_named_or_the_search_ends(more):
    assert read(page(), more=more).next_url is None


def test_a_page_that_leads_to_itself_is_the_last():
    second = read(page(), more=MORE).next_url
    assert second is not None

    assert read(page(), url=second, more=MORE).next_url is None


def test_files_come_in_the_order_of_their_rank_in_both_format_versions():
    pages = [page(3, 3), page(1, 1), page(9), page(2, 2)]
    del pages[2]["index"]
    numbered = {str(one["pageid"]): one for one in pages}
    old = {"batchcomplete": "", "query": {"pages": numbered}}

    works = ["commons:1", "commons:2", "commons:3", "commons:9"]
    assert [found.work for found in read(*pages).found] == works
    old_found = SEARCH.read_page(FIRST, old, "Jaguar").found
    assert [found.work for found in old_found] == works


def test_everything_that_is_said_of_a_file_is_kept():
    assert only() == Found(
        source="commons",
        category="Jaguar",
        origin="https://thumb.test/a/ab/500px-Jaguar.jpg",
        page="https://commons.test/wiki/File:Jaguar.jpg",
        title="Fender Jaguar 1966.v2",
        author="Jo Li",
        licence="CC BY-SA",
        licence_url=f"{CC}/by-sa/4.0/",
        work="commons:7",
        author_url="https://commons.test/wiki/User:Jo",
        licence_version="4.0",
        attribution=(
            '"Fender Jaguar 1966.v2" by Jo Li is licensed under CC BY-SA 4.0. To view'
            f" a copy of this license, visit {CC}/by-sa/4.0/."
        ),
    )


@pytest.mark.parametrize("thumb", [None, "", "javascript:x"])
def test_a_file_that_was_not_scaled_is_taken_itself(thumb):
    assert only(thumburl=thumb).origin == "https://upload.test/a/ab/Jaguar.jpg"


def test_addresses_without_a_scheme_are_the_services_own():
    found = only(thumburl="//thumb.test/x.jpg", descriptionurl=None)

    assert found.origin == "https://thumb.test/x.jpg"
    assert found.page == "https://commons.test/w/index.php?curid=7"


def test_a_file_without_an_address_is_listed_by_its_name_to_be_refused():
    found = only(thumburl=None, url=None)

    assert (found.origin, found.work) == ("commons:7", "")


@pytest.mark.parametrize(
    "gone",
    [
        {"missing": True},
        {"missing": ""},
        {"imageinfo": [info(filemissing=True)]},
        {"imageinfo": []},
        {"imageinfo": None},
        {"imageinfo": [info(mime="image/svg+xml")]},
        {"imageinfo": [info(mime="application/pdf")]},
        {"imageinfo": [info(mime="image/vnd.djvu")]},
    ],
    ids=lambda gone: re.sub(r"\W+", " ", str(gone))[:30],
)
def test_files_that_are_gone_or_no_photos_are_left_out(gone):
    (left,) = read(page(1, 1, **gone), page(2, 2)).found

    assert left.work == "commons:2"


@pytest.mark.parametrize("mime", ["image/png", "image/webp", "image/tiff", None])
def test_photos_are_taken_in_every_format(mime):
    assert only(mime=mime).work == "commons:7"


@pytest.mark.parametrize(
    "nothing",
    [
        {"batchcomplete": True},
        {"batchcomplete": ""},
        {"batchcomplete": True, "query": []},
        {"batchcomplete": True, "query": {"searchinfo": {"totalhits": 0}}},
        {"batchcomplete": True, "query": {"pages": []}},
    ],
    ids=repr,
)
def test_a_search_without_results_is_an_empty_page(nothing):
    assert SEARCH.read_page(FIRST, nothing, "cat") == Results((), None)


@pytest.mark.parametrize(
    "odd", [{}, [], None, "x", {"query": "x"}, {"query": {"pages": "x"}}], ids=repr
)
def test_what_is_no_page_of_results_is_one_clear_error(odd):
    with pytest.raises(InputError, match="not a page of Commons' results"):
        SEARCH.read_page(FIRST, odd, "cat")


def test_an_error_of_the_service_is_named_by_its_code():
    lag = {"error": {"code": "maxlag", "info": "Waiting for a: 7 seconds lagged."}}

    with pytest.raises(InputError, match="Commons' error maxlag"):
        SEARCH.read_page(FIRST, lag, "cat")
    with pytest.raises(InputError, match=r"Commons' error \?"):
        SEARCH.read_page(FIRST, {"error": None}, "cat")


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        (
            {"LicenseShortName": "CC BY-SA 3.0 de", "License": "cc-by-sa-3.0-de"}
            | {"LicenseUrl": None},
            ("CC BY-SA", "3.0 DE", f"{CC}/by-sa/3.0/de/"),
        ),
        (
            {"LicenseShortName": "Public domain", "License": "pd", "LicenseUrl": None},
            ("Public domain", "", ""),
        ),
        (
            {"LicenseShortName": "CC0", "License": "cc0", "LicenseUrl": None},
            ("CC0", "1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
        ),
        (
            {"LicenseShortName": None, "LicenseUrl": None},
            ("CC BY-SA", "4.0", f"{CC}/by-sa/4.0/"),
        ),
        (
            {"LicenseShortName": "GFDL", "License": "gfdl", "LicenseUrl": None},
            ("GFDL", "", ""),
        ),
        ({"NonFree": "true"}, ("Non-free", "", f"{CC}/by-sa/4.0")),
        (
            {"NonFree": "1", "LicenseShortName": "Fair use", "License": None}
            | {"LicenseUrl": None},
            ("Fair use", "", ""),
        ),
        ({"NonFree": True}, ("Non-free", "", f"{CC}/by-sa/4.0")),
        ({"NonFree": "false"}, ("CC BY-SA", "4.0", f"{CC}/by-sa/4.0/")),
        (
            {"LicenseShortName": "Fair use", "License": None, "LicenseUrl": None},
            ("Fair use", "", ""),
        ),
        (
            {"LicenseShortName": "CC BY-NC 2.0", "License": None, "LicenseUrl": None},
            ("CC BY-NC", "2.0", f"{CC}/by-nc/2.0/"),
        ),
        (
            {"LicenseShortName": "<i>Attribution</i>", "License": "attribution"}
            | {"LicenseUrl": None},
            ("Attribution", "", ""),
        ),
        (
            {"LicenseShortName": None, "License": None, "LicenseUrl": None},
            ("", "", ""),
        ),
    ],
)
def test_the_licence_is_what_the_file_itself_states(fields, kept):
    found = licensed(**fields)

    assert (found.licence, found.licence_version, found.licence_url) == kept


@pytest.mark.parametrize(
    ("artist", "author", "url"),
    [
        ("Jo", "Jo", ""),
        ('<a href="https://jo.test/?utm_source=c">Jo</a> (x)', "Jo (x)", "jo.test/"),
        (
            '<bdi><a href="/wiki/User:Jo">Jo</a></bdi>'
            '<span style="display:none">Jo</span>',
            "Jo",
            "commons.test/wiki/User:Jo",
        ),
        ('<a href="mailto:jo@jo.test">Jo</a>', "Jo", ""),
        ({"_type": "lang", "de": "Unbekannt", "en": "Unknown"}, "Unknown", ""),
        ({"_type": "lang", "de": "Unbekannt"}, "Unbekannt", ""),
        ({"_type": "lang"}, "", ""),
        (1.2, "1.2", ""),
        (None, "", ""),
    ],
    ids=str,
)
def test_the_author_is_named_as_a_reader_sees_it(artist, author, url):
    found = licensed(Artist=artist)

    assert found.author == author
    assert found.author_url == (f"https://{url}" if url else "")


def test_the_attribution_that_an_author_asks_for_is_given():
    found = licensed(Artist="Jo", Attribution="Jo Li, <i>Guitars Inc.</i>")
    nameless = licensed(Artist=None, Attribution="Guitars Inc.")

    assert found.author == "Jo"
    assert '" by Jo Li, Guitars Inc. is licensed under' in found.attribution
    assert nameless.author == "Guitars Inc."


def test_what_else_binds_a_photo_is_said_beside_it():
    found = licensed(Restrictions="trademarked|personality")

    assert found.licence == "CC BY-SA"
    assert found.attribution.endswith(
        " Restrictions beside copyright: trademarked, personality"
    )


@pytest.mark.parametrize("odd", [[], None, "x", {"License": "x"}, {"License": {}}])
def test_metadata_of_another_shape_states_no_licence(odd):
    found = only(extmetadata=odd)

    assert (found.licence, found.author, found.attribution) == ("", "", "")


@given(JSON)
def test_no_answer_breaks_reading(odd):
    try:
        results = SEARCH.read_page(FIRST, odd, "cat")
    except InputError:
        return
    assert results.found == ()


@given(
    st.dictionaries(st.sampled_from(sorted(page())), JSON),
    st.dictionaries(st.sampled_from(sorted(info())), JSON),
    st.dictionaries(st.sampled_from([*said(), "NonFree", "Attribution"]), JSON),
    JSON,
)
def test_no_field_of_a_file_breaks_reading(of_page, of_info, of_said, more):
    file = info(extmetadata=said(**of_said)) | of_info
    whole = page(imageinfo=[file]) | of_page

    for found in read(whole, more=more).found:
        assert found.origin
        for text in (found.title, found.author, found.licence, found.attribution):
            assert "\0" not in text
            assert text.encode() == text.encode("utf-8", "replace")
