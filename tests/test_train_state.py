import numpy as np
import pytest

from pipeline.train.state import Arrays, Standing, StateFile


class Variable:
    """What a variable of Keras does for us."""

    def __init__(self, value):
        self.value = np.asarray(value)

    def __array__(self, dtype=None, copy=None):
        return self.value

    def assign(self, value):
        self.value = value


STANDING = Standing(
    epochs=3,
    best_epoch=2,
    best_loss=0.25,
    elapsed=12.5,
    photos_timed=100,
    photos_seconds=4.0,
    history=[{"epoch": 1, "val_loss": float("nan")}, {"epoch": 2, "val_loss": 0.25}],
)


def test_everything_comes_back(tmp_path):
    variables = [Variable(np.arange(3.0, dtype=np.float32)), Variable(np.int64(7))]
    best: Arrays = [np.ones((2, 2), np.float32), np.zeros(3, np.float32)]
    StateFile(tmp_path).save(STANDING, variables, best)

    fresh = [Variable(np.zeros(3, np.float32)), Variable(np.int64(0))]
    restored = StateFile(tmp_path).restore(fresh)

    assert restored is not None
    standing, found = restored
    assert repr(standing) == repr(STANDING)
    assert standing.images_per_second == 25
    assert [variable.value.tolist() for variable in fresh] == [[0, 1, 2], 7]
    assert all(np.array_equal(a, b) for a, b in zip(found, best, strict=True))


def test_nothing_saved_is_nothing_restored(tmp_path):
    assert StateFile(tmp_path).restore([]) is None


def test_no_best_snapshot_yet_is_no_snapshot(tmp_path):
    StateFile(tmp_path).save(Standing(epochs=1), [], [])
    restored = StateFile(tmp_path).restore([])
    assert restored is not None
    assert restored[1] == []
    assert restored[0].best_loss == float("inf")


def test_a_save_cut_off_leaves_the_one_before(tmp_path):
    state = StateFile(tmp_path)
    state.save(Standing(epochs=1), [Variable(1.0)], [])
    (tmp_path / "state" / "training.part").write_bytes(b"half of a save")
    variable = Variable(0.0)
    restored = state.restore([variable])
    assert restored is not None
    assert restored[0].epochs == 1
    state.save(Standing(epochs=2), [Variable(2.0)], [])
    assert [file.name for file in (tmp_path / "state").iterdir()] == ["training.npz"]


def test_more_snapshots_than_ten_keep_their_order(tmp_path):
    best = [np.array(number) for number in range(25)]
    StateFile(tmp_path).save(Standing(), [], best)
    restored = StateFile(tmp_path).restore([])
    assert restored is not None
    assert [int(array) for array in restored[1]] == list(range(25))


def test_removing_is_for_good_and_may_be_repeated(tmp_path):
    state = StateFile(tmp_path)
    state.save(Standing(), [], [])
    state.remove()
    state.remove()
    assert not (tmp_path / "state").exists()


def test_a_rate_needs_time():
    assert Standing().images_per_second == pytest.approx(0)
