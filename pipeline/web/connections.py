"""Connections that keep to public addresses and don't wait for ever.

Checking a name before connecting can be fooled by a second answer of the name server,
so a guarded connection asks once, keeps the public ones of the addresses it was told,
and connects to just these. Every connection cuts off a server that feeds its answer
drop by drop: a time limit for each read alone never ends that. Sockets know no clock
but the machine's, so these limits go by it.
"""

import http.client
import io
import socket
import time
from typing import TYPE_CHECKING

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    NameResolutionError,
    NewConnectionError,
)
from urllib3.util.connection import allowed_gai_family, create_connection

from pipeline.web.addresses import is_public

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

WHOLE_ANSWER = 5  # times the limit of a single read: what a whole answer may take


class PrivateAddressError(Exception):
    """A host has no public address. Not an ``OSError``: urllib3 lets it through."""


class _TimedReader(io.RawIOBase):
    """Reads from a socket until the whole answer has taken too long."""

    def __init__(self, raw: io.RawIOBase, held: socket.socket, limit_s: float) -> None:
        self._raw = raw
        self._socket = held
        self._limit_s = limit_s  # of one read
        self._deadline = time.monotonic() + limit_s * WHOLE_ANSWER

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "Buffer") -> int | None:
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the answer did not end")
        if left_s >= self._limit_s:
            return self._raw.readinto(buffer)
        self._socket.settimeout(left_s)
        try:
            return self._raw.readinto(buffer)
        finally:
            self._socket.settimeout(self._limit_s)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    """Headers and body must be there in time."""

    def __init__(
        self,
        sock: socket.socket,
        debuglevel: int = 0,
        method: str | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        limit_s = sock.gettimeout()
        if limit_s:
            raw = self.fp.detach()
            self.fp = io.BufferedReader(_TimedReader(raw, sock, limit_s))


class _Impatient(HTTPConnection):
    """Every answer must have come within its whole time."""

    response_class = _TimedResponse


class _Guarded(_Impatient):
    """Opened to public addresses alone."""

    def _new_conn(self) -> socket.socket:
        return _connect_publicly(self)


class _PlainTLS(_Impatient, HTTPSConnection):
    pass


class _GuardedTLS(_Guarded, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Impatient


class _PlainTLSPool(HTTPSConnectionPool):
    ConnectionCls = _PlainTLS


class _GuardedPool(HTTPConnectionPool):
    ConnectionCls = _Guarded


class _GuardedTLSPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedTLS


def pool_classes(*, allow_private: bool) -> dict[str, type[HTTPConnectionPool]]:
    """Return the pools to use, by scheme.

    Those that don't allow private addresses raise ``PrivateAddressError`` on
    connecting to a host that has no public one.
    """
    if allow_private:
        return {"http": _PlainPool, "https": _PlainTLSPool}
    return {"http": _GuardedPool, "https": _GuardedTLSPool}


def _connect_publicly(connection: HTTPConnection) -> socket.socket:
    """Open a socket to the first public address that answers."""
    host = connection.host.strip("[]")
    port = connection.port or connection.default_port
    try:
        answers = socket.getaddrinfo(
            host, port, allowed_gai_family(), socket.SOCK_STREAM
        )
    except (socket.gaierror, UnicodeError) as error:
        cause = socket.gaierror(str(error))
        raise NameResolutionError(connection.host, connection, cause) from error
    told = dict.fromkeys(str(answer[4][0]) for answer in answers)
    addresses = [address for address in told if is_public(address)]
    if not addresses:
        raise PrivateAddressError(host)
    failure: OSError | None = None
    for address in addresses:
        try:
            return create_connection(
                (address, port),
                connection.timeout,
                source_address=connection.source_address,
                socket_options=connection.socket_options,
            )
        except OSError as error:
            failure = error
    if isinstance(failure, TimeoutError):
        raise ConnectTimeoutError(connection, f"{host} timed out") from failure
    raise NewConnectionError(connection, f"{host}: {failure}") from failure
