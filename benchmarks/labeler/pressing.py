"""A key → the next photo painted, and committed: ours and the minimal labeler.

A key is pressed as soon as the photo before it is painted, over loopback and over a
line of 80 ms. What is timed is told in ``probe.js`` and ``journal.py``.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.commands import CommandError
from benchmarks.figures import Figure
from benchmarks.labeler.browser import address, profile, wait_for_photo
from benchmarks.labeler.journal import MINIMAL, OURS, Watch, watched
from benchmarks.labeler.line import slow_line
from benchmarks.labeler.photos import CATEGORIES, fresh_copy
from benchmarks.labeler.servers import Server, labeler, minimal_labeler
from pipeline.home import SetFolder

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROUND_TRIP_S = 0.08
_WARM_UP = 20  # presses before those that count
_KEYS = "1234567"[: len(CATEGORIES)]


class PressError(CommandError):
    """A press led to nothing; the message says which."""


@dataclass(frozen=True)
class Presses:
    """What presses took, in milliseconds, and the server's share of it."""

    painted: list[float]
    committed: list[float]
    cpu_ms: float  # of the server, a press

    def p95(self) -> float:
        """Return the 95th percentile until the next photo is painted."""
        return float(np.percentile(self.painted, 95))

    def told(self) -> str:
        """Say what was measured, for people."""
        return (
            f"painted {_spread(self.painted)}; committed {_spread(self.committed)};"
            f" {len(self.painted):,} presses"
        )


def _spread(times: list[float]) -> str:
    median, high, top = np.percentile(times, [50, 95, 99])
    return f"{median:.0f} median, {high:.0f} p95, {top:.0f} p99, {max(times):.0f} most"


def press_figures(
    browser: "Browser", kept: SetFolder, drawn: Path, *, quick: bool
) -> dict[str, Figure]:
    """Measure presses, ours and the minimal labeler's, near and far."""
    number = 200 if quick else 1000
    near = _ours(browser, kept, number, 0)
    far = _ours(browser, kept, number, ROUND_TRIP_S)
    theirs_near = _minimal(browser, drawn, number, 0)
    theirs_far = _minimal(browser, drawn, number, ROUND_TRIP_S)
    for name, found in (
        ("ours", near),
        ("ours at 80 ms", far),
        ("minimal", theirs_near),
        ("minimal at 80 ms", theirs_far),
    ):
        print(f"{name}: {found.told()}; {found.cpu_ms:.1f} ms of the server's CPU")
    ratios = (near.p95() / theirs_near.p95(), far.p95() / theirs_far.p95())
    note = f"{ratios[0]:.2f} near, {ratios[1]:.2f} at 80 ms; the larger counts"
    return {
        "paint_p95_ms": _ms(near.p95(), 50, theirs_near.p95(), near.told()),
        "paint_p95_ms_80": _ms(far.p95(), 50, theirs_far.p95(), far.told()),
        "paint_p95_vs_minimal": Figure(
            max(ratios), 0.4, "ours ÷ theirs", lower_is_better=True, note=note
        ),
        "commit_p95_ms": _commits(near, theirs_near, 250),
        "commit_p95_ms_80": _commits(far, theirs_far, 400),
        "cpu_per_label_ms": _ms(
            near.cpu_ms,
            10,
            theirs_near.cpu_ms,
            f"the server's, pictures and all; {far.cpu_ms:.1f} at 80 ms",
        ),
    }


def _commits(ours: Presses, theirs: Presses, goal: float) -> Figure:
    value = float(np.percentile(ours.committed, 95))
    peer = float(np.percentile(theirs.committed, 95))
    return _ms(value, goal, peer, "seen by a reader beside the server")


def _ms(value: float, goal: float, peer: float, note: str) -> Figure:
    return Figure(value, goal, "ms", peer, lower_is_better=True, note=note)


def _ours(
    browser: "Browser", kept: SetFolder, number: int, round_trip_s: float
) -> Presses:
    with tempfile.TemporaryDirectory(prefix="mekiki-bench-") as name:
        scratch = Path(name)
        folder = fresh_copy(kept, scratch)
        with (
            labeler(folder, scratch) as server,
            reached(server, round_trip_s) as url,
            profile(browser) as context,
        ):
            page = context.new_page()
            page.goto(address(url, "Hana"))
            with watched(folder.catalog_file, OURS) as watch:
                return _press_all(page, server, watch, number)


def _minimal(
    browser: "Browser", drawn: Path, number: int, round_trip_s: float
) -> Presses:
    with tempfile.TemporaryDirectory(prefix="mekiki-bench-") as name:
        scratch = Path(name)
        with (
            minimal_labeler(drawn, scratch) as server,
            reached(server, round_trip_s) as url,
            profile(browser) as context,
        ):
            page = context.new_page()
            page.goto(url)
            wait_for_photo(page)
            with watched(scratch / "minimal.db", MINIMAL) as watch:
                return _press_all(page, server, watch, number)


@contextmanager
def reached(server: Server, round_trip_s: float) -> Iterator[str]:
    """Return the address of a server, near or over a slow line."""
    if not round_trip_s:
        yield server.url
        return
    with slow_line(server.port, round_trip_s) as line:
        yield line.url


def _press_all(page: "Page", server: Server, watch: Watch, number: int) -> Presses:
    """Press keys, each as soon as the photo before it is painted."""
    wait_for_photo(page)
    page.wait_for_timeout(2000)  # a person looks before the first press
    _press(page, _WARM_UP)
    page.evaluate("() => mekikiProbe.saved()")
    page.evaluate("() => mekikiProbe.drain()")
    before, cpu_s = len(watch.rows), server.cpu_s
    _press(page, number)
    page.evaluate("() => mekikiProbe.saved()")
    page.wait_for_timeout(500)
    cpu_ms = (server.cpu_s - cpu_s) * 1000 / number
    noted = page.evaluate("() => mekikiProbe.drain()")
    rows = watch.rows[before:]
    if len(rows) != number:
        raise PressError(f"{number} presses, but {len(rows)} rows of the journal")
    pressed = [noted["origin"] + press["at"] for press in noted["presses"]]
    # photos are said in the order pressed, and so are the rows
    committed = [at * 1000 - key for key, (_, at) in zip(pressed, rows, strict=True)]
    painted = [ms for _, _, ms in noted["paints"] if ms is not None]
    return Presses(painted, committed, cpu_ms)


def _press(page: "Page", number: int) -> None:
    page.evaluate("() => mekikiProbe.drain()")
    for count in range(number):
        page.keyboard.press(_KEYS[count % len(_KEYS)])
        if not page.evaluate("n => mekikiProbe.painted(n)", count + 1):
            raise PressError(f"press {count + 1} led to no other photo")
