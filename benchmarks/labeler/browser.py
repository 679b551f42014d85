"""Headless Chromium with a curator in it, and what is noted there (``probe.js``)."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from benchmarks.commands import CommandError

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext as AsyncBrowserContext
    from playwright.sync_api import Browser, BrowserContext, Page, Playwright

VIEWPORT = {"width": 1440, "height": 900}
PROBE = Path(__file__).with_name("probe.js")
TIMEOUT_MS = 30_000
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

hosts: set[str] = set()  # that any page of this run asked, this machine's included


class BrowserError(CommandError):
    """There is no browser; the message says what is missing."""


def find_chromium() -> str:
    """Return the browser's program.

    Raises:
        BrowserError: It, or Playwright, is not installed.
    """
    try:
        import playwright  # noqa: F401
    except ImportError as error:
        raise BrowserError("playwright is not installed: make install") from error
    program = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    if program is None:
        raise BrowserError("chromium is not installed: make system")
    return program


@contextmanager
def chromium() -> Iterator["Browser"]:
    """Start the browser.

    Raises:
        BrowserError: There is none.
    """
    find_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, _launched(playwright) as browser:
        yield browser


@contextmanager
def _launched(playwright: "Playwright") -> Iterator["Browser"]:
    browser = playwright.chromium.launch(
        executable_path=find_chromium(), args=list(OPTIONS)
    )
    try:
        yield browser
    finally:
        browser.close()


@contextmanager
def profile(browser: "Browser", **options: str) -> Iterator["BrowserContext"]:
    """Open a browser profile of its own that notes what it sees and asks."""
    context = browser.new_context(viewport=VIEWPORT, **options)  # type: ignore[arg-type]
    context.set_default_timeout(TIMEOUT_MS)
    context.add_init_script(path=PROBE)
    note_hosts(context)
    try:
        yield context
    finally:
        context.close()


def note_hosts(context: "BrowserContext | AsyncBrowserContext") -> None:
    """Remember every host that a page of this profile asks from now on."""
    context.on("request", lambda request: _note(request.url))
    context.on(
        "page", lambda page: page.on("websocket", lambda socket: _note(socket.url))
    )


def _note(url: str) -> None:
    """Remember a host; blob: and data: ask nobody."""
    parts = urlsplit(url)
    if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname:
        hosts.add(parts.hostname)


def address(url: str, user: str) -> str:
    """Return the page's address for a curator."""
    return f"{url}/?user={quote(user)}"


def wait_for_photo(page: "Page") -> None:
    """Wait until a photo, or a page of tiles, is on the screen.

    Raises:
        BrowserError: None came.
    """
    if not page.evaluate("() => mekikiProbe.any()"):
        said = page.locator("body").inner_text()
        raise BrowserError(
            f"no photo came; the page says: {' '.join(said.split())[:300]}"
        )
