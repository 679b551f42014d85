"""Pages of 60, 120 and 240 tiles out of 100,000 photos, and opening the labeler.

A page counts as visible when every tile inside the window (1440x900) is whole and
painted. A curator looks at a page for a second before turning it; the notes say what
turning without looking takes (a key again within less would be one press).

Opened is from the request in a new browser profile until the first photo is painted,
the server running for some time; warm is a reload.
"""

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.commands import CommandError
from benchmarks.figures import Figure
from benchmarks.labeler.browser import address, profile, wait_for_photo
from benchmarks.labeler.likeness import check_pictures
from benchmarks.labeler.photos import fresh_copy
from benchmarks.labeler.servers import Server, labeler
from pipeline.home import SetFolder

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_GOALS_MS = {60: 80.0, 120: 150.0, 240: 400.0}
_LOOK_MS = 1000
_HURRIED, _HURRY_MS = 15, 80  # turns without looking


class TurnError(CommandError):
    """A page was not turned."""


def turning_figures(
    browser: "Browser", kept: SetFolder, *, quick: bool
) -> dict[str, Figure]:
    """Measure page turns and openings."""
    turns, openings = (20, 3) if quick else (60, 7)
    with tempfile.TemporaryDirectory(prefix="mekiki-bench-") as name:
        scratch = Path(name)
        folder = fresh_copy(kept, scratch)
        with labeler(folder, scratch) as server:
            first_s = _open(browser, server)[0]
            note = (
                f"{first_s:.2f} s right after the server's start, which took"
                f" {server.started_s:.1f} s; it holds {server.memory_mib:.0f} MiB"
            )
            figures = _openings(browser, server, openings, note)
            for size in _GOALS_MS:
                figures[f"page_{size}_p95_ms"] = _pages(
                    browser, server, folder, size, turns
                )
    return figures


def _openings(
    browser: "Browser", server: Server, number: int, note: str
) -> dict[str, Figure]:
    cold, warm = zip(*(_open(browser, server) for _ in range(number)), strict=True)
    return {
        "open_cold_s": _opening(cold, 2.5, note),
        "open_warm_s": _opening(warm, 1.0, "a reload in the same profile"),
    }


def _opening(times: tuple[float, ...], goal: float, note: str) -> Figure:
    told = f"median of {len(times)}, {max(times):.2f} s at most; {note}"
    return Figure(median(times), goal, "s", lower_is_better=True, note=told)


def _open(browser: "Browser", server: Server) -> tuple[float, float]:
    """Open the page in a new profile, then reload it; return the seconds of each."""
    with profile(browser) as context:
        page = context.new_page()
        began = time.time()
        page.goto(address(server.url, "Hana"), wait_until="commit")
        cold = _first_paint(page) - began
        page.wait_for_timeout(1500)
        began = time.time()
        page.reload(wait_until="commit")
        return cold, _first_paint(page) - began


def _first_paint(page: "Page") -> float:
    """Return when the first photo was painted, in seconds since 1970."""
    wait_for_photo(page)
    page.evaluate("() => mekikiProbe.painted(1)")
    noted = page.evaluate("() => mekikiProbe.drain()")
    return float(noted["origin"] + noted["paints"][0][1]) / 1000


def _pages(
    browser: "Browser", server: Server, folder: SetFolder, size: int, turns: int
) -> Figure:
    with profile(browser) as context:
        page = context.new_page()
        page.goto(address(server.url, "Hana"))
        wait_for_photo(page)
        page.keyboard.press("g")
        page.locator("select:has(option[value='240'])").select_option(str(size))
        page.wait_for_function(
            "size => mekikiProbe.tiles()?.startsWith(size + ' ')", arg=size
        )
        page.wait_for_timeout(2 * _LOOK_MS)
        calm = _turn(page, turns, _LOOK_MS)
        hurried = _turn(page, _HURRIED, _HURRY_MS)
        held = check_pictures(page, folder)
    p95 = float(np.percentile(calm, 95))
    note = (
        f"{median(calm):.0f} ms median, {max(calm):.0f} most, {turns} turns;"
        f" without looking {median(hurried):.0f} ms median;"
        f" {held} pictures held against their files"
    )
    return Figure(p95, _GOALS_MS[size], "ms", lower_is_better=True, note=note)


def _turn(page: "Page", number: int, look_ms: int) -> list[float]:
    page.evaluate("() => mekikiProbe.drain()")
    for count in range(number):
        page.keyboard.press("PageDown")
        if not page.evaluate("n => mekikiProbe.turned(n)", count + 1):
            raise TurnError(f"turn {count + 1} led to no other page")
        page.wait_for_timeout(look_ms)
    turned: list[float] = page.evaluate("() => mekikiProbe.drain()")["turns"]
    return turned
