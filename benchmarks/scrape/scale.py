"""Many photos: whether memory stays flat, and how long MNIST takes to come in."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.commands import CommandError
from benchmarks.figures import Figure
from benchmarks.scrape.clients import scrape_set, status_of
from benchmarks.scrape.downloads import OURS, Arena

FEW = 200
MNIST = 70_000
MNIST_CORES = 2


def memory_growth(arena: Arena, paths: Sequence[str]) -> dict[str, Figure]:
    """Compare the peak of memory at many photos with that at 200."""
    try:
        few = arena.run(OURS, paths[:FEW])
        many = arena.run(OURS, paths)
    except CommandError as error:
        return {"memory_growth": _growth(None, str(error))}
    print(f"{len(paths):,} small photos: {many.wall_s:.1f} s, {many.cpu_s:.1f} s CPU")
    note = (
        f"{many.peak_mib:.0f} MiB at {len(paths):,} photos,"
        f" {few.peak_mib:.0f} MiB at {FEW}"
    )
    return {"memory_growth": _growth(many.peak_mib / few.peak_mib, note)}


def _growth(value: float | None, note: str) -> Figure:
    return Figure(value, goal=1.25, unit="peak ÷ peak", lower_is_better=True, note=note)


def mnist_seconds(data: Path | None) -> dict[str, Figure]:
    """Time ``mekiki scrape`` of all of MNIST on two cores."""
    folder = data / "mnist_idx" if data is not None else None
    if folder is None or not folder.is_dir():
        return {"mnist_70000_s": _mnist(None, "MEKIKI_TEST_DATA holds no mnist_idx/")}
    cores = sorted(os.sched_getaffinity(0))[:MNIST_CORES]
    settings = f'[[source]]\nkind = "mnist"\npath = "{folder}"\n'
    with tempfile.TemporaryDirectory(prefix="mekiki-mnist-") as name:
        home = Path(name)
        try:
            cost = scrape_set(
                home, "0123456789", settings, cores=",".join(map(str, cores))
            )
        except CommandError as error:
            return {"mnist_70000_s": _mnist(None, str(error))}
        images = status_of(home)["images"]
    note = f"{cost.cpu_s:.0f} s CPU, peak {cost.peak_mib:.0f} MiB"
    if images != MNIST:
        return {"mnist_70000_s": _mnist(None, f"{images:,} of {MNIST:,} came in")}
    return {"mnist_70000_s": _mnist(cost.wall_s, note)}


def _mnist(seconds: float | None, note: str) -> Figure:
    return Figure(seconds, goal=120, unit="s", lower_is_better=True, note=note)
