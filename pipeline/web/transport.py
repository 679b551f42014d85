"""Sending one request and getting the answer: the network as the fetcher sees it.

A transport knows nothing of consent, limits or retries. What it returns is an answer
whose body is still to be read; what it raises is what ``answers.explain`` knows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from pipeline.web.connections import pool_classes


@dataclass(frozen=True)
class Request:
    """One request to one address."""

    url: str
    headers: Mapping[str, str] = field(repr=False)  # may hold a token
    method: str = "GET"
    body: bytes = field(default=b"", repr=False)  # may hold a key


class Transport(Protocol):
    """Sends requests; safe to use from several threads."""

    def send(self, request: Request, timeout_s: float) -> HTTPResponse:
        """Return the answer's status and headers, its body still to be read.

        Raises:
            ValueError: The URL can't be sent, or not as it was judged.
            PrivateAddressError, requests.RequestException, urllib3 HTTPError: No
                answer came.
        """

    def close(self) -> None:
        """Give the connections back."""


class Network:
    """The network itself: connections are kept and used again."""

    def __init__(self, *, per_host: int, allow_private: bool) -> None:
        self._adapter = HTTPAdapter(
            pool_connections=64, pool_maxsize=per_host, max_retries=0
        )
        self._adapter.poolmanager.pool_classes_by_scheme = pool_classes(
            allow_private=allow_private
        )

    def send(self, request: Request, timeout_s: float) -> HTTPResponse:
        """Send a request; see ``Transport``."""
        prepared = requests.Request(
            request.method, request.url, headers=request.headers, data=request.body
        ).prepare()
        if prepared.url != request.url:
            raise ValueError(f"{request.url!r} would be sent as {prepared.url!r}")
        answer: HTTPResponse = self._adapter.send(
            prepared, stream=True, timeout=timeout_s, proxies={}
        ).raw
        return answer

    def close(self) -> None:
        """Give the connections back."""
        self._adapter.close()
