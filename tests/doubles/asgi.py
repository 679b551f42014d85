"""Asks an ASGI app without a network: one request in, one answer out."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp, Message, Scope


@dataclass(frozen=True)
class Answer:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body's value."""
        return json.loads(self.body)


def ask(
    app: ASGIApp,
    method: str,
    address: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | Any = b"",
) -> Answer:
    """Send ``app`` one request, and wait for all of its answer.

    Args:
        app: Any ASGI app; it is not started (no lifespan).
        method: ``GET``, ``POST``, ...
        address: The path, with a query or not.
        headers: Latin-1 text, as in HTTP; ``Host`` is 127.0.0.1 where none is given.
        body: Bytes, or a value that is sent as JSON.
    """
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent: list[Message] = []
    asked = [{"type": "http.request", "body": data, "more_body": False}]

    async def receive() -> Message:
        return asked.pop() if asked else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    async def call() -> None:
        await app(_scope(method, address, headers or {}), receive, send)

    asyncio.run(call())
    start = next(one for one in sent if one["type"] == "http.response.start")
    bodies = [one.get("body", b"") for one in sent if one["type"].endswith(".body")]
    told = {name.decode(): text.decode("latin-1") for name, text in start["headers"]}
    return Answer(start["status"], told, b"".join(bodies))


def _scope(method: str, address: str, headers: Mapping[str, str]) -> Scope:
    parts = urlsplit(address)
    named = {"host": "127.0.0.1"} | {name.lower(): headers[name] for name in headers}
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "root_path": "",
        "query_string": parts.query.encode(),
        "headers": [
            (name.encode(), text.encode("latin-1")) for name, text in named.items()
        ],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 80),
    }
