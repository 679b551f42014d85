"""The web the photos come from: nginx on loopback, and one that answers late.

Both serve a folder whose robots.txt forbids ``/private/``, and write every request
into an access log of their own: the witness of what was fetched. Debian's nginx-light
has no module that delays, so the late one is ``late.py``, which answers each request
100 ms after it came, many at a time.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FORBIDDEN = "/private/"
ROBOTS = f"User-agent: *\nDisallow: {FORBIDDEN}\n"
LATENCY_S = 0.1
_START_S = 20.0

# Without "daemon off" nginx would leave the group of the process that ends it.
_NGINX = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
{user}
events {{ worker_connections 1024; }}
http {{
  types {{ image/jpeg jpg; text/plain txt; }}
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  log_format witness '$status $request_uri';
  access_log {folder}/access.log witness;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


@dataclass(frozen=True)
class Server:
    """A running server and its access log: a line ``STATUS PATH`` a request."""

    url: str
    log: Path

    def log_size(self) -> int:
        """Return where the log ends now, in bytes."""
        return self.log.stat().st_size if self.log.exists() else 0

    def requests_since(self, offset: int) -> list[tuple[int, str]]:
        """List status and path of what was asked since the log ended there."""
        with self.log.open(encoding="utf-8") as file:
            file.seek(offset)
            lines = [line.split(maxsplit=1) for line in file]
        return [(int(status), path.strip()) for status, path in lines]


def has_nginx() -> bool:
    """Say whether nginx is installed."""
    return _nginx() is not None


@contextmanager
def prompt_server(root: Path, folder: Path) -> Iterator[Server]:
    """Serve ``root`` with nginx; its configuration and logs lie in ``folder``."""
    port, program = _free_port(), _nginx()
    if program is None:
        raise FileNotFoundError("nginx is not installed: make system")
    config = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""  # the photos may be root's alone
    config.write_text(
        _NGINX.format(folder=folder, port=port, root=root, user=user), "utf-8"
    )
    errors = ["-e", str(folder / "error.log")]
    command = [program, *errors, "-c", str(config), "-p", str(folder)]
    with _running(command, port):
        yield Server(f"http://127.0.0.1:{port}", folder / "access.log")


@contextmanager
def late_server(root: Path, folder: Path) -> Iterator[Server]:
    """Serve ``root``, every answer 100 ms after its request."""
    port, log = _free_port(), folder / "late.log"
    command = [
        sys.executable,
        str(Path(__file__).with_name("late.py")),
        *(str(argument) for argument in (root, port, LATENCY_S, log)),
    ]
    with _running(command, port):
        yield Server(f"http://127.0.0.1:{port}", log)


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command)
    try:
        _wait_for(port, process)
        yield
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"the server did not start: {process.args!r}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _nginx() -> str | None:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin")
