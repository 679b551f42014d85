"""Label Studio's JSON, as it comes from there and goes there."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.catalog import Status
from pipeline.catalog.journal import Action
from pipeline.errors import InputError
from pipeline.exchange.deciding import End
from pipeline.exchange.label_studio import project_config, read_tasks
from tests.doubles.exchanging import CATEGORIES, Shelf, ends


@pytest.fixture
def shelf(folder, sqlite_catalog, add_photos) -> Shelf:
    return Shelf(folder, sqlite_catalog, add_photos)


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes tasks to a file."""

    def write(*tasks: object) -> Path:
        file = tmp_path / "project-7-at-2026-02-01.json"
        file.write_text(json.dumps(tasks), encoding="utf-8")
        return file

    return write


def choose(*choices: str, name: str = "model") -> dict[str, object]:
    return {
        "id": "Xq3f0a",
        "type": "choices",
        "value": {"choices": list(choices)},
        "origin": "manual",
        "to_name": "photo",
        "from_name": name,
    }


def annotate(
    *results: object, at: str = "2026-02-01T10:00:00.123456Z", **more: object
) -> dict[str, object]:
    return {
        "id": 31,
        "completed_by": {"id": 2, "email": "mei@example.com"},
        "result": list(results),
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": at,
        "updated_at": at,
        "lead_time": 3.205,
        "prediction": {},
        "result_count": len(results),
        **more,
    }


def task(number: int, image: str, *annotations: object) -> dict[str, object]:
    """Return a task as a project of somebody else exports it."""
    return {
        "id": number,
        "annotations": list(annotations),
        "file_upload": None,
        "drafts": [],
        "predictions": [{"result": [choose("cow")], "score": 0.9}],
        "data": {"photo": image},
        "meta": {},
        "created_at": "2026-01-20T09:00:00.000000Z",
        "inner_id": number,
        "total_annotations": len(annotations),
        "cancelled_annotations": 0,
        "total_predictions": 1,
        "comment_count": 0,
        "project": 7,
    }


def test_an_export_of_somebody_elses_project_is_read(shelf, export):
    shas = shelf.add(*[("cat", seed) for seed in range(1, 8)])
    file = export(
        task(101, "/data/local-files/?d=shop/cat/1.jpg", annotate(choose("dog"))),
        task(102, "/data/upload/7/8f00b204-2.jpg", annotate(choose("猫, 大きい"))),
        task(103, "/photos/cat/3.jpg", annotate(choose("cat"), was_cancelled=True)),
        task(104, "4.jpg"),
        task(105, "5.jpg", annotate(choose("cat")), annotate(choose("dog"))),
        task(
            106,
            "6.jpg",
            annotate(choose("cat")),
            annotate(choose("dog"), ground_truth=True),
        ),
        task(107, "https://elsewhere.net/7.jpg", annotate(choose("dog"))),
        task(108, "7.jpg", annotate(choose("cow"))),
    )

    summary = shelf.read(file)

    states = shelf.states()
    assert [states[sha256] for sha256 in shas] == [
        ("dog", Status.LABELLED),
        ("猫, 大きい", Status.LABELLED),
        ("cat", Status.SCRAPED),
        ("cat", Status.SCRAPED),
        ("cat", Status.SCRAPED),
        ("dog", Status.LABELLED),
        ("cat", Status.SCRAPED),
    ]
    assert ends(summary) == {
        End.SAID: 3,
        End.SILENT: 2,
        End.FAULTY: 1,
        End.NO_IMAGE: 1,
        End.NO_CATEGORY: 1,
    }
    told = "\n".join(summary.lines)
    assert "task 7 (id 107): 'https://elsewhere.net/7.jpg'" in told
    assert "task 8 (id 108): 'cow'" in told
    assert "task 5 (id 105): it has several labels" in told
    assert ends(shelf.read(file))[End.SAME] == 3


def test_an_annotation_that_is_older_than_a_persons_word_stays_out(shelf, export):
    one, two = shelf.add(("cat", 1), ("cat", 2))
    shelf.say(one, "CAT")  # on 2 January
    shelf.say(two, "CAT")
    file = export(
        task(1, "1.jpg", annotate(choose("dog"), at="2025-12-31T23:59:59Z")),
        task(2, "2.jpg", annotate(choose("dog"), at="2026-01-03T00:00:00Z")),
    )

    assert ends(shelf.read(file)) == {End.NEWER: 1, End.SAID: 1}
    assert shelf.states() == {
        one: ("CAT", Status.LABELLED),
        two: ("dog", Status.LABELLED),
    }


def test_what_goes_out_are_tasks_that_the_configuration_fits(shelf, tmp_path):
    one, two, three, four = shelf.add(*[("cat", seed) for seed in range(4)])
    shelf.say(one, 'say "hi"')
    shelf.say(two, action=Action.REJECT)
    shelf.say(three, action=Action.UNSURE)

    written = shelf.write(tmp_path / "tasks.json")

    assert written.config == tmp_path / "tasks.xml"
    view = ET.fromstring(written.config.read_text(encoding="utf-8"))  # noqa: S314
    choices = {
        control.get("name"): [choice.get("value") for choice in control]
        for control in view.iter("Choices")
    }
    assert choices["label"] == list(CATEGORIES)
    tasks = json.loads((tmp_path / "tasks.json").read_text(encoding="utf-8"))
    assert [entry["data"]["sha256"] for entry in tasks] == [one, two, three, four]
    for entry in tasks:
        place = entry["data"]["image"].removeprefix("/data/local-files/?d=")
        assert (shelf.folder.folder / place).is_file()
    chosen = []
    for entry in tasks:
        for annotation in entry["annotations"]:
            (result,) = annotation["result"]
            (value,) = result["value"]["choices"]
            assert value in choices[result["from_name"]]
            assert result["to_name"] == view[0].get("name")
            chosen.append(value)
    assert chosen == ['say "hi"', "not usable", "unsure"]


def test_our_tasks_annotated_there_come_back(shelf, tmp_path):
    one, two, three = shelf.add(("cat", 1), ("cat", 2), ("cat", 3))
    shelf.say(one, "dog")
    out = tmp_path / "tasks.json"
    shelf.write(out)
    tasks = json.loads(out.read_text(encoding="utf-8"))
    tasks[0]["annotations"] = [annotate(choose("CAT", name="label"))]
    tasks[1]["annotations"] = [annotate(choose("unsure", name="mekiki_state"))]
    tasks[2]["annotations"] = [annotate(choose("dog", name="label"))]
    out.write_text(json.dumps(tasks), encoding="utf-8")
    shelf.say(three, "CAT")  # after the export, with none of this in view

    assert ends(shelf.read(out)) == {End.SAID: 2, End.NEWER: 1}
    assert shelf.states() == {
        one: ("CAT", Status.LABELLED),
        two: ("cat", Status.UNSURE),
        three: ("CAT", Status.LABELLED),
    }


def test_a_configuration_of_odd_names_is_valid_xml():
    names = ["<b>&amp;", "'\"", "猫"]
    view = ET.fromstring(project_config(names))  # noqa: S314

    assert [choice.get("value") for choice in view[1]] == names


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[", "is not JSON"),
        ("7", "must be a list of Label Studio's tasks"),
        ("[7]", "must be a list of Label Studio's tasks"),
        ('{"a": 1}', "has no task with data"),
        ('[{"image": "a.jpg", "annotator": 1}]', "it is a JSON-MIN; export it as JSON"),
        ("[" * 100_000, "nested too deeply|is not JSON"),
    ],
)
def test_a_file_that_holds_no_tasks_is_one_clear_line(text, told):
    with pytest.raises(InputError, match=told) as caught:
        read_tasks(text.encode(), "tasks.json")

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "odd",
    [
        {"data": None},
        {"data": {"image": 3}, "annotations": "x"},
        {"data": {"image": "a.jpg"}, "annotations": [None, {"result": 5}]},
        {
            "data": {"image": "a.jpg"},
            "annotations": [{"result": [{"type": "choices"}]}],
        },
        {"data": {"image": "a.jpg"}, "completions": [{"skipped": True}]},
        {"data": {"image": "a.jpg", "version": 1e99}, "id": True},
    ],
)
def test_odd_tasks_say_nothing_and_stop_nothing(odd):
    good = task(1, "1.jpg", annotate(choose("cat")))

    rows = read_tasks(json.dumps([odd, good]).encode(), "tasks.json")

    assert rows[0].status is None
    assert (rows[1].label, rows[1].status) == ("cat", Status.LABELLED)
