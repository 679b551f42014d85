"""What asking for a URL comes to: an answer, or an error that passes or does not.

The reasons are what the catalog records and ``mekiki status`` counts: short phrases
that are the same for every URL with the same trouble.
"""

import email.utils
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Self

from urllib3 import exceptions as urllib3_errors

from pipeline.errors import NetworkError

# A server's "not now": too slow, too early, too many requests. So is 500 or more
# (broken, overloaded, a proxy's own numbers), but for what it will never do.
PASSING_STATUS = frozenset({408, 425, 429})
NEVER_STATUS = frozenset({501, 505})  # not implemented, HTTP version not supported

BAD_COMPRESSION = "its compression is broken"
BROKEN_OFF = "connection broken off"
CANT_CONNECT = "can't connect"
FORBIDDEN = "robots.txt forbids it"
NOT_WEB = "not a web address"
NAMES_USER = "a user name or password in the address"
NO_CONTACT = "leaves this machine, and no contact is set"
NO_SUCH_HOST = "host name not found"
PRIVATE = "private address"
RESERVED = "TDM reservation"  # text and data mining is
STOPPED = "stopped"  # by us
TIMED_OUT = "timed out"
TLS_FAILED = "no secure connection (TLS)"
TOO_MANY_REDIRECTS = "too many redirects"


@dataclass(frozen=True)
class Answer:
    """The body that a URL led to, redirects followed."""

    final_url: str
    status: int
    content_type: str  # as the server says, "" where it does not
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)  # names in any case


class FetchError(NetworkError):
    """A URL that could not be had; ``str(error)`` is the reason to record."""

    def __init__(
        self,
        reason: str,
        *,
        status: int | None = None,
        content_type: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.content_type = content_type
        self.retry_after_s = retry_after_s

    def again(self) -> Self:
        """Return the same error, to be raised at another place."""
        return type(self)(
            self.reason, status=self.status, content_type=self.content_type
        )


class RefusedError(FetchError):
    """Not to be had, for good: forbidden, gone, too large, a private address."""


class FailedError(FetchError):
    """Not to be had now, for a cause that passes."""


class UnreachableError(FailedError):
    """The host did not even take the connection."""


class DeniedError(FailedError):
    """A service lets us have nothing, until the engineer sets something right."""


def error_of_status(status: int, headers: Mapping[str, str], wall: float) -> FetchError:
    """Return what an answer that is no success amounts to; ``wall``: see Timing."""
    passes = status in PASSING_STATUS or (status >= 500 and status not in NEVER_STATUS)
    kind = FailedError if passes else RefusedError
    return kind(
        f"HTTP {status}",
        status=status,
        content_type=headers.get("Content-Type"),
        retry_after_s=seconds_until(headers.get("Retry-After", ""), wall),
    )


def explain(error: Exception) -> FetchError:
    """Say in our words what urllib3, or requests around it, raised."""
    causes = _causes(error)
    for kind, meaning in _MEANINGS:
        if any(isinstance(cause, kind) for cause in causes):
            return meaning.again()
    return FailedError(BROKEN_OFF)


def _causes(error: BaseException) -> list[BaseException]:
    """List an error and what it wraps: in its cause, arguments and ``reason``."""
    causes: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop(0)
        if isinstance(cause, BaseException) and cause not in causes:
            causes.append(cause)
            waiting += [cause.__cause__, getattr(cause, "reason", None), *cause.args]
    return causes


# From the narrower to the wider: the first that fits is what it was.
_MEANINGS: tuple[tuple[type[Exception], FetchError], ...] = (
    (urllib3_errors.NameResolutionError, UnreachableError(NO_SUCH_HOST)),
    (urllib3_errors.NewConnectionError, UnreachableError(CANT_CONNECT)),
    (urllib3_errors.ConnectTimeoutError, UnreachableError(TIMED_OUT)),
    (urllib3_errors.SSLError, FailedError(TLS_FAILED)),
    (urllib3_errors.DecodeError, RefusedError(BAD_COMPRESSION)),
    (urllib3_errors.TimeoutError, FailedError(TIMED_OUT)),
    (TimeoutError, FailedError(TIMED_OUT)),
)


def seconds_until(retry_after: str, wall: float) -> float | None:
    """Read a ``Retry-After``: a number of seconds, or a date.

    Args:
        retry_after: The header's value.
        wall: What the clock on the wall says, in seconds since 1970.
    """
    written = retry_after.strip()
    if written.isdecimal():
        return float(written)
    try:
        when = email.utils.parsedate_to_datetime(written)
    except (ValueError, TypeError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, when.timestamp() - wall)
