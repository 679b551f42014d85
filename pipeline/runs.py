"""The run folder: named, made, read, listed, ``latest`` moved.

    models/<set>/<run>/    model.keras  labels.json  settings.toml  history.csv
                           metrics.json  curves.png  ...  report.html
    models/<set>/latest    a link to the newest finished run that is no student

A run is finished when it holds ``metrics.json``, which is written last. What makes
two runs the same (settings, split, labels) is summed up in a fingerprint; it stands
in ``settings.toml`` from the start, so an interrupted run can be found and resumed.
"""

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from pipeline.errors import RunError
from pipeline.home import SetFolder
from pipeline.writing import write_atomically

LATEST = "latest"


@dataclass(frozen=True)
class Run:
    """A run's folder."""

    folder: Path

    @property
    def name(self) -> str:
        """The folder's name, which sorts by when the run began."""
        return self.folder.name

    @property
    def model_file(self) -> Path:
        """The model; takes raw RGB 0..255."""
        return self.folder / "model.keras"

    @property
    def is_finished(self) -> bool:
        """Whether training came to its end."""
        return (self.folder / "metrics.json").is_file()

    @property
    def is_student(self) -> bool:
        """Whether it was made by ``mekiki distill``; such a run is never ``latest``."""
        return "distill" in self.settings

    @property
    def settings(self) -> dict[str, Any]:
        """What ``settings.toml`` holds: ``fingerprint``, ``set``, ``settings``."""
        return dict(self._read("settings.toml", tomllib.loads))

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, in the order of the model's outputs."""
        return tuple(self._read("labels.json", json.loads))

    @property
    def metrics(self) -> dict[str, Any]:
        """What ``metrics.json`` holds."""
        return dict(self._read("metrics.json", json.loads))

    def write_json(self, name: str, content: object) -> None:
        """Write a JSON file of the run, whole or not at all."""
        text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
        write_atomically(self.folder / name, text.encode())

    def write_toml(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a TOML file of the run, whole or not at all."""
        write_atomically(self.folder / name, tomli_w.dumps(content).encode())

    def _read(self, name: str, parse: Any) -> Any:
        file = self.folder / name
        try:
            return parse(file.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise RunError(
                f"{self.folder} has no {name}: an unfinished or damaged run;"
                " `mekiki train` resumes or makes one"
            ) from error
        except (OSError, ValueError) as error:
            raise RunError(f"{file} can't be read: {error}") from error


def make_run(folder: SetFolder, name: str) -> Run:
    """Make an empty run folder; a number is added where the name is taken."""
    chosen, number = name, 2
    while (folder.models / chosen).exists():
        chosen, number = f"{name}-{number}", number + 1
    run = Run(folder.models / chosen)
    run.folder.mkdir(parents=True)
    return run


def list_runs(folder: SetFolder) -> list[Run]:
    """List the set's runs, finished or not, oldest first."""
    found = folder.models.glob("*/settings.toml")
    return [Run(file.parent) for file in sorted(found) if not file.parent.is_symlink()]


def run_of_fingerprint(folder: SetFolder, fingerprint: str) -> Run | None:
    """Return the newest run that was trained on just this, finished or not."""
    for run in reversed(list_runs(folder)):
        if run.settings.get("fingerprint") == fingerprint:
            return run
    return None


def point_latest(folder: SetFolder, run: Run) -> None:
    """Make ``latest`` a link to ``run``, in one step."""
    link = folder.models / LATEST
    fresh = folder.models / f".{LATEST}-{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(run.name)
    fresh.replace(link)


def newest_run(folder: SetFolder) -> Run | None:
    """Return the newest finished run, if there is one."""
    try:
        return chosen_run(folder)
    except RunError:
        return None


def chosen_run(folder: SetFolder, name: str = LATEST) -> Run:
    """Return the finished run called ``name``, ``latest`` for the newest.

    Raises:
        RunError: There is none; the message lists those there are.
    """
    path = folder.models / name
    if path.is_symlink():
        path = path.resolve()
    run = Run(path)
    if not run.is_finished:
        known = ", ".join(run.name for run in list_runs(folder) if run.is_finished)
        raise RunError(
            f"no finished run {name!r} in {folder.models} (finished:"
            f" {known or 'none yet'}); `mekiki train {folder.name}` makes one"
        )
    return run


def picked_runs(folder: SetFolder, names: Sequence[str]) -> list[Run]:
    """Return runs, finished or not, by name or by a part of it that one run has.

    Args:
        folder: Whose runs.
        names: ``latest`` too; a run that comes twice is returned once. None at all
            stands for all runs, newest first.

    Raises:
        RunError: A name is no run's, or several runs'; the message lists them.
    """
    runs = list_runs(folder)
    if not names:
        return runs[::-1]
    return list(dict.fromkeys(_picked(folder, runs, name) for name in names))


def latest_name(folder: SetFolder) -> str:
    """Return the name of the run that ``latest`` is a link to, empty for none."""
    link = folder.models / LATEST
    return link.resolve().name if link.is_symlink() else ""


def _picked(folder: SetFolder, runs: Sequence[Run], name: str) -> Run:
    wanted = (latest_name(folder) or name) if name == LATEST else name
    found = [run for run in runs if run.name == wanted] or [
        run for run in runs if wanted in run.name
    ]
    if len(found) == 1:
        return found[0]
    among = ", ".join(run.name for run in found or runs) or "none yet"
    raise RunError(
        f"{'several runs are' if found else 'no run is'} called {name!r} in"
        f" {folder.models} ({'they are' if found else 'there'}: {among})"
    )
