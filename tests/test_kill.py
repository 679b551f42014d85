"""kill -9 in the middle of a stage, then the same command: nothing is different."""

import itertools
import os
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import inspect, text

from pipeline import catalog as catalogs
from pipeline.catalog.engine import open_database
from pipeline.home import SetFolder, set_folder
from pipeline.images import Pixels, encode_jpeg
from pipeline.runs import chosen_run
from tests.doubles.services.limits import Limit
from tests.doubles.services.server import Server
from tests.doubles.services.serving import Services, serve_services
from tests.doubles.services.web import Reply
from tests.doubles.services.world import World
from tests.doubles.shop_site import photo, serve_site

CLOCK = ("found_at", "tried_at", "read_at", "at", "started_at", "finished_at")
RUN_NAME = ("run", "name")  # holds the time at which the run began
CATEGORIES = '[[category]]\nname = "cat"\n[[category]]\nname = "dog"\n'
PHOTOS_A_CATEGORY = 20


@pytest.fixture
def photos(tmp_path: Path, make_photo: Callable[..., Pixels]) -> Path:
    """Two folders of photos; of every fourth there is a smaller copy."""
    for shift, category in enumerate(("cat", "dog")):
        folder = tmp_path / "photos" / category
        folder.mkdir(parents=True)
        for number in range(PHOTOS_A_CATEGORY):
            pixels = make_photo(1000 * shift + number, 480, 400)
            (folder / f"{number:02}.jpg").write_bytes(encode_jpeg(pixels))
            if number % 4 == 0:
                small = Image.fromarray(pixels).resize((300, 250))
                small.save(folder / f"{number:02}-small.jpg")
    return tmp_path / "photos"


def make_set(home: Path, photos: Path, more: str = "") -> SetFolder:
    folder = set_folder(home, "things")
    folder.folder.mkdir(parents=True)
    folder.settings_file.write_text(
        f'{CATEGORIES}[[source]]\nkind = "folder"\npath = "{photos}"\n{more}',
        encoding="utf-8",
    )
    return folder


def start(home: Path, stage: str) -> subprocess.Popen[bytes]:
    order = [sys.executable, "-m", "pipeline.cli", "--home", str(home), stage, "things"]
    return subprocess.Popen(order, stdout=subprocess.DEVNULL, env=dict(os.environ))


def run(home: Path, *stages: str) -> None:
    for stage in stages:
        assert start(home, stage).wait() == 0, stage


def kill_when(home: Path, stage: str, reached: Callable[[], bool]) -> None:
    """Start a stage, kill it as soon as it got somewhere, and check that it died."""
    process = start(home, stage)
    while not reached():
        assert process.poll() is None, f"{stage} ended before it could be killed"
    process.kill()
    assert process.wait() == -9


def tables(folder: SetFolder) -> dict[str, list[tuple[object, ...]]]:
    """Return the catalog's rows, without times and without what is named by time."""
    database = open_database(folder, None)
    rows = {}
    with database.read() as connection:
        for name in inspect(connection).get_table_names():
            columns = [
                column["name"]
                for column in inspect(connection).get_columns(name)
                if column["name"] not in (*CLOCK, *RUN_NAME)
            ]
            chosen = ", ".join(f'"{column}"' for column in columns)
            found = connection.execute(text(f'SELECT {chosen} FROM "{name}"'))  # noqa: S608  our own tables
            rows[name] = sorted(map(tuple, found), key=repr)
    database.close()
    return rows


def test_a_killed_scrape_goes_on_and_ends_as_if_undisturbed(tmp_path, photos):
    calm, killed = (make_set(tmp_path / name, photos) for name in ("calm", "killed"))
    run(calm.home, "scrape")

    kill_when(
        killed.home, "scrape", lambda: len(list(killed.images.glob("*/*.jpg"))) >= 3
    )
    run(killed.home, "scrape")

    assert tables(killed) == tables(calm)


def test_a_killed_scrape_of_a_website_goes_on_where_it_was(tmp_path, make_photo):
    with serve_site() as site:
        for category in ("cat", "dog"):
            images = []
            for number in range(15):
                path = f"/{category}/{number}.jpg"
                seed = number + (100 if category == "dog" else 0)
                site.add(path, photo(encode_jpeg(make_photo(seed, 200, 160))))
                images.append(f'<img src="{path}">')
            site.add(f"/of/{category}", "".join(images))
        source = (
            f'[[source]]\nkind = "pages"\nurl = "{site.url}/of/{{category}}"\n'
            "[scrape]\nallow_private = true\n"
        )
        calm, killed = (
            make_set(tmp_path / name, tmp_path / "none", "") for name in ("a", "b")
        )
        for folder in (calm, killed):
            folder.settings_file.write_text(CATEGORIES + source, encoding="utf-8")
        run(calm.home, "scrape")

        kill_when(killed.home, "scrape", lambda: any(killed.images.glob("*/*.jpg")))
        run(killed.home, "scrape")

    assert tables(killed) == tables(calm)


# Each time another number of photos or requests; together fewer than the scrape takes,
# so that it never ends before it was killed.
KILLS = 20
A_CATEGORY = 300
OPEN = (Limit("anon_burst", 1200, "min"), Limit("anon_sustained", 5000, "day"))


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """Services with more works than are wanted, and a shop that has some of them too.

    They grant a lot, for here time is real; what they grant holds across kills.
    """
    world = World.for_queries({"tabby": 100, "siamese": 100, "dog": 200})
    with serve_services(world, anonymous=OPEN, commons_per_minute=1000) as running:
        running.commons.at_most_in_a_second = None
        for place, category in enumerate(("cat", "dog")):
            images = []
            for number in range(10):
                body = world.photos[100 * place + 3 * number].jpeg()
                path = f"/{category}/{number}.jpg"
                running.shop.put(path, body)
                images.append(f'<img src="{path}">')
            page = Reply("".join(images).encode(), content_type="text/html")
            running.shop.put(f"/of/{category}", page)
        monkeypatch.setenv("MEKIKI_OPENVERSE_URL", running.openverse_url)
        monkeypatch.setenv("MEKIKI_COMMONS_URL", running.commons_url)
        monkeypatch.setenv("MEKIKI_CONTACT", "photos@museum.net")
        yield running


def make_search(home: Path, services: Services) -> SetFolder:
    folder = set_folder(home, "things")
    folder.folder.mkdir(parents=True)
    folder.settings_file.write_text(
        '[[category]]\nname = "cat"\nqueries = ["tabby", "siamese"]\n'
        '[[category]]\nname = "dog"\nqueries = ["dog"]\n'
        f'[[source]]\nkind = "pages"\nurl = "{services.shop.url}/of/{{category}}"\n'
        '[[source]]\nkind = "openverse"\n[[source]]\nkind = "commons"\n'
        f"[scrape]\nper_category = {A_CATEGORY}\nallow_private = true\n",
        encoding="utf-8",
    )
    return folder


def servers(services: Services) -> list[Server]:
    hosts = (services.photo_site, services.upload, services.thumbs, services.shop)
    return [services.openverse, services.commons, *hosts]


def kill_on_arrival(services: Services, home: Path, number: int) -> None:
    """Kill a scrape the moment the so manieth request of it arrives."""
    arrived = itertools.count(1)
    started = threading.Event()

    def kill(_asked: object) -> None:
        if next(arrived) == number:
            started.wait()
            process.kill()

    for server in servers(services):
        server.before = kill
    process = start(home, "scrape")
    started.set()
    assert process.wait() == -9
    for server in servers(services):
        server.before = lambda _asked: None


def stored_in(folder: SetFolder) -> set[str]:
    with catalogs.opened(folder) as catalog:
        return set(catalog.candidates.stored_origins())


def test_twenty_kills_of_one_scrape_change_nothing_and_cost_no_photo_twice(
    tmp_path, services
):
    calm, killed = (make_search(tmp_path / name, services) for name in ("a", "b"))
    run(calm.home, "scrape")
    chance = random.Random(20)  # noqa: S311  not for secrets
    kept: list[tuple[int, set[str]]] = []  # how long the log was, what was stored

    for turn in range(KILLS):
        many = chance.randint(2, 60)
        if turn % 3 == 0:
            kill_on_arrival(services, killed.home, many)
        elif turn % 3 == 1:
            answered = len(services.log) + many
            kill_when(killed.home, "scrape", lambda: len(services.log) >= answered)  # noqa: B023
        else:
            files = len(list(killed.images.glob("*/*"))) + many // 3
            kill_when(
                killed.home,
                "scrape",
                lambda: len(list(killed.images.glob("*/*.jpg"))) >= files,  # noqa: B023
            )
        kept.append((len(services.log), stored_in(killed)))
    run(killed.home, "scrape")

    assert tables(killed) == tables(calm)
    origins = {server.name: server.origin for server in servers(services)}
    asked = [origins[one.server] + one.target for one in services.log]
    for length, stored in kept:
        assert not stored & set(asked[length:])
    assert 0 < len(kept[KILLS // 2][1]) < len(kept[-1][1])
    assert services.violations == []


def test_a_killed_dedup_goes_on_and_ends_as_if_undisturbed(tmp_path, photos):
    calm, killed = (make_set(tmp_path / name, photos) for name in ("calm", "killed"))
    for folder in (calm, killed):
        run(folder.home, "scrape")
    run(calm.home, "dedup")
    groups = {row[1] for row in tables(calm)["duplicate"]}

    process = start(killed.home, "dedup")
    while process.poll() is None and not killed.cache.exists():
        pass
    process.kill()
    process.wait()
    run(killed.home, "dedup")

    assert tables(killed) == tables(calm)
    assert len(groups) < len(tables(calm)["image"])


@pytest.mark.slow
def test_a_killed_training_is_resumed_and_ends_as_if_undisturbed(tmp_path, photos):
    recipe = (
        '[train]\nrecipe = "small-cnn"\nweights = "none"\nimage_size = 32\n'
        "batch_size = 8\nepochs = 6\npatience = 6\n"
    )
    calm, killed = (
        make_set(tmp_path / name, photos, recipe) for name in ("calm", "killed")
    )
    run(calm.home, "scrape", "dedup", "split")
    shutil.copytree(calm.folder, killed.folder, dirs_exist_ok=True)
    run(calm.home, "train")

    kill_when(killed.home, "train", lambda: any(killed.models.glob("*/state*/*")))
    run(killed.home, "train")

    assert tables(killed) == tables(calm)
    (only,) = [path for path in killed.models.iterdir() if not path.is_symlink()]
    resumed, undisturbed = chosen_run(killed), chosen_run(calm)
    assert resumed.folder == only
    assert resumed.metrics["val_accuracy"] == undisturbed.metrics["val_accuracy"]
    assert resumed.metrics["num_train"] == undisturbed.metrics["num_train"]
