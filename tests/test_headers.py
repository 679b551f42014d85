"""What answers say to the browser, and whose pages may ask."""

from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the labeler needs the ui extra")

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from labeler.headers import OwnOrigin, SafeHeaders, content_policy, script_hashes
from tests.doubles.asgi import ask

PUBLIC = "https://label.example.com"


async def hello(_request: Request) -> Response:
    answer = PlainTextResponse("hello")
    answer.set_cookie("who", "hana", httponly=True)
    return answer


async def cached(_request: Request) -> Response:
    return PlainTextResponse("a photo", headers={"Cache-Control": "private"})


def build(*, is_tls: bool = False, public_url: str = "") -> Starlette:
    return Starlette(
        routes=[
            Route("/", hello, methods=["GET", "POST"]),
            Route("/mekiki/api/page", hello),
            Route("/mekiki/api/image", cached),
        ],
        middleware=[
            Middleware(SafeHeaders, is_tls=is_tls),
            Middleware(OwnOrigin, public_url=public_url),
        ],
    )


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/", {}), ("/missing", {}), ("/", {"Origin": "https://evil.example"})],
    ids=["page", "not found", "refused"],
)
def test_every_answer_says_what_the_browser_may_do(path: str, headers):
    answer = ask(build(), "GET", path, headers)

    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert "camera=()" in answer.headers["permissions-policy"]


def test_scripts_in_the_page_run_only_if_they_are_in_its_file(tmp_path: Path):
    page = tmp_path / "index.html"
    page.write_bytes(b"<script>window.a = 1</script><script src='b.js'></script>")

    hashes = script_hashes(page)
    policy = content_policy("127.0.0.1:8501", hashes)

    assert hashes == ["'sha256-Aif1QuaDxF56ZK3+IyoelKcjrWC+BWl5ZGfcO1AMmA4='"]
    (scripts,) = (part for part in policy.split("; ") if part.startswith("script-src"))
    assert set(scripts.split()[1:]) == {"'self'", "blob:", "'unsafe-eval'", *hashes}


def test_web_sockets_go_to_the_host_that_was_asked_alone():
    assert (
        "connect-src 'self' ws://127.0.0.1:8501 wss://127.0.0.1:8501;"
    ) in content_policy("127.0.0.1:8501", [])


@pytest.mark.parametrize("host", ["", "a; script-src *", "a b", "évil"])
def test_a_host_that_is_none_does_not_get_into_the_policy(host: str):
    assert "connect-src 'self';" in content_policy(host, [])
    assert "script-src *" not in content_policy(host, [])


def test_what_the_api_says_is_not_kept_unless_it_says_so():
    app = build()

    assert ask(app, "GET", "/mekiki/api/page").headers["cache-control"] == "no-store"
    assert ask(app, "GET", "/mekiki/api/image").headers["cache-control"] == "private"
    assert "cache-control" not in ask(app, "GET", "/").headers


def test_over_tls_cookies_never_go_out_in_the_clear():
    clear = ask(build(), "GET", "/").headers["set-cookie"]
    safe = ask(build(is_tls=True), "GET", "/").headers["set-cookie"]

    assert "; Secure" not in clear
    assert safe == f"{clear}; Secure"


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        ("http://127.0.0.1:8501", "127.0.0.1:8501", 200),
        ("http://localhost:9000", "localhost:9000", 200),  # a tunnel's port
        (PUBLIC, "label.example.com", 200),
        (PUBLIC, "127.0.0.1:8501", 200),  # a proxy that names its own target
        ("http://localhost:3000", "localhost:8501", 403),
        ("http://127.0.0.1:8501", "localhost:8501", 403),
        ("https://label.example.com.evil.example", "label.example.com", 403),
        ("https://evil.example", "127.0.0.1:8501", 403),
        ("null", "127.0.0.1:8501", 403),
        ("", "127.0.0.1:8501", 403),
        ("https://[", "127.0.0.1:8501", 403),
        ("ftp://127.0.0.1:8501", "127.0.0.1:8501", 403),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_only_our_own_pages_may_ask(method: str, origin: str, host: str, status: int):
    app = build(public_url=PUBLIC)

    answer = ask(app, method, "/", {"Origin": origin, "Host": host})

    assert answer.status == status


def test_who_is_no_browser_sends_no_origin_and_may_ask():
    assert ask(build(), "POST", "/").status == 200
