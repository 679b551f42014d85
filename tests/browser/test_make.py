"""``make scrape label train`` on a terminal: Done goes on, Ctrl-C ends it all."""

import os
import pty
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from pipeline.home import SetFolder, set_folder
from pipeline.images import encode_jpeg
from pipeline.runs import list_runs

ROOT = Path(__file__).parents[2]
SETTINGS = """
[[category]]
name = "cat"
[[category]]
name = "dog"
[[source]]
kind = "folder"
path = "photos"
[train]
recipe = "small-cnn"
weights = "none"
image_size = 32
epochs = 1
[robustness]
max_photos = 2
"""


class Terminal:
    """A command that believes to run on a terminal, and what it wrote there."""

    def __init__(self, command: list[str], home: Path) -> None:
        self.ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "MEKIKI_HOME": str(home), "BROWSER": "true"},
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509  no thread runs here yet
        )
        os.close(theirs)
        self.written = ""

    def read_until(self, pattern: str) -> re.Match[str]:
        """Read on until the pattern was written.

        Raises:
            AssertionError: The command ended before.
        """
        while not (found := re.search(pattern, self.written)):
            more = self._read()
            assert more, f"no {pattern!r} in:\n{self.written}"
        return found

    def wait(self) -> int:
        """Read to the end and return the exit code."""
        while self._read():
            pass
        return self.process.wait()

    def press_ctrl_c(self) -> None:
        os.write(self.ours, b"\x03")

    def _read(self) -> str:
        try:
            more = os.read(self.ours, 4096).decode(errors="replace")
        except OSError:  # the other side is closed
            return ""
        self.written += more
        return more


def _take_terminal() -> None:
    """Make stdin the controlling terminal, so that Ctrl-C is a signal."""
    os.close(os.open(os.ttyname(0), os.O_RDWR))


@pytest.fixture
def folder(tmp_path, make_photo) -> SetFolder:
    folder = set_folder(tmp_path, "pets")
    for shift, category in enumerate(("cat", "dog")):
        photos = folder.folder / "photos" / category
        photos.mkdir(parents=True)
        for number in range(6):
            data = encode_jpeg(make_photo(100 * shift + number))
            (photos / f"{number}.jpg").write_bytes(data)
    folder.settings_file.write_text(SETTINGS, encoding="utf-8")
    return folder


@pytest.fixture
def terminal(folder: SetFolder) -> Iterator[Terminal]:
    order = ["make", "-C", str(ROOT), "scrape", "label", "train", "SET=pets"]
    terminal = Terminal(order, folder.home)
    yield terminal
    if terminal.process.poll() is None:
        terminal.process.kill()
        terminal.process.wait()
    os.close(terminal.ours)


def test_done_lets_the_chain_go_on_to_a_trained_run(
    browser: Browser, terminal: Terminal, folder: SetFolder
):
    address = terminal.read_until(r"http://127\.0\.0\.1:\d+")[0]
    page = browser.new_page()
    page.goto(address)
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_text("you can close this tab")).to_be_visible()
    page.close()

    assert terminal.wait() == 0, terminal.written
    (run,) = list_runs(folder)
    assert run.is_finished
    assert (run.folder / "robustness.csv").is_file()
    assert (folder.models / "latest" / "report.html").is_file()


def test_ctrl_c_ends_the_whole_chain_and_the_same_line_goes_on(
    terminal: Terminal, folder: SetFolder
):
    terminal.read_until(r"http://127\.0\.0\.1:\d+")
    terminal.press_ctrl_c()

    assert terminal.wait() != 0
    assert "Traceback" not in terminal.written
    assert list_runs(folder) == []
    again = Terminal(["make", "-C", str(ROOT), "scrape", "SET=pets"], folder.home)
    assert again.wait() == 0
    assert "0 new candidates" in again.written
    os.close(again.ours)
