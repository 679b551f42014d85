"""`make scrape SET=guitars`, as an engineer runs it, against the services played."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.settings import SetSettings, load_settings
from tests.doubles.services.limits import Limit
from tests.doubles.services.serving import Services, serve_services
from tests.doubles.services.world import World

ROOT = Path(__file__).parent.parent
GUITARS = ROOT / "datasets" / "guitars" / "categories.toml"
# More a minute than the real one grants: here, time is real.
PLENTY = (Limit("anon_burst", 1200, "min"), Limit("anon_sustained", 5000, "day"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose guitars may reach the services on this machine."""
    file = tmp_path / "datasets" / "guitars" / "categories.toml"
    file.parent.mkdir(parents=True)
    text = GUITARS.read_text(encoding="utf-8")
    file.write_text(text.replace("[scrape]\n", "[scrape]\nallow_private = true\n"))
    return tmp_path


@pytest.fixture
def guitars() -> SetSettings:
    return load_settings(GUITARS)


@pytest.fixture
def services(guitars: SetSettings) -> Iterator[Services]:
    """Services that know two hundred works of every query on each site."""
    queries = {query: 70 for one in guitars.category for query in one.queries}
    world = World.for_queries(queries, shared_every=10)
    with serve_services(world, anonymous=PLENTY, commons_per_minute=1000) as running:
        running.commons.at_most_in_a_second = None
        yield running


def make(home: Path, target: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MEKIKI_HOME": str(home), **more}
    return subprocess.run(
        [
            "make",
            "--no-print-directory",
            f"BIN={Path(sys.executable).parent}",
            target,
            "SET=guitars",
        ],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def addresses(services: Services) -> dict[str, str]:
    return {
        "MEKIKI_OPENVERSE_URL": services.openverse_url,
        "MEKIKI_COMMONS_URL": services.commons_url,
        "MEKIKI_CONTACT": "photos@museum.net",
    }


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")
def test_every_model_gets_its_photos_within_the_advertised_limits(
    home, guitars, services
):
    done = make(home, "scrape", **addresses(services))

    assert done.returncode == 0, done.stderr
    assert services.violations == []
    order = [sys.executable, "-m", "pipeline.cli", "--home", str(home)]
    told = subprocess.run(
        [*order, "status", "guitars", "--json"], capture_output=True, check=True
    )
    status = json.loads(told.stdout)
    wanted = guitars.scrape.per_category
    assert status["images"] >= wanted * len(guitars.category)
    plan, *_ = done.stdout.splitlines()
    assert plan.startswith("plan: 3,250 photos wanted from searches (13 categories")
