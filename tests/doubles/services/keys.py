"""Openverse's registered applications, and the access tokens they are given."""

import json
import uuid
from dataclasses import dataclass
from urllib.parse import parse_qsl

from tests.doubles.services.web import Asked, Reply, json_reply


@dataclass(frozen=True)
class Key:
    """A registered application.

    One that never was verified is held to the limits of an anonymous caller.
    """

    client_id: str
    client_secret: str
    verified: bool = True
    model: str = "standard"


@dataclass
class Token:
    """An access token: good until a time by the clock, for so many calls at most."""

    key: Key
    until: float
    calls_left: int | None


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """A request that is not answered as its sender hoped; carries the reply."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply


class Keys:
    """All keys and tokens.

    Attributes:
        lifetime_s: How long a token is good.
        calls: For how many calls it is good, where not ``None``.
    """

    def __init__(self) -> None:
        self.lifetime_s = 36_000
        self.calls: int | None = None
        self._keys: dict[str, Key] = {}
        self._tokens: dict[str, Token] = {}
        self._given = 0

    def add(self, client_id: str, client_secret: str, *, verified: bool = True) -> Key:
        key = Key(client_id, client_secret, verified)
        self._keys[client_id] = key
        return key

    def expire_tokens(self) -> None:
        """Make every token that was given out a thing of the past."""
        self._tokens.clear()

    def caller(self, asked: Asked) -> Key | None:
        """Return whose token a request carries, ``None`` without one.

        Raises:
            Refused: The token is unknown, too old or used up.
        """
        if "authorization" not in asked.headers:
            return None
        scheme, _, value = asked.headers["authorization"].partition(" ")
        token = self._tokens.get(value) if scheme == "Bearer" else None
        if token is None or asked.at >= token.until or token.calls_left == 0:
            text = "The access token is invalid or has expired."
            raise Refused(json_reply({"detail": text}, 401))
        if token.calls_left is not None:
            token.calls_left -= 1
        return token.key

    def give_token(self, asked: Asked) -> Reply:
        """Answer ``POST /v1/auth_tokens/token/``, which takes a form alone."""
        if asked.method != "POST":
            return json_reply({"detail": f'Method "{asked.method}" not allowed.'}, 405)
        kind = asked.headers.get("content-type", "").partition(";")[0]
        if kind != "application/x-www-form-urlencoded":
            return json_reply({"detail": f'Unsupported media type "{kind}".'}, 415)
        form = dict(parse_qsl(asked.body.decode()))
        if form.get("grant_type") != "client_credentials":
            return json_reply({"error": "unsupported_grant_type"}, 400)
        key = self._keys.get(form.get("client_id", ""))
        if key is None or key.client_secret != form.get("client_secret"):
            return json_reply({"error": "invalid_client"}, 401)
        self._given += 1
        value = uuid.uuid5(uuid.NAMESPACE_OID, f"token {self._given}").hex
        self._tokens[value] = Token(key, asked.at + self.lifetime_s, self.calls)
        return json_reply(
            {
                "access_token": value,
                "scope": "read write groups",
                "expires_in": self.lifetime_s,
                "token_type": "Bearer",
            }
        )

    def register(self, asked: Asked) -> Reply:
        """Answer ``POST /v1/auth_tokens/register/``; the key is not verified yet.

        Raises:
            Refused: A field is missing or too long.
        """
        form = json.loads(asked.body or b"{}")
        for name, most in (("name", 150), ("description", 10_000), ("email", 254)):
            if not 0 < len(str(form.get(name, ""))) <= most:
                raise bad_field(name, f"From 1 to {most} characters are required.")
        turn = len(self._keys) + 1
        key = self.add(f"client-{turn}", f"secret-{turn}", verified=False)
        answer = {
            "client_id": key.client_id,
            "client_secret": key.client_secret,
            "msg": "Check your email for a verification link.",
        }
        return json_reply(answer, 201)


def bad_field(name: str, text: str) -> Refused:
    return Refused(json_reply({"detail": {name: [text]}}, 400))
