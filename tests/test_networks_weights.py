import hashlib

import pytest

from pipeline.errors import WeightsError
from pipeline.networks.weights import weights_key


@pytest.mark.parametrize("weights", ["imagenet", "none"])
def test_weights_without_a_file_are_their_own_key(weights):
    assert weights_key(weights) == weights


def test_a_file_is_known_by_what_it_holds(tmp_path):
    file = tmp_path / "network.weights.h5"
    file.write_bytes(b"weights")
    assert weights_key(str(file)) == hashlib.sha256(b"weights").hexdigest()


def test_a_missing_file_is_one_line_with_the_choices(tmp_path):
    file = tmp_path / "absent.weights.h5"
    with pytest.raises(WeightsError) as caught:
        weights_key(str(file))
    assert str(caught.value) == (
        f"[train] weights: {file} can't be read (No such file or directory); expected"
        ' "imagenet", "none", or the path of a .weights.h5 or .h5 file saved without'
        " the top"
    )


def test_a_file_with_its_own_hash_is_taken(tmp_path):
    file = tmp_path / "some.weights.h5"
    file.write_bytes(b"weights")
    found = weights_key(str(file))
    assert weights_key(str(file), found) == found


def test_a_file_with_another_hash_is_refused_with_both_and_what_to_do(tmp_path):
    file = tmp_path / "some.weights.h5"
    file.write_bytes(b"weights")
    with pytest.raises(WeightsError) as caught:
        weights_key(str(file), "ab" * 32)
    assert str(caught.value) == (
        f"[train] weights: {file} has the sha256 {weights_key(str(file))}, expected"
        f" {'ab' * 32} (weights_sha256): fetch the file again, or correct or remove"
        " weights_sha256"
    )
