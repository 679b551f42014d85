"""What the servers of the double speak of: a request, an answer as it should be or
spoiled, and the record of all that was asked and of what broke the rules."""

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from functools import cached_property
from math import ceil
from urllib.parse import parse_qsl, urlsplit

Clock = Callable[[], float]  # seconds since 1970
Headers = Mapping[str, str | list[str]]  # a list is sent as several headers


class HandClock:
    """A clock that stands still until a test moves ``now``."""

    def __init__(self, now: float = 1_700_000_000.5) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Asked:
    """One request."""

    server: str
    method: str
    target: str  # the path and the query, as sent
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    at: float  # by the clock

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @cached_property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def agent(self) -> str:
        return self.headers.get("user-agent", "")


@dataclass(frozen=True)
class Logged:
    """One line of the log; ``status`` 0 stands for a connection that was reset."""

    server: str
    method: str
    target: str
    agent: str
    authorized: bool  # an Authorization header was there
    at: float
    status: int

    @property
    def path(self) -> str:
        return urlsplit(self.target).path


@dataclass(frozen=True)
class Reply:
    """One answer."""

    body: bytes = b""
    status: int = 200
    content_type: str = "text/plain; charset=utf-8"
    headers: Headers = field(default_factory=dict)
    claimed_length: int | None = None  # Content-Length, where it is a lie
    cut_at: int | None = None  # hangs up after so many bytes of the body
    reset: bool = False  # resets the connection: at once, or after ``cut_at`` bytes
    drip: bool = False  # sends the body again and again, while anybody listens
    piece: int | None = None  # sends the body in pieces of so many bytes
    between: Callable[[], None] | None = None  # called between drips and pieces, where
    # a test moves its clock; else drips are 10 ms apart
    retry_at: float | None = None  # by the clock; asking earlier is a violation

    @property
    def ends_connection(self) -> bool:
        """Whether nothing can follow this on the same connection."""
        whole = self.cut_at is None and self.length == len(self.body)
        return self.drip or self.reset or not whole

    @property
    def length(self) -> int:
        """The Content-Length."""
        return len(self.body) if self.claimed_length is None else self.claimed_length

    def with_headers(self, headers: Headers) -> "Reply":
        return replace(self, headers={**self.headers, **headers})

    def packed_for(self, asked: Asked) -> "Reply":
        """Return a text compressed, where the client takes that; spoiled ones not."""
        is_text = self.content_type.startswith(("text/", "application/json"))
        is_plain = is_text and self.body and "Content-Encoding" not in self.headers
        takes_it = "gzip" in asked.headers.get("accept-encoding", "")
        if not takes_it or not is_plain or self.ends_connection or self.piece:
            return self
        coding = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return replace(self, body=gzip.compress(self.body)).with_headers(coding)


Trouble = Callable[[float], Reply]  # from the time by the clock


def json_reply(
    value: object, status: int = 200, headers: Headers | None = None
) -> Reply:
    body = json.dumps(value, ensure_ascii=False).encode()
    return Reply(body, status, "application/json; charset=utf-8", headers or {})


def wait_first(
    reply: Reply, seconds: float, now: float, *, as_date: bool = False
) -> Reply:
    """Return ``reply`` with Retry-After, in seconds or as an HTTP-date."""
    retry_at = ceil(now + seconds) if as_date else now + ceil(seconds)
    value = formatdate(retry_at, usegmt=True) if as_date else str(ceil(seconds))
    headers = {**reply.headers, "Retry-After": value}
    return replace(reply, headers=headers, retry_at=retry_at)


def too_many(
    seconds: float, *, as_date: bool = False, status: int = 429, body: bytes = b"slow"
) -> Trouble:
    """Return a 429 (or a 503) that says how long to wait."""
    reply = Reply(body, status)
    return lambda now: wait_first(reply, seconds, now, as_date=as_date)


class Record:
    """What all servers write down. Appending to a list is safe between threads."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.log: list[Logged] = []
        self.violations: list[str] = []
        self.errors: list[BaseException] = []  # the double's own mistakes

    def add(self, asked: Asked, status: int) -> None:
        self.log.append(
            Logged(
                asked.server,
                asked.method,
                asked.target,
                asked.agent,
                "authorization" in asked.headers,
                asked.at,
                status,
            )
        )

    def violation(self, asked: Asked, what: str) -> None:
        self.violations.append(f"{asked.server}: {what}: {asked.target}")
