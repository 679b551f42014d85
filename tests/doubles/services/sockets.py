"""The sockets of one server of the double: HTTP/1.1 with keep-alive, who is being
answered right now, and ways to end an answer badly."""

import os
import socket
import struct
import sys
import threading
from collections.abc import Callable
from email.utils import formatdate
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from tests.doubles.services.web import Asked, Record, Reply


class Answers(Protocol):
    """Whoever decides what is answered."""

    name: str
    record: Record

    def respond(self, asked: Asked, at_once: int) -> Reply: ...


class Connections:
    """The open connections of a server, and which of them are waiting for an answer."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.most_open = 0
        self.most_waiting = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._waiting: set[socket.socket] = set()

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._open = {one for one in self._open if not _hung_up(one)} | {connection}
            self.most_open = max(self.most_open, len(self._open))

    def closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)
            self._waiting.discard(connection)

    def asks(self, connection: socket.socket) -> int:
        """Count a request in; return how many are now waiting for their answers.

        A client that has hung up meanwhile, or was killed, waits no more.
        """
        with self._lock:
            self._waiting = {one for one in self._waiting if not _hung_up(one)}
            self._waiting.add(connection)
            self.most_waiting = max(self.most_waiting, len(self._waiting))
            return len(self._waiting)

    def answered(self, connection: socket.socket) -> None:
        with self._lock:
            self._waiting.discard(connection)

    def close_all(self) -> None:
        self.stopped.set()
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # gone already


class Listener(ThreadingHTTPServer):
    """Listens on a free port of loopback for ``owner``, whose answers it sends."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, owner: Answers) -> None:
        self.owner = owner
        self.connections = Connections()
        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep the double's own mistakes for the end; a client may vanish any time."""
        error = sys.exception()
        if error is not None and not isinstance(error, OSError):
            self.owner.record.errors.append(error)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener

    def setup(self) -> None:
        super().setup()
        self.server.connections.opened(self.connection)

    def finish(self) -> None:
        self.server.connections.closed(self.connection)
        super().finish()

    def handle_method(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        owner = self.server.owner
        asked = Asked(
            owner.name,
            self.command,
            self.path,
            {name.lower(): value for name, value in self.headers.items()},
            body,
            owner.record.clock(),
        )
        at_once = self.server.connections.asks(self.connection)
        reply = owner.respond(asked, at_once).packed_for(asked)
        if reply.ends_connection:
            self.close_connection = True
        try:
            self._send(reply, owner.record.clock())
        finally:
            self.server.connections.answered(self.connection)

    do_GET = do_HEAD = do_POST = handle_method  # noqa: N815 - the base looks for these

    def _send(self, reply: Reply, now: float) -> None:
        connections, connection = self.server.connections, self.connection
        if reply.reset and reply.cut_at is None:
            connections.closed(connection)
            _reset(connection)
            return
        payload = _head(reply, now)
        if self.command != "HEAD":
            payload += reply.body[: reply.cut_at]
        if reply.drip:
            _drip(reply, payload, connection, connections.stopped)
            return
        if reply.piece is not None:
            payload = _in_pieces(reply, payload, connection)
        # Answered just before the last byte goes out: whoever has it may ask again
        # at once, on another connection.
        connection.sendall(payload[:-1])
        connections.answered(connection)
        connection.sendall(payload[-1:])
        if reply.reset:
            connections.closed(connection)
            _reset(connection)

    def log_message(self, *_: object) -> None:
        pass


def _head(reply: Reply, now: float) -> bytes:
    fields: dict[str, str | list[str]] = {
        "Date": formatdate(now, usegmt=True),
        "Content-Type": reply.content_type,
    }
    if reply.drip:
        fields["Connection"] = "close"
    else:
        fields["Content-Length"] = str(reply.length)
    fields |= reply.headers
    lines = [f"HTTP/1.1 {reply.status} {responses.get(reply.status, '')}"]
    for name, value in fields.items():
        values = value if isinstance(value, list) else [value]
        lines += [f"{name}: {one}" for one in values]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _drip(
    reply: Reply, payload: bytes, connection: socket.socket, stopped: threading.Event
) -> None:
    wait: Callable[[], object] = reply.between or (lambda: stopped.wait(0.01))
    while not stopped.is_set():
        connection.sendall(payload)
        payload = reply.body
        wait()


def _in_pieces(reply: Reply, payload: bytes, connection: socket.socket) -> bytes:
    """Send all but the last piece, which is returned."""
    assert reply.piece is not None
    while len(payload) > reply.piece:
        connection.sendall(payload[: reply.piece])
        payload = payload[reply.piece :]
        if reply.between is not None:
            reply.between()
    return payload


def _reset(connection: socket.socket) -> None:
    no_goodbye = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_goodbye)
    os.close(connection.detach())


def _hung_up(connection: socket.socket) -> bool:
    try:
        flags = socket.MSG_PEEK | socket.MSG_DONTWAIT
        return connection.recv(1, flags) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
