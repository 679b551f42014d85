"""Parquet files as data sets are published in become records."""

import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.catalog import Part
from pipeline.errors import InputError
from pipeline.scrape.sources.parquet import read_parquet
from pipeline.scrape.sources.records import Record
from pipeline.settings import ParquetSource


def read(path: Path, max_bytes: int = 1000, **more: object) -> list[Record]:
    source = ParquetSource.model_validate({"kind": "parquet", "path": path} | more)
    return list(read_parquet(source, max_bytes))


def write(
    file: Path,
    photos: list[bytes | None],
    labels: list[object],
    names: list[str] | None = None,
    *,
    plain: bool = False,
    columns: tuple[str, str] = ("image", "label"),
) -> Path:
    """Write a file as Hugging Face does: structs of bytes and path."""
    file.parent.mkdir(parents=True, exist_ok=True)
    images: list[object] = [
        data if plain or data is None else {"bytes": data, "path": "a.png"}
        for data in photos
    ]
    kind = pa.binary() if plain else pa.struct({"bytes": pa.binary(), "path": "string"})
    table = pa.table([pa.array(images, kind), pa.array(labels)], columns)
    if names is not None:
        feature = {"names": names, "_type": "ClassLabel"}
        told = {"info": {"features": {columns[1]: feature, "image": {}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(told)})
    pq.write_table(table, file)
    return file


def test_rows_have_the_names_that_the_file_gives_and_bytes_as_they_are(tmp_path):
    file = write(tmp_path / "a.parquet", [b"one", b"two"], [1, 0], ["cat", "犬"])

    assert read(file) == [
        Record("犬", f"{file}#0", b"one"),
        Record("cat", f"{file}#1", b"two"),
    ]


@pytest.mark.parametrize("plain", [True, False])
def test_labels_may_be_words_and_columns_of_other_names(tmp_path, plain):
    columns = ("img", "breed")
    photos = [b"one", None, b"three"]
    labels: list[object] = ["cat", "dog", None]
    file = write(tmp_path / "a.parquet", photos, labels, plain=plain, columns=columns)

    records = read(file, image="img", label="breed")

    assert [(r.label, r.content) for r in records] == [
        ("cat", b"one"),
        ("dog", b""),
        ("no label", b"three"),
    ]


def test_the_names_in_the_source_go_before_those_in_the_file(tmp_path):
    file = write(tmp_path / "a.parquet", [b"1", b"2"], [0, 5], ["x", "y"])

    assert [r.label for r in read(file, classes=("cat", "dog"))] == ["cat", "label 5"]


def test_the_part_is_in_the_names_of_files_or_their_folders(tmp_path):
    for name in (
        "data/train-00000-of-00002.parquet",
        "data/train-00001-of-00002.parquet",
        "data/validation-00000-of-00001.parquet",
        "data/test-00000-of-00001.parquet",
        "default/test/0000.parquet",
        "other.parquet",
        "notes.txt",
    ):
        write(tmp_path / name, [name.encode()], ["cat"])

    found = {r.origin.removeprefix(f"{tmp_path}/"): r.part for r in read(tmp_path)}

    assert found == {
        "data/test-00000-of-00001.parquet#0": Part.TEST,
        "data/train-00000-of-00002.parquet#0": Part.TRAIN,
        "data/train-00001-of-00002.parquet#0": Part.TRAIN,
        "data/validation-00000-of-00001.parquet#0": Part.TRAIN,
        "default/test/0000.parquet#0": Part.TEST,
        "other.parquet#0": None,
    }


def test_rows_are_numbered_through_the_batches_they_are_read_in(tmp_path):
    photos: list[bytes | None] = [str(n).encode() for n in range(200)]
    file = write(tmp_path / "a.parquet", photos, ["cat"] * 200)

    records = read(file)

    assert [r.content for r in records] == photos
    assert records[199].origin == f"{file}#199"


def test_of_a_large_photo_no_more_is_handed_on_than_shows_that_it_is(tmp_path):
    file = write(tmp_path / "a.parquet", [b"x" * 5000], ["cat"])

    assert read(file, max_bytes=1000)[0].size == 1001


def test_what_cannot_be_used_is_one_line(tmp_path):
    file = tmp_path / "a.parquet"
    with pytest.raises(InputError, match=r"a\.parquet does not exist.*parquet"):
        read(file)
    with pytest.raises(InputError, match=r"holds no file that ends in \.parquet"):
        read(tmp_path)
    write(file, [b"1"], [3])
    with pytest.raises(InputError, match="numbers without names; give"):
        read(file)
    with pytest.raises(InputError, match=r"no column photo \(there: image, label\)"):
        read(file, image="photo")
    with pytest.raises(InputError, match=r"column label .* holds int64"):
        read(file, image="label")
    write(file, [b"1"], [0.5])
    with pytest.raises(InputError, match=r"must be names or numbers, got '0\.5'"):
        read(file)
    write(file, [b"1"], ["cat"])
    file.write_bytes(file.read_bytes()[:-7])
    with pytest.raises(InputError, match=r"a\.parquet can't be read as parquet: \S"):
        read(file)


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    file = write(tmp_path / "a.parquet", [b"1"], ["cat"])
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(InputError, match=r"pip install 'mekiki\[parquet\]'"):
        read(file)
