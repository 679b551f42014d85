"""A socket that listens on this machine."""

import errno
import os
import socket

from pipeline.errors import InputError

ADDRESS = "127.0.0.1"  # reached from this machine alone
FIRST_PORT = 8501
PORTS = 100  # tried from the first
BACKLOG = 128  # connections that may wait


def listen(address: str, port: int | None) -> socket.socket:
    """Listen on ``port`` of an address of this machine, or on the first free one.

    Raises:
        InputError: It is taken, all are, or the address is no machine's of ours.
    """
    if port is not None:
        listener = _try_port(address, port)
        if listener is None:
            raise InputError(
                f"port {port} is taken; choose another with --port, or leave it out"
            )
        return listener
    for candidate in range(FIRST_PORT, FIRST_PORT + PORTS):
        listener = _try_port(address, candidate)
        if listener is not None:
            return listener
    raise InputError(
        f"ports {FIRST_PORT} to {FIRST_PORT + PORTS - 1} are all taken;"
        " name a free one with --port"
    )


def _try_port(address: str, port: int) -> socket.socket | None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # The protocol said: asyncio sends small answers at once only where it stands there,
    # and accepted sockets have it from this one. Else every answer waits for 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name != "nt":  # there it would let two servers share a port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise InputError(f"{address} is no address of this machine") from error
        return None
    listener.setblocking(False)
    return listener
