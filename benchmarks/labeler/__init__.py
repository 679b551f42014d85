"""The labeler beside a minimal one, in headless Chromium, out of 100,000 photos.

    pressing     a key → the next photo painted, and committed; the server's CPU
    turning      pages of 60, 120, 240 tiles; opening the page
    lasting      labels lost, and put on photos that nobody saw, over a bad line
    rivals       two curators on the same photos, SQLite and PostgreSQL
    crowd        twenty curators at once
    views        accessibility of every page
    photos       the sets, drawn; kept between runs
    servers      the labelers as processes: ``launch``, ``peers/minimal_labeler.py``
    line         a slow line that can be cut
    browser, probe.js, journal, likeness, clients, postgres     how it is measured

The photos are drawn guitars of about 100 KB; the set of 100,000 repeats 2,000 of them
and lies in the folder for temporary files. Suggestions are off (no weights), so that
nothing is learned beside what is measured. How few labels learning takes is measured by
``benchmarks/labeler_learning.py``, on real photos.
"""

from collections.abc import Callable

from benchmarks.commands import CommandError
from benchmarks.figures import Figure

MANY = 100_000
_PRESSES = (
    "paint_p95_ms",
    "paint_p95_ms_80",
    "paint_p95_vs_minimal",
    "commit_p95_ms",
    "commit_p95_ms_80",
    "cpu_per_label_ms",
)
_TURNS = (
    "page_60_p95_ms",
    "page_120_p95_ms",
    "page_240_p95_ms",
    "open_cold_s",
    "open_warm_s",
)

Figures = dict[str, Figure]


def measure(*, quick: bool) -> Figures:
    """Measure all of it; ``quick`` presses, turns and waits less often."""
    from benchmarks.labeler.browser import chromium, hosts
    from benchmarks.labeler.crowd import crowd_figures
    from benchmarks.labeler.lasting import lasting_figures
    from benchmarks.labeler.photos import drawn_folder, kept_set
    from benchmarks.labeler.pressing import press_figures
    from benchmarks.labeler.rivals import PHOTOS, rival_figures
    from benchmarks.labeler.turning import turning_figures
    from benchmarks.labeler.views import view_figures
    from benchmarks.labeler_learning import measure as measure_learning

    many, few = kept_set(MANY), kept_set(PHOTOS)

    def press() -> Figures:
        with chromium() as browser:
            return press_figures(browser, many, drawn_folder(), quick=quick)

    def turn() -> Figures:
        with chromium() as browser:
            return turning_figures(browser, many, quick=quick)

    def fight() -> Figures:
        with chromium() as browser:
            return rival_figures(browser)

    def look() -> Figures:
        with chromium() as browser:
            return view_figures(browser, few, quick=quick)

    figures = _part(press, _PRESSES)
    figures |= _part(turn, _TURNS)
    figures |= _part(fight, ("overwrites_sqlite", "overwrites_postgresql"))
    figures |= _part(look, ("axe_serious",))
    figures |= _part(lambda: lasting_figures(many, quick=quick), ("lost", "unseen"))
    figures |= _part(lambda: crowd_figures(many, quick=quick), ("cpu_20_curators",))
    foreign = hosts - {"127.0.0.1"}
    note = f"all that were asked: {', '.join(sorted(hosts)) or 'none'}"
    number = len(foreign) if hosts else None
    figures["foreign_hosts"] = Figure(
        number, 0, "hosts", lower_is_better=True, note=note
    )
    learned: Figures = measure_learning(quick=quick)
    return figures | learned


def _part(measured: Callable[[], Figures], names: tuple[str, ...]) -> Figures:
    """Measure a part; where that fails, say why, and let the others be measured."""
    try:
        return measured()
    except _failures() as error:
        print(f"not measured: {error}")
        return dict.fromkeys(names, Figure(None, note=str(error)))


def _failures() -> tuple[type[Exception], ...]:
    """Return what a part may end with that is not our mistake."""
    try:
        from playwright.sync_api import Error
    except ImportError:
        return (CommandError,)
    return (CommandError, Error)
