"""Whole scrapes from Openverse and Commons, played on loopback, in virtual time."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import NetworkError, SettingsError
from pipeline.home import SetFolder
from pipeline.scrape.plan import Allowance
from tests.doubles.scraping import Time, counts, plan, played, run
from tests.doubles.scraping import make_set as make_set_of
from tests.doubles.services.limits import Limit
from tests.doubles.services.serving import Services
from tests.doubles.services.world import World

QUERIES = {"tabby cat": "cat", "siamese cat": "cat", "poodle": "dog", "beagle": "dog"}
DAY_S = 86_400


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def serve(
    time: Time, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Services]]:
    """Return a function that plays the services, with so many works a query."""
    with ExitStack() as opened:

        def start(works: int = 40, **limits: Any) -> Services:
            world = World.for_queries(dict.fromkeys(QUERIES, works), shared_every=5)
            return opened.enter_context(played(world, time, monkeypatch, **limits))

        yield start


def make_set(home: Path, *kinds: str, **settings: Any) -> SetFolder:
    return make_set_of(home, QUERIES, *kinds, **settings)


def test_both_services_fill_every_category_within_their_rules(tmp_path, serve, time):
    services = serve()
    folder = make_set(tmp_path, "openverse", "commons", per_category=90)

    summary = run(folder, time)

    assert summary.stored == {"cat": 90, "dog": 90}
    assert summary.missing == {}
    assert services.violations == []
    assert len(list(folder.images.glob("*/*.jpg"))) == summary.photos


def test_a_file_of_commons_met_through_both_services_is_fetched_once(
    tmp_path, serve, time
):
    services = serve(works=30)
    folder = make_set(tmp_path, "openverse", "commons", per_category=120)

    run(folder, time)

    asked = services.media_asked()
    assert len(asked) == len(set(asked))
    shared = [photo for photo in services.world.photos if photo.also_on_openverse]
    assert shared
    names = [url.rpartition("/")[2].partition("px-")[2] or url for url in asked]
    assert len(names) == len(set(names))


def test_what_is_known_of_a_work_stays_with_its_photo(tmp_path, serve, time):
    serve(works=8)
    folder = make_set(tmp_path, "commons", per_category=3)

    run(folder, time)

    with (folder.folder / "attribution.csv").open(encoding="utf-8-sig") as file:
        header, *lines = file.read().splitlines()
    assert len(lines) == 6
    assert {"title", "author", "licence", "licence_version", "attribution"} <= set(
        header.split(",")
    )
    page = (folder.folder / "credits.html").read_text(encoding="utf-8")
    assert "Ana Ruiz" in page
    assert "creativecommons.org/licenses/by/2.0/" in page


def test_a_second_run_asks_for_nothing(tmp_path, serve, time):
    services = serve()
    folder = make_set(tmp_path, "openverse", "commons")
    run(folder, time)
    before = len(services.log)

    summary = run(folder, time)

    assert summary.tried == 0
    assert len(services.log) == before


def test_more_a_category_goes_on_with_what_was_left_over(tmp_path, serve, time):
    services = serve()
    run(make_set(tmp_path, "openverse", per_category=10), time)
    asked = len(services.openverse.asked())

    summary = run(make_set(tmp_path, "openverse", per_category=15), time)

    assert summary.stored == {"cat": 15, "dog": 15}
    assert len(services.openverse.asked()) == asked


def test_a_daily_quota_ends_the_run_and_days_later_the_set_is_full(
    tmp_path, serve, time
):
    few = (Limit("anon_burst", 20, "min"), Limit("anon_sustained", 6, "day"))
    services = serve(works=120, anonymous=few)
    folder = make_set(tmp_path, "openverse", per_category=200)

    # What is told before the first answer is what the service grants as a rule.
    assert plan(folder, time).days == 1
    said = []
    for _ in range(5):
        try:
            summary = run(folder, time)
            break
        except NetworkError as error:
            said.append(str(error))
            assert plan(folder, time).days > 1
        time.seconds += DAY_S

    assert summary.stored == {"cat": 200, "dog": 200}
    assert len(said) == 3
    assert "daily quota of 6 calls is used" in said[0]
    assert "120 photos are in the store, 280 are still wanted" in said[0]
    assert "UTC on the same command goes on: mekiki scrape things" in said[0]
    assert services.violations == []


def test_a_spent_quota_is_remembered_by_the_next_run(tmp_path, serve, time):
    few = (Limit("anon_burst", 20, "min"), Limit("anon_sustained", 3, "day"))
    services = serve(works=120, anonymous=few)
    folder = make_set(tmp_path, "openverse", per_category=200)
    with pytest.raises(NetworkError, match="daily quota"):
        run(folder, time)
    asked = len(services.openverse.asked())

    with pytest.raises(NetworkError, match="daily quota"):
        run(folder, time)

    assert len(services.openverse.asked()) == asked


def test_licences_are_judged_on_the_work_not_by_the_query(tmp_path, serve, time):
    services = serve(works=6)
    for photo in services.world.photos[::4]:
        services.world.add(replace(photo, licence="by-nc"))
    folder = make_set(tmp_path, "openverse", "commons", per_category=50)

    run(folder, time)

    refused = counts(folder)["refused"]
    assert refused.get("licence not allowed: CC BY-NC", 0) > 0


def test_a_set_that_allows_more_licences_takes_what_it_refused(tmp_path, serve, time):
    services = serve(works=6)
    for photo in services.world.photos:
        services.world.add(replace(photo, licence="by-nc"))
    run(make_set(tmp_path, "commons", per_category=50), time)

    wider = 'licences = ["by", "by-nc"]\n'
    folder = make_set(tmp_path, "commons", per_category=50, more=wider)
    run(folder, time)

    assert "licence not allowed: CC BY-NC" not in counts(folder).get("refused", {})
    assert len(list(folder.images.glob("*/*.jpg"))) == 24


def test_without_a_network_it_ends_in_one_line_and_the_catalog_is_intact(
    tmp_path, serve, time, monkeypatch
):
    serve()
    folder = make_set(tmp_path, "openverse", "commons", per_category=5)
    run(folder, time)
    kept = counts(folder)
    monkeypatch.setenv("MEKIKI_OPENVERSE_URL", "http://127.0.0.1:9/v1/")
    monkeypatch.setenv("MEKIKI_COMMONS_URL", "http://127.0.0.1:9/w/api.php")
    folder = make_set(tmp_path, "openverse", "commons", per_category=500)

    with pytest.raises(NetworkError, match=r"could not reach 127\.0\.0\.1:9") as ended:
        run(folder, time)

    assert "\n" not in str(ended.value)
    assert "the same command goes on: mekiki scrape things" in str(ended.value)
    spare = sum(kept["pending"].values())
    assert counts(folder)["stored"] == {"": kept["stored"][""] + spare}


def test_private_addresses_of_services_need_the_permission_of_the_set(
    tmp_path, serve, time
):
    services = serve()
    folder = make_set(tmp_path, "openverse", "commons")
    text = folder.settings_file.read_text(encoding="utf-8")
    folder.settings_file.write_text(text.replace("allow_private = true\n", ""))

    with pytest.raises(SettingsError, match="MEKIKI_OPENVERSE_URL leads to a private"):
        plan(folder, time)
    with pytest.raises(SettingsError, match="set allow_private = true under"):
        run(folder, time)

    assert services.log == []


@pytest.mark.parametrize("given", ["MEKIKI_OPENVERSE_CLIENT_ID", "…_SECRET"])
def test_half_a_key_is_none(tmp_path, serve, time, monkeypatch, given):
    services = serve()
    name = given.replace("…", "MEKIKI_OPENVERSE_CLIENT")
    monkeypatch.setenv(name, "half")

    with pytest.raises(SettingsError, match="belong together: one of them is not set"):
        run(make_set(tmp_path, "openverse"), time)

    assert services.log == []


def test_the_calls_at_a_mirror_are_not_held_against_the_service(
    tmp_path, serve, time, monkeypatch
):
    serve(works=120, anonymous=(Limit("anon_sustained", 3, "day"),))
    folder = make_set(tmp_path, "openverse", per_category=200)
    with pytest.raises(NetworkError, match="daily quota of 3 calls is used"):
        run(folder, time)

    monkeypatch.setenv("MEKIKI_OPENVERSE_URL", "http://localhost:9/v1")

    assert plan(folder, time).services[0].allowance == Allowance(200, 200)


def test_a_category_without_queries_cannot_be_searched_for(tmp_path, serve, time):
    services = serve()
    folder = make_set(tmp_path, "openverse")
    text = folder.settings_file.read_text(encoding="utf-8")
    folder.settings_file.write_text(text + '[[category]]\nname = "fox"\n', "utf-8")

    with pytest.raises(SettingsError, match=r"'fox' needs queries: .* by them"):
        plan(folder, time)
    with pytest.raises(SettingsError, match="'fox' needs queries"):
        run(folder, time)

    assert services.log == []
