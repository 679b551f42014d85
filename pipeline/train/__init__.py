"""Stage 5: the split's photos in, a run folder with a trained model out.

A run is known by a fingerprint of its settings, labels and photos: a finished one with
the same is left alone, an unfinished one goes on where it was, anything else is new.
``metrics.json`` is written last, and ``latest`` then points to the newest finished run.
"""

import importlib.metadata
import platform
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from pipeline.catalog import Catalog
from pipeline.catalog.training import Prediction, RunPhoto
from pipeline.credits import write_credits
from pipeline.errors import InputError, SettingsError, WeightsError
from pipeline.home import SetFolder
from pipeline.images import ImageStore
from pipeline.progress import Progress
from pipeline.runs import (
    LATEST,
    Run,
    list_runs,
    make_run,
    point_latest,
    run_of_fingerprint,
)
from pipeline.settings import SetSettings, dump_settings
from pipeline.train.job import Job, Material, Say, gather
from pipeline.train.predictions import MEASURED, read_predictions
from pipeline.train.state import StateFile

Now = Callable[[], str]  # ISO 8601, UTC

_VERSIONS = ("mekiki", "keras", "tensorflow", "numpy", "albumentations")


@dataclass(frozen=True)
class TrainSummary:
    """What training came to."""

    run: Run
    is_new: bool
    is_resumed: bool
    num_train: int
    num_val: int
    val_accuracy: float  # 0..1
    test_accuracy: float | None  # where there is a test part
    epochs: int
    seconds: float  # of training, over all starts
    without_photos: tuple[str, ...]  # categories left out

    @property
    def is_left_alone(self) -> bool:
        """Whether nothing was done: a finished run with nothing changed."""
        return not self.is_new and not self.is_resumed

    @property
    def line(self) -> str:
        """The one line of counts."""
        if self.is_left_alone:
            did = "nothing changed, left alone"
        else:
            did = "resumed and finished" if self.is_resumed else "trained"
            did += f" on {self.num_train} photos, {self.epochs} epochs"
        parts = [f"{self.run.name}: {did}"]
        if self.test_accuracy is not None:
            parts.append(f"test accuracy {100 * self.test_accuracy:.1f} %")
        parts.append(f"val accuracy {100 * self.val_accuracy:.1f} % of {self.num_val}")
        if self.without_photos:
            parts.append(f"left out, no photos: {', '.join(self.without_photos)}")
        return "; ".join(parts)


def train(
    folder: SetFolder,
    settings: SetSettings,
    catalog: Catalog,
    *,
    progress: Progress,
    now: Now,
    say: Say,
) -> TrainSummary:
    """Train what the set asks for, unless a finished run has done just that.

    Args:
        folder: The set, for its photos, cache and runs.
        settings: What to train.
        catalog: Whose split and labels count; the run is recorded in it.
        progress: How the work is shown.
        now: The clock.
        say: Told in a line what training will cost, before the bulk of it.

    Raises:
        InputError: There is no split, too little to train on, or a photo is missing.
        SettingsError: The backbone is unknown or can't be built.
        WeightsError: The weights can't be had.
    """
    material = gather(settings, catalog)
    known = run_of_fingerprint(folder, material.fingerprint)
    if known is None or not known.is_finished:
        _check_photos(folder, material)
    run = known or _new_run(folder, settings, material, now)
    _record_start(catalog, run, material, now, is_new=known is None)
    is_finished = run.is_finished
    if not is_finished:
        # Loading Keras takes seconds: only where there is something to train.
        from pipeline.train.recipes import follow_recipe  # noqa: PLC0415
        from pipeline.train.record import write_results  # noqa: PLC0415

        job = Job(folder, run, material, progress, say)
        try:
            write_results(job, follow_recipe(job))
        except (SettingsError, WeightsError):
            if known is None:  # nothing was trained, and never will be as it stands
                shutil.rmtree(run.folder)
                catalog.training.forget_run(run.name)
            raise
    StateFile(run.folder).remove()
    photos = {photo.sha256 for photo in catalog.training.run_photos(run.name)}
    write_credits(folder, catalog, run.folder, photos)
    _record_end(catalog, run, now)
    _mend_latest(folder, catalog)
    return _summary(run, material, is_new=known is None, is_left_alone=is_finished)


def _check_photos(folder: SetFolder, material: Material) -> None:
    """Refuse before hours of training what would only show at their end."""
    store = ImageStore(folder.images)
    files = [
        store.path(photo.sha256, photo.extension)
        for examples in material.parts.values()
        for photo in examples.photos
    ]
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(files)} photos of the split are missing from the"
            f" store, the first is {missing[0]}; put them back, or reject them in the"
            " labeler and split again"
        )


def _new_run(
    folder: SetFolder, settings: SetSettings, material: Material, now: Now
) -> Run:
    """Make the run folder, with all that is needed to repeat the run in it."""
    began = datetime.fromisoformat(now())
    run = make_run(folder, f"{began:%Y%m%d-%H%M%S}-{material.settings.recipe}")
    run.write_json("labels.json", material.labels)
    run.write_toml(
        "settings.toml",
        {
            "fingerprint": material.fingerprint,
            "set": folder.name,
            "weights": material.weights,
            "versions": _versions(),
            "settings": dump_settings(settings),
        },
    )
    return run


def _versions() -> dict[str, str]:
    """Return the versions of what a training's numbers depend on."""
    found = {"python": platform.python_version()}
    for name in _VERSIONS:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _record_start(
    catalog: Catalog, run: Run, material: Material, now: Now, *, is_new: bool
) -> None:
    """Write down what the run is trained on, unless the catalog knows already."""
    if is_new:
        catalog.training.forget_run(run.name)  # of a folder that someone deleted
    elif any(row.name == run.name for row in catalog.training.runs()):
        return
    photos = [
        RunPhoto(photo.sha256, str(photo.label), part)
        for part, examples in material.parts.items()
        for photo in examples.photos
    ]
    catalog.training.start_run(run.name, material.fingerprint, photos, now())


def _record_end(catalog: Catalog, run: Run, now: Now) -> None:
    """Write down what the run said, unless the catalog knows already."""
    rows = {row.name: row for row in catalog.training.runs()}
    if rows[run.name].finished_at is None:
        predictions = [
            Prediction(row["sha256"], row["predicted"], float(row["p_predicted"]))
            for part in MEASURED
            for row in read_predictions(run, part)
        ]
        catalog.training.finish_run(run.name, predictions, now())


def _mend_latest(folder: SetFolder, catalog: Catalog) -> None:
    """Point ``latest`` to the run that finished last, where it does not already.

    That need not be the one that began last: an older run may have been resumed.
    """
    ended = {row.name: row.finished_at or "" for row in catalog.training.runs()}
    newest = max(
        (run for run in list_runs(folder) if run.is_finished),
        key=lambda run: (ended.get(run.name, ""), run.name),
    )
    if (folder.models / LATEST).resolve() != newest.folder.resolve():
        point_latest(folder, newest)


def _summary(
    run: Run, material: Material, *, is_new: bool, is_left_alone: bool
) -> TrainSummary:
    metrics = run.metrics
    return TrainSummary(
        run=run,
        is_new=is_new,
        is_resumed=not is_new and not is_left_alone,
        num_train=metrics["num_train"],
        num_val=metrics["num_val"],
        val_accuracy=metrics["val_accuracy"],
        test_accuracy=metrics.get("test_accuracy"),
        epochs=metrics["epochs"],
        seconds=metrics["seconds"],
        without_photos=material.without_photos,
    )
