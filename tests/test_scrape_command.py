"""`mekiki scrape` as a process of its own: what it prints, and how it ends."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pipeline.web.recording import RecordingTransport
from pipeline.web.transport import Network
from tests.doubles.scraping import CONTACT, counts, make_set
from tests.doubles.services.limits import Limit
from tests.doubles.services.serving import Services, serve_services
from tests.doubles.services.world import World

QUERIES = {"cat": "cat", "dog": "dog"}
THREE_A_DAY = (Limit("anon_burst", 20, "min"), Limit("anon_sustained", 3, "day"))
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def services() -> Iterator[Services]:
    """Services that grant three calls a day at Openverse, to real time."""
    world = World.for_queries(dict.fromkeys(QUERIES, 60))
    with serve_services(world, anonymous=THREE_A_DAY) as running:
        yield running


def mekiki(
    home: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "--home", str(home), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def addresses(services: Services) -> Mapping[str, str]:
    return {
        "MEKIKI_OPENVERSE_URL": services.openverse_url,
        "MEKIKI_COMMONS_URL": services.commons_url,
        "MEKIKI_CONTACT": CONTACT,
    }


def the_one_line(ended: subprocess.CompletedProcess[str]) -> str:
    """Return what stands on stderr, which is one whole line."""
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("mekiki: ")
    return line


def test_without_a_network_one_line_says_what_to_do_and_the_catalog_is_intact(
    tmp_path, services
):
    folder = make_set(tmp_path, QUERIES, "commons", per_category=3)
    assert mekiki(tmp_path, "scrape", "things", **addresses(services)).returncode == 0
    before = counts(folder)
    make_set(tmp_path, QUERIES, "commons", per_category=100)
    cut_off = {
        "MEKIKI_OPENVERSE_URL": f"{NOWHERE}/v1/",
        "MEKIKI_COMMONS_URL": f"{NOWHERE}/w/api.php",
        "MEKIKI_CONTACT": CONTACT,
    }
    photo_hosts = (services.upload, services.thumbs)
    for host in photo_hosts:
        host.stop()

    ended = mekiki(tmp_path, "scrape", "things", **cut_off)

    line = the_one_line(ended)
    assert line.startswith("mekiki: could not reach 127.0.0.1:")
    assert "127.0.0.1:9;" in line
    assert "kept: 6 photos in the store; still to be had: " in line
    assert "194 photos. When the network is back," in line
    assert line.endswith("the same command goes on: mekiki scrape things")
    after = counts(folder)
    assert after["stored"] == before["stored"] == {"": 6}
    assert len(list(folder.images.glob("*/*.jpg"))) == 6


def test_a_dry_run_prints_the_plan_alone_and_asks_nothing(tmp_path, services):
    make_set(tmp_path, QUERIES, "openverse", "commons", per_category=30)

    ended = mekiki(tmp_path, "scrape", "things", "--dry-run", **addresses(services))

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [
        "plan: 60 photos wanted from searches (2 categories of 30; 0 in the store)",
        "  openverse: about 2 calls of up to 20 works; 200 of 200 calls a day are left",
        "  commons: about 2 calls of up to 50 works",
    ]
    assert services.log == []


def test_a_dry_run_without_a_contact_says_what_is_needed_first(tmp_path, services):
    make_set(tmp_path, QUERIES, "commons", per_category=30)
    elsewhere = {"MEKIKI_COMMONS_URL": "", "MEKIKI_CONTACT": ""}

    ended = mekiki(tmp_path, "scrape", "things", "--dry-run", **elsewhere)

    lines = ended.stdout.splitlines()
    assert (ended.returncode, ended.stderr, len(lines)) == (0, "", 3)
    assert lines[-1].startswith("first: contact in categories.toml (or MEKIKI_CONTACT)")


@pytest.mark.parametrize("contact", ["", "you@example.com", "change-me", "me@test"])
@pytest.mark.parametrize("kind", ["openverse", "commons"])
def test_a_placeholder_is_no_contact_and_nothing_is_asked(
    tmp_path, services, kind, contact
):
    make_set(tmp_path, QUERIES, kind)
    elsewhere = {
        "MEKIKI_OPENVERSE_URL": "",
        "MEKIKI_COMMONS_URL": "",
        # a proxy would hear of whatever is asked
        "http_proxy": services.shop.url,
        "https_proxy": services.shop.url,
    }

    ended = mekiki(tmp_path, "scrape", "things", MEKIKI_CONTACT=contact, **elsewhere)

    line = the_one_line(ended)
    assert "contact in categories.toml (or MEKIKI_CONTACT) must be" in line
    assert repr(contact) in line
    assert ended.stdout == ""
    assert services.log == []


def test_a_spent_quota_ends_in_one_line_that_names_when_to_go_on(tmp_path, services):
    folder = make_set(tmp_path, QUERIES, "openverse", per_category=60)

    ended = mekiki(tmp_path, "scrape", "things", **addresses(services))

    line = the_one_line(ended)
    assert "openverse: daily quota of 3 calls is used; 60 photos are in" in line
    assert "60 are still wanted. From 2" in line
    assert line.endswith("UTC on the same command goes on: mekiki scrape things")
    assert counts(folder)["stored"] == {"": 60}
    assert len(services.openverse.asked()) == 3
    assert services.violations == []


def test_a_replay_of_another_run_says_what_it_wants(tmp_path, services):
    make_set(tmp_path, QUERIES, "commons", per_category=5)
    file = tmp_path / "answers.warc.gz"
    record = ("scrape", "things", "--record", str(file))
    assert mekiki(tmp_path, *record, **addresses(services)).returncode == 0
    home = tmp_path / "elsewhere"
    make_set(home, QUERIES, "commons", per_category=5)
    asked = len(services.log)

    other = {"MEKIKI_COMMONS_URL": f"{NOWHERE}/w/api.php"}
    ended = mekiki(home, "scrape", "things", "--replay", str(file), **other)

    line = the_one_line(ended)
    assert "has no answers to what things asks; replay it with the categories.toml" in (
        line
    )
    assert len(services.log) == asked


def test_a_recording_of_another_set_is_not_recorded_into_before_that_is_done(
    tmp_path, services
):
    make_set(tmp_path, QUERIES, "commons", per_category=5)
    file = tmp_path / "answers.warc"
    record = ("scrape", "things", "--record", str(file))
    other = RecordingTransport(Network(per_host=1, allow_private=True), file)

    ended = mekiki(tmp_path, *record, **addresses(services))

    assert the_one_line(ended) == (
        f"mekiki: {file} is in use: another process records into it; wait until that"
        " is done, or record into another file"
    )
    assert services.log == []
    other.close()
    assert mekiki(tmp_path, *record, **addresses(services)).returncode == 0


def test_what_was_done_is_told_in_one_line_after_the_plan(tmp_path, services):
    make_set(tmp_path, QUERIES, "commons", per_category=5)

    ended = mekiki(tmp_path, "scrape", "things", **addresses(services))

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[-1] == (
        "2 pages read, 100 new candidates, 10 tried; in all 10 stored, 0 known,"
        " 0 refused, 0 failed; 10 photos of 2 categories in the store (fewest: 5 of"
        " cat)"
    )
    assert services.violations == []
