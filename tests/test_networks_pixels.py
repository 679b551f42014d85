import hashlib
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.home import set_folder
from pipeline.images import ImageStore, encode_jpeg, inspect_image
from pipeline.networks.pixels import CHUNK, load_pixels, map_pixels, square_photo


@dataclass(frozen=True)
class Stored:
    sha256: str
    extension: str


def store_photo(folder, seed, size=(40, 60)):
    rng = np.random.default_rng(seed)
    data = encode_jpeg(rng.integers(0, 256, (*size, 3), dtype=np.uint8))
    facts = inspect_image(data)
    ImageStore(folder.images).put(data, facts)
    return Stored(facts.sha256, facts.extension)


@pytest.fixture
def folder(tmp_path):
    return set_folder(tmp_path, "guitars")


def test_squares_are_what_the_photo_gives_when_decoded_now(folder):
    photos = [store_photo(folder, seed) for seed in range(3)]
    found = load_pixels(folder, photos, 32)
    images = ImageStore(folder.images)
    for square, photo in zip(found, photos, strict=True):
        file = images.path(photo.sha256, photo.extension)
        assert np.array_equal(square, square_photo(file, 32))
    assert found.shape == (3, 32, 32, 3)
    assert found.dtype == np.uint8


def test_the_second_time_nothing_is_decoded(folder):
    photos = [store_photo(folder, seed) for seed in range(3)]
    first = load_pixels(folder, photos, 32)
    for photo in photos:
        ImageStore(folder.images).path(photo.sha256, photo.extension).unlink()
    assert np.array_equal(load_pixels(folder, photos, 32), first)


def test_photos_that_came_later_are_added(folder):
    old, new = store_photo(folder, 1), store_photo(folder, 2)
    before = load_pixels(folder, [old], 32)
    after = load_pixels(folder, [new, old], 32)
    assert np.array_equal(after[1], before[0])
    assert not np.array_equal(after[0], after[1])


def test_each_size_has_squares_of_its_own(folder):
    photo = store_photo(folder, 1)
    assert load_pixels(folder, [photo], 16).shape == (1, 16, 16, 3)
    assert load_pixels(folder, [photo], 24).shape == (1, 24, 24, 3)


def test_progress_counts_every_photo(folder):
    photos = [store_photo(folder, seed, (8, 8)) for seed in range(CHUNK + 3)]
    seen = []

    @contextmanager
    def progress(description, total):
        seen.append((description, total))
        yield seen.append

    load_pixels(folder, photos, 224, progress=progress)
    assert seen == [("decoding photos", CHUNK + 3), CHUNK, 3]


def test_decoding_that_was_interrupted_goes_on_where_it_was(folder):
    size = 260  # pixels: of smaller squares more are written together
    photos = [store_photo(folder, seed, (8, 8)) for seed in range(CHUNK + 3)]
    last = ImageStore(folder.images).path(photos[-1].sha256, photos[-1].extension)
    away = last.rename(last.with_suffix(".away"))
    with pytest.raises(InputError, match="can't be read any more"):
        load_pixels(folder, photos, size)
    away.rename(last)
    totals = []

    @contextmanager
    def progress(description, total):
        totals.append(total)
        yield lambda steps: None

    found = load_pixels(folder, photos, size, progress=progress)
    assert totals == [3]
    assert np.array_equal(found[-1], square_photo(last, size))


def test_nothing_is_decoded_where_the_disk_has_no_room_for_it(folder):
    photo = store_photo(folder, 1, (8, 8))
    with pytest.raises(InputError, match=r"1 photo needs 3,000\.0 GB in"):
        load_pixels(folder, [photo], 10**6)


def test_a_photo_that_left_the_store_is_named(folder):
    lost = Stored(hashlib.sha256(b"lost").hexdigest(), "jpg")
    with pytest.raises(InputError, match=rf"{lost.sha256}\.jpg can't be read any more"):
        load_pixels(folder, [lost], 32)


def test_no_photos_give_no_squares(folder):
    assert load_pixels(folder, [], 32).shape == (0, 32, 32, 3)


def test_mapped_squares_are_read_by_position(folder):
    photos = [store_photo(folder, seed) for seed in range(4)]
    mapped = map_pixels(folder, photos[::-1], 32)
    everything = load_pixels(folder, photos, 32)
    assert len(mapped) == 4
    assert np.array_equal(mapped.take([0, 3]), everything[[3, 0]])
