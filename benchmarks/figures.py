"""What a benchmark found: figures with their goals, as a table and as JSON."""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
_PACKAGES = (
    "numpy",
    "pillow",
    "opencv-python-headless",
    "tensorflow",
    "keras",
    "scikit-learn",
    "albumentations",
    "requests",
    "SQLAlchemy",
)


@dataclass(frozen=True)
class Figure:
    """One measured number, and what it was hoped to be."""

    value: float | None  # null where it could not be measured
    goal: float | None = None
    unit: str = ""
    peer: float | None = None  # the other side's own number, where there is one
    lower_is_better: bool = False
    note: str = ""

    @property
    def verdict(self) -> str:
        """Say whether the goal was reached."""
        if self.value is None or self.goal is None:
            return ""
        reached = (
            self.value <= self.goal if self.lower_is_better else self.value >= self.goal
        )
        return "reached" if reached else "missed"


def show_figures(name: str, figures: Mapping[str, Figure]) -> None:
    """Print the figures as a table."""
    table = Table(title=f"benchmarks {name}")
    for column in ("figure", "value", "peer", "goal", "", "unit", "note"):
        table.add_column(column, justify="left" if column != "value" else "right")
    for key, figure in figures.items():
        sign = "≤" if figure.lower_is_better else "≥"
        goal = "" if figure.goal is None else f"{sign} {figure.goal:g}"
        table.add_row(
            key,
            _number(figure.value),
            _number(figure.peer) if figure.peer is not None else "",
            goal,
            figure.verdict,
            figure.unit,
            figure.note,
        )
    Console().print(table)


def write_figures(name: str, figures: Mapping[str, Figure]) -> Path:
    """Write the figures, the machine and the versions to ``results/NAME.json``."""
    RESULTS.mkdir(exist_ok=True)
    out = RESULTS / f"{name}.json"
    content = {
        "figures": {key: asdict(figure) for key, figure in figures.items()},
        "machine": {
            "platform": platform.platform(),
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0)),
        },
        "versions": {"python": platform.python_version(), **_versions()},
    }
    out.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return out


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4g}"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
