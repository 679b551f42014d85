"""Every page and dialog through axe-core: light and dark, English and Japanese.

A finding counts once for each page, colour scheme and language it was met in, as far as
axe-core calls it serious or critical.
"""

import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Figure
from benchmarks.labeler.browser import address, profile, wait_for_photo
from benchmarks.labeler.photos import fresh_copy
from benchmarks.labeler.servers import Server, labeler
from pipeline.home import SetFolder

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAGES = ("label", "grid", "groups", "review", "progress", "settings")
DIALOGS = {"help": "?", "about": "i", "note": "f"}  # over label, by their keys
_SETTLE_MS = 2500  # until a page that fetches has drawn


def view_figures(
    browser: "Browser", kept: SetFolder, *, quick: bool
) -> dict[str, Figure]:
    """Count what axe-core finds on all pages; ``quick`` takes two looks of four."""
    from tests.browser.axe import PACKAGE, has_axe

    if not has_axe():
        note = f"{PACKAGE} is not installed: make install"
        return {"axe_serious": Figure(None, 0, lower_is_better=True, note=note)}
    looks = [("light", "en-GB"), ("dark", "ja-JP")]
    looks += [] if quick else [("dark", "en-GB"), ("light", "ja-JP")]
    found: list[str] = []
    with tempfile.TemporaryDirectory(prefix="mekiki-bench-") as name:
        scratch = Path(name)
        folder = fresh_copy(kept, scratch)
        with labeler(folder, scratch) as server:
            for scheme, locale in looks:
                found += _look(browser, server, scheme, locale)
    for finding, number in Counter(found).most_common(20):
        print(f"axe: {finding} ({number} x)")
    seen = (*PAGES, *DIALOGS)
    note = f"{len(seen)} pages and dialogs in {len(looks)} looks: {', '.join(seen)}"
    return {
        "axe_serious": Figure(
            len(found), 0, "findings", lower_is_better=True, note=note
        )
    }


def _look(browser: "Browser", server: Server, scheme: str, locale: str) -> list[str]:
    from tests.browser.axe import serious_findings

    found = []
    with profile(browser, color_scheme=scheme, locale=locale) as context:
        page = context.new_page()
        page.goto(address(server.url, "Hana"))
        wait_for_photo(page)
        for key in "1234":  # so that Progress and Review have something to show
            page.keyboard.press(key)
            page.wait_for_timeout(150)
        page.keyboard.press("u")
        page.evaluate("() => mekikiProbe.saved()")
        for name in (*DIALOGS, *PAGES):
            _go(page, name)
            page.wait_for_timeout(_SETTLE_MS)
            found += [f"{name}: {finding}" for finding in serious_findings(page)]
            if name in DIALOGS:
                page.keyboard.press("Escape")
    return found


def _go(page: "Page", name: str) -> None:
    """Go to a page as a person does, by its link or key."""
    if name in DIALOGS:
        page.keyboard.press(DIALOGS[name])
    elif name == "grid":
        page.keyboard.press("g")
    elif name != "label":
        page.locator(f'a[href$="/{name}"]').first.click()
    if name == "review":  # what was called unsure above
        page.locator("select:has(option[value=noted])").select_option("noted")
