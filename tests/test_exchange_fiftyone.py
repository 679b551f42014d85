"""Folders and lists that FiftyOne reads: photos are known by their content."""

import json
import shutil

import pytest

from pipeline.catalog import Status
from pipeline.catalog.journal import Action
from pipeline.errors import InputError
from pipeline.exchange import Form
from pipeline.exchange.deciding import End
from pipeline.exchange.folders import folder_names
from pipeline.home import SetFolder
from tests.doubles.exchanging import CATEGORIES, Shelf, cut, ends, photo_bytes


@pytest.fixture
def shelf(folder, sqlite_catalog, add_photos) -> Shelf:
    return Shelf(folder, sqlite_catalog, add_photos)


def put(folder, files: dict[str, int]):
    """Write photos by seed, as a stranger's folder has them."""
    for name, seed in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(photo_bytes(seed))
    return folder


def stored(folder: SetFolder, sha256: str):
    return folder.images / sha256[:2] / f"{sha256}.jpg"


def test_every_category_gets_a_folder_of_its_own_that_a_system_takes():
    labels = [*CATEGORIES, "..", "con.", "_rejected", "a%2Fb%5Cc", "a\nb"]

    names = folder_names(labels, ["_rejected"])

    assert len({name.casefold() for name in names.values()}) == len(labels)
    for name in names.values():
        assert not set('/\\:*?"<>|\n') & set(name)
        assert not name.startswith(".")
        assert len(name.encode()) <= 255
        assert name != "_rejected"
    assert names["cat"] == "cat"
    assert names["猫, 大きい"] == "猫, 大きい"


def test_a_tree_has_a_folder_a_category_and_links_to_the_photos(shelf, tmp_path):
    one, two, three, four = shelf.add(*[("cat", seed) for seed in (1, 2, 3, 4)])
    shelf.add(("cat", 5), ("dog", 5))
    shelf.say(one, "a/b\\c")
    shelf.say(two, action=Action.REJECT)
    shelf.say(three, action=Action.UNSURE)

    shelf.write(tmp_path / "tree")

    found = {path.parent.name: path for path in (tmp_path / "tree").rglob("*.jpg")}
    assert set(found) == {"a%2Fb%5Cc", "_rejected", "_unsure", "cat", "_conflict"}
    assert found["cat"].name == f"{four}.jpg"
    assert found["cat"].samefile(stored(shelf.folder, four))


def test_photos_are_copied_where_no_link_can_be_had(shelf, tmp_path, monkeypatch):
    (one,) = shelf.add(("cat", 1))

    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    shelf.write(tmp_path / "tree")

    copy = tmp_path / "tree" / "cat" / f"{one}.jpg"
    assert not copy.samefile(stored(shelf.folder, one))
    assert copy.read_bytes() == photo_bytes(1)


def test_photos_that_were_moved_and_renamed_carry_their_new_label(shelf, tmp_path):
    one, two, three = shelf.add(("cat", 1), ("cat", 2), ("cat", 3))
    tree = tmp_path / "tree"
    shelf.write(tree)
    (tree / "dog" / "deep").mkdir(parents=True)
    (tree / "_rejected").mkdir()
    (tree / "cat" / f"{one}.jpg").rename(tree / "dog" / "deep" / "renamed.JPG")
    shutil.copyfile(tree / "cat" / f"{two}.jpg", tree / "_rejected" / "x.jpg")
    (tree / "cat" / f"{two}.jpg").unlink()
    (tree / "cat" / "Thumbs.db").write_bytes(b"x")
    (tree / "cat" / ".DS_Store").write_bytes(b"x")

    assert ends(shelf.read(tree)) == {End.SAID: 2, End.SILENT: 1}
    assert shelf.states() == {
        one: ("dog", Status.LABELLED),
        two: (None, Status.REJECTED),
        three: ("cat", Status.SCRAPED),
    }


def test_a_label_of_a_person_who_came_after_the_tree_stays(shelf, tmp_path):
    (one,) = shelf.add(("cat", 1))
    tree = tmp_path / "tree"
    shelf.write(tree)
    (tree / "cat").rename(tree / "dog")
    shelf.say(one, "CAT")

    assert ends(shelf.read(tree)) == {End.NEWER: 1}


def test_a_tree_from_elsewhere_says_what_differs_from_what_was_scraped(shelf, tmp_path):
    one, two, _ = shelf.add(("cat", 1), ("cat", 2), ("cat", 3))
    shelf.add(("cat", 4), ("dog", 4))
    tree = put(
        tmp_path / "tree",
        {
            "cat/1.jpg": 1,
            "dog/2.jpg": 2,
            "_unlabeled/3.jpg": 3,
            "cat/4.jpg": 4,
            "dog/other.jpg": 99,
            "cow/1.jpg": 1,
            "loose.jpg": 2,
        },
    )

    summary = shelf.read(tree)

    assert ends(summary) == {
        End.SAID: 2,
        End.SILENT: 2,
        End.NO_IMAGE: 1,
        End.NO_CATEGORY: 1,
    }
    assert shelf.states()[one] == ("cat", Status.SCRAPED)
    assert shelf.states()[two] == ("dog", Status.LABELLED)
    assert Status.CONFLICT not in {status for _, status in shelf.states().values()}
    assert "dog/other.jpg: sha256" in "\n".join(summary.lines)


def test_a_file_of_an_odd_name_is_told_in_one_line(shelf, tmp_path):
    shelf.add(("cat", 1))
    tree = put(tmp_path / "tree", {"dog/a\nb.jpg": 99})

    with pytest.raises(InputError, match="no row that can be used") as caught:
        shelf.read(tree)

    assert "\n" not in str(caught.value)


def test_a_folder_that_holds_something_is_not_written_into(shelf, tmp_path):
    shelf.add(("cat", 1))
    (tmp_path / "tree").mkdir()
    shelf.write(tmp_path / "tree")  # an empty one is

    with pytest.raises(InputError, match="is there already"):
        shelf.write(tmp_path / "tree")


def test_an_export_that_is_cut_short_leaves_nothing(shelf, tmp_path):
    shelf.add(("cat", 1), ("cat", 2))

    with pytest.raises(KeyboardInterrupt):
        shelf.write(tmp_path / "out" / "tree", progress=cut)

    assert list((tmp_path / "out").iterdir()) == []


def test_a_photo_that_the_store_lost_is_counted(shelf, tmp_path):
    one, _ = shelf.add(("cat", 1), ("cat", 2))
    stored(shelf.folder, one).unlink()

    written = shelf.write(tmp_path / "tree")

    assert written.missing == 1
    assert "1 photo not found in the store" in written.lines[-1]


def test_a_manifest_names_classes_by_number_and_photos_by_content(shelf, tmp_path):
    one, two = shelf.add(("cat", 1), ("dog", 2))
    shelf.say(two, action=Action.REJECT)

    shelf.write(tmp_path / "set", Form.MANIFEST)

    listed = json.loads((tmp_path / "set" / "labels.json").read_text("utf-8"))
    classes = listed["classes"]
    assert classes == [*CATEGORIES, "_rejected"]
    assert {name: classes[at] for name, at in listed["labels"].items()} == {
        one: "cat",
        two: "_rejected",
    }
    photos = {path.name for path in (tmp_path / "set" / "data").iterdir()}
    assert photos == {f"{one}.jpg", f"{two}.jpg"}


def test_a_manifest_alone_names_photos_by_where_they_lie(shelf, tmp_path):
    (one,) = shelf.add(("cat", 1))
    out = tmp_path / "labels.json"

    written = shelf.write(out)

    assert written.form is Form.MANIFEST
    (name,) = json.loads(out.read_text("utf-8"))["labels"]
    assert name == str(stored(shelf.folder, one))
    out.write_text(out.read_text("utf-8").replace(f'"{name}": 0', f'"{name}": 1'))
    assert ends(shelf.read(out)) == {End.SAID: 1}
    assert shelf.states()[one] == ("dog", Status.LABELLED)


def test_a_manifest_that_fiftyone_wrote_is_read(shelf, tmp_path):
    shas = shelf.add(*[("cat", seed) for seed in range(1, 9)])
    folder = put(
        tmp_path / "set",
        {f"data/holiday {seed}.jpg": seed for seed in range(1, 8)},
    )
    labels = {
        "holiday 1": "dog",
        "holiday 2": {"label": "dog", "confidence": 0.4},
        "holiday 3": ["dog"],
        "holiday 4": ["dog", "cat"],
        "holiday 5": None,
        "holiday 6": 7,
        "holiday 7": "_unsure",
        "/elsewhere/cat/8.jpg": "dog",
    }
    (folder / "labels.json").write_text(json.dumps({"classes": None, "labels": labels}))

    summary = shelf.read(folder)

    assert ends(summary) == {End.SAID: 5, End.FAULTY: 2, End.SILENT: 1}
    states = shelf.states()
    assert [states[shas[at]][0] for at in (0, 1, 2, 7)] == ["dog"] * 4
    assert states[shas[6]] == ("cat", Status.UNSURE)
    assert "holiday 6: its label can't be understood: 7" in "\n".join(summary.lines)


def test_photos_of_a_manifest_may_lie_where_a_list_says(shelf, tmp_path):
    (one,) = shelf.add(("cat", 1))
    folder = put(tmp_path / "set", {"elsewhere/pic.jpg": 1})
    (folder / "data.json").write_text(json.dumps({"p": "elsewhere/pic.jpg"}))
    (folder / "labels.json").write_text(
        json.dumps({"classes": ["cat", "dog"], "labels": {"p": 1}})
    )

    assert ends(shelf.read(folder)) == {End.SAID: 1}
    assert shelf.states()[one] == ("dog", Status.LABELLED)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "no folders of photos"),
        ({"a.jpg": "x"}, "no folders of photos"),
        ({"labels.json": "{"}, "is not JSON"),
        ({"labels.json": "[]"}, "must have 'labels'"),
        ({"labels.json": '{"labels": 3}'}, "must have 'labels'"),
        ({"labels.json": '{"labels": {}}'}, "has no rows"),
        ({"cat/a.jpg": "x", "mekiki.json": "{"}, "is not JSON"),
    ],
)
def test_a_folder_that_holds_no_labels_is_one_clear_line(files, told, shelf, tmp_path):
    shelf.add(("cat", 1))
    folder = tmp_path / "in"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    folder.mkdir(exist_ok=True)

    with pytest.raises(InputError, match=told) as caught:
        shelf.read(folder)

    assert "\n" not in str(caught.value)
