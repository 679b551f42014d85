"""What was learned, between the processes: whole, cheap to ask for, never trusted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.home import SetFolder
from pipeline.suggest.kept import (
    KeptFeatures,
    Learned,
    Learning,
    LearnState,
    Suggestion,
    read_features,
    read_state,
    read_suggestions,
    state_file,
    suggestions_file,
    write_features,
    write_state,
    write_suggestions,
)

NOW = "2026-01-02T03:04:05+00:00"


def learned(number: int = 3, **changed) -> Learned:
    """Return suggestions for photos named by 64 letters."""
    rows = {
        "sha256s": [f"{place:064x}" for place in range(number)],
        "names": ("ストラト", "SG"),
        "places": np.arange(number) % 2,
        "confidence": np.linspace(0, 1, number),
        "doubt": np.linspace(1, 0, number),
        "helpful": np.arange(number)[::-1],
        "wrong": (4, 2, 9),
    }
    return Learned(**(rows | changed))


def test_what_is_kept_is_read_as_it_was(folder):
    write_suggestions(folder, learned(), NOW)

    found = read_suggestions(folder)

    assert found is not None
    assert len(found) == 3
    assert found.made_at == NOW
    assert found.wrong == (4, 2, 9)
    assert list(found.helpful) == [f"{place:064x}" for place in (2, 1, 0)]
    assert found.get(f"{1:064x}") == Suggestion("SG", 0.5, 0.5)
    assert found.get(f"{0:064x}") == Suggestion("ストラト", 0.0, 1.0)
    assert found.get("f" * 64) is None


def test_nothing_is_read_again_while_nothing_is_newer(folder):
    assert read_suggestions(folder) is None
    write_suggestions(folder, learned(), NOW)
    first = read_suggestions(folder)
    assert first is not None
    assert read_suggestions(folder, newer_than=first) is first

    write_suggestions(folder, learned(2, wrong=None), NOW)
    newer = read_suggestions(folder, newer_than=first)

    assert newer is not None
    assert newer.stamp != first.stamp
    assert (len(newer), newer.wrong) == (2, None)


@pytest.mark.parametrize(
    "content",
    [b"", b"no zip", b"PK\x03\x04 cut short"],
    ids=["empty", "text", "cut short"],
)
def test_a_file_that_is_damaged_counts_as_none(folder, content):
    folder.cache.mkdir(parents=True)
    suggestions_file(folder).write_bytes(content)
    assert read_suggestions(folder) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"places": np.array([0, 1, 2])},
        {"helpful": np.array([3])},
        {"confidence": np.array([0.1, np.nan, 0.2])},
        {"confidence": np.array([0.1])},
    ],
    ids=["no such category", "no such photo", "not a number", "too short"],
)
def test_arrays_that_do_not_fit_together_count_as_none(folder, changed):
    write_suggestions(folder, learned(**changed), NOW)
    assert read_suggestions(folder) is None


def test_a_pickle_is_never_loaded(folder):
    write_suggestions(folder, learned(), NOW)
    with np.load(suggestions_file(folder)) as kept:
        arrays = dict(kept)
    arrays["names"] = np.array(["a", {"b": 1}], object)
    np.savez(suggestions_file(folder), **arrays)
    assert read_suggestions(folder) is None


def test_features_are_those_of_the_network_they_were_made_with(folder):
    rows = np.arange(6, dtype=np.float32).reshape(2, 3)
    kept = KeptFeatures("one", ["a" * 64, "b" * 64], rows, ["c" * 64])
    assert read_features(folder, "one") is None
    write_features(folder, kept)

    found = read_features(folder, "one")

    assert found is not None
    assert (found.sha256s, found.broken) == (kept.sha256s, kept.broken)
    assert np.array_equal(found.rows, rows)
    assert read_features(folder, "other") is None


@given(
    st.builds(
        LearnState,
        st.sampled_from(Learning),
        st.integers(0, 10**9),
        st.integers(0, 10**9),
        st.text(),
        st.integers(0, 10**9),
    )
)
def test_the_state_is_read_as_it_was(tmp_path_factory, state):
    folder = SetFolder(tmp_path_factory.getbasetemp(), "state")
    write_state(folder, state)
    assert read_state(folder) == state


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"state": "asleep"}'])
def test_a_state_that_can_not_be_read_is_off(folder, text):
    if text is not None:
        folder.cache.mkdir(parents=True)
        state_file(folder).write_text(text, "utf-8")
    assert read_state(folder).state is Learning.OFF
