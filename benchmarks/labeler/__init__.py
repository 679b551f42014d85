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

from benchmarks.figures import Figure

NEEDS_BROWSER = (
    "paint_p95_ms",
    "paint_p95_ms_80",
    "paint_p95_vs_minimal",
    "commit_p95_ms",
    "commit_p95_ms_80",
    "lost",
    "unseen",
    "page_60_p95_ms",
    "page_120_p95_ms",
    "page_240_p95_ms",
    "open_cold_s",
    "open_warm_s",
    "overwrites_sqlite",
    "overwrites_postgresql",
    "cpu_per_label_ms",
    "axe_serious",
    "foreign_hosts",
)
MANY = 100_000


def measure(*, quick: bool) -> dict[str, Figure]:
    """Measure all of it; ``quick`` presses, turns and waits less often."""
    from benchmarks.labeler.browser import BrowserError, find_chromium
    from benchmarks.labeler.crowd import crowd_figures
    from benchmarks.labeler.photos import kept_set
    from benchmarks.labeler_learning import measure as measure_learning

    kept = kept_set(MANY)
    figures = crowd_figures(kept, quick=quick)
    try:
        find_chromium()
    except BrowserError as error:
        figures |= dict.fromkeys(NEEDS_BROWSER, Figure(None, note=str(error)))
    else:
        figures |= _in_browser(quick=quick)
    return figures | measure_learning(quick=quick)


def _in_browser(*, quick: bool) -> dict[str, Figure]:
    from benchmarks.labeler.browser import chromium, hosts
    from benchmarks.labeler.lasting import lasting_figures
    from benchmarks.labeler.photos import drawn_folder, kept_set
    from benchmarks.labeler.pressing import press_figures
    from benchmarks.labeler.rivals import PHOTOS, rival_figures
    from benchmarks.labeler.turning import turning_figures
    from benchmarks.labeler.views import view_figures

    many, few = kept_set(MANY), kept_set(PHOTOS)
    with chromium() as browser:
        figures = press_figures(browser, many, drawn_folder(), quick=quick)
        figures |= turning_figures(browser, many, quick=quick)
        figures |= rival_figures(browser)
        figures |= view_figures(browser, few, quick=quick)
    figures |= lasting_figures(many, quick=quick)  # has a browser of its own
    foreign = hosts - {"127.0.0.1"}
    note = f"all that were asked: {', '.join(sorted(hosts))}"
    return figures | {
        "foreign_hosts": Figure(
            len(foreign), 0, "hosts", lower_is_better=True, note=note
        )
    }
