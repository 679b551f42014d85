"""A run as it stands beside others: read from its folder, finished or not."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.errors import RunError
from pipeline.metrics import wilson_interval
from pipeline.report.curves import History
from pipeline.report.diagnosis import Diagnosis
from pipeline.report.figures import (
    NONE,
    Measured,
    accuracy_of,
    diagnosis,
    kept_epoch,
    read_history,
    stress,
)
from pipeline.runs import Run

UNFINISHED, FINISHED, DAMAGED = "unfinished", "finished", "damaged"
IMAGENET = "imagenet"  # weights by default, though a recipe may read none
STANDING = "state/training.npz"  # as train.state writes it after each epoch


@dataclass(frozen=True)
class RunRow:
    """A run's figures; ``None`` or empty where there is none, or none yet."""

    name: str
    state: str = UNFINISHED
    is_latest: bool = False
    problem: str = ""  # of a damaged one
    recipe: str = ""
    backbone: str = ""
    is_transfer: bool = False
    image_size: int | None = None
    noise: str = ""
    epochs: int = 0
    planned_epochs: int = 0
    kept_epoch: int = 0  # whose snapshot the model is, or would be
    selected_on: str = ""
    val: Measured | None = None  # of an unfinished run, its best epoch so far
    test: Measured | None = None
    out_of_fold: Measured | None = None
    corrupted_accuracy: float | None = None  # mean over corruptions and severities
    images_per_second: float | None = None
    minutes: float | None = None
    num_train: int | None = None
    history: History = ()
    diagnosis: Diagnosis | None = None
    notes: Mapping[str, str] = field(default_factory=dict)  # all that was set

    @property
    def teaching(self) -> str:
        """Say how a backbone that began at chance was taught; else ``""``."""
        if not self.backbone or self.is_transfer:
            return ""
        return "distilled" if self.is_distilled else "from scratch"

    @property
    def is_distilled(self) -> bool:
        """Whether a teacher taught it: its training loss is how far it is from that."""
        return self.recipe == "distill"

    def as_json(self) -> dict[str, Any]:
        """Return what ``mekiki runs --json`` prints of it."""
        found: dict[str, Any] = {
            "run": self.name,
            "state": self.state,
            "latest": self.is_latest,
        }
        if self.problem:
            return found | {"problem": self.problem}
        for name, measured in (
            ("test", self.test),
            ("val", self.val),
            ("out_of_fold", self.out_of_fold),
        ):
            found[f"{name}_accuracy"] = measured.accuracy if measured else None
            found[f"{name}_accuracy_interval"] = measured.interval if measured else None
            found[f"num_{name}"] = measured.num_photos if measured else None
        return found | {
            "selected_on": self.selected_on or None,
            "corrupted_accuracy": self.corrupted_accuracy,
            "recipe": self.recipe,
            "backbone": self.backbone or None,
            "transfer": self.is_transfer,
            "image_size": self.image_size,
            "noise": self.noise,
            "epochs": self.epochs,
            "planned_epochs": self.planned_epochs or None,
            "kept_epoch": self.kept_epoch or None,
            "num_train": self.num_train,
            "images_per_second": self.images_per_second,
            "minutes": self.minutes,
            "diagnosis": self.diagnosis.as_json() if self.diagnosis else None,
        }


def read_rows(runs: Sequence[Run], latest: str) -> list[RunRow]:
    """Read runs in the order given; ``latest`` is the name of the newest finished."""
    return [_read_row(run, is_latest=run.name == latest) for run in runs]


def photos_seen(row: RunRow) -> list[float]:
    """Return how many photos had been learned from after each epoch."""
    one_pass = row.num_train or 1
    return [
        line.get("photos", one_pass * number)
        for number, line in enumerate(row.history, start=1)
    ]


def _read_row(run: Run, *, is_latest: bool) -> RunRow:
    try:
        noted = run.settings
        return (
            _finished(run, noted, is_latest=is_latest)
            if run.is_finished
            else _unfinished(run, noted)
        )
    except RunError as error:
        return RunRow(run.name, DAMAGED, is_latest, problem=str(error))


def _finished(run: Run, noted: Mapping[str, Any], *, is_latest: bool) -> RunRow:
    metrics = run.metrics
    stressed = stress(run)
    seconds = metrics.get("seconds")
    return RunRow(
        name=run.name,
        state=FINISHED,
        is_latest=is_latest,
        epochs=int(metrics.get("epochs", 0)),
        kept_epoch=kept_epoch(metrics),
        selected_on=str(metrics.get("selected_on", "val")),
        val=accuracy_of(metrics, "val"),
        test=accuracy_of(metrics, "test"),
        out_of_fold=accuracy_of(metrics, "out_of_fold"),
        corrupted_accuracy=stressed.mean_accuracy if stressed else None,
        images_per_second=metrics.get("images_per_second"),
        minutes=seconds / 60 if seconds is not None else None,
        num_train=metrics.get("num_train"),
        history=read_history(run),
        diagnosis=diagnosis(run, metrics),
        notes=_notes(noted, metrics),
        **_chosen(noted),
    )


def _unfinished(run: Run, noted: Mapping[str, Any]) -> RunRow:
    standing = read_standing(run)
    photos = noted.get("photos", {})
    history = standing.get("history", [])
    is_last = bool(standing.get("is_last_kept"))
    kept = int(standing.get("epochs" if is_last else "best_epoch", 0))
    seconds = standing.get("photos_seconds", 0.0)
    return RunRow(
        name=run.name,
        epochs=int(standing.get("epochs", 0)),
        planned_epochs=int(standing.get("planned_epochs", 0)),
        kept_epoch=kept,
        selected_on="nothing" if is_last else "val",
        val=_val_so_far(history, kept, int(photos.get("val", 0))),
        images_per_second=standing["photos_timed"] / seconds if seconds else None,
        minutes=standing["elapsed"] / 60 if "elapsed" in standing else None,
        num_train=photos.get("train"),
        history=history,
        notes=_notes(noted, {}),
        **_chosen(noted),
    )


def read_standing(run: Run) -> dict[str, Any]:
    """Read how far an unfinished run has come; empty where nothing is known yet."""
    try:
        with np.load(run.folder / STANDING, allow_pickle=False) as saved:
            return dict(json.loads(bytes(saved["facts"])))
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return {}


def _val_so_far(history: History, kept: int, num_val: int) -> Measured | None:
    if not kept or not num_val or kept > len(history):
        return None
    share = history[kept - 1].get("val_accuracy")
    if share is None or not 0 <= share <= 1:
        return None
    return Measured(
        "val", share, wilson_interval(round(share * num_val), num_val), num_val
    )


def _chosen(noted: Mapping[str, Any]) -> dict[str, Any]:
    train = noted.get("settings", {}).get("train", {})
    return {
        "recipe": str(train.get("recipe", "")),
        "backbone": str(noted.get("backbone", "")),
        "is_transfer": noted.get("weights", NONE) != NONE,
        "image_size": train.get("image_size"),
        "noise": str(train.get("noise", "none")),
    }


def _notes(noted: Mapping[str, Any], metrics: Mapping[str, Any]) -> dict[str, str]:
    """Return everything that was set or met, as (key → text): train's table first."""
    tables = dict(noted.get("settings", {}))
    train = dict(tables.pop("train", {}))
    if "photos" in noted and "backbone" not in noted:  # a network of its own
        train.pop("backbone", None)
        if train.get("weights") == IMAGENET:
            del train["weights"]
    found = _of_table("train", train)
    categories = tables.pop("category", [])
    tables.pop("contact", None)
    found["categories"] = ", ".join(str(each.get("name")) for each in categories)
    for name, content in tables.items():
        found |= _of_table(name, content)
    found |= _of_table("distill", noted.get("distill", {}))
    weights = str(noted.get("weights", ""))
    found["weights as read"] = weights[:12]
    found |= {f"{k} photos": f"{v:,}" for k, v in noted.get("photos", {}).items()}
    found["backend"] = str(metrics.get("backend", ""))
    found |= {k: _shown(v) for k, v in metrics.get("hardware", {}).items()}
    return found | {k: str(v) for k, v in noted.get("versions", {}).items()}


def _of_table(name: str, content: object) -> dict[str, str]:
    if isinstance(content, Mapping):
        return {f"[{name}] {key}": _shown(value) for key, value in content.items()}
    return {f"[{name}]": _shown(content)}


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(_shown(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
