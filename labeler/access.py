"""Who may do what behind the page: roles, and the token that own routes ask for.

Streamlit's login, XSRF and Host checks guard its own routes and nothing of ours. So the
page, which knows who is there, mints a token; the browser sends it in a header with
every request, which no other site's page can do; ``guarded`` checks it.

A token is ``v1.<payload>.<signature>``: the payload is the JSON list of name, role, set
and expiry (seconds since 1970), the signature HMAC-SHA256 (RFC 2104) over all that
stands before it; both in URL-safe base64 without padding (RFC 4648, 5).
"""

import base64
import functools
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.errors import MekikiError

HEADER = "X-Mekiki-Token"
LIFE_S = 12 * 3600  # a working day; the page mints a new one whenever it is drawn
VERSION = "v1"
_KEPT = 256  # tokens whose signature is known to be right
SECRET_BYTES = 32  # as long as what HMAC-SHA256 makes of it


class Role(StrEnum):
    """What somebody may do, each including those before it."""

    OPERATOR = "operator"  # look
    CURATOR = "curator"  # label
    REVIEWER = "reviewer"  # decide where curators disagree
    ADMIN = "admin"  # end the server

    @property
    def rank(self) -> int:
        """The place in that order, from 0."""
        return list(Role).index(self)

    def may(self, least: "Role") -> bool:
        """Whether this role includes ``least``.

        Not by ``>=``: as texts, roles compare by the alphabet.
        """
        return self.rank >= least.rank


@dataclass(frozen=True)
class Curator:
    """Somebody at the page: the name that the journal keeps, and a role."""

    name: str
    role: Role


class AccessError(MekikiError):
    """A token that opens nothing; the text says why."""


class Access:
    """Mints and checks the tokens of one set.

    ``set_name`` is set by the server before it listens.
    """

    def __init__(
        self, secret: bytes, set_name: str, clock: Callable[[], float] = time.time
    ) -> None:
        self.set_name = set_name
        self._secret = secret
        self._clock = clock
        # a page shows the same one with all it asks; what is refused is not kept
        self._read = functools.lru_cache(_KEPT)(self._read_signed)

    def mint(self, curator: Curator) -> str:
        """Return a token that says who ``curator`` is, for ``LIFE_S``."""
        expiry = int(self._clock()) + LIFE_S
        facts = [curator.name, curator.role.value, self.set_name, expiry]
        signed = f"{VERSION}.{_encode(json.dumps(facts).encode())}"
        return f"{signed}.{self._sign(signed)}"

    def check(self, token: str) -> Curator:
        """Return who a token was minted for.

        Raises:
            AccessError: It is none of ours, of another set, or too old.
        """
        name, role, set_name, expiry = self._read(token)
        if set_name != self.set_name:
            raise AccessError(
                f"this token is for the set {set_name}, not {self.set_name}:"
                " reload the page"
            )
        if self._clock() >= expiry:
            raise AccessError("this token is too old: reload the page")
        return Curator(name, Role(role))

    def _read_signed(self, token: str) -> tuple[str, str, str, int]:
        signed, _, signature = token.rpartition(".")
        # bytes: compare_digest refuses text beyond ASCII, which a header may hold
        if not hmac.compare_digest(signature.encode(), self._sign(signed).encode()):
            raise AccessError("this token is not from this server: reload the page")
        name, role, set_name, expiry = json.loads(_decode(signed.partition(".")[2]))
        return name, role, set_name, expiry

    def _sign(self, text: str) -> str:
        return _encode(hmac.digest(self._secret, text.encode(), hashlib.sha256))


ACCESS = Access(secrets.token_bytes(SECRET_BYTES), "")  # one a process

Endpoint = Callable[[Request, Curator], Awaitable[Response]]
Guarded = Callable[[Request], Awaitable[Response]]


def guarded(least: Role, access: Access = ACCESS) -> Callable[[Endpoint], Guarded]:
    """Let an endpoint be reached with a token of role ``least`` or above alone.

    Without a valid token the answer is 401 (the page fetches a new one), with too low
    a role 403 (it doesn't), each with ``{"error": ...}``.
    """

    def decorate(endpoint: Endpoint) -> Guarded:
        @functools.wraps(endpoint)
        async def checked(request: Request) -> Response:
            try:
                curator = access.check(request.headers.get(HEADER, ""))
            except AccessError as error:
                return _refuse(401, str(error))
            if not curator.role.may(least):
                return _refuse(
                    403, f"this takes the role {least}; yours: {curator.role}"
                )
            return await endpoint(request, curator)

        return checked

    return decorate


def _refuse(status: int, why: str) -> Response:
    return JSONResponse({"error": why}, status, {"Cache-Control": "no-store"})


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
