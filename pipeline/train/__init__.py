"""Stage 5: the split's photos in, a run folder with a trained model out.

A run is known by a fingerprint of its settings, labels and photos: a finished one with
the same is left alone, an unfinished one goes on where it was, anything else is new.
``metrics.json`` is written last, and ``latest`` then points to the newest finished run.
"""

import importlib.metadata
import platform
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

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
from pipeline.settings import WITHOUT_WEIGHTS, SetSettings, dump_settings
from pipeline.train.job import Job, Material, Say, Trained, gather
from pipeline.train.predictions import MEASURED, read_predictions
from pipeline.train.state import StateFile

Now = Callable[[], str]  # ISO 8601, UTC

_VERSIONS = ("mekiki", "keras", "tensorflow", "jax", "numpy", "albumentations")


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
    accuracies: tuple[str, ...]  # each said with its interval, the one to believe first
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
            s = "s" if self.epochs > 1 else ""
            did += f" on {self.num_train} photos, {self.epochs} epoch{s}"
        parts = [f"{self.run.name}: {did}", *self.accuracies]
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
    is_enough: bool = False,
) -> TrainSummary:
    """Train what the set asks for, unless a finished run has done just that.

    Args:
        folder: The set, for its photos, cache and runs.
        settings: What to train.
        catalog: Whose split and labels count; the run is recorded in it.
        progress: How the work is shown.
        now: The clock.
        say: Told in a line what training will cost, before the bulk of it.
        is_enough: End an interrupted run with the best snapshot it has.

    Raises:
        InputError: There is no split, too little to train on, or a photo is missing.
        SettingsError: The backbone is unknown or can't be built.
        WeightsError: The weights can't be had.
    """

    def follow(job: Job) -> Trained:
        # Loading Keras takes seconds: only where there is something to train.
        from pipeline.train.recipes import follow_recipe  # noqa: PLC0415

        return follow_recipe(job)

    return carry_out(
        folder,
        settings,
        catalog,
        gather(settings, catalog),
        follow,
        progress=progress,
        now=now,
        say=say,
        is_enough=is_enough,
    )


def carry_out(
    folder: SetFolder,
    settings: SetSettings,
    catalog: Catalog,
    material: Material,
    follow: Callable[[Job], Trained],
    *,
    progress: Progress,
    now: Now,
    say: Say,
    is_enough: bool = False,
) -> TrainSummary:
    """Train what ``material`` says as ``follow`` does, unless a run has done so.

    Args and errors as of ``train``.
    """
    known = run_of_fingerprint(folder, material.fingerprint)
    if is_enough:
        _check_snapshot(folder, known)
    if known is None or not known.is_finished:
        _check_photos(folder, material)
    run = known or _new_run(folder, settings, material, now)
    _record_start(catalog, run, material, now, is_new=known is None)
    is_finished = run.is_finished
    if not is_finished:
        # Loading Keras takes seconds: only where there is something to train.
        from pipeline.train.record import write_results  # noqa: PLC0415

        job = Job(folder, run, material, progress, say, is_enough)
        try:
            write_results(job, follow(job))
        except (SettingsError, WeightsError):
            if known is None:  # nothing was trained, and never will be as it stands
                shutil.rmtree(run.folder)
                catalog.training.forget_run(run.name)
            raise
    StateFile(run.folder).remove()
    write_credits(folder, catalog, run.folder, material.sha256s)
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


def _check_snapshot(folder: SetFolder, known: Run | None) -> None:
    """Refuse to end what was not begun."""
    if known is None or not (known.is_finished or StateFile(known.folder).exists):
        raise InputError(
            "--finish ends an interrupted run with its best snapshot, and no run of"
            f" these settings, labels and photos has one: `mekiki train {folder.name}`"
            " begins or goes on"
        )


def _new_run(
    folder: SetFolder, settings: SetSettings, material: Material, now: Now
) -> Run:
    """Make the run folder, with all that is needed to repeat the run in it."""
    began = datetime.fromisoformat(now())
    run = make_run(folder, f"{began:%Y%m%d-%H%M%S}-{material.name}")
    written = dump_settings(settings.model_copy(update={"train": material.settings}))
    written["train"]["recipe"] = material.recipe
    run.write_json("labels.json", material.labels)
    run.write_toml(
        "settings.toml",
        {
            "fingerprint": material.fingerprint,
            "set": folder.name,
            "weights": material.weights,
            **_backbone(material),
            "photos": {str(p): len(part.photos) for p, part in material.parts.items()},
            "versions": _versions(),
            "settings": written,
        }
        | ({"distill": asdict(material.lesson)} if material.lesson else {}),
    )
    return run


def _backbone(material: Material) -> dict[str, str]:
    """Name the backbone, of recipes that have none of their own."""
    chosen = material.settings
    return {} if chosen.recipe in WITHOUT_WEIGHTS else {"backbone": chosen.backbone}


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

    That need not be the one that began last: an older run may have been resumed. It
    is never a student's: who distils chooses where it serves.
    """
    ended = {row.name: row.finished_at or "" for row in catalog.training.runs()}
    newest = max(
        (run for run in list_runs(folder) if run.is_finished and not run.is_student),
        key=lambda run: (ended.get(run.name, ""), run.name),
        default=None,
    )
    if newest and (folder.models / LATEST).resolve() != newest.folder.resolve():
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
        accuracies=tuple(_spoken_accuracies(metrics)),
        epochs=metrics["epochs"],
        seconds=metrics["seconds"],
        without_photos=material.without_photos,
    )


def _spoken_accuracies(metrics: Mapping[str, Any]) -> Iterator[str]:
    """Say each accuracy with its interval, and which photos chose the snapshot."""
    for name, said in (
        ("test", "test accuracy"),
        ("val", "val accuracy"),
        ("out_of_fold", "out of fold"),
    ):
        share = metrics.get(f"{name}_accuracy")
        if share is None:
            continue
        low, high = metrics[f"{name}_accuracy_interval"]
        yield (
            f"{said} {100 * share:.1f} % ({100 * low:.1f} to {100 * high:.1f} with"
            f" 95 %) of {metrics[f'num_{name}']:,}"
            + (", which chose the snapshot" if metrics["selected_on"] == name else "")
        )
