"""`mekiki labels` as a user meets it: its lines, its exit codes, its mistakes."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli.exits import cli
from pipeline.errors import InputError
from tests.doubles.exchanging import Shelf

Mekiki = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def shelf(folder, sqlite_catalog, add_photos) -> Shelf:
    return Shelf(folder, sqlite_catalog, add_photos)


def asked(home: Path, *arguments: str) -> Result:
    """Ask the command within this process; a mistake is the result's exception."""
    return CliRunner().invoke(
        cli, ["--home", str(home), "labels", "things", *arguments]
    )


@pytest.fixture
def labels(tmp_path) -> Mekiki:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pipeline.cli", "labels", "things", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_labels_go_out_are_edited_come_in_and_are_taken_back(shelf, labels, tmp_path):
    shelf.add(("cat", 1), ("cat", 2))
    file = tmp_path / "labels.csv"

    out = labels("--out", "labels.csv")
    assert out.stdout == "labels of 2 photos in labels.csv as csv: 2 scraped\n"

    text = file.read_text(encoding="utf-8-sig").replace(",cat,scraped", ",dog,", 1)
    file.write_text(text, encoding="utf-8")
    dry = labels("--read", "labels.csv", "--user", "mei", "--dry-run")
    assert dry.stdout == (
        "labels.csv (csv), 2 rows: 1 would be taken over as mei (1 labelled);"
        " 1 without a person's word\n"
    )
    read = labels("--read", "labels.csv", "--user", "mei")
    assert read.stdout == (
        "labels.csv (csv), 2 rows: 1 taken over as mei (1 labelled);"
        " 1 without a person's word\n"
        "to take it back: mekiki labels things --take-back FILE, the file as it is\n"
    )
    again = labels("--read", "labels.csv", "--user", "mei")
    assert again.stdout == (
        "labels.csv (csv), 2 rows: nothing new; 1 said the same before;"
        " 1 without a person's word\n"
    )
    back = labels("--take-back", "labels.csv", "--user", "mei")
    assert back.stdout == "labels.csv: 1 word taken back\n"
    runs = (out, dry, read, again, back)
    assert [run.returncode for run in runs] == [0] * 5
    assert [run.stderr for run in runs] == [""] * 5


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("labels.CSV", "csv"),
        ("tasks.json", "label-studio"),
        ("labels.json", "fiftyone-manifest"),
        ("photos", "fiftyone-tree"),
    ],
)
def test_the_format_is_told_by_the_name_and_by_what_is_in_it(
    name, form, shelf, tmp_path
):
    shelf.add(("cat", 1))
    place = str(tmp_path / name)

    assert f"{name} as {form}: 1 scraped" in asked(tmp_path, "--out", place).stdout
    read = asked(tmp_path, "--read", place, "--user", "mei")
    assert read.stdout.startswith(f"{name} ({form}), 1 row: nothing new")


MISTAKES = {
    "nothing to do": ([], "say one of --out, --read and --take-back"),
    "two things": (["--out", "a.csv", "--read", "a.csv"], "say one of --out"),
    "a stray option": (["--out", "a.csv", "--dry-run"], "go with --read"),
    "another one": (["--read", "a.csv", "--copy"], "go with --out"),
    "no such file": (["--read", "no.csv"], r"no\.csv can't be read: No such file"),
    "no format": (["--out", "a.xlsx"], r"can't be told from its name: add --format"),
    "a name": (["--read", "a.csv", "--user", "mekiki"], "add --user NAME"),
    "a place": (["--out", "categories.toml/a.csv"], "can't be written"),
    "no folder": (
        ["--read", "a.csv", "--format", "fiftyone-tree"],
        "is a file; a fiftyone-tree is a folder",
    ),
    "no file": (["--read", "in", "--format", "csv"], "is a folder; a csv is a file"),
    "a wrong format": (
        ["--read", "a.csv", "--format", "label-studio"],
        r"a\.csv is not JSON",
    ),
    "no columns": (["--read", "a.csv"], "needs the column 'label'"),
}


@pytest.mark.parametrize(("arguments", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_clear_line(arguments, told, shelf, tmp_path, monkeypatch):
    shelf.add(("cat", 1))
    (tmp_path / "a.csv").write_text("tag\ncat\n", encoding="utf-8")
    (tmp_path / "categories.toml").write_text("", encoding="utf-8")
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path)

    done = asked(tmp_path, "--user", "mei", *arguments)

    assert isinstance(done.exception, InputError)
    assert re.search(told, str(done.exception))
    assert "\n" not in str(done.exception)
    assert done.stdout == ""
