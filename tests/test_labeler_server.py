"""The labeler as a process: what it says, what it lets in, how it ends."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("streamlit", reason="the labeler needs the ui extra")

SETTINGS = '[[category]]\nname = "Cherry"\n\n[[category]]\nname = "Cosmos"\n'

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "datasets" / "flowers"
    folder.mkdir(parents=True)
    (folder / "categories.toml").write_text(SETTINGS, encoding="utf-8")
    return tmp_path


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    """Start the labeler with the given arguments; end what is still running."""
    started: list[subprocess.Popen[str]] = []
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("MEKIKI")
    }

    def run(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "labeler.server", "--home", str(home), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def announced(process: subprocess.Popen[str]) -> tuple[str, int]:
    """Wait for the one line, and return the host and port in it."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("flowers: label at http://127.0.0.1:"), line
    url = urlsplit(line.split()[3])
    assert url.hostname is not None
    assert url.port is not None
    return url.hostname, url.port


def status_of(address: tuple[str, int], path: str, host: str) -> int:
    connection = HTTPConnection(*address, timeout=10)
    connection.request("GET", path, headers={"Host": host})
    status = connection.getresponse().status
    connection.close()
    return status


def test_it_listens_where_its_line_says_and_ctrl_c_ends_it_with_130(start: Start):
    process = start("--set", "flowers", "--port", "0", "--no-browser")
    address = announced(process)

    assert status_of(address, "/_stcore/health", "127.0.0.1") == 200
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=20)

    assert (process.returncode, rest, errors) == (130, "", "")


def test_another_host_name_is_refused_and_the_last_page_ends_nothing(start: Start):
    address = announced(start("--set", "flowers", "--port", "0", "--no-browser"))

    assert status_of(address, "/", "evil.example") == 400
    assert status_of(address, "/mekiki/done", "evil.example") == 400
    assert status_of(address, "/mekiki/done", "localhost") == 307  # to the page
    assert status_of(address, "/_stcore/health", "localhost") == 200


def test_two_labelers_find_a_free_port_each(start: Start):
    first = announced(start("--set", "flowers", "--no-browser"))
    second = announced(start("--set", "flowers", "--no-browser"))

    assert first != second


def test_a_port_that_is_taken_is_one_line_and_exit_2(start: Start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start("--set", "flowers", "--port", str(port), "--no-browser")
        output, errors = process.communicate(timeout=20)

    assert (process.returncode, output) == (2, "")
    assert errors == (
        f"port {port} is taken; choose another with --port, or leave it out\n"
    )


def test_an_unknown_set_is_one_line_and_exit_2(start: Start, home: Path):
    process = start("--set", "trees", "--no-browser")
    output, errors = process.communicate(timeout=20)

    assert (process.returncode, output) == (2, "")
    assert errors == (
        f"no category set 'trees' in {home / 'datasets'} (there: flowers);"
        " write one with `mekiki new trees`\n"
    )


def test_a_wrong_argument_is_one_line_and_exit_2(start: Start):
    process = start("--set", "flowers", "--port", "many")
    output, errors = process.communicate(timeout=20)

    assert (process.returncode, output) == (2, "")
    assert errors.count("\n") == 1
    assert "--port" in errors


def test_without_streamlit_one_line_names_the_extra(start: Start, home: Path):
    hide = (
        "import sys\n"
        "sys.modules['streamlit'] = None\n"
        "from labeler.server import main\n"
        f"sys.exit(main(['--home', {str(home)!r}, '--set', 'flowers']))\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", hide], capture_output=True, text=True, check=False
    )

    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr == (
        "the labeler needs streamlit: pip install 'mekiki[ui]' (or make install)\n"
    )
