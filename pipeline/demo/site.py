# ruff: noqa: A005  never on sys.path by itself, so it hides no standard module
"""The made-up shop's website, on loopback, with what real ones have.

Besides its pages and photos: photos in smaller versions, drawn on demand; photos that
are reached by a redirect, or answer 503 the first time; one slow page; broken links;
a page that is named ``.jpg``; and a folder that ``robots.txt`` keeps to itself, which
one redirect leads into. Every request is logged.
"""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import cv2
import numpy as np

from pipeline.demo.pages import MIDDLE, SMALL, Pages, category_path, robots
from pipeline.demo.shop import FORBIDDEN, Photo, Shop, slug
from pipeline.demo.signs import draw_banner, draw_logo
from pipeline.images import decode_image, encode_jpeg

logger = logging.getLogger(__name__)

_HTML = "text/html; charset=utf-8"
_SLOW_PARTS, _SLOW_PAUSE_S = 10, 0.08  # the slow page comes in parts


@dataclass(frozen=True)
class Hit:
    """A request, as the website logged it."""

    method: str
    path: str  # with the query
    status: int


@dataclass(frozen=True)
class Reply:
    """What is answered to a request."""

    status: int
    body: bytes = b""
    content_type: str = _HTML
    headers: tuple[tuple[str, str], ...] = ()
    is_slow: bool = False


class Site:
    """The website: what it answers, and what it was asked."""

    def __init__(self, shop: Shop, port: int) -> None:
        self.shop = shop
        self.url = f"http://127.0.0.1:{port}"
        names = sorted(photo.file for photo in shop.photos)
        self._files = frozenset(names)
        self._detours = {name: f"/photos/moved/{name}" for name in names[5::40]}
        self._flaky = {
            name: "1" if i == 0 else "0" for i, name in enumerate(names[11::45])
        }
        self._refused: set[str] = set()
        self._lock = threading.Lock()
        self._hits: list[Hit] = []
        self._pages = Pages(shop, self.url, self._detours)
        self._shrink = lru_cache(maxsize=1024)(self._shrunk)
        self._static = _static(shop)

    @property
    def category_url(self) -> str:
        """The address of every category's first page, for a ``pages`` source."""
        return f"{self.url}/category/{{category}}"

    @property
    def hits(self) -> tuple[Hit, ...]:
        """Every request so far, in the order in which they were answered."""
        with self._lock:
            return tuple(self._hits)

    @property
    def fetched(self) -> tuple[str, ...]:
        """The path of every request so far, with its query."""
        return tuple(hit.path for hit in self.hits)

    @property
    def forbidden_fetched(self) -> int:
        """How many requests went into the folder that ``robots.txt`` forbids."""
        return sum(_parts(path)[:1] == [FORBIDDEN] for path in self.fetched)

    def url_of(self, photo: Photo) -> str:
        """Return the address under which the pages name a photo's original."""
        return self.url + self._pages.path_of(photo)

    def answer(self, path: str) -> Reply:
        """Answer a GET of ``path``, which may carry a query."""
        match _parts(path):
            case []:
                return Reply(200, self._pages.home().encode())
            case ["robots.txt"]:
                return Reply(200, robots().encode(), "text/plain; charset=utf-8")
            case ["category", name]:
                return self._category(name, parse_qs(urlsplit(path).query))
            case ["photos", *rest]:
                return self._photo(rest)
            case ["go", "press-kit.jpg"]:
                return _redirect(302, f"/{self.shop.forbidden[-1]}")
            case rest:
                return self._static.get("/".join(rest), _NOT_FOUND)

    def log(self, hit: Hit) -> None:
        """Write down a request."""
        with self._lock:
            self._hits.append(hit)

    def _category(self, name: str, query: dict[str, list[str]]) -> Reply:
        """Answer with a category's page; its full name leads to its short one."""
        by_slug = {slug(category): category for category in self.shop.categories}
        if name in self.shop.categories and name not in by_slug:
            return _redirect(301, category_path(name))
        number = query.get("page", ["1"])[0]
        if name not in by_slug or not number.isdecimal():
            return _NOT_FOUND
        category, page = by_slug[name], int(number)
        if not 1 <= page <= self._pages.count(category):
            return _NOT_FOUND
        is_slow = (category, page) == (self.shop.categories[1], 2)
        body = self._pages.category(category, page).encode()
        return Reply(200, body, is_slow=is_slow)

    def _photo(self, parts: list[str]) -> Reply:
        """Answer with a photo, as it is or smaller, or with what is named as one."""
        *sizes, folder, name = ["", "", *parts][-3:]
        file, size = f"{folder}/{name}", "".join(sizes)
        if name == "size-chart.jpg":
            return _SIZE_CHART
        if file not in self._files or len(parts) > 3:
            return _NOT_FOUND
        if size == "moved":
            return _redirect(302, f"/photos/{file}")
        if size in {f"w{SMALL}", f"w{MIDDLE}"}:
            return Reply(200, self._shrink(file, int(size[1:])), "image/jpeg")
        return self._original(file) if not size else _NOT_FOUND

    def _original(self, file: str) -> Reply:
        with self._lock:
            is_refused = file in self._flaky and file not in self._refused
            self._refused.add(file)
        if is_refused:
            wait = ("Retry-After", self._flaky[file])
            return Reply(503, b"<h1>Too busy</h1>", headers=(wait,))
        return Reply(200, self.shop.path(file).read_bytes(), "image/jpeg")

    def _shrunk(self, file: str, width: int) -> bytes:
        pixels = decode_image(self.shop.path(file), min_side=width)
        height = round(pixels.shape[0] * width / pixels.shape[1])
        small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        return encode_jpeg(np.asarray(small, np.uint8), 82)


_SIZE_CHART = Reply(200, b"<!DOCTYPE html><html><body>Sizes: M, L</body></html>")
_NOT_FOUND = Reply(404, b"<!DOCTYPE html><html><body><h1>Not found</h1></body></html>")


def _redirect(status: int, where: str) -> Reply:
    return Reply(status, headers=(("Location", where),))


def _parts(path: str) -> list[str]:
    """Split a path at its slashes, unquoted; the query is left out."""
    return [unquote(part) for part in urlsplit(path).path.split("/") if part]


def _static(shop: Shop) -> dict[str, Reply]:
    """Return what never changes: signs, style sheet, the photos nobody may fetch."""
    style = (files("pipeline.demo") / "templates" / "style.css").read_bytes()
    replies = {
        "static/logo.png": Reply(200, draw_logo(), "image/png"),
        "static/banner.jpg": Reply(200, draw_banner(shop.seed), "image/jpeg"),
        "static/style.css": Reply(200, style, "text/css; charset=utf-8"),
    }
    for file in shop.forbidden:
        replies[file] = Reply(200, shop.path(file).read_bytes(), "image/jpeg")
    return replies


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave together
    server: "_Server"

    def do_GET(self) -> None:
        self._answer(has_body=True)

    def do_HEAD(self) -> None:
        self._answer(has_body=False)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Leave the console alone; ``Site.log`` has every request."""

    def _answer(self, *, has_body: bool) -> None:
        site = self.server.site
        reply = site.answer(self.path)
        site.log(Hit(self.command, self.path, reply.status))
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers:
            self.send_header(name, value)
        self.end_headers()
        if has_body and reply.is_slow:
            self._drip(reply.body)
        elif has_body:
            self.wfile.write(reply.body)

    def _drip(self, body: bytes) -> None:
        """Send a body in parts, with a pause after each."""
        size = -(-len(body) // _SLOW_PARTS)
        for start in range(0, len(body), size):
            self.wfile.write(body[start : start + size])
            self.wfile.flush()
            self.server.stopping.wait(_SLOW_PAUSE_S)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    site: Site

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.stopping = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A visitor who hangs up is no reason to print anything."""
        logger.debug("request of %s ended early: %s", client_address, sys.exception())


@contextmanager
def serve_shop(shop: Shop) -> Iterator[Site]:
    """Serve a shop on a free port of 127.0.0.1 for as long as the context lasts."""
    with _Server() as server:
        server.site = Site(shop, server.server_address[1])
        thread = threading.Thread(
            target=server.serve_forever, args=(0.05,), daemon=True
        )
        thread.start()
        try:
            yield server.site
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()
