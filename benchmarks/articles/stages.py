"""The stages of a set, each a command of its own, as a person would run them."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.commands import ROOT, CommandError
from benchmarks.figures import RESULTS
from benchmarks.sets import read_history, trained_run
from pipeline.home import set_folder
from pipeline.runs import Run
from pipeline.writing import write_atomically


@dataclass(frozen=True)
class Taught:
    """A run, and what its command took, Keras' start included."""

    run: Run
    command_s: float
    cpu_s: float  # of all its threads: what it would take at most on one free core

    @property
    def history(self) -> list[dict[str, float]]:
        """The run's epochs: ``loss``, ``accuracy``, and the same after ``val_``."""
        return read_history(self.run)

    @property
    def best(self) -> dict[str, float]:
        """The epoch of the lowest ``val_loss``."""
        return self.history[int(self.run.metrics["best_epoch"]) - 1]


def test_data(*needed: str) -> Path:
    """Return the folder of the test data.

    Raises:
        SystemExit: ``MEKIKI_TEST_DATA`` does not name it.
    """
    data = Path(os.environ.get("MEKIKI_TEST_DATA", "")).absolute()
    missing = [name for name in needed if not (data / name).exists()]
    if missing:
        sys.exit(f"set MEKIKI_TEST_DATA to the folder that holds {', '.join(missing)}")
    return data


def collect(home: Path, name: str, settings: str) -> None:
    """Write a set's settings and run the stages before training."""
    write_settings(home, name, settings)
    for stage in ("scrape", "dedup", "split"):
        run_stage(home, stage, name)


def write_settings(home: Path, name: str, settings: str) -> None:
    """Write a set's ``categories.toml``."""
    file = set_folder(home, name).settings_file
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, settings.encode())


def teach(home: Path, name: str, settings: str) -> Taught:
    """Train a set that was collected, by these settings; what is done is left alone."""
    write_settings(home, name, settings)
    wall_s, cpu_s = run_stage(home, "train", name)
    folder = set_folder(home, name)
    return Taught(trained_run(folder), wall_s, cpu_s)


def draw_curves(home: Path, name: str, shown: Iterable[Taught], picture: str) -> None:
    """Draw the curves of some runs into one picture of the results."""
    RESULTS.mkdir(exist_ok=True)
    runs = [taught.run.name for taught in shown]
    run_stage(home, "runs", name, *runs, "--out", str(RESULTS / picture))


def run_stage(home: Path, *words: str) -> tuple[float, float]:
    """Run ``mekiki WORDS``; return its seconds, by the wall and of the CPU.

    Raises:
        CommandError: It ended with an error.
    """
    began, before = time.monotonic(), os.times()
    command = [sys.executable, "-m", "pipeline.cli", "--home", str(home), *words]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code:
        raise CommandError(f"mekiki {' '.join(words)} ended with {code}")
    after = os.times()
    cpu_s = sum(
        getattr(after, kind) - getattr(before, kind)
        for kind in ("children_user", "children_system")
    )
    return time.monotonic() - began, cpu_s


def copy_photos(source: Path, into: Path, names: Iterable[str], number: int) -> None:
    """Copy the first photos of some categories, in the order of their names."""
    for name in names:
        folder = into / name
        folder.mkdir(parents=True, exist_ok=True)
        for file in sorted((source / name).iterdir())[:number]:
            shutil.copyfile(file, folder / file.name)
