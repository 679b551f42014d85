"""What is wrong with single works: how each ends in a whole scrape, and what fills."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from tests.doubles.scraping import (
    Time,
    candidates,
    counts,
    endings,
    make_set,
    played,
    run,
)
from tests.doubles.services.serving import Services
from tests.doubles.services.world import Site, World

QUERIES = {"cat": "cat", "dog": "dog"}
FULL = {"cat": 25, "dog": 25}
KNOWN = ("known", "same bytes as another candidate")
NOT_COMMERCIAL = ("refused", "licence not allowed: CC BY-NC")
NOT_WEB = "not a web address"
UNKNOWN_LICENCE = ("refused", "licence unknown")
OF: dict[str, Site] = {
    "openverse": "flickr",
    "commons": "commons",
}  # the site where works lie


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def serve(
    time: Time, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Services]]:
    """Return a function that plays a service, with so many works a query."""
    with ExitStack() as opened:

        def start(kind: str, works: int = 60) -> Services:
            world = World.for_queries(dict.fromkeys(QUERIES, works), sites=[OF[kind]])
            return opened.enter_context(played(world, time, monkeypatch))

        yield start


@pytest.fixture
def make(tmp_path):
    """Return a function that writes the set; it wants 25 photos a category."""

    def make(*kinds, more=""):
        return make_set(tmp_path, QUERIES, *kinds, per_category=25, more=more)

    return make


def of_cats(folder):
    return [one for one in candidates(folder) if one.category == "cat"]


# Openverse


@pytest.mark.parametrize(
    ("fault", "ending"),
    [
        ({"creator": None}, ("stored", "")),
        ({"title": "<b>Tabby</b> cat &amp; <i>co</i>"}, ("stored", "")),
        ({"filetype": "png"}, ("stored", "")),
        ({"filetype": "svg"}, ("stored", "")),
        ({"dead": True}, ("refused", "HTTP 404")),
        ({"width": 60, "height": 45}, ("refused", "smaller than 64 px")),
        ({"fields": {"width": ..., "height": None, "tags": 7}}, ("stored", "")),
        ({"fields": {"license_version": None}}, ("stored", "")),
        ({"fields": {"license": None, "license_url": ...}}, UNKNOWN_LICENCE),
        ({"fields": {"license": "by-nc", "license_url": None}}, NOT_COMMERCIAL),
        ({"fields": {"foreign_landing_url": None}}, ("stored", "")),
        ({"fields": {"attribution": ...}}, ("stored", "")),
        ({"fields": {"url": "ftp://museum.net/1.jpg"}}, ("refused", NOT_WEB)),
        ({"fields": {"url": None}}, ("refused", NOT_WEB)),
    ],
    ids=str,
)
def test_a_work_with_a_fault_ends_as_it_should_and_others_fill(
    serve, make, time, fault, ending
):
    services = serve("openverse")
    services.world.add(replace(services.world.photos[3], **fault))

    summary = run(make("openverse"), time)

    fourth = [one for one in candidates(make("openverse")) if one.category == "cat"][3]
    assert fourth.ending == ending
    assert summary.stored == FULL
    assert len(services.media_asked()) == len(set(services.media_asked()))
    assert services.violations == []


def test_titles_are_read_as_text_and_a_work_may_have_no_author(serve, make, time):
    services = serve("openverse")
    first, second = services.world.photos[:2]
    services.world.add(replace(first, title="<b>Tabby</b> cat &amp; <i>co</i>"))
    services.world.add(replace(second, creator=None))

    run(make("openverse"), time)

    tabby, nobodys = candidates(make("openverse"))[:2]
    assert tabby.title == "Tabby cat & co"
    assert tabby.attribution.startswith('"Tabby cat & co" by Ana Ruiz is licensed')
    assert (nobodys.title, nobodys.author) == ("cat 2", "")
    assert nobodys.attribution.startswith('"cat 2" is licensed under CC BY-SA 4.0')


def test_a_work_listed_on_two_pages_is_one_candidate_and_fetched_once(
    serve, make, time
):
    services = serve("openverse")
    twice = replace(services.world.photos[0], listed_twice=True)
    services.world.add(twice)

    summary = run(make("openverse"), time)

    found = [one.title for one in candidates(make("openverse"))]
    assert found.count("cat 1") == 1
    assert services.media_asked().count(services.file_url(twice)) == 1
    assert summary.stored == FULL
    assert services.violations == []


def test_a_file_of_commons_has_one_candidate_whoever_shows_it(serve, make, time):
    services = serve("openverse", works=3)
    commons = World.for_queries({"cat": 5, "dog": 5}, sites=["commons"]).photos
    services.world.add(
        *(
            replace(photo, number=100 + photo.number, also_on_openverse=True)
            for photo in commons
        )
    )

    summary = run(make("openverse", "commons"), time)

    tried = [one.origin for one in candidates(make("openverse")) if one.outcome]
    assert len(tried) == len(candidates(make("openverse"))) == 2 * (3 + 5)
    assert summary.stored == {"cat": 8, "dog": 8}
    assert len(services.media_asked()) == 16
    assert services.violations == []


def test_photos_of_the_same_bytes_count_once(serve, make, time):
    services = serve("openverse")
    second = services.world.photos[1]
    services.world.add(replace(second, copy_of=1))

    summary = run(make("openverse"), time)

    assert summary.stored == FULL
    assert counts(make("openverse"))["known"] == {KNOWN[1]: 1}
    assert candidates(make("openverse"))[1].ending == KNOWN


# Commons


@pytest.mark.parametrize(
    ("sides", "step"),
    [((224, 640), 500), ((224, 480), None), ((384, 1000), 960), ((64, 300), 250)],
    ids=str,
)
def test_a_scaled_picture_is_one_of_the_ladder(serve, make, time, sides, step):
    image_size, width = sides
    services = serve("commons", works=3)
    for photo in services.world.photos:
        services.world.add(replace(photo, width=width, height=width))

    run(
        make("commons", more=f"min_side = 10\n[train]\nimage_size = {image_size}\n"),
        time,
    )

    asked = services.media_asked()
    assert len(asked) == 6
    assert all((f"/{step}px-" in url) == (step is not None) for url in asked)
    assert services.violations == []


def test_addresses_are_kept_and_asked_without_what_tracks(serve, make, time):
    services = serve("commons")

    run(make("commons"), time)

    assert not any("utm_" in one.origin for one in candidates(make("commons")))
    assert sorted(services.media_asked()) == sorted(
        one.origin for one in candidates(make("commons")) if one.outcome
    )
    assert services.violations == []


@pytest.mark.parametrize(
    ("said", "author"),
    [
        ({"Artist": "<b>Bo</b> &amp; <i>Ek</i>"}, "Bo & Ek"),
        ({"Artist": {"en": "Bo Ek", "de": "Der Ek", "_type": "lang"}}, "Bo Ek"),
        ({"Artist": {"ja": "中村", "_type": "lang"}}, "中村"),
        ({"Artist": 1.2}, "1.2"),
        ({"Artist": ..., "Attribution": "The museum"}, "The museum"),
        ({"Artist": ...}, ""),
        ({"Artist": None, "Credit": 7, "ImageDescription": {"_type": "lang"}}, ""),
        ({"Artist": ["Bo", "Ek"]}, ""),
        ({"Artist": '<div style="display:none">x</div><a>Bo</a>'}, "Bo"),
    ],
    ids=str,
)
def test_what_is_said_of_a_file_is_read_however_oddly_it_is_said(
    serve, make, time, said, author
):
    services = serve("commons")
    services.world.add(replace(services.world.photos[3], extmetadata=said))

    summary = run(make("commons"), time)

    fourth = of_cats(make("commons"))[3]
    assert (fourth.author, *fourth.ending) == (author, "stored", "")
    assert summary.stored == FULL
    assert services.violations == []


@pytest.mark.parametrize(
    ("fault", "ending"),
    [
        ({"licence": "pdm"}, ("Public domain", "")),
        ({"licence": "by", "extmetadata": {"LicenseUrl": ...}}, ("CC BY", "")),
        (
            {"licence": "by", "extmetadata": {"LicenseShortName": "CC-BY-SA-3.0-DE"}},
            ("CC BY-SA", ""),
        ),
        ({"licence": "by-nc"}, ("CC BY-NC", "licence not allowed: CC BY-NC")),
        ({"licence": "by-nd"}, ("CC BY-ND", "licence not allowed: CC BY-ND")),
        ({"licence": "fair-use"}, ("Fair use", "licence not allowed: Fair use")),
        ({"licence": "gfdl"}, ("GFDL", "licence not allowed: GFDL")),
        (
            {"licence": "by", "extmetadata": {"NonFree": "true"}},
            ("Non-free", "licence not allowed: Non-free"),
        ),
        (
            {
                "extmetadata": {
                    "LicenseShortName": ...,
                    "License": ...,
                    "LicenseUrl": ...,
                }
            },
            ("", "licence unknown"),
        ),
        (
            {"extmetadata": {"LicenseShortName": 7, "License": {}, "LicenseUrl": "x"}},
            ("7", "licence unknown"),
        ),
    ],
    ids=str,
)
def test_the_licence_is_judged_on_the_file_and_others_fill(
    serve, make, time, fault, ending
):
    services = serve("commons")
    fourth = replace(services.world.photos[3], **fault)
    services.world.add(fourth)

    summary = run(make("commons"), time)

    found = of_cats(make("commons"))[3]
    assert (found.licence, found.reason) == ending
    assert (services.commons.thumb_url(fourth, 500) in services.media_asked()) == (
        found.outcome == "stored"
    )
    assert summary.stored == FULL
    assert services.violations == []


def test_a_file_that_is_gone_from_commons_is_no_candidate(serve, make, time):
    services = serve("commons")
    services.world.add(replace(services.world.photos[3], missing=True))

    summary = run(make("commons"), time)

    assert "cat 4 (4)" not in endings(make("commons"))
    assert summary.stored == FULL
    assert services.violations == []


def test_a_file_that_the_media_host_has_not_is_refused_and_another_fills(
    serve, make, time
):
    services = serve("commons")
    services.world.add(replace(services.world.photos[3], dead=True))

    summary = run(make("commons"), time)

    assert endings(make("commons"))["cat 4 (4)"] == ("refused", "HTTP 404")
    assert summary.stored == FULL
    assert services.violations == []


def test_the_same_file_under_another_name_is_known_and_another_fills(serve, make, time):
    services = serve("commons")
    services.world.add(replace(services.world.photos[3], copy_of=1))

    summary = run(make("commons"), time)

    assert endings(make("commons"))["cat 4 (4)"] == KNOWN
    assert counts(make("commons"))["known"] == {KNOWN[1]: 1}
    assert summary.stored == FULL
    assert summary.photos == 50
    assert services.violations == []
