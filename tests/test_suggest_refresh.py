"""Learning beside the labeler: what is followed, when it learns, and how it ends."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pytest

from labeler.learning import LOG, start_learning
from pipeline import catalog as catalogs
from pipeline.catalog import Status
from pipeline.catalog.entries import Entry
from pipeline.catalog.journal import Action, Op
from pipeline.catalog.photos import Grouping
from pipeline.settings import load_settings
from pipeline.suggest.classify import UNKNOWN
from pipeline.suggest.kept import Learning, read_state, read_suggestions
from pipeline.suggest.looking import why_no_network
from pipeline.suggest.refresh import AGAIN_S, AT_LEAST, FEWEST, Pace
from pipeline.suggest.watching import Watched, known_of
from tests.doubles.running import is_running

NOW = "2026-01-02T03:04:05+00:00"
PATIENCE_S = 300.0  # for a machine that has much else to do


def said(sha256: str, action: Action, label: str | None, seq: int) -> Op:
    return Op(sha256, action, label, 0, "ann", "tab of ann", seq)


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so; fail where it takes too long."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def test_what_people_say_is_followed_and_what_did_not_change_is_not_read(
    catalog, folder, add_photos
):
    shas = add_photos(catalog, folder, *[("cat", 1), ("cat", 2), ("dog", 3)])
    watched = Watched(catalog)
    assert watched.follow() > 0
    assert [entry.sha256 for entry in watched.entries] == shas
    assert watched.follow() == 0

    catalog.journal.apply(
        [
            said(shas[0], Action.RELABEL, "dog", 1),
            said(shas[1], Action.REJECT, None, 2),
        ],
        NOW,
    )

    assert watched.follow() == 2
    known = known_of(watched.entries, np.zeros((3, 2), np.float32), ("cat", "dog"))
    assert known.said.tolist() == [1, UNKNOWN, UNKNOWN]
    assert known.found.tolist() == [UNKNOWN, UNKNOWN, 1]
    assert known.is_open.tolist() == [False, False, True]
    assert known.labels_used == 1


def test_photos_that_come_and_go_are_noticed(catalog, folder, add_photos):
    add_photos(catalog, folder, ("cat", 1))
    watched = Watched(catalog)
    watched.follow()

    shas = add_photos(catalog, folder, ("dog", 2), ("dog", 3))
    watched.follow()
    assert {entry.sha256 for entry in watched.entries} >= set(shas)

    stored = catalog.photos.stored()
    catalog.photos.write_groupings(  # the last two are one photo after all
        Grouping(
            image.sha256,
            min(image.candidate_id, 2),
            image.sha256 != shas[1],
            "",
            "0" * 16,
            (),
        )
        for image in stored
    )
    watched.follow()
    assert shas[1] not in {entry.sha256 for entry in watched.entries}
    assert len(watched.entries) == 2


@pytest.mark.parametrize(
    ("status", "label", "flags", "row"),
    [
        (Status.LABELLED, "cat", (), (0, UNKNOWN, False)),
        (Status.LABELLED, "eel", (), (UNKNOWN, UNKNOWN, False)),
        (Status.REJECTED, "cat", (), (UNKNOWN, UNKNOWN, False)),
        (Status.UNSURE, "cat", (), (UNKNOWN, UNKNOWN, False)),
        (Status.SCRAPED, "dog", (), (UNKNOWN, 1, True)),
        (Status.SCRAPED, "dog", ("dark",), (UNKNOWN, 1, True)),
        (Status.SCRAPED, "dog", ("blank",), (UNKNOWN, UNKNOWN, True)),
        (Status.CONFLICT, "dog", (), (UNKNOWN, 1, True)),
        (Status.SCRAPED, None, (), (UNKNOWN, UNKNOWN, True)),
    ],
)
def test_a_photo_teaches_what_is_known_of_it(status, label, flags, row):
    entry = Entry("0" * 64, ".jpg", 1, 0, ("dog",), label, status, 0, flags)
    known = known_of([entry], np.zeros((1, 2), np.float32), ("cat", "dog"))
    assert (known.said[0], known.found[0], known.is_open[0]) == row


def test_it_learns_at_once_then_when_much_is_new_or_some_time_has_passed():
    now = 0.0
    pace = Pace(lambda: now)
    assert pace.is_due()
    pace.learned(100, 1.0)

    now = 5.0
    assert not pace.is_due()  # nothing is new
    pace.note(AT_LEAST)
    assert not pace.is_due()  # less than a twentieth more
    pace.note(2)
    assert pace.is_due()
    pace.learned(105, 1.0)

    pace.note(1)
    now += AGAIN_S - 0.1
    assert not pace.is_due()
    now += 0.1
    assert pace.is_due()


def test_where_learning_takes_long_it_rests_as_much_longer():
    now = 0.0
    pace = Pace(lambda: now)
    pace.learned(10, 20.0)
    pace.note(1000)
    now = 59.0
    assert not pace.is_due()
    now = 60.0
    assert pace.is_due()


def set_up(folder, train: dict[str, object]) -> None:
    text = "".join(f'[[category]]\nname = "{name}"\n' for name in ("cat", "dog"))
    text += "[train]\n" + "".join(
        f"{key} = {json.dumps(value)}\n" for key, value in train.items()
    )
    folder.settings_file.write_text(text, "utf-8")


@pytest.mark.slow
def test_without_a_network_learning_is_off_and_says_why(folder, add_photos):
    set_up(folder, {"weights": "none"})
    with catalogs.opened(folder) as catalog:
        add_photos(catalog, folder, *[("cat", seed) for seed in range(FEWEST)])
    learner = start_learning(folder)
    try:
        until(lambda: "no network knows anything" in read_state(folder).reason)
        assert read_state(folder).state is Learning.OFF
        until(lambda: learner.process_id is None)  # and is not started again
    finally:
        learner.stop()


@pytest.mark.parametrize(
    ("train", "cached", "said"),
    [
        ({"weights": "none"}, "", "no network knows anything of photos yet"),
        ({"recipe": "small-cnn"}, "", "no network knows anything of photos yet"),
        ({"weights": "gone.h5"}, "", "there is no file"),
        ({"backbone": "MobileNetV2"}, "", "the labeler fetches nothing"),
        ({"backbone": "VGG16"}, "mobilenet_v2_224_no_top.h5", "VGG16 are not on"),
        ({"backbone": "MobileNetV2"}, "mobilenet_v2_224_no_top.h5", None),
    ],
)
def test_what_no_network_can_look_at_is_known_before_one_is_loaded(  # noqa: PLR0917
    folder, tmp_path, monkeypatch, train, cached, said
):
    set_up(folder, train)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    if cached:
        (tmp_path / "models").mkdir()
        (tmp_path / "models" / cached).touch()

    why = why_no_network(folder, load_settings(folder.settings_file).train)

    if said is None:
        assert why is None
    else:
        assert why is not None
        assert said in why
        assert "mekiki train things" in why


@pytest.mark.slow
def test_labels_become_suggestions_while_the_labeler_runs(folder, add_photos, weights):
    set_up(folder, {"backbone": "MobileNet", "weights": str(weights), "image_size": 32})
    with catalogs.opened(folder) as catalog:
        shas = add_photos(
            catalog,
            folder,
            *[("cat", seed) for seed in range(FEWEST - 4)],
            *[("dog", seed) for seed in range(50, 54)],
        )
        cats, dogs = shas[:-4], shas[-4:]
        broken = next(folder.images.rglob(f"{dogs[3]}*"))
        broken.write_bytes(b"no photo any more")
        learner = start_learning(folder)
        try:
            until(lambda: learner.process_id is not None)
            pid = learner.process_id
            assert pid is not None
            until(lambda: read_state(folder).state is Learning.WAITING)
            assert "first labels" in read_state(folder).reason
            assert read_suggestions(folder) is None

            words = [
                said(sha256, Action.CONFIRM, label, seq)
                for seq, (sha256, label) in enumerate(
                    zip(cats[:3] + dogs[:3], ["cat"] * 3 + ["dog"] * 3, strict=True)
                )
            ]
            catalog.journal.apply(words, NOW)
            until(lambda: read_state(folder).state is Learning.READY)

            found = read_suggestions(folder)
            assert found is not None
            assert read_state(folder).labels_used == 6
            assert set(found.helpful) == set(cats[3:])  # can be read, and are open
            suggestion = found.get(cats[3])
            assert suggestion is not None
            assert suggestion.label in {"cat", "dog"}
            assert 0 < suggestion.confidence <= 1
            assert found.get(dogs[3]) is None

            assert learner.process_id == pid  # looking was no reason to die
            os.kill(pid, 9)  # one that dies is started again
            until(lambda: learner.process_id not in {None, pid})
        finally:
            learner.stop()
        until(lambda: learner.process_id is None)
    assert (folder.cache / LOG).read_text() == ""  # no start-up lines either


@pytest.mark.slow
def test_the_learner_never_outlives_the_server_not_even_one_that_is_killed(
    folder, add_photos, weights
):
    set_up(folder, {"backbone": "MobileNet", "weights": str(weights), "image_size": 32})
    with catalogs.opened(folder) as catalog:
        add_photos(catalog, folder, ("cat", 1), ("dog", 2))  # too few to look at
    code = (
        "import sys, time; from pathlib import Path;"
        "from labeler.learning import start_learning;"
        "from pipeline.home import existing_set;"
        "learner = start_learning(existing_set(Path(sys.argv[1]), 'things'));"
        "[time.sleep(0.05) for _ in iter(lambda: learner.process_id, 0) if"
        " learner.process_id and print(learner.process_id, flush=True)]"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder.home)], stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        learner = int(server.stdout.readline())
        until(lambda: read_state(folder).state is Learning.WAITING)
        server.kill()
    until(lambda: not is_running(learner))
