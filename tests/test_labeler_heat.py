"""The process that holds a run's network, and the route that asks it."""

import base64
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("streamlit", reason="the labeler needs the ui extra")

from PIL import Image
from starlette.applications import Starlette

from labeler import heating
from labeler.access import ACCESS, HEADER, Curator, Role
from labeler.api import cams
from labeler.heating import LOG, Heated, Heater, NothingToShowError, start_child
from labeler.office import open_office
from pipeline.errors import MekikiError
from pipeline.home import SetFolder
from tests.doubles.asgi import Answer, ask
from tests.doubles.colours import build_network, finish_run
from tests.doubles.planting import Planted, plant, write_categories
from tests.doubles.running import is_running

CATEGORIES = ["cat", "dog", "bird"]
Look = Callable[..., Answer]


@pytest.fixture
def shas(folder: SetFolder) -> dict[int, str]:
    write_categories(folder, CATEGORIES)
    photos = [Planted("cat", 1), Planted("dog", 2)]
    return plant(folder, photos, size=(320, 160))


@pytest.fixture
def heater(folder: SetFolder) -> Iterator[Heater]:
    heater = Heater(folder)
    yield heater
    heater.stop()


@pytest.fixture
def look(
    folder: SetFolder, shas: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Look]:
    """Return a function that asks the route about a photo, as the page does."""
    monkeypatch.setattr(ACCESS, "set_name", folder.name)
    office = open_office(folder)
    office.shelf.follow()
    app = Starlette(routes=cams.routes(office))
    token = ACCESS.mint(Curator("Hana", Role.CURATOR))

    def look(sha256: str) -> Answer:
        address = f"/mekiki/api/cam/{sha256}"
        return ask(app, "GET", address, {HEADER: token})

    yield look
    office.close()


def opened(url: str) -> Image.Image:
    head, _, data = url.partition(",")
    assert head == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_without_a_run_nothing_is_started_and_the_answer_says_how_to_get_one(
    folder: SetFolder, shas: dict[int, str], look: Look
):
    answer = look(shas[1])

    assert answer.status == 409
    assert answer.json()["error"] == (
        "no finished run yet: `mekiki train things` makes one; then H shows what it"
        " looks at"
    )
    assert not (folder.cache / LOG).exists()
    gone = look("0" * 64)
    assert (gone.status, "no such photo" in gone.json()["error"]) == (404, True)


@pytest.mark.slow
def test_the_route_tells_where_the_newest_run_looks(
    folder: SetFolder, shas: dict[int, str], look: Look
):
    finish_run(folder, "20260102-030405", CATEGORIES)

    likeliest = look(shas[1])
    told: dict[str, Any] = likeliest.json()

    assert likeliest.status == 200
    assert set(told) == {"label", "probability", "run", "picture"}
    assert opened(told["picture"]).mode == "RGBA"
    assert opened(told["picture"]).size == (256, 128)
    assert told["run"] == "20260102-030405"
    assert told["label"] in CATEGORIES
    assert 1 / len(CATEGORIES) <= told["probability"] <= 1  # it is the likeliest

    [damaged] = folder.images.rglob(f"{shas[2]}.*")
    damaged.write_bytes(b"no photo any more")
    broken = look(shas[2])
    assert broken.status == 409
    assert broken.json()["error"].startswith("this photo can't be read: not an image")


@pytest.mark.slow
def test_one_process_follows_newer_runs_and_says_which_it_can_not_show(
    folder: SetFolder, shas: dict[int, str], heater: Heater
):
    finish_run(folder, "20260102-030405", CATEGORIES)
    first = heater.ask(shas[1], "jpg")
    pid = heater.process_id
    finish_run(folder, "20260102-030406", ["Cat", "Dog", "Bird"])
    second = heater.ask(shas[1], "jpg")

    assert isinstance(first, Heated)
    assert first.run == "20260102-030405"
    assert second.run == "20260102-030406"
    assert second.label in {"Cat", "Dog", "Bird"}

    network = build_network()
    own = type(network)(network.input, network.layers[1].output)
    finish_run(folder, "20260102-030407", CATEGORIES, own)
    with pytest.raises(NothingToShowError, match="where this model looks can't be"):
        heater.ask(shas[1], "jpg")
    damaged = finish_run(folder, "20260102-030408", CATEGORIES)
    damaged.model_file.write_bytes(b"not a model")
    with pytest.raises(NothingToShowError, match=r"model\.keras can't be loaded"):
        heater.ask(shas[1], "jpg")
    finish_run(folder, "20260102-030409", CATEGORIES)
    assert heater.ask(shas[1], "jpg").run == "20260102-030409"
    assert heater.process_id == pid  # the same one all along
    assert (folder.cache / LOG).read_text("utf-8") == ""


@pytest.mark.slow
def test_a_process_that_died_is_started_by_the_next_question(
    folder: SetFolder, shas: dict[int, str], heater: Heater
):
    run = finish_run(folder, "20260102-030405", CATEGORIES)
    run.write_json(
        "labels.json", []
    )  # another number than the network has: our mistake
    with pytest.raises(MekikiError, match=r"has ended; .*heating\.log may say why"):
        heater.ask(shas[1], "jpg")
    assert "IndexError" in (folder.cache / LOG).read_text("utf-8")
    run.write_json("labels.json", CATEGORIES)

    assert heater.ask(shas[1], "jpg").label in CATEGORIES
    pid = heater.process_id
    assert pid is not None
    heater.stop()
    assert not is_running(pid)
    with pytest.raises(MekikiError, match="the labeler has ended"):
        heater.ask(shas[1], "jpg")


@pytest.mark.slow
def test_a_process_that_is_slow_to_end_is_not_asked_again(
    folder: SetFolder,
    shas: dict[int, str],
    heater: Heater,
    monkeypatch: pytest.MonkeyPatch,
):
    run = finish_run(folder, "20260102-030405", CATEGORIES)
    run.write_json("labels.json", [])  # our mistake, as above
    monkeypatch.setattr(heating, "ENDING_S", 0.0)  # any end is a slow one
    with pytest.raises(MekikiError, match="has ended"):
        heater.ask(shas[1], "jpg")
    run.write_json("labels.json", CATEGORIES)

    assert heater.ask(shas[1], "jpg").label in CATEGORIES


def test_the_process_ends_when_nobody_can_ask_it_any_more(folder: SetFolder):
    child = start_child(folder)
    assert child.stdin is not None
    assert child.stdout is not None
    with child.stdout:
        child.stdin.close()

        assert child.wait(60) == 0


def test_the_process_never_outlives_the_server_not_even_one_that_is_killed(
    folder: SetFolder,
):
    code = (
        "import sys; from pathlib import Path;"
        "from labeler.heating import start_child;"
        "from pipeline.home import existing_set;"
        "child = start_child(existing_set(Path(sys.argv[1]), 'things'));"
        "print(child.pid, flush=True); child.wait()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder.home)], stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        pid = int(server.stdout.readline())
        server.kill()

    while is_running(pid):
        os.sched_yield()
