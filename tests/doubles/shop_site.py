"""A small web server on loopback for tests: what it says is told to it, request by
request it writes down what it was asked."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Reply:
    """One answer of the site."""

    body: bytes = b""
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    # A name has one value, or a list of them.
    headers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    drip: bool = False  # sends the body again and again, while anybody listens
    claimed_length: int | None = None  # Content-Length, where it is a lie
    reset: bool = False  # breaks the connection off instead of answering


@dataclass
class Site:
    """What the site answers by path, and what it was asked."""

    url: str
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    user_agents: set[str] = field(default_factory=set)
    connections: int = 0
    # Called with each path before it is answered; may wait.
    before: Callable[[str], None] = lambda _path: None

    def add(self, path: str, *replies: Reply | bytes | str) -> str:
        """Answer ``path`` with the replies in turn, the last one ever after."""
        self.replies[path] = [_reply(one) for one in replies]
        return self.url + path

    def times(self, path: str) -> int:
        """Count how often ``path`` was asked for."""
        return self.requests.count(path)

    def next_reply(self, path: str) -> Reply:
        waiting = self.replies.get(path)
        if waiting is None:
            return Reply(b"nothing here", 404, "text/plain")
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


def photo(body: bytes) -> Reply:
    return Reply(body, content_type="image/jpeg")


def moved(to: str, status: int = 302) -> Reply:
    return Reply(b"moved", status, headers={"Location": to})


@contextmanager
def serve_site() -> Iterator[Site]:
    """Run an empty site on a free port of loopback."""
    lock = threading.Lock()
    stopped = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            with lock:
                site.connections += 1

        def do_GET(self) -> None:
            with lock:
                site.requests.append(self.path)
                site.user_agents.add(self.headers.get("User-Agent", ""))
            site.before(self.path)
            with lock:
                reply = site.next_reply(self.path)
            try:
                self._send(reply)
            except OSError:  # whoever asked has gone
                self.close_connection = True

        def _send(self, reply: Reply) -> None:
            if reply.reset:
                no_linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, no_linger
                )
                self.connection.close()
                self.close_connection = True
                return
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            for name, values in reply.headers.items():
                for value in [values] if isinstance(values, str) else values:
                    self.send_header(name, value)
            length = reply.claimed_length
            if not reply.drip:
                length = len(reply.body) if length is None else length
                self.send_header("Content-Length", str(length))
            self.end_headers()
            if length != len(reply.body):
                self.close_connection = True
            self.wfile.write(reply.body)
            while reply.drip and not stopped.wait(0.01):
                self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    site = Site(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _reply(one: Reply | bytes | str) -> Reply:
    if isinstance(one, Reply):
        return one
    if isinstance(one, bytes):
        return photo(one)
    return Reply(one.encode())
