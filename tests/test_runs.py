"""Run folders: named, found again, ``latest`` moved in one step."""

import pytest

from pipeline.errors import RunError
from pipeline.runs import (
    chosen_run,
    list_runs,
    make_run,
    point_latest,
    run_of_fingerprint,
)


def started(folder, name: str, fingerprint: str = "f"):
    run = make_run(folder, name)
    run.write_toml("settings.toml", {"fingerprint": fingerprint})
    return run


def finished(folder, name: str, fingerprint: str = "f"):
    run = started(folder, name, fingerprint)
    run.write_json("metrics.json", {"val_accuracy": 0.5})
    return run


def test_a_taken_name_gets_a_number(folder):
    names = [make_run(folder, "20260102-030405-quick").name for _ in range(3)]

    assert names == [
        "20260102-030405-quick",
        "20260102-030405-quick-2",
        "20260102-030405-quick-3",
    ]


def test_latest_is_the_run_it_was_last_moved_to(folder):
    first, second = finished(folder, "a"), finished(folder, "b")

    point_latest(folder, first)
    point_latest(folder, second)

    assert chosen_run(folder).name == "b"
    assert chosen_run(folder, "a").name == "a"
    assert [run.name for run in list_runs(folder)] == ["a", "b"]


def test_an_unfinished_run_is_found_by_what_it_trains_on(folder):
    finished(folder, "a", "one")
    started(folder, "b", "two")

    found = run_of_fingerprint(folder, "two")

    assert found is not None
    assert (found.name, found.is_finished) == ("b", False)
    assert run_of_fingerprint(folder, "three") is None


def test_a_run_that_is_not_there_is_told_with_those_that_are(folder):
    finished(folder, "a")
    started(folder, "b")

    with pytest.raises(RunError, match=r"no finished run 'b' in .*finished: a\)"):
        chosen_run(folder, "b")


def test_a_damaged_file_is_told_by_its_name(folder):
    run = finished(folder, "a")
    (run.folder / "metrics.json").write_text("{", encoding="utf-8")

    with pytest.raises(RunError, match=r"metrics\.json can't be read"):
        _ = run.metrics


def test_names_in_japanese_stay_readable_in_the_files(folder):
    run = make_run(folder, "a")
    run.write_json("labels.json", ["猫", "犬"])

    assert "猫" in (run.folder / "labels.json").read_text(encoding="utf-8")
    assert run.labels == ("猫", "犬")
