"""An OpenID Connect provider on this machine, for tests of logging in.

It keeps to the Authorization Code flow with PKCE (OpenID Connect Core 1.0; RFC 7636,
S256 only), signs with RS256, and refuses what a real one would: another client, another
address to return to, a code used twice, a verifier that does not fit. What it refused
stands in ``refused``.
"""

import base64
import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

ALGORITHM = "RS256"
KEY = RSAKey.generate_key(2048, {"kid": "test", "use": "sig", "alg": ALGORITHM})
LIFE_S = 3600

Claims = Mapping[str, Any]


class RefusedError(Exception):
    """A request that a provider must not answer."""


class Provider:
    """The provider: who has an account there, and which client it knows.

    Its login page has a link for each account, named by its ``email``.
    """

    def __init__(
        self,
        accounts: Sequence[Claims],
        client_id: str,
        client_secret: str,
        redirect: str,
    ) -> None:
        self.accounts = accounts
        self.client = (client_id, client_secret)
        self.redirect = redirect
        self.refused: list[str] = []
        self._codes: dict[str, tuple[Claims, dict[str, str]]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Answer nobody from now on."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def metadata_url(self) -> str:
        return f"{self.url}/.well-known/openid-configuration"

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "end_session_endpoint": f"{self.url}/logout",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "code_challenge_methods_supported": ["S256"],
        }

    def choose(self, asked: dict[str, str]) -> str:
        """Return the page on which somebody chooses their account."""
        self._need(asked.get("response_type") == "code", "response_type")
        self._need(asked.get("client_id") == self.client[0], "client_id")
        self._need(asked.get("redirect_uri") == self.redirect, "redirect_uri")
        self._need("openid" in asked.get("scope", "").split(), "scope")
        self._need(asked.get("code_challenge_method") == "S256", "PKCE")
        self._need(bool(asked.get("code_challenge")), "code_challenge")
        self._need(bool(asked.get("state") and asked.get("nonce")), "state, nonce")
        links = []
        for account in self.accounts:
            code = secrets.token_urlsafe()
            self._codes[code] = (account, asked)
            query = urlencode({"code": code, "state": asked["state"]})
            address = html.escape(f"{self.redirect}?{query}")
            name = html.escape(account["email"])
            links.append(f'<li><a href="{address}">{name}</a></li>')
        return f"<!doctype html><title>Accounts</title><ul>{''.join(links)}</ul>"

    def exchange(self, form: dict[str, str], authorization: str) -> dict[str, Any]:
        """Return the tokens for a code."""
        self._need(_client_of(form, authorization) == self.client, "client_secret")
        self._need(form.get("grant_type") == "authorization_code", "grant_type")
        self._need(form.get("code") in self._codes, "code")
        account, asked = self._codes.pop(form["code"])
        self._need(form.get("redirect_uri") == self.redirect, "redirect_uri")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        self._need(challenge == asked["code_challenge"], "code_verifier")
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": self.client[0],
            "sub": account["email"],
            "iat": now,
            "exp": now + LIFE_S,
            "nonce": asked["nonce"],
            **account,
        }
        header = {"alg": ALGORITHM, "kid": "test"}
        return {
            "access_token": secrets.token_urlsafe(),
            "token_type": "Bearer",
            "expires_in": LIFE_S,
            "id_token": jwt.encode(header, claims, KEY),
        }

    def log_out(self, asked: dict[str, str]) -> str:
        """Return where to go after the logout."""
        address = asked.get("post_logout_redirect_uri", "")
        self._need(address == self.redirect, "post_logout_redirect_uri")
        return address

    def _need(self, is_so: bool, what: str) -> None:
        if not is_so:
            self.refused.append(what)
            raise RefusedError(what)


def _client_of(form: dict[str, str], authorization: str) -> tuple[str, str]:
    kind, _, text = authorization.partition(" ")
    if kind.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    name, _, secret = base64.b64decode(text).decode().partition(":")
    return unquote(name), unquote(secret)


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = dict(parse_qsl(parts.query))
            match parts.path:
                case "/.well-known/openid-configuration":
                    self._answer(provider.metadata())
                case "/keys":
                    self._answer({"keys": [KEY.as_dict(private=False)]})
                case "/authorize":
                    self._try(lambda: provider.choose(asked))
                case "/logout":
                    self._try(lambda: provider.log_out(asked), is_redirect=True)
                case _:
                    self.send_error(HTTPStatus.NOT_FOUND)

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            form = dict(parse_qsl(self.rfile.read(length).decode()))
            authorization = self.headers.get("Authorization", "")
            self._try(lambda: provider.exchange(form, authorization))

        def _try(self, work: Any, *, is_redirect: bool = False) -> None:
            try:
                said = work()
            except RefusedError as error:
                self.send_error(HTTPStatus.BAD_REQUEST, str(error))
                return
            if is_redirect:
                self.send_response(HTTPStatus.FOUND)
                self.send_header("Location", said)
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._answer(said)

        def _answer(self, said: Any) -> None:
            is_page = isinstance(said, str)
            body = (said if is_page else json.dumps(said)).encode()
            kind = "text/html" if is_page else "application/json"
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
