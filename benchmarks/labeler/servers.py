"""The labelers as processes, ours and the minimal one, and what they cost."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.commands import PEERS, ROOT, CommandError
from benchmarks.labeler.photos import CATEGORIES
from pipeline.home import SetFolder

PORT = "PORT"
_START_S = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")


class ServerError(CommandError):
    """A server did not start; the message says what it said."""


@dataclass
class Server:
    """A server on loopback that can be ended as by a power cut, and started again."""

    command: Sequence[str]  # PORT stands for the port
    log: Path
    port: int = 0  # 0: any; then the one it has
    environment: dict[str, str] = field(default_factory=dict)
    started_s: float = 0.0  # from its start until it listened
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it listens.

        Raises:
            ServerError: It ended, or did not listen in time.
        """
        self.port = self.port or _free_port()
        began = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(self.port) if part == PORT else part for part in self.command],
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=_plain_environment() | self.environment,
            )
        while time.monotonic() - began < _START_S and self._process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                self.started_s = time.monotonic() - began
                return
            time.sleep(0.02)
        said = self.log.read_text("utf-8", "replace").strip().splitlines()
        raise ServerError(f"did not start: {said[-1] if said else 'it said nothing'}")

    def kill(self) -> None:
        """End it at once, with nothing put in order."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    @property
    def cpu_s(self) -> float:
        """What it has computed so far, its children left out."""
        stat = self._proc("stat")
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS  # user, system

    @property
    def memory_mib(self) -> float:
        """What it holds in memory."""
        found = re.search(r"VmRSS:\s+(\d+) kB", self._proc("status"))
        return int(found[1]) / 1024 if found else 0.0

    def _proc(self, name: str) -> str:
        if self._process is None:
            raise ServerError("is not running")
        return Path(f"/proc/{self._process.pid}/{name}").read_text("utf-8")


@contextmanager
def labeler(folder: SetFolder, scratch: Path, **environment: str) -> Iterator[Server]:
    """Run our labeler on a set.

    Args:
        folder: The set.
        scratch: Where it may write what it says.
        environment: Variables for it alone, such as the address of a database.
    """
    command = [sys.executable, "-m", "benchmarks.labeler.launch", str(scratch)]
    command += ["--home", str(folder.home), "--set", folder.name]
    command += ["--no-browser", "--port", PORT]
    yield from _running(Server(command, scratch / "labeler.log", 0, environment))


@contextmanager
def minimal_labeler(photos: Path, scratch: Path) -> Iterator[Server]:
    """Run the minimal labeler on a folder of photos."""
    command = [sys.executable, "-m", "streamlit", "run"]
    command += [str(PEERS / "minimal_labeler.py"), "--server.port", PORT]
    command += ["--server.address", "127.0.0.1", "--server.headless", "true"]
    command += ["--browser.gatherUsageStats", "false"]
    command += ["--server.fileWatcherType", "none"]
    command += ["--", str(photos), str(scratch / "minimal.db"), *CATEGORIES]
    yield from _running(Server(command, scratch / "minimal.log"))


def _running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.kill()


def _plain_environment() -> dict[str, str]:
    """Return our environment without what would change a labeler."""
    return {
        name: os.environ[name] for name in os.environ if not name.startswith("MEKIKI")
    }


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
