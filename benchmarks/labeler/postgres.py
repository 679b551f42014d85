"""A PostgreSQL server on loopback, for as long as it is measured."""

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_COMMANDS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def has_postgresql() -> bool:
    """Say whether PostgreSQL is installed."""
    return bool(_COMMANDS)


@contextmanager
def postgresql() -> Iterator[str]:
    """Start a server and return its address; it refuses to run as root."""
    commands = _COMMANDS[-1]
    data = Path(tempfile.mkdtemp(prefix="mekiki-bench-postgresql-"))
    owner, as_owner = getpass.getuser(), []
    if os.geteuid() == 0:
        owner = "postgres"
        as_owner = ["runuser", "-u", owner, "--"]
        shutil.chown(data, owner)

    def run(program: str, *options: str) -> None:
        command = [*as_owner, str(commands / program), "-D", str(data), *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=data)

    port = _free_port()
    served = f"-p {port} -k {data} -c listen_addresses=127.0.0.1"
    try:
        run("initdb", "-A", "trust")
        run("pg_ctl", "-w", "-o", served, "-l", str(data / "log"), "start")
        yield f"postgresql://{owner}@127.0.0.1:{port}/postgres"
        run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(data, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
