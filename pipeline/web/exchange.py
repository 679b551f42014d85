"""One request and its answer, read within limits; every trouble is a ``FetchError``."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import requests
import urllib3
from urllib3 import HTTPHeaderDict, HTTPResponse

from pipeline.web.answers import NOT_WEB, PRIVATE, RefusedError, explain
from pipeline.web.connections import PrivateAddressError
from pipeline.web.transport import Request, Transport

MEGABYTE = 1_000_000
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Limit:
    """How many bytes are read, and whether what is longer is cut or refused."""

    max_bytes: int
    cut: bool = False


@dataclass(frozen=True)
class Received:
    """What a server answered, whatever its status."""

    status: int
    headers: Mapping[str, str]  # names in any case
    body: bytes


# Of a body that nobody wants, so much is read that the connection can be kept.
DRAINED = Limit(64 * 1024, cut=True)


def exchange(
    transport: Transport,
    request: Request,
    timeout_s: float,
    limit_of: Callable[[int, HTTPHeaderDict], Limit],
    note_bytes: Callable[[int], None],
) -> Received:
    """Send a request and read its answer.

    Args:
        transport: Sends it.
        request: What is asked.
        timeout_s: For the connection and for each read.
        limit_of: Is told status and headers before the body is read; returns how much
            of it is wanted, or raises the ``FetchError`` that it is refused by.
        note_bytes: Is told how many bytes came; may wait before more are read, or end
            the reading by a ``FetchError``.

    Raises:
        RefusedError, FailedError: No answer, or none that is wanted.
    """
    with explained():
        response = transport.send(request, timeout_s)
        try:
            try:
                limit = limit_of(response.status, response.headers)
                _check_announced(response, limit)
            except RefusedError:
                _drain(response)
                raise
            body = _read(response, limit, note_bytes)
            return Received(response.status, response.headers, body)
        finally:
            response.close()
            response.release_conn()


@contextmanager
def explained() -> Iterator[None]:
    """Say in our words what may go wrong on the way."""
    try:
        yield
    except PrivateAddressError as error:
        raise RefusedError(PRIVATE) from error
    except ValueError as error:  # a URL that can't be sent
        raise RefusedError(NOT_WEB) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise explain(error) from error


def _check_announced(response: HTTPResponse, limit: Limit) -> None:
    """Refuse what is said to be too large, before it is read."""
    announced = _announced_bytes(response)
    if not limit.cut and announced is not None and announced > limit.max_bytes:
        raise _too_large(response, limit)


def _drain(response: HTTPResponse) -> None:
    """Read a small body that is refused, so that the connection can be kept."""
    announced = _announced_bytes(response)
    if announced is not None and announced <= DRAINED.max_bytes:
        with suppress(urllib3.exceptions.HTTPError):
            while response.read1(_CHUNK, decode_content=False):
                pass


def _announced_bytes(response: HTTPResponse) -> int | None:
    written = response.headers.get("Content-Length", "").strip()
    return int(written) if written.isdecimal() else None


def _read(
    response: HTTPResponse, limit: Limit, note_bytes: Callable[[int], None]
) -> bytes:
    """Read a body within its limit of size."""
    chunks: list[bytes] = []
    size = 0
    while chunk := response.read1(_CHUNK, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        if size > limit.max_bytes:
            if limit.cut:
                break
            raise _too_large(response, limit)
        note_bytes(len(chunk))
    return b"".join(chunks)[: limit.max_bytes]


def _too_large(response: HTTPResponse, limit: Limit) -> RefusedError:
    return RefusedError(
        f"more than {limit.max_bytes / MEGABYTE:g} MB",
        status=response.status,
        content_type=response.headers.get("Content-Type"),
    )
