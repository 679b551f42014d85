"""CIFAR as class folders, tars and python batches; a pickle builds nothing else."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.catalog import Part
from pipeline.errors import InputError
from pipeline.scrape.sources.cifar import read_cifar
from pipeline.scrape.sources.records import Record
from pipeline.settings import CifarSource
from tests.doubles.published import names_file, old_batch, rows, write_tar

FOLDERS = {
    "cifar/train/cat/2.png": b"cat two",
    "cifar/train/cat/1.png": b"cat one",
    "cifar/test/dog/1.png": b"dog",
    "cifar/val/dog/2.png": b"val dog",
    "cifar/README": b"about",
    "cifar/train/cat/.hidden": b"x",
    "top.txt": b"x",
}


def read(path: Path, part: str | None = None, max_bytes: int = 1000) -> list[Record]:
    source = CifarSource.model_validate({"kind": "cifar", "path": path, "part": part})
    return list(read_cifar(source, max_bytes))


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_class_folders_say_class_and_part_and_files_stay_as_they_are(tmp_path):
    root = write_files(tmp_path / "data", FOLDERS)

    found = [r for r in read(root) if r.label != "cifar"]

    assert [(r.label, r.part, r.content) for r in found] == [
        ("dog", Part.TEST, b"dog"),
        ("cat", Part.TRAIN, b"cat one"),
        ("cat", Part.TRAIN, b"cat two"),
        ("dog", Part.TRAIN, b"val dog"),
    ]
    assert found[0].origin == f"{root}/cifar/test/dog/1.png"


@pytest.mark.parametrize(("name", "mode"), [("a.tar", "w"), ("a.tar.gz", "w:gz")])
def test_a_tar_of_class_folders_is_read_in_its_own_order(tmp_path, name, mode):
    tar = write_tar(tmp_path / name, FOLDERS, mode)

    found = [r for r in read(tar) if r.label != "cifar"]

    assert [(r.label, r.part, r.origin) for r in found] == [
        ("cat", Part.TRAIN, f"{tar}#cifar/train/cat/2.png"),
        ("cat", Part.TRAIN, f"{tar}#cifar/train/cat/1.png"),
        ("dog", Part.TEST, f"{tar}#cifar/test/dog/1.png"),
        ("dog", Part.TRAIN, f"{tar}#cifar/val/dog/2.png"),
    ]


def test_the_part_of_a_tar_is_said_in_the_source_not_guessed_from_its_name(tmp_path):
    tar = write_tar(tmp_path / "test.tar", {"cat/1.png": b"1", "train/cat/2.png": b"2"})

    assert [r.part for r in read(tar)] == [None, Part.TRAIN]
    assert [r.part for r in read(tar, "test")] == [Part.TEST, Part.TRAIN]


def test_of_a_large_file_no_more_is_read_than_shows_that_it_is(tmp_path):
    tar = write_tar(tmp_path / "a.tar", {"cat/1.png": b"x" * 5000})

    (record,) = read(tar, max_bytes=1000)

    assert record.size == 1001


def test_links_and_pipes_in_a_folder_are_left_out(tmp_path):
    root = write_files(tmp_path / "data", {"cat/1.png": b"1"})
    os.mkfifo(root / "cat" / "2.png")

    assert [r.content for r in read(root)] == [b"1"]


def batches(write: Callable[[int, list[int]], bytes]) -> dict[str, bytes]:
    return {
        "cifar-10-batches-py/data_batch_2": write(2, [0, 1]),
        "cifar-10-batches-py/readme.html": b"<html>",
        "cifar-10-batches-py/test_batch": write(1, [1]),
        "cifar-10-batches-py/batches.meta": names_file("cat", "dog"),
        "cifar-10-batches-py/data_batch_1": write(3, [1, 0, 1]),
    }


def old(number: int, labels: list[int]) -> bytes:
    return old_batch(rows(number), labels)


def new(number: int, labels: list[int]) -> bytes:
    """A batch as today's Python and numpy write it."""
    return pickle.dumps({b"data": rows(number), b"labels": labels}, protocol=4)


@pytest.mark.parametrize("write", [old, new])
@pytest.mark.parametrize("ending", ["", ".tar", ".tar.gz"])
def test_python_batches_become_pictures_with_the_names_of_their_classes(
    tmp_path, write, ending
):
    path = tmp_path / f"cifar{ending}"
    if ending:
        write_tar(path, batches(write), "w:gz" if ending == ".tar.gz" else "w")
    else:
        write_files(path, batches(write))

    records = read(path)

    of_test = [r for r in records if r.part is Part.TEST]
    assert [(r.label, r.part) for r in of_test] == [("dog", Part.TEST)]
    assert len(records) == 6
    first = next(r for r in records if "data_batch_1" in r.origin)
    between, before_index = ("#", "/") if ending else ("/", "#")
    folder = "cifar-10-batches-py"
    assert first.origin == f"{path}{between}{folder}/data_batch_1{before_index}0"
    assert first.label == "dog"
    expected = rows(3)[0].reshape(3, 32, 32).transpose(1, 2, 0)
    assert np.array_equal(np.asarray(first.content), expected)


def test_of_cifar_100_the_fine_labels_are_taken(tmp_path):
    values = {"data": rows(2), "fine_labels": [1, 0], "coarse_labels": [0, 0]}
    files = {
        "train": pickle.dumps(values, protocol=4),
        "meta": names_file("apple", "bear", key="fine_label_names"),
    }
    root = write_files(tmp_path / "cifar-100-python", files)

    found = [(r.label, r.part) for r in read(root)]

    assert found == [("bear", Part.TRAIN), ("apple", Part.TRAIN)]


def test_a_single_batch_will_do(tmp_path):
    write_files(tmp_path, batches(old))

    records = read(tmp_path / "cifar-10-batches-py" / "data_batch_2")

    assert [r.label for r in records] == ["cat", "dog"]


class Evil:
    """Pickled, it says: call this function with these values."""

    def __init__(self, call: Callable[..., object], *values: object) -> None:
        self.call = call
        self.values = values

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call, self.values


def asking(call: Callable[..., object], *values: object) -> bytes:
    return pickle.dumps({"data": Evil(call, *values)}, protocol=2)


def spoiled(mark: str) -> dict[str, tuple[bytes, str]]:
    return {
        "a shell": (
            asking(os.system, f"touch {mark}"),
            r"it asks for (posix|nt)\.system",
        ),
        "eval": (
            asking(eval, f"open({mark!r}, 'w')"),  # noqa: S307  not to run
            r"asks for \w+\.eval",
        ),
        "getattr": (asking(getattr, "x", "upper"), r"asks for \w+\.getattr"),
        "objects": (
            pickle.dumps({"data": np.array([[None]]), "labels": [1]}, protocol=4),
            "array of 'O8', not of bytes",
        ),
        "numbers": (
            pickle.dumps({"data": np.zeros((1, 3072)), "labels": [1]}, protocol=4),
            "array of 'f8', not of bytes",
        ),
        "much memory to remember in": (b"\x80\2}r\xff\xff\xff\x7f.", "no rows"),
        "much memory to fill": (b"\x80\5\x96" + b"\xff" * 7 + b"\0.", "or damaged"),
        "no end": (old(1, [0])[:-40], "or damaged"),
        "another shape": (old_batch(rows(2)[:, :3000], [0, 1]), "no rows of 3 x 32"),
        "too few labels": (old(2, [0]), "not one label for each"),
        "labels in words": (
            pickle.dumps({"data": rows(1), "labels": ["cat"]}, protocol=4),
            "labels that are no whole numbers",
        ),
        "a list": (b"\x80\2].", "no dict"),
        "text": (b"hello", "or damaged"),
        "nothing": (b"", "or damaged"),
        "no array": (b"\x80\2}.", "no rows"),
    }


@pytest.mark.parametrize("name", spoiled(""))
def test_a_pickle_that_is_no_batch_is_refused_and_runs_nothing(tmp_path, name):
    mark = tmp_path / "mark"
    data, said = spoiled(str(mark))[name]
    files = {"data_batch_1": data, "batches.meta": names_file("cat")}
    root = write_files(tmp_path / "data", files)

    with pytest.raises(InputError, match=said) as caught:
        read(root)

    assert str(root / "data_batch_1") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not mark.exists()


def test_batches_need_the_names_of_their_classes(tmp_path):
    root = write_files(tmp_path / "data", {"data_batch_1": old(1, [0])})

    with pytest.raises(InputError, match=r"no batches\.meta or meta beside it"):
        read(root)

    (root / "batches.meta").write_bytes(b"\x80\2}.")
    with pytest.raises(InputError, match="holds no names of classes"):
        read(root)


def test_what_cannot_be_used_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"nowhere does not exist.*cifar"):
        read(tmp_path / "nowhere")
    (tmp_path / "odd.bin").write_bytes(b"hello")
    with pytest.raises(InputError, match="neither class folders of images"):
        read(tmp_path / "odd.bin")
    tar = write_tar(tmp_path / "a.tar", {"cat/1.png": b"x" * 2000, "cat/2.png": b"y"})
    tar.write_bytes(tar.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"a\.tar is damaged"):
        read(tar)
    packed = write_tar(tmp_path / "a.tgz", FOLDERS, "w:gz")
    packed.write_bytes(packed.read_bytes()[:-30])
    with pytest.raises(InputError, match=r"a\.tgz is damaged"):
        read(packed)
