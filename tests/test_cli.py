"""The command line as a user meets it: output, exit codes, one line of error."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import catalog as catalogs
from pipeline.cli.exits import cli, explain
from pipeline.images import encode_jpeg

MEKIKI = [sys.executable, "-m", "pipeline.cli"]
INTERRUPTED_LINE = (
    "mekiki: interrupted; nothing is lost, the same command goes on from here\n"
)


@pytest.fixture
def mekiki(tmp_path):
    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*MEKIKI, *arguments],
            cwd=tmp_path,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_new_writes_a_set_that_works_as_it_stands(mekiki, tmp_path):
    done = mekiki("new", "birds")

    file = tmp_path / "datasets" / "birds" / "categories.toml"
    assert done.returncode == 0
    assert done.stdout.startswith(f"wrote {file}; edit it, then: mekiki scrape birds")
    assert mekiki("status", "birds").returncode == 0


def test_new_does_not_overwrite_a_set(mekiki):
    mekiki("new", "birds")

    again = mekiki("new", "birds")

    assert again.returncode == 2
    assert "is there already" in again.stderr


MISTAKES = {
    "no command": ([], "which command.*mekiki --help"),
    "no such command": (["fly"], "No such command 'fly'"),
    "no such set": (["status", "nix"], "no category set 'nix'.*mekiki new nix"),
    "a name that can't be": (
        ["new", "Big Birds"],
        "a set's name is 1 to 41 characters",
    ),
    "an option missing": (["check", "things", "x.csv"], "Missing option '--out'"),
    "no run yet": (["report", "things"], "no finished run 'latest'.*mekiki train"),
    "an empty photo list": (["predict", "things"], "Missing argument"),
}


@pytest.mark.parametrize(("arguments", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_exactly_one_line_on_stderr_and_exit_2(
    mekiki, folder, arguments, told
):
    done = mekiki(*arguments)

    assert done.returncode == 2
    assert re.search(told, done.stderr), done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_status_as_json_is_all_that_stdout_holds(
    mekiki, folder, sqlite_catalog, add_photos
):
    add_photos(sqlite_catalog, folder, ("cat", 1), ("cat", 2), ("dog", 3))

    done = mekiki("status", "things", "--json")

    assert json.loads(done.stdout) == {
        "set": "things",
        "pages": {},
        "candidates": {"stored": {"": 3}},
        "images": 3,
        "groups": 3,
        "conflicts": 0,
        "items": {"scraped": 3},
        "split": {},
        "runs": [],
    }
    assert done.stderr == ""


def test_status_reads_well_for_people(mekiki, folder, sqlite_catalog, add_photos):
    add_photos(sqlite_catalog, folder, ("cat", 1), ("dog", 3))

    lines = mekiki("status", "things").stdout.splitlines()

    assert lines == [
        "set things",
        "  candidates stored: 2",
        "  images: 2",
        "  groups: 2",
        "  conflicts: 0",
        "  items: 2 scraped",
        "  split: none yet",
        "  runs: none yet",
    ]


def test_home_moves_everything(mekiki, tmp_path):
    elsewhere = tmp_path / "elsewhere"

    mekiki("--home", str(elsewhere), "new", "birds")
    mekiki("new", "fish", MEKIKI_HOME=str(elsewhere))

    assert mekiki("--home", str(elsewhere), "sets").stdout == "birds\nfish\n"
    assert not (tmp_path / "datasets").exists()


def test_label_without_a_terminal_names_the_two_ways_on(mekiki, folder):
    done = mekiki("label", "things")

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "LABEL=skip make scrape label train" in done.stderr
    assert "mekiki label things --serve" in done.stderr


def test_label_can_be_skipped(mekiki, folder):
    done = mekiki("label", "things", LABEL="skip")

    assert done.returncode == 0
    assert done.stdout == "label: skipped (LABEL=skip); the labels are as scraped\n"


def test_our_own_mistake_leaves_its_traceback_in_a_log_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    code, line = explain(ZeroDivisionError("division by zero"))

    assert code == 3
    assert str(tmp_path / "mekiki-error.log") in line
    assert "ZeroDivisionError" in Path("mekiki-error.log").read_text(encoding="utf-8")


def test_a_full_disk_is_the_worlds_fault():
    code, line = explain(OSError(28, "No space left on device", "photo.jpg"))

    assert (code, line) == (2, "No space left on device: photo.jpg")


def test_an_interrupt_while_it_starts_is_one_line(folder):
    order = [sys.executable, "-X", "importtime", *MEKIKI[1:], "status", "things"]
    with subprocess.Popen(order, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = iter(process.stderr.readline, "")
        assert any(line.endswith(" click\n") for line in said)

        process.send_signal(signal.SIGINT)
        lines = [line for line in said if not line.startswith("import time:")]

    assert process.returncode == 130
    assert lines == ["mekiki: interrupted before anything began\n"]


def test_an_interrupt_says_how_to_go_on():
    code, line = explain(KeyboardInterrupt())

    assert code == 130
    assert "the same command goes on" in line


@pytest.fixture
def left() -> Iterator[int]:
    """A pipe whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def ended(
    order: list[str],
    *,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        order, stdout=stdout, stderr=stderr, cwd=cwd, text=True, check=False
    )


def command_that(*lines: str) -> list[str]:
    """Return the order to run ``mekiki try``, a command of these lines."""
    code = (
        "import errno, os, signal",
        "from pipeline.cli import main",
        "from pipeline.cli.group import cli",
        "@cli.command('try')",
        "def try_command():",
        *(f"    {line}" for line in lines),
        "main(['try'])",
    )
    return [sys.executable, "-c", "\n".join(code)]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["status", "--help"],
        ["status", "things"],
        ["status", "things", "--json"],
    ],
    ids=" ".join,
)
def test_a_reader_of_stdout_that_left_is_no_error(folder, left, arguments):
    home = str(folder.home)

    done = ended([*MEKIKI, "--home", home, *arguments], stdout=left)

    assert (done.returncode, done.stderr) == (0, "")


def test_a_mistake_keeps_its_exit_code_where_nobody_reads_of_it(folder, left):
    order = [*MEKIKI, "--home", str(folder.home), "status", "nix"]

    assert ended(order, stdout=left).returncode == 2
    assert ended(order, stderr=left).returncode == 2
    assert ended(order, stdout=left, stderr=left).returncode == 2
    with Path("/dev/full").open("wb") as full:
        assert ended(order, stderr=full.fileno()).returncode == 2


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_what_cannot_be_written_on_stdout_is_an_error_of_one_line(
    folder, monkeypatch, unbuffered
):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with Path("/dev/full").open("wb") as full:
        order = [*MEKIKI, "--home", str(folder.home), "status", "things"]
        done = ended(order, stdout=full.fileno())

    assert done.returncode == 2
    assert done.stderr == "mekiki: No space left on device: no file named\n"


@pytest.mark.parametrize("streams", ["stdout", "stderr", "stdout stderr"])
def test_work_is_done_to_its_end_where_nobody_reads_of_it(left, tmp_path, streams):
    order = command_that(
        "import click",
        "click.echo('begun')",
        "click.echo('halfway', err=True)",
        "print('done')",
        f"open({str(tmp_path / 'done')!r}, 'w').close()",
    )

    done = ended(order, **dict.fromkeys(streams.split(), left))

    assert (done.returncode, (tmp_path / "done").exists()) == (0, True)


@pytest.mark.parametrize("left_too", [False, True], ids=["", "stdout too"])
def test_another_broken_pipe_than_stdout_is_a_mistake_that_is_told(
    tmp_path, left, left_too
):
    order = command_that("raise BrokenPipeError(errno.EPIPE, 'Broken pipe')")

    stdout = left if left_too else subprocess.PIPE

    done = ended(order, stdout=stdout, cwd=tmp_path)

    assert done.returncode == 3
    assert done.stderr.startswith("mekiki: a mistake of mekiki's own (BrokenPipeError")
    assert done.stderr.count("\n") == 1


def test_an_input_that_ends_early_is_not_taken_for_an_interrupt(tmp_path):
    order = command_that("raise EOFError('compressed file ended')")

    done = ended(order, cwd=tmp_path)

    assert done.returncode == 3
    assert "EOFError" in done.stderr


def test_an_interrupt_is_one_line():
    done = ended(command_that("os.kill(os.getpid(), signal.SIGINT)"))

    assert (done.returncode, done.stdout, done.stderr) == (130, "", INTERRUPTED_LINE)


def test_an_interrupt_on_a_terminal_is_told_on_a_line_of_its_own():
    ours, theirs = pty.openpty()

    done = ended(command_that("os.kill(os.getpid(), signal.SIGINT)"), stderr=theirs)
    os.close(theirs)

    assert done.returncode == 130
    told = os.read(ours, 10_000).decode()
    os.close(ours)
    assert told.replace("\r\n", "\n") == f"\n{INTERRUPTED_LINE}"


def test_a_shell_is_told_how_commands_are_completed(mekiki):
    done = mekiki(_MEKIKI_COMPLETE="bash_source")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("_mekiki_completion() {")


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_says_what_it_does(mekiki, name):
    done = mekiki(name, "--help")

    assert done.returncode == 0
    assert cli.commands[name].help


def make(*arguments: str, home: Path, **environment: str):
    return subprocess.run(
        ["make", "-s", "-C", str(Path(__file__).parent.parent), *arguments],
        env={**os.environ, "MEKIKI_HOME": str(home), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_make_alone_lists_every_target_with_a_line_of_help(tmp_path):
    text = (Path(__file__).parent.parent / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"\.PHONY: ((?:.|\\\n)*?)\n\n", text)
    assert phony
    targets = set(phony[1].replace("\\\n", " ").split()) - {"check-set"}

    told = make(home=tmp_path).stdout

    assert {line.split()[1] for line in told.splitlines()} == targets


def test_make_without_a_set_lists_the_sets_and_ends_with_2(tmp_path, folder):
    done = make("scrape", "label", "train", home=tmp_path)

    assert done.returncode == 2
    assert "SET is missing" in done.stderr
    assert "things" in done.stderr


def test_a_terminal_gets_progress_and_a_file_does_not(tmp_path, folder, make_photo):
    """The bar goes to stderr, and only where that is a terminal."""
    photos = tmp_path / "photos"
    for category in ("cat", "dog"):
        (photos / category).mkdir(parents=True)
        (photos / category / "broken.jpg").write_bytes(b"no picture")
    (photos / "cat" / "whole.jpg").write_bytes(encode_jpeg(make_photo(1, 96, 96)))
    with folder.settings_file.open("a", encoding="utf-8") as file:
        file.write(f'[[source]]\nkind = "folder"\npath = "{photos}"\n')
    ours, theirs = pty.openpty()

    done = subprocess.run(
        [*MEKIKI, "scrape", "things"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=True,
    )
    os.close(theirs)

    assert b"2 refused" in done.stdout
    assert b"\x1b[" in os.read(ours, 100_000)
    os.close(ours)


def test_a_scrape_that_brings_nothing_says_so_and_where_the_reasons_are(
    mekiki, folder, tmp_path
):
    (folder.folder / "photos.csv").write_text(
        f"url,category\n{tmp_path},Cat\n", encoding="utf-8"
    )
    with folder.settings_file.open("a", encoding="utf-8") as file:
        file.write('[[source]]\nkind = "urls"\npath = "photos.csv"\n')

    done = mekiki("scrape", "things")

    assert done.returncode == 2
    assert "unknown categories: 'Cat' 1 (did you mean 'cat'?)" in done.stdout
    assert "mekiki status things says why" in done.stdout
    assert "no photo was collected for things" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_catalog_is_closed_when_a_command_ends(folder):
    with catalogs.opened(folder):
        pass

    assert not folder.catalog_file.with_name("catalog.db-wal").exists()
