"""One request and its answer, read within limits; every trouble is a ``FetchError``."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import requests
import urllib3
from urllib3 import HTTPResponse

from pipeline.web.answers import (
    NOT_WEB,
    PRIVATE,
    STOPPED,
    FailedError,
    RefusedError,
    explain,
)
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
    limit_of: Callable[[int, Mapping[str, str]], Limit],
    is_stopped: Callable[[], bool],
) -> Received:
    """Send a request and read its answer.

    Args:
        transport: Sends it.
        request: What is asked.
        timeout_s: For the connection and for each read.
        limit_of: Is told status and headers before the body is read; returns how much
            of it is wanted, or raises the ``FetchError`` that it is refused by.
        is_stopped: Ends the reading.

    Raises:
        RefusedError, FailedError: No answer, or none that is wanted.
    """
    with _explained():
        response = transport.send(request, timeout_s)
        try:
            limit = limit_of(response.status, response.headers)
            body = _read(response, limit, is_stopped)
            return Received(response.status, response.headers, body)
        finally:
            response.close()
            response.release_conn()


@contextmanager
def _explained() -> Iterator[None]:
    """Say in our words what may go wrong on the way."""
    try:
        yield
    except PrivateAddressError as error:
        raise RefusedError(PRIVATE) from error
    except ValueError as error:  # a URL that can't be sent
        raise RefusedError(NOT_WEB) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise explain(error) from error


def _read(
    response: HTTPResponse, limit: Limit, is_stopped: Callable[[], bool]
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
            raise RefusedError(
                f"more than {limit.max_bytes / MEGABYTE:g} MB",
                status=response.status,
                content_type=response.headers.get("Content-Type"),
            )
        if is_stopped():
            raise FailedError(STOPPED)
    return b"".join(chunks)[: limit.max_bytes]
