"""Curators without a browser: they ask what the page asks, over the same routes."""

import gzip
import http.client
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks.commands import CommandError
from benchmarks.labeler.launch import TOKENS
from benchmarks.labeler.servers import Server

_TIMEOUT_S = 60.0


class ClientError(CommandError):
    """The server did not answer as it should; the message tells what it said."""


@dataclass(frozen=True)
class Said:
    """An op, and what the server answered."""

    seq: int
    sha256: str
    label: str
    base_version: int
    answer: dict[str, Any]


@dataclass
class Client:
    """A curator's tab."""

    server: Server
    user: str
    token: str
    name: str  # of the tab
    seq: int = 0
    said: list[Said] = field(default_factory=list)
    _connection: http.client.HTTPConnection | None = None

    def get(self, path: str, **query: object) -> Any:
        """Ask a route and return its JSON."""
        asked = f"{path}?{urlencode(query)}" if query else path
        return json.loads(self.fetch("GET", asked))

    def fetch(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Ask a route and return what it sends.

        Raises:
            ClientError: It answered with an error.
        """
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                "127.0.0.1", self.server.port, timeout=_TIMEOUT_S
            )
        headers = {
            "X-Mekiki-Token": self.token,
            "Content-Type": "application/json",
            "Accept-Encoding": "gzip",  # as browsers do
        }
        self._connection.request(method, f"/mekiki/api/{path}", body, headers)
        response = self._connection.getresponse()
        sent = response.read()
        if response.headers["Content-Encoding"] == "gzip":
            sent = gzip.decompress(sent)
        if response.status != http.client.OK:
            raise ClientError(f"{method} {path}: {response.status} {sent[:200]!r}")
        return sent

    def say(self, words: Sequence[tuple[str, str, int]]) -> list[Said]:
        """Say of photos what they are: sha256, label, the version that was seen."""
        ops: list[dict[str, Any]] = []
        for sha256, label, version in words:
            self.seq += 1
            ops.append(
                {
                    "seq": self.seq,
                    "sha256": sha256,
                    "action": "relabel",
                    "label": label,
                    "status": None,
                    "base_version": version,
                    "shown_ms": 300,
                    "batch": None,
                    "note": "",
                }
            )
        body = json.dumps({"outbox": [{"client": self.name, "ops": ops}]}).encode()
        answers = json.loads(self.fetch("POST", "ops", body))["answers"]
        told = {answer["seq"]: answer for answer in answers}
        new = [
            Said(op["seq"], sha256, label, version, told[op["seq"]])
            for op, (sha256, label, version) in zip(ops, words, strict=True)
        ]
        self.said += new
        return new


def clients(server: Server, scratch: Path, number: int) -> list[Client]:
    """Return as many curators, each with the token of their own."""
    tokens = json.loads((scratch / TOKENS).read_text("utf-8"))
    return [
        Client(server, user, token, f"tab-{place}-{server.port}")
        for place, (user, token) in enumerate(list(tokens.items())[:number])
    ]
