"""A headless browser for the tests of pages; they skip where there is none."""

import shutil
from collections.abc import Iterator

import pytest

pytest.importorskip("playwright", reason="browser tests need the dev extra")

from playwright.sync_api import Browser, expect, sync_playwright

from pipeline.home import SetFolder
from tests.browser.served import Served
from tests.doubles.planting import Planted, plant, write_categories

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
expect.set_options(timeout=30_000)  # milliseconds; other work may take the processors


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the machine's Chromium."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine (make system installs it)")
    options = (
        "--no-sandbox --disable-gpu --disable-quic --no-first-run"
        " --disable-background-networking --disable-component-update --disable-sync"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=options.split()
        )
        yield browser
        browser.close()


@pytest.fixture
def planted() -> tuple[list[str], list[Planted]]:
    """Return the categories of the set that is served, and its photos."""
    return ["cat", "dog"], [Planted("cat", 1), Planted("dog", 2)]


@pytest.fixture
def served(
    folder: SetFolder, planted: tuple[list[str], list[Planted]], browser: Browser
) -> Iterator[Served]:
    """Serve a set; the module's ``planted`` says which."""
    categories, photos = planted
    write_categories(folder, categories)
    served = Served(folder, plant(folder, photos, size=(320, 240)), browser)
    served.start()
    yield served
    served.close()
