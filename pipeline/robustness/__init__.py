"""Stage 6: how a run's classifier takes noisy, blurred, covered, scribbled photos.

A run and its validation photos → ``robustness.csv``, ``robustness.png``,
``flips.png`` and, last, ``robustness.toml``: what was measured how. Where that file
says what would be measured now, nothing is done.
"""

import csv
import io
import logging
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields
from typing import Any

import numpy as np

from pipeline.catalog import Catalog, Part
from pipeline.catalog.training import RunPhoto
from pipeline.errors import ImageError, RunError
from pipeline.home import SetFolder
from pipeline.images import ImageStore
from pipeline.metrics import wilson_interval
from pipeline.networks.pixels import square_photo
from pipeline.networks.saved import SavedModel, load_model
from pipeline.progress import Progress
from pipeline.robustness.corruptions import CORRUPTIONS, SEVERITIES, Pixels
from pipeline.robustness.measure import (
    CLEAN,
    Measured,
    ValPhotos,
    measure,
    num_predictions,
)
from pipeline.runs import Run
from pipeline.settings import RobustnessSettings, SetSettings
from pipeline.writing import write_atomically

logger = logging.getLogger(__name__)

TABLE = "robustness.csv"
_DONE = "robustness.toml"  # written last


@dataclass(frozen=True)
class RobustnessSummary:
    """What was measured, now or before."""

    rows: list[Measured]
    is_new: bool

    @property
    def line(self) -> str:
        """The clean accuracy, the worst corruption and what a scribble does."""
        clean = next(row for row in self.rows if row.corruption == CLEAN)
        worst = min(self.rows, key=lambda row: row.accuracy)
        scribble = next(
            row
            for row in self.rows
            if (row.corruption, row.severity) == ("scribble", 3)
        )
        before = "" if self.is_new else "already measured, left alone: "
        right = round(clean.accuracy * clean.num_photos)
        low, high = wilson_interval(right, clean.num_photos)
        return (
            f"robustness: {before}clean {100 * clean.accuracy:.1f} %"
            f" ({100 * low:.1f} to {100 * high:.1f} with 95 %),"
            f" worst {worst.corruption} at {worst.severity}:"
            f" {100 * worst.accuracy:.1f} %,"
            f" scribble flips {100 * scribble.flip_rate:.1f} % at severity 3"
            f" ({clean.num_photos} validation photos)"
        )


def measure_robustness(
    folder: SetFolder,
    settings: SetSettings,
    catalog: Catalog,
    run: Run,
    *,
    progress: Progress,
) -> RobustnessSummary:
    """Put a run's validation photos through every corruption at every severity.

    Raises:
        RunError: The run has no validation photo that can be read, or no model.
    """
    how = _how(settings.robustness)
    if (rows := _measured_before(run, how)) is not None:
        return RobustnessSummary(rows, is_new=False)
    # matplotlib takes a second to import, which a run that is left alone need not.
    from pipeline.robustness.pictures import draw_chart, draw_flips  # noqa: PLC0415

    model = load_model(run)
    photos = _load_photos(folder, settings.robustness, catalog, run, model)
    total = num_predictions(len(photos.images))
    with progress("corrupting photos", total) as advance:
        found = measure(
            photos, model.predict, seed=settings.robustness.seed, advance=advance
        )
    draw_chart(run.folder / "robustness.png", found.rows)
    draw_flips(run.folder / "flips.png", found.flips, run.labels)
    write_atomically(run.folder / TABLE, _to_csv(found.rows))
    run.write_toml(_DONE, how)
    return RobustnessSummary(found.rows, is_new=True)


def read_rows(run: Run) -> list[Measured]:
    """Read a run's robustness.csv.

    Raises:
        RunError: It is missing or damaged.
    """
    file = run.folder / TABLE
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            return [
                Measured(
                    row["corruption"],
                    int(row["severity"]),
                    float(row["accuracy"]),
                    float(row["flip_rate"]),
                    int(row["num_photos"]),
                )
                for row in csv.DictReader(lines)
            ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{file} can't be read: {error}") from error


def _how(settings: RobustnessSettings) -> dict[str, Any]:
    return {**settings.model_dump(), "corruptions": list(CORRUPTIONS)}


def _measured_before(run: Run, how: dict[str, Any]) -> list[Measured] | None:
    """Return the rows of a complete measurement that was done just so."""
    try:
        done = tomllib.loads((run.folder / _DONE).read_text(encoding="utf-8"))
        rows = read_rows(run)
    except (OSError, ValueError, RunError):
        return None
    complete = len(rows) == 1 + len(CORRUPTIONS) * len(SEVERITIES)
    return rows if done == how and complete else None


def _load_photos(
    folder: SetFolder,
    settings: RobustnessSettings,
    catalog: Catalog,
    run: Run,
    model: SavedModel,
) -> ValPhotos:
    """Decode the validation photos, at most ``max_photos`` of them, at random."""
    val = [p for p in catalog.training.run_photos(run.name) if p.part is Part.VAL]
    rng = np.random.default_rng(settings.seed)
    chosen = sorted(rng.permutation(len(val))[: settings.max_photos])
    extensions = {image.sha256: image.extension for image in catalog.photos.stored()}
    store = ImageStore(folder.images)

    def load(photo: RunPhoto) -> Pixels | None:
        path = store.path(photo.sha256, extensions.get(photo.sha256, ""))
        try:
            return square_photo(path, model.image_size)
        except ImageError as error:
            logger.warning("left out %s: %s", path, error)
            return None

    with ThreadPoolExecutor() as pool:
        images = list(pool.map(load, [val[i] for i in chosen]))
    read = [
        (image, val[i])
        for image, i in zip(images, chosen, strict=True)
        if image is not None and val[i].label in model.labels
    ]
    if not read:
        raise RunError(
            f"run {run.name} has {len(val)} validation photos in the catalog, of which"
            f" none can be read from {folder.images}; scrape and train again"
        )
    return ValPhotos(
        images=np.stack([image for image, _ in read]),
        sha256=[photo.sha256 for _, photo in read],
        y_true=np.array([model.labels.index(photo.label) for _, photo in read]),
    )


def _to_csv(rows: list[Measured]) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(field.name for field in fields(Measured))
    for row in rows:
        values = astuple(row)
        writer.writerow(
            f"{value:.4f}" if isinstance(value, float) else value for value in values
        )
    return buffer.getvalue().encode()
