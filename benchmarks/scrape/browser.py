"""Chromium as a judge: which images a saved page shows, without scripts or network.

Every picture the page asks for is answered with the same one of 400x300 pixels, so
that images of unstated size are laid out too; nothing else is answered.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from pipeline.images import encode_jpeg

if TYPE_CHECKING:
    from playwright.sync_api import Route

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_TIMEOUT_MS = 20_000
_PICTURE = encode_jpeg(np.full((300, 400, 3), 128, np.uint8))
# For each image that takes room on the page: every address its element gives for it.
_SHOWN = r"""() => {
  const absolute = text => {
    try { return new URL(text.trim(), document.baseURI).href } catch { return "" }
  };
  const part = /\s*([^\s,]\S*[^\s,]|[^\s,])(?:\s+[^,]*)?\s*(?:,|$)/g;  // of a srcset
  const ofSet = text => [...text.matchAll(part)].map(match => match[1]);
  const written = element => [...element.attributes].flatMap(attribute =>
    attribute.name.includes("srcset") ? ofSet(attribute.value) : [attribute.value]);
  return [...document.images].filter(image => {
    const box = image.getBoundingClientRect();
    const isTracker = box.width <= 1 && box.height <= 1;
    return image.currentSrc && image.getClientRects().length && box.width * box.height
      && !isTracker && /^https?:/.test(image.currentSrc)
      && !/\.svgz?$/i.test(new URL(image.currentSrc).pathname);
  }).map(image => {
    const sources = image.closest("picture")?.querySelectorAll("source") ?? [];
    const link = image.closest("a[href]");
    return [image.currentSrc, ...[image, ...sources].flatMap(written).map(absolute),
      ...(link ? [link.href] : [])].filter(Boolean);
  });
}"""


class BrowserError(Exception):
    """There is no browser to judge; the message says what is missing."""


def shown_images(pages: Iterable[tuple[str, bytes]]) -> Iterator[list[list[str]]]:
    """Yield for every page, of every image it shows, the addresses of it.

    The first address is the one that is shown. Drawings (SVG), ``data:`` URIs and
    pictures of a pixel are left out. A page is its URL and its bytes.

    Raises:
        BrowserError: Playwright or Chromium is not installed.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise BrowserError("playwright is not installed") from error
    program = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    if program is None:
        raise BrowserError("chromium is not installed: make system")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        context = browser.new_context(
            java_script_enabled=False, viewport={"width": 1280, "height": 900}
        )
        for url, body in pages:
            page = context.new_page()
            page.route("**/*", _answering(url, body))
            page.goto(url, wait_until="load", timeout=_TIMEOUT_MS)
            yield page.evaluate(_SHOWN)
            page.close()
        browser.close()


def _answering(url: str, body: bytes) -> Callable[["Route"], None]:
    """Return what answers the page itself and its pictures, and nothing else."""

    def answer(route: "Route") -> None:
        kind = route.request.resource_type
        if kind == "document" and route.request.url == url:
            route.fulfill(body=body, content_type="text/html")
        elif kind == "image":
            route.fulfill(body=_PICTURE, content_type="image/jpeg")
        else:
            route.abort()

    return answer
