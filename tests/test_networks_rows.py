import errno
import resource

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.networks.rows import RowStore

KEYS = [f"{number:064x}" for number in range(6)]


def open_store(tmp_path):
    return RowStore(tmp_path, "squares", (2, 3), np.uint8)


def rows(*values):
    return np.stack([np.full((2, 3), value, np.uint8) for value in values])


def read(store, keys):
    return store.mapped()[store.places(keys)][:, 0, 0].tolist()


def test_rows_come_back_in_the_order_asked_for(tmp_path):
    store = open_store(tmp_path)
    store.add(KEYS[:3], rows(10, 11, 12))
    assert read(open_store(tmp_path), [KEYS[2], KEYS[0]]) == [12, 10]


def test_only_what_is_missing_is_named_once_and_in_order(tmp_path):
    store = open_store(tmp_path)
    store.add(KEYS[1:2], rows(1))
    assert store.missing([KEYS[2], KEYS[1], KEYS[0], KEYS[2]]) == [KEYS[2], KEYS[0]]


def test_a_row_that_is_there_stays_as_it_is(tmp_path):
    store = open_store(tmp_path)
    store.add(KEYS[:1], rows(1))
    store.add(KEYS[:2], rows(7, 8))
    assert read(store, KEYS[:2]) == [1, 8]


def test_a_key_given_twice_gets_one_row(tmp_path):
    store = open_store(tmp_path)
    store.add([KEYS[0], KEYS[0], KEYS[1]], rows(1, 1, 2))
    assert read(store, KEYS[:2]) == [1, 2]
    assert len(store.mapped()) == 2


def test_an_empty_store_has_no_rows(tmp_path):
    store = open_store(tmp_path)
    assert store.mapped().shape == (0, 2, 3)
    assert store.missing(KEYS) == KEYS
    with pytest.raises(KeyError):
        store.places(KEYS[:1])


@pytest.mark.parametrize("lost", [1, 40, 65, 66])
def test_keys_cut_off_by_a_kill_are_written_again(tmp_path, lost):
    store = open_store(tmp_path)
    store.add(KEYS[:3], rows(1, 2, 3))
    file = tmp_path / "squares.keys"
    file.write_bytes(file.read_bytes()[:-lost])

    missing = store.missing(KEYS[:3])
    store.add(missing, rows(*range(20, 20 + len(missing))))

    assert 1 <= len(missing) <= 2
    expected = [1, 2, 3][: 3 - len(missing)] + list(range(20, 20 + len(missing)))
    assert read(store, KEYS[:3]) == expected


@pytest.mark.parametrize("extra", [b"\x09" * 4, b"\x09" * 6, b"\x09" * 13])
def test_rows_whose_keys_were_never_written_do_not_count(tmp_path, extra):
    store = open_store(tmp_path)
    store.add(KEYS[:1], rows(1))
    with (tmp_path / "squares.rows").open("ab") as file:
        file.write(extra)

    assert store.missing(KEYS[:2]) == [KEYS[1]]
    store.add(KEYS[1:3], rows(2, 3))
    assert read(store, KEYS[:3]) == [1, 2, 3]


def test_a_key_without_a_whole_row_is_missing(tmp_path):
    store = open_store(tmp_path)
    store.add(KEYS[:2], rows(1, 2))
    file = tmp_path / "squares.rows"
    file.write_bytes(file.read_bytes()[:-1])
    assert store.missing(KEYS[:2]) == [KEYS[1]]
    store.add(KEYS[1:2], rows(5))
    assert read(store, KEYS[:2]) == [1, 5]


def test_rows_of_another_shape_are_refused(tmp_path):
    with pytest.raises(ValueError, match="expected rows of shape"):
        open_store(tmp_path).add(KEYS[:1], np.zeros((1, 3, 3), np.uint8))


def test_what_the_disk_has_no_room_for_is_refused_with_what_it_needs(tmp_path):
    store = RowStore(tmp_path / "cache", "squares", (10**6, 10**6, 3), np.uint8)
    expected = (
        r"1,000 photos need 3,000,000\.0 GB in .*/cache, where [\d.,]+ GB are free"
    )
    with pytest.raises(InputError, match=expected):
        store.check_room(1000)
    open_store(tmp_path).check_room(1000)


def test_a_write_that_fails_halfway_names_the_file_and_loses_nothing(tmp_path):
    store = open_store(tmp_path)
    store.add(KEYS[:1], rows(1))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, limits[1]))  # bytes: a row has 6
    try:
        with pytest.raises(OSError, match=r"squares\.rows") as caught:
            store.add(KEYS[1:3], rows(2, 3))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.errno == errno.EFBIG
    assert store.missing(KEYS[:3]) == KEYS[1:3]
    store.add(KEYS[1:3], rows(4, 5))
    assert read(store, KEYS[:3]) == [1, 4, 5]
