"""What every answer says to the browser, and which pages may ask at all.

``SafeHeaders`` is the outermost layer: nothing frames the page, nothing but its own
scripts runs in it, nothing is fetched from elsewhere (Content Security Policy 3).
Streamlit needs styles in its elements, and loads components from ``blob:`` addresses.

``OwnOrigin`` refuses requests and WebSockets that another site's page makes (they carry
its ``Origin``), before Streamlit sees them: to judge a foreign origin, Streamlit asks a
host on the internet for this machine's address.
"""

import base64
import hashlib
import re
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

API = "/mekiki/api"
REFUSED = 1008  # the WebSocket close code: policy violation
_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_HOST = re.compile(r"[\w.\-\[\]:]+", re.ASCII)

FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "camera=(), geolocation=(), microphone=(), payment=(), usb=(),"
        " display-capture=(), browsing-topics=()"
    ),
}


def script_hashes(page: Path) -> list[str]:
    """Return the sources that let the inline scripts of a page of ours run."""
    return [
        f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'"
        for script in _SCRIPT.findall(page.read_bytes())
    ]


def content_policy(host: str, hashes: Collection[str]) -> str:
    """Return the Content Security Policy for a page that was asked for as ``host``."""
    # not every browser takes WebSockets of the same host for 'self'
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return "; ".join(
        (
            "default-src 'none'",
            # eval: scripts that follow the page from outside wait by it (Playwright);
            # nothing of ours or Streamlit's evaluates text
            " ".join(("script-src 'self' blob: 'unsafe-eval'", *hashes)),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' blob: data:",
            "font-src 'self' data:",
            f"connect-src 'self'{sockets}",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


class SafeHeaders:
    """Adds the headers to every answer of ``app``; over TLS, cookies stay on it."""

    def __init__(
        self, app: ASGIApp, hashes: Collection[str] = (), *, is_tls: bool = False
    ) -> None:
        self._app = app
        self._hashes = hashes
        self._is_tls = is_tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as ``app`` does, with the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = Headers(scope=scope).get("host", "")

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(FIXED)
                headers["Content-Security-Policy"] = content_policy(host, self._hashes)
                if scope["path"].startswith(API):
                    headers.setdefault("Cache-Control", "no-store")
                if self._is_tls:
                    message["headers"] = [_secure(*one) for one in message["headers"]]
            await send(message)

        await self._app(scope, receive, send_safely)


def _secure(name: bytes, text: bytes) -> tuple[bytes, bytes]:
    """Return a header; a cookie is kept from ever going out in the clear."""
    if name.lower() == b"set-cookie" and b"; secure" not in text.lower():
        text += b"; Secure"
    return name, text


class OwnOrigin:
    """Lets only those requests through that no other site's page made."""

    def __init__(self, app: ASGIApp, public_url: str = "") -> None:
        self._app = app
        self._public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as ``app`` does, or with 403."""
        if scope["type"] not in {"http", "websocket"} or self._is_own(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()  # the wish to connect, which comes first
            await send({"type": "websocket.close", "code": REFUSED})
        else:
            refusal = JSONResponse({"error": "asked by another site's page"}, 403)
            await refusal(scope, receive, send)

    def _is_own(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        origins = headers.getlist("origin")
        return all(self._is_ours(origin, headers.get("host")) for origin in origins)

    def _is_ours(self, origin: str, host: str | None) -> bool:
        if self._public_url and origin == self._public_url:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.scheme in {"http", "https"} and parts.netloc == host
