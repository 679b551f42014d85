"""What the tests share: generated photos, empty sets, databases of both kinds."""

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import hypothesis
import numpy as np
import pytest

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from pipeline import catalog as catalogs
from pipeline.catalog import Catalog, Outcome
from pipeline.catalog.endings import Ending
from pipeline.catalog.finding import Found
from pipeline.catalog.photos import Grouping
from pipeline.home import SetFolder, set_folder
from pipeline.images import ImageStore, Pixels, encode_jpeg, inspect_image

# The same examples every time: what fails for one change did not by chance. To look
# for others: pytest --hypothesis-profile=default
hypothesis.settings.register_profile("repeatable", derandomize=True)

NOW = "2026-01-02T03:04:05+00:00"
POSTGRES_BIN = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def draw_photo(seed: int, width: int = 96, height: int = 80) -> Pixels:
    """Draw soft blobs of colour: every seed another picture, as a camera might see."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 7, 3), dtype=np.uint8)
    return np.asarray(
        cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8
    )


@pytest.fixture
def make_photo() -> Callable[..., Pixels]:
    return draw_photo


@pytest.fixture
def folder(tmp_path: Path) -> SetFolder:
    """An empty set called ``things`` with two categories."""
    folder = set_folder(tmp_path, "things")
    folder.folder.mkdir(parents=True)
    folder.settings_file.write_text(
        '[[category]]\nname = "cat"\n[[category]]\nname = "dog"\n', encoding="utf-8"
    )
    return folder


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MEKIKI_DATABASE_URL", "MEKIKI_HOME", "MEKIKI_CONTACT", "LABEL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def add_photos() -> Callable[..., list[str]]:
    """Return a function that puts photos into a set, as if scraped and grouped.

    It takes the catalog, the set and ``(category, seed)`` pairs, and returns each
    photo's sha256.
    """

    def add(
        catalog: Catalog, folder: SetFolder, *photos: tuple[str, int], size: int = 96
    ) -> list[str]:
        store = ImageStore(folder.images)
        shas = []
        for category, seed in photos:
            data = encode_jpeg(draw_photo(seed, size, size))
            facts = inspect_image(data)
            store.put(data, facts)
            origin = f"/photos/{category}/{seed}.jpg"
            catalog.candidates.add([Found("folder", category, origin)], NOW)
            (mine,) = (
                candidate
                for candidate in catalog.candidates.pending()
                if candidate.origin == origin and candidate.category == category
            )
            catalog.candidates.finish(
                [Ending(mine.id, Outcome.STORED, facts=facts)], NOW
            )
            shas.append(facts.sha256)
        catalog.journal.start_items(NOW)
        catalog.photos.write_groupings(
            Grouping(image.sha256, image.candidate_id, True, "", "0" * 16, ())
            for image in catalog.photos.stored()
        )
        catalog.journal.mark_conflicts(catalog.photos.categories_of_groups(), NOW)
        return shas

    return add


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.xdist_group("postgresql")),
    ]
)
def any_database(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Run the test on SQLite, then on a PostgreSQL server of its own."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("postgresql_url")
        monkeypatch.setenv("MEKIKI_DATABASE_URL", url)
    return str(request.param)


@pytest.fixture
def catalog(folder: SetFolder, any_database: str) -> Iterator[Catalog]:
    """An empty catalog of the set, on each kind of database."""
    with catalogs.opened(folder) as opened:
        yield opened
    catalogs.drop(folder)


@pytest.fixture
def sqlite_catalog(folder: SetFolder) -> Iterator[Catalog]:
    """An empty catalog of the set on SQLite."""
    with catalogs.opened(folder) as opened:
        yield opened


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """Start a PostgreSQL server for this session; it refuses to run as root."""
    if not POSTGRES_BIN:
        pytest.skip("no PostgreSQL on this machine (make system installs it)")
    commands = POSTGRES_BIN[-1]
    as_user: list[str] = []
    owner = getpass.getuser()
    data = Path(tempfile.mkdtemp(prefix="mekiki-postgresql-"))
    if os.geteuid() == 0:
        owner = "postgres"
        as_user = ["runuser", "-u", owner, "--"]
        shutil.chown(data, owner)
    port = _free_port()
    start = [*as_user, str(commands / "pg_ctl"), "-D", str(data), "-w"]
    options = f"-p {port} -k {data} -c listen_addresses=127.0.0.1 -c fsync=off"
    try:
        subprocess.run(
            [*as_user, str(commands / "initdb"), "-D", str(data), "-A", "trust"],
            check=True,
            capture_output=True,
            cwd=data,
        )
        subprocess.run(
            [*start, "-o", options, "-l", str(data / "log"), "start"],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=data,
        )
        yield f"postgresql://{owner}@127.0.0.1:{port}/postgres"
        subprocess.run(
            [*start, "-m", "immediate", "stop"],
            check=True,
            capture_output=True,
            cwd=data,
        )
    finally:
        shutil.rmtree(data, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a small network's weights without its top, as someone's own would be."""
    from pipeline.networks.backend import keras

    keras.utils.set_random_seed(0)
    network = keras.applications.MobileNet(
        weights=None, include_top=False, input_shape=(32, 32, 3), alpha=1.0
    )
    file = tmp_path_factory.mktemp("weights") / "notop.weights.h5"
    network.save_weights(file)
    return file
