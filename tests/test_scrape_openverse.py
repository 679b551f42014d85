"""Openverse's URLs, and what its answers mean."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalog.finding import Found
from pipeline.errors import InputError
from pipeline.licences import DEFAULT_LICENCES
from pipeline.scrape.sources.openverse import Openverse
from pipeline.scrape.sources.search import Results, Search, clean_url, text_of

BASE = "https://openverse.test/v1/"
ANONYMOUS: Search = Openverse(BASE, DEFAULT_LICENCES, is_registered=False)
REGISTERED: Search = Openverse(BASE, DEFAULT_LICENCES, is_registered=True)
UUID = "2b2ba4b8-4a0d-4c0c-9a53-7b6f4b1c9f0e"
PAGE = ANONYMOUS.first_page("x")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def item(**more: object) -> dict[str, object]:
    return {
        "id": UUID,
        "title": "Fender <b>Strat</b> &amp; amp",
        "indexed_on": "2020-01-01T00:00:00Z",
        "foreign_landing_url": "https://flickr.test/photos/jo/1?utm_source=a&b=1",
        "url": "https://live.flickr.test/1_b.jpg?utm_source=x",
        "creator": "Jo Li",
        "creator_url": "https://flickr.test/photos/jo",
        "license": "by-sa",
        "license_version": "2.0",
        "license_url": "https://creativecommons.org/licenses/by-sa/2.0/",
        "provider": "flickr",
        "source": "flickr",
        "category": None,
        "filesize": None,
        "filetype": None,
        "tags": [{"name": "guitar", "accuracy": None}],
        "attribution": '"Fender Strat" by Jo Li is licensed under CC BY-SA 2.0.',
        "mature": False,
        "height": 768,
        "width": 1024,
    } | more


def answer(*items: object, **more: object) -> dict[str, object]:
    counts = {"result_count": 240, "page_count": 12, "page_size": 20, "page": 1}
    return counts | {"results": list(items)} | more


def read(*items: object, url: str = PAGE, **more: object) -> Results:
    return ANONYMOUS.read_page(url, answer(*items, **more), "Stratocaster")


def only(**more: object) -> Found:
    (found,) = read(item(**more)).found
    return found


def asked(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query, strict_parsing=True)


def test_a_query_is_asked_as_it_was_written_and_narrowed_to_the_allowed_licences():
    url = ANONYMOUS.first_page('"Fender Jaguar" & ねこ')

    assert url.startswith("https://openverse.test/v1/images/?q=%22Fender%20Jaguar%22")
    assert asked(url) == {
        "q": ['"Fender Jaguar" & ねこ'],
        "license": ["cc0,pdm,by,by-sa"],
        "page_size": ["20"],
        "page": ["1"],
    }
    assert url == ANONYMOUS.first_page('"Fender Jaguar" & ねこ')


def test_the_licences_stand_in_one_order_whatever_the_set_says():
    some = Openverse(BASE, ("by-nc", "by", "cc0"), is_registered=False)

    assert asked(some.first_page("x"))["license"] == ["cc0,by,by-nc"]


def test_the_base_may_lack_its_slash_and_a_long_query_is_cut():
    url = Openverse(BASE.rstrip("/"), DEFAULT_LICENCES, False).first_page("a" * 300)

    assert urlsplit(url).path == "/v1/images/"
    assert asked(url)["q"] == ["a" * 200]


@pytest.mark.parametrize(
    ("search", "pages"), [(ANONYMOUS, 12), (REGISTERED, 5)], ids=["20", "48"]
)
def test_no_work_beyond_the_240th_is_asked_for_whatever_is_promised(search, pages):
    url: str | None = search.first_page("x")
    urls = []
    while url is not None:
        urls.append(url)
        promised = answer(item(), result_count=10_000, page_count=500)
        url = search.read_page(url, promised, "cat").next_url

    assert [asked(url)["page"] for url in urls] == [
        [str(number)] for number in range(1, pages + 1)
    ]
    assert all(asked(url)["q"] == ["x"] for url in urls)
    assert pages * search.page_size == search.depth == 240


@pytest.mark.parametrize(
    ("items", "counts", "goes_on"),
    [
        ([], {"page_count": 12}, False),
        ([item()], {"page_count": 1}, False),
        ([item()], {"page_count": 2}, True),
        ([item()], {"page_count": None}, True),
        ([item()], {"page_count": 0}, True),
        ([item()], {"page_count": "many"}, True),
    ],
)
def test_pages_go_on_as_far_as_there_are_results(items, counts, goes_on):
    assert (read(*items, **counts).next_url is not None) is goes_on


def test_everything_that_is_said_of_a_work_is_kept():
    assert only() == Found(
        source="openverse",
        category="Stratocaster",
        origin="https://live.flickr.test/1_b.jpg",
        page="https://flickr.test/photos/jo/1?b=1",
        title="Fender Strat & amp",
        author="Jo Li",
        licence="CC BY-SA",
        licence_url="https://creativecommons.org/licenses/by-sa/2.0/",
        work=f"openverse:{UUID}",
        author_url="https://flickr.test/photos/jo",
        licence_version="2.0",
        attribution='"Fender Strat" by Jo Li is licensed under CC BY-SA 2.0.',
    )


def test_what_is_not_known_is_left_empty_and_the_attribution_made_up():
    found = only(
        creator=None, creator_url=None, title=None, attribution=None, license_url=None
    )

    assert (found.author, found.author_url, found.title) == ("", "", "")
    assert found.licence_url == "https://creativecommons.org/licenses/by-sa/2.0/"
    assert found.attribution.startswith("This work is licensed under CC BY-SA 2.0.")


@pytest.mark.parametrize("field", ["provider", "source"])
def test_a_file_of_commons_has_the_name_that_commons_gives_it(field):
    page = "https://commons.wikimedia.org/w/index.php?curid=1234"

    assert only(**{field: "wikimedia"}, foreign_landing_url=page).work == "commons:1234"
    assert only(foreign_landing_url=page).work == f"openverse:{UUID}"
    assert only(**{field: "wikimedia"}).work == f"openverse:{UUID}"


@pytest.mark.parametrize(
    ("stated", "kept"),
    [
        ({"license": "by-nc"}, ("CC BY-NC", "2.0")),  # the address says by-sa
        (
            {"license": "by-nc", "license_url": None},
            ("CC BY-NC", "2.0"),
        ),
        (
            {"license_url": "https://creativecommons.org/licenses/by-nd/2.0/"},
            ("CC BY-ND", "2.0"),
        ),
        ({"license": "sampling+", "license_url": None}, ("CC Sampling+", "")),
        ({"license": "mine", "license_url": None}, ("mine 2.0", "")),
        ({"license": None, "license_version": None, "license_url": None}, ("", "")),
        ({"license": ["by"], "license_version": {}, "license_url": 3}, ("", "")),
        (
            {"license": "cc0", "license_version": "1.0", "license_url": None},
            ("CC0", "1.0"),
        ),
    ],
)
def test_the_filter_does_not_decide_every_work_states_its_own_licence(stated, kept):
    found = only(**stated)

    assert (found.licence, found.licence_version) == kept


def test_a_work_without_a_usable_address_is_listed_by_its_name_to_be_refused():
    for url in (None, "", "ftp://a.test/1.jpg", 3, "https://a.test/" + "x" * 3000):
        found = only(url=url)
        assert (found.origin, found.work) == (f"openverse:{UUID}", "")

    assert read(item(url=None, id=None), "odd", None, ["x"]).found == ()


@pytest.mark.parametrize(
    "odd", [{}, [], None, "x", {"detail": "Not found."}, {"results": {}}], ids=repr
)
def test_what_is_no_page_of_results_is_one_clear_error(odd):
    with pytest.raises(InputError, match="not a page of Openverse's results"):
        ANONYMOUS.read_page(PAGE, odd, "cat")


@given(JSON)
def test_no_answer_breaks_reading(odd):
    try:
        results = ANONYMOUS.read_page(PAGE, odd, "cat")
    except InputError:
        return
    assert results.next_url is None or results.found == ()


@given(st.dictionaries(st.sampled_from(sorted(item())), JSON), JSON)
def test_no_field_of_a_work_breaks_reading(fields, count):
    for found in read(item(**fields), page_count=count).found:
        assert found.origin
        for text in (found.title, found.author, found.licence, found.attribution):
            assert "\0" not in text
            assert text.encode() == text.encode("utf-8", "replace")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("<a href='x'>Jo</a>\n  &amp; <i>Li</i>", "Jo & Li"),
        ("one<br>two<p>three</p>", "one two three"),
        ('Jo<span style="display: none;">Jo<span>x</span></span> Li', "Jo Li"),
        ('<img style="display:none">Jo', "Jo"),
        ("<script>alert(1)</script>Jo<style>a{}</style>", "Jo"),
        ("I <3 guitars, a < b", "I <3 guitars, a < b"),
        ("a\0b\u00a0c", "a b c"),
        ("<![odd[ Jo", None),
        (1.2, "1.2"),
        (None, ""),
        (True, ""),
        (["x"], ""),
    ],
)
def test_html_is_read_as_a_reader_sees_it(written, said):
    assert said is None or text_of(written) == said
    assert isinstance(text_of(written), str)


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("https://a.test/x?utm_source=a&utm_medium=b", "https://a.test/x"),
        ("https://a.test/x?a=1&utm_x=2&b=%20c#d", "https://a.test/x?a=1&b=%20c"),
        ("https://a.test/ギター.jpg", "https://a.test/%E3%82%AE%E3%82%BF%E3%83%BC.jpg"),
        ("javascript:alert(1)", None),
        ("mailto:jo@a.test", None),
        ("http://[bad/", None),
        (None, None),
    ],
)
def test_an_address_is_cleaned_of_tracking(written, clean):
    assert clean_url(written) == clean
