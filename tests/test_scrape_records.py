"""Published data becomes stored photos, in batches that may be cut short anywhere."""

import unicodedata
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pipeline import catalog as catalogs
from pipeline.catalog import Catalog, Outcome
from pipeline.catalog.forgetting import Forgotten, Tombstone
from pipeline.catalog.tables import Kind
from pipeline.errors import CatalogError, InputError
from pipeline.home import SetFolder
from pipeline.images import ImageStore, encode_jpeg
from pipeline.scrape.keeping import keeper_for
from pipeline.scrape.records import store_records
from pipeline.scrape.sources.discovery import Discovered, Discovery
from pipeline.settings import CifarSource, MnistSource, ParquetSource, SetSettings
from pipeline.web.fetch import Fetcher
from tests.doubles.published import (
    names_file,
    old_batch,
    rows,
    write_mnist,
    write_tar,
)

NOW = "2026-01-02T03:04:05+00:00"


def settings(kind: str, path: Path, *names: str, **scrape: object) -> SetSettings:
    return SetSettings.model_validate(
        {
            "category": [{"name": name} for name in names],
            "source": [{"kind": kind, "path": str(path)}],
            "scrape": scrape,
        }
    )


NOTHING = Forgotten(frozenset())


def store(
    folder: SetFolder,
    catalog: Catalog,
    chosen: SetSettings,
    *,
    forgotten: Forgotten = NOTHING,
    told: list[int] | None = None,
) -> Discovered:
    advance = (told if told is not None else []).append
    with closing(Fetcher(chosen.scrape)) as fetcher:
        discovery = Discovery(chosen, catalog, fetcher, lambda: NOW, advance)
        (source,) = chosen.source
        assert isinstance(source, MnistSource | CifarSource | ParquetSource)
        keeper = keeper_for(folder, chosen, forgotten)
        return store_records(source, discovery, keeper)


def stored_pixels(
    folder: SetFolder, catalog: Catalog
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    files = ImageStore(folder.images)
    for image in catalog.photos.stored():
        with Image.open(files.path(image.sha256, image.extension)) as opened:
            yield image.category, np.asarray(opened)


def test_digits_are_stored_without_loss_in_the_order_of_the_file(
    folder, catalog, tmp_path
):
    pixels = write_mnist(tmp_path / "mnist", "train", [1, 0, 1])

    found = store(folder, catalog, settings("mnist", tmp_path / "mnist", "0", "1"))

    assert found == Discovered(new=3)
    stored = list(stored_pixels(folder, catalog))
    assert [category for category, _ in stored] == ["1", "0", "1"]
    assert np.array_equal([there for _, there in stored], pixels)
    (image, *_) = catalog.photos.stored()
    assert image.origin == f"{tmp_path}/mnist/train-images-idx3-ubyte#0"
    assert (image.candidate_id, image.format) == (1, "PNG")


def test_pictures_in_colour_are_stored_without_loss(folder, sqlite_catalog, tmp_path):
    files = {
        "data_batch_1": old_batch(rows(2), [0, 1]),
        "batches.meta": names_file("cat", "dog"),
    }
    tar = write_tar(tmp_path / "cifar.tar", files)

    store(folder, sqlite_catalog, settings("cifar", tar, "cat", "dog"))

    _, there = next(stored_pixels(folder, sqlite_catalog))
    assert np.array_equal(there, rows(2)[0].reshape(3, 32, 32).transpose(1, 2, 0))


def test_files_in_a_tar_are_stored_byte_for_byte_or_refused_with_the_reason(
    folder, sqlite_catalog, tmp_path, make_photo
):
    photo = encode_jpeg(make_photo(1, 80, 70))
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    files = {
        "cat/good.jpg": photo,
        "cat/again.jpg": photo,
        "cat/page.jpg": b"<!DOCTYPE html>",
        "cat/small.jpg": encode_jpeg(make_photo(2, 40, 70)),
        "cat/cut.jpg": encode_jpeg(noise)[:5000],
        "cat/large.jpg": encode_jpeg(noise, 100),
    }
    tar = write_tar(tmp_path / "cifar.tar", files)
    chosen = settings("cifar", tar, "cat", "dog", min_side=64, max_megabytes=0.1)

    store(folder, sqlite_catalog, chosen)

    counts = sqlite_catalog.candidates.counts()
    broken = [reason for reason in counts["refused"] if reason.startswith("broken")]
    assert counts == {
        "stored": {"": 1},
        "known": {"same bytes as another candidate": 1},
        "refused": {
            broken[0]: 1,
            "more than 0.1 MB": 1,
            "not an image: an HTML page": 1,
            "smaller than 64 px": 1,
        },
    }
    (image,) = sqlite_catalog.photos.stored()
    path = ImageStore(folder.images).path(image.sha256, image.extension)
    assert path.read_bytes() == photo


def test_labels_of_no_category_are_counted_and_names_compared_as_they_are_read(
    folder, sqlite_catalog, tmp_path, make_photo
):
    apart = unicodedata.normalize("NFD", "ガ")
    labels = (apart, *(f"other {n}" for n in range(7)), "other 0")
    files = {
        f"{label}/{n}.jpg": encode_jpeg(make_photo(n, 64, 64))
        for n, label in enumerate(labels)
    }
    tar = write_tar(tmp_path / "cifar.tar", files)

    found = store(folder, sqlite_catalog, settings("cifar", tar, "ガ", "dog"))

    assert found.new == 1
    assert found.notes == (
        f"8 records of no category in {tar}: other 0, other 1, other 2, other 3,"
        " other 4 and 2 more",
        f"no record of 'dog' in {tar}",
    )
    (image,) = sqlite_catalog.photos.stored()
    assert image.category == "ガ"


def test_names_that_no_catalog_can_hold_are_left_out_and_counted(
    folder, sqlite_catalog, tmp_path, make_photo
):
    root = tmp_path / "data" / "cat"
    root.mkdir(parents=True)
    odd = root / b"\xff.jpg".decode("utf-8", "surrogateescape")
    odd.write_bytes(encode_jpeg(make_photo(1, 64, 64)))

    found = store(folder, sqlite_catalog, settings("cifar", root.parent, "cat", "dog"))

    assert f"left out for names that can't be recorded: 1 in {root.parent}" in (
        found.notes
    )


def test_running_again_stores_nothing_again_and_takes_what_is_new(
    folder, catalog, tmp_path
):
    chosen = settings("mnist", tmp_path / "mnist", "0", "1")
    write_mnist(tmp_path / "mnist", "t10k", [0, 1])
    store(folder, catalog, chosen)
    for file in folder.images.glob("*/*.png"):
        file.unlink()

    assert store(folder, catalog, chosen) == Discovered()
    assert not list(folder.images.glob("*/*.png"))

    write_mnist(tmp_path / "mnist", "train", [1], seed=5)
    assert store(folder, catalog, chosen).new == 1


def test_a_run_cut_short_anywhere_is_gone_on_with_to_the_same_catalog(
    folder, sqlite_catalog, tmp_path
):
    pixels = [0, 1] * 1200
    chosen = settings("mnist", tmp_path / "mnist", "0", "1")
    write_mnist(tmp_path / "mnist", "train", pixels)
    images = tmp_path / "mnist" / "train-images-idx3-ubyte"
    whole = images.read_bytes()
    images.write_bytes(whole[:-5])
    told: list[int] = []

    with pytest.raises(InputError, match="ends before the end"):
        store(folder, sqlite_catalog, chosen, told=told)
    images.write_bytes(whole)
    store(folder, sqlite_catalog, chosen, told=told)

    assert told == [1000, 1000, 1000, 1000, 400]
    owners = [(i.candidate_id, i.origin) for i in sqlite_catalog.photos.stored()]
    assert owners == [(n + 1, f"{images}#{n}") for n in range(2400)]


def test_a_store_that_cannot_be_written_is_one_line_and_records_nothing(
    folder, sqlite_catalog, tmp_path
):
    write_mnist(tmp_path / "mnist", "train", [0, 1])
    folder.images.write_bytes(b"in the way")

    with pytest.raises(CatalogError, match="can't be written"):
        store(folder, sqlite_catalog, settings("mnist", tmp_path / "mnist", "0", "1"))

    assert sqlite_catalog.candidates.counts() == {}


def test_what_was_refused_for_a_cause_that_passed_is_stored_later(
    folder, catalog, tmp_path
):
    write_mnist(tmp_path / "mnist", "train", [0, 1])
    small = settings("mnist", tmp_path / "mnist", "0", "1", min_side=64)
    store(folder, catalog, small)
    assert catalog.candidates.counts() == {"refused": {"smaller than 64 px": 2}}

    catalog.candidates.reopen("smaller than 64 px", ("0", "1"))
    store(folder, catalog, settings("mnist", tmp_path / "mnist", "0", "1"))

    assert catalog.candidates.counts() == {"stored": {"": 2}}


@pytest.mark.parametrize("kind", ["origin", "sha256"])
def test_what_was_taken_down_does_not_come_back(folder, sqlite_catalog, tmp_path, kind):
    write_mnist(tmp_path / "mnist", "train", [0, 1])
    chosen = settings("mnist", tmp_path / "mnist", "0", "1")
    store(folder, sqlite_catalog, chosen)
    (first, _) = sqlite_catalog.photos.stored()
    gone = Tombstone(Kind(kind), first.origin if kind == "origin" else first.sha256)
    again = SetFolder(tmp_path, "again")
    again.folder.mkdir(parents=True)

    with catalogs.opened(again) as catalog:
        store(again, catalog, chosen, forgotten=Forgotten(frozenset({gone})))

        assert catalog.candidates.counts() == {
            Outcome.STORED: {"": 1},
            Outcome.REFUSED: {"forgotten": 1},
        }
