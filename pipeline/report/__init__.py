"""A run told on one HTML page that needs nothing but itself.

The run folder and the catalog → ``report.html``: pictures as data, styles inside, no
request to anywhere. Parts that are missing are said to be missing.
"""

from pathlib import Path
from typing import Any

from jinja2 import Environment

from pipeline.catalog import Catalog
from pipeline.home import SetFolder
from pipeline.pages import templates_of
from pipeline.report import facts, figures
from pipeline.runs import Run
from pipeline.writing import write_atomically

NARROW = "\u202f"  # between a number and its %
DASH = "\u2013"  # where there is no number


def write_report(folder: SetFolder, catalog: Catalog, run: Run) -> Path:
    """Write the run's ``report.html`` and return where it lies.

    Raises:
        RunError: The run is unfinished or damaged.
    """
    metrics, noted = run.metrics, run.settings
    began, ended = facts.run_times(catalog, run)
    rows = facts.categories(catalog, run, metrics)
    page = (
        templates()
        .get_template("report.html")
        .render(
            set_name=folder.name,
            has_credits=(run.folder / "credits.html").is_file(),
            run_name=run.name,
            began=began,
            ended=ended,
            metrics=metrics,
            headline=facts.headline(metrics),
            diagnosis=figures.diagnosis(run, metrics),
            categories=rows,
            weakest=sorted(rows, key=_by_weakness),
            confused=facts.confused(run, metrics),
            material=facts.material(catalog),
            stress=figures.stress(run),
            demo=facts.found_beside(run, "demo.json"),
            distilled=facts.found_beside(run, "distill.json"),
            pictures=facts.pictures(run),
            settings=facts.settings_rows(noted.get("settings", {})),
            versions=noted.get("versions", {}),
            fingerprint=str(noted.get("fingerprint", "")),
        )
    )
    out = run.folder / "report.html"
    write_atomically(out, page.encode())
    return out


def templates() -> Environment:
    """Return the templates of the report's pages, with how they write figures."""
    found = templates_of("pipeline.report")
    for write in (percent, interval, number, duration, chance):
        found.filters[write.__name__] = write
    return found


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share 0..1 as a percentage: 97.1 %."""
    return DASH if share is None else f"{100 * share:.{digits}f}{NARROW}%"


def interval(ends: tuple[float, float]) -> str:
    """Write an interval of shares 0..1: 71.0 % to 99.0 %."""
    return " to ".join(percent(end) for end in ends)


def number(value: float | None) -> str:
    """Write a count or a figure: 12,345 or 3.4."""
    if value is None:
        return DASH
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def duration(seconds: float | None) -> str:
    """Write seconds as people say them: 42 s, 3 min 05 s, 2 h 10 min."""
    if seconds is None:
        return DASH
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def _by_weakness(row: facts.CategoryRow) -> tuple[float, Any]:
    return (2.0 if row.recall is None else row.recall, row.name)


def chance(p: float) -> str:
    """Write a p-value: 0.031, or that it is less than can be written."""
    return "less than 0.001" if p < 0.001 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"
