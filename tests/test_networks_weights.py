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
