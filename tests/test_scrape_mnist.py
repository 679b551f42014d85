"""MNIST's idx files become records, or one clear line."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from pipeline.catalog import Part
from pipeline.errors import InputError
from pipeline.scrape.sources.mnist import read_mnist
from pipeline.scrape.sources.records import Record
from pipeline.settings import MnistSource
from tests.doubles.published import digits, idx, write_mnist


def read(folder: Path, **more: object) -> list[Record]:
    source = MnistSource.model_validate({"kind": "mnist", "path": folder} | more)
    return list(read_mnist(source, 10**6))


@pytest.mark.parametrize("packed", [False, True])
def test_digits_come_in_the_order_of_the_files_with_their_part(tmp_path, packed):
    train = write_mnist(tmp_path, "train", [7, 0, 7], packed=packed)
    test = write_mnist(tmp_path, "t10k", [1, 9], seed=1, packed=packed)

    records = read(tmp_path)

    ending = ".gz" if packed else ""
    assert [(r.label, r.part, r.origin) for r in records] == [
        ("7", Part.TRAIN, f"{tmp_path}/train-images-idx3-ubyte{ending}#0"),
        ("0", Part.TRAIN, f"{tmp_path}/train-images-idx3-ubyte{ending}#1"),
        ("7", Part.TRAIN, f"{tmp_path}/train-images-idx3-ubyte{ending}#2"),
        ("1", Part.TEST, f"{tmp_path}/t10k-images-idx3-ubyte{ending}#0"),
        ("9", Part.TEST, f"{tmp_path}/t10k-images-idx3-ubyte{ending}#1"),
    ]
    pixels = np.stack([np.asarray(r.content) for r in records])
    assert np.array_equal(pixels, np.concatenate([train, test]))


def test_a_dot_before_idx_and_a_part_alone_will_do(tmp_path):
    write_mnist(tmp_path, "train", [3])
    for file in list(tmp_path.iterdir()):
        file.rename(tmp_path / file.name.replace("-idx", ".idx"))

    assert [record.label for record in read(tmp_path)] == ["3"]


def test_labels_take_the_names_that_the_source_gives(tmp_path):
    write_mnist(tmp_path, "train", [1, 0, 2])

    labels = [r.label for r in read(tmp_path, classes=("shirt", "boot"))]

    assert labels == ["boot", "shirt", "label 2"]


def test_more_digits_than_are_read_at_once_come_whole(tmp_path):
    pixels = write_mnist(tmp_path, "train", [1] * 2001)

    records = read(tmp_path)

    assert [r.origin.rpartition("#")[2] for r in records] == list(map(str, range(2001)))
    assert np.array_equal(np.asarray(records[-1].content), pixels[-1])


def broken(folder: Path) -> dict[str, tuple[str, bytes]]:
    """Name a file to spoil, what to write into it, by what is said of it."""
    images, labels = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
    whole = idx(digits(3))
    wide = whole[:8] + b"\xff\xff\xff\xff" + whole[12:]
    return {
        "no idx file of 3 dimensions": (images, b"\x89PNG" + whole[4:]),
        "begins with nothing": (images, b""),
        "begins with 00 00 0d 03": (images, b"\0\0\x0d\x03" + whole[4:]),
        "ends before the end": (images, whole[:-1]),
        "ends before the end that it states; fetch": (images, whole[:9]),
        "goes on after the end": (images, whole + b"x"),
        "which are no pictures": (images, wide),
        "3 pictures, .* 2 labels": (labels, idx(np.zeros(2, np.uint8))),
        "no idx file of 1 dimensions": (labels, whole),
    }


@pytest.mark.parametrize("said", broken(Path()))
def test_a_file_that_is_not_as_it_says_is_one_line_that_names_it(tmp_path, said):
    write_mnist(tmp_path, "train", [1, 2, 3])
    name, data = broken(tmp_path)[said]
    (tmp_path / name).write_bytes(data)

    with pytest.raises(InputError, match=said) as caught:
        read(tmp_path)

    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"no gzip", "is damaged: Not a gzipped file"),
        (gzip.compress(idx(digits(3)))[:-20], "ends before the end"),
        (gzip.compress(idx(digits(3)))[:12] + b"\xff" * 90, "is damaged"),
    ],
    ids=["not packed", "cut short", "spoiled"],
)
def test_a_damaged_packed_file_is_one_line(tmp_path, data, said):
    write_mnist(tmp_path, "train", [1, 2, 3], packed=True)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(data)

    with pytest.raises(InputError, match=said):
        read(tmp_path)


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(InputError, match=r"nowhere does not exist.*mnist"):
        read(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds none of train-images"):
        read(tmp_path)
    write_mnist(tmp_path, "train", [1])
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(
        InputError, match=r"lacks the labels .* train-images-idx3-ubyte"
    ):
        read(tmp_path)
