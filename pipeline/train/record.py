"""Writes what a training came to into its run folder; ``metrics.json`` last."""

import csv
import io
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.catalog import Part
from pipeline.machine import usable_cores
from pipeline.metrics import (
    PredProbs,
    calibration,
    class_scores,
    confusion_counts,
    log_loss,
    wilson_interval,
)
from pipeline.networks.backend import keras
from pipeline.networks.pixels import load_pixels, map_pixels
from pipeline.networks.saved import SavedModel, save_model
from pipeline.networks.weights import NONE
from pipeline.report.diagnosis import Circumstances, diagnose
from pipeline.report.plots import (
    Picture,
    draw_confusion,
    draw_curves,
    draw_predictions,
    draw_samples,
)
from pipeline.runs import Run
from pipeline.train.devices import list_devices
from pipeline.train.job import Examples, Job, Trained
from pipeline.train.predictions import MEASURED, write_predictions
from pipeline.train.state import Standing
from pipeline.writing import write_atomically

SAMPLES = 24  # pictures shown of the training part
NOTHING = "nothing"  # chose the snapshot: it is the last
PREDICTIONS = 40  # pictures shown with what was said of them


def write_results(job: Job, trained: Trained) -> None:
    """Write the model, what it says of the photos held back, figures and pictures."""
    run, material = job.run, job.material
    saved = SavedModel(material.labels, material.settings.image_size, trained.model)
    save_model(run, trained.model)
    _write_history(run, trained.standing)
    pred_probs = {
        part: _predict(job, saved, material.parts[part])
        for part in MEASURED
        if part in material.parts
    }
    for part, probs in pred_probs.items():
        write_predictions(run, part, material.parts[part], probs, material.labels)
    _draw(job, trained.standing, pred_probs)
    run.write_json("metrics.json", _metrics(job, trained, pred_probs))


def _predict(job: Job, saved: SavedModel, examples: Examples) -> PredProbs:
    pixels = map_pixels(
        job.folder, examples.photos, saved.image_size, progress=job.progress
    )
    found = []
    with job.progress("measuring", len(pixels)) as advance:
        for start in range(0, len(pixels), 256):
            places = np.arange(start, min(start + 256, len(pixels)))
            found.append(saved.predict(pixels.take(places)))
            advance(len(places))
    return np.concatenate(found)


def _write_history(run: Run, standing: Standing) -> None:
    columns = list(dict.fromkeys(key for row in standing.history for key in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in standing.history:
        writer.writerow({key: f"{value:.6g}" for key, value in row.items()})
    write_atomically(run.folder / "history.csv", text.getvalue().encode())


def _metrics(
    job: Job, trained: Trained, pred_probs: dict[Part, PredProbs]
) -> dict[str, Any]:
    """Return what ``metrics.json`` holds; the test part leads where there is one."""
    material, standing = job.material, trained.standing
    leading = Part.TEST if Part.TEST in pred_probs else Part.VAL
    found: dict[str, Any] = {}
    for part in (leading, Part.VAL):
        found |= _part_metrics(part, material.parts[part], pred_probs[part])
    if trained.out_of_fold:
        right, number = trained.out_of_fold.right, trained.out_of_fold.photos
        found |= _share("out_of_fold", right, number) | {"num_out_of_fold": number}
    return {
        **found,
        # of a single epoch there was nothing to choose from
        "selected_on": NOTHING
        if standing.is_last_kept or standing.epochs == 1
        else str(Part.VAL),
        "measured_on": str(leading),
        **_detailed(material.labels, material.parts[leading], pred_probs[leading]),
        "recipe": material.recipe,
        "image_size": material.settings.image_size,
        **{f"num_{part}": len(item.photos) for part, item in material.parts.items()},
        "epochs": standing.epochs,
        "best_epoch": standing.best_epoch,
        "kept_epoch": standing.kept_epoch,
        "stopped_because": standing.stopped_because,
        "diagnosis": _diagnosis(job, standing),
        "seconds": round(standing.elapsed, 1),
        "images_per_second": round(standing.images_per_second, 1) or None,
        "backend": keras.backend.backend(),
        "precision": trained.precision,
        "hardware": _hardware(),
    }


def _diagnosis(job: Job, standing: Standing) -> dict[str, Any] | None:
    """Say what the curves show, in words."""
    y_true = job.material.parts[Part.VAL].y_true
    found = diagnose(
        standing.history,
        Circumstances(
            num_val=len(y_true),
            chance=float(np.bincount(y_true).max() / len(y_true)),
            kept_epoch=standing.kept_epoch,
            stopped_because=standing.stopped_because,
            is_transfer=job.material.weights != NONE,
        ),
    )
    return found.as_json() if found else None


def _part_metrics(
    part: Part, examples: Examples, pred_probs: PredProbs
) -> dict[str, Any]:
    right = int((examples.y_true == _y_pred(pred_probs)).sum())
    return {
        **_share(str(part), right, len(examples.y_true)),
        f"{part}_loss": log_loss(examples.y_true, pred_probs),
    }


def _share(name: str, right: int, number: int) -> dict[str, Any]:
    return {
        f"{name}_accuracy": right / number,
        f"{name}_accuracy_interval": list(wilson_interval(right, number)),  # 95 %
    }


def _detailed(
    labels: Sequence[str], examples: Examples, pred_probs: PredProbs
) -> dict[str, Any]:
    confusion = confusion_counts(examples.y_true, _y_pred(pred_probs), len(labels))
    honest = calibration(examples.y_true, pred_probs)
    return {
        "per_category": {
            label: {
                "precision": score.precision,
                "recall": score.recall,
                "num_photos": score.num_photos,
            }
            for label, score in zip(labels, class_scores(confusion), strict=True)
        },
        "confusion": confusion.tolist(),
        "calibration": {
            "expected_error": honest.expected_error,
            "mean_confidence": honest.mean_confidence,
            "counts": honest.counts,
            "confidences": honest.confidences,
            "accuracies": honest.accuracies,
        },
    }


def _draw(job: Job, standing: Standing, pred_probs: dict[Part, PredProbs]) -> None:
    """Draw the run's pictures, of the part that leads."""
    run, material = job.run, job.material
    leading = Part.TEST if Part.TEST in pred_probs else Part.VAL
    examples, probs = material.parts[leading], pred_probs[leading]
    y_pred = _y_pred(probs)
    draw_curves(
        run.folder / "curves.png",
        standing.history,
        standing.kept_epoch,
        num_val=len(material.parts[Part.VAL].photos),
        is_distilled=bool(material.lesson and material.lesson.teacher),
    )
    draw_confusion(
        run.folder / "confusion.png",
        confusion_counts(examples.y_true, y_pred, len(material.labels)),
        material.labels,
    )
    rng = np.random.default_rng(material.settings.seed)
    train = material.parts[Part.TRAIN]
    shown = rng.permutation(len(train.photos))[:SAMPLES]
    draw_samples(run.folder / "samples.png", _pictures(job, train, shown, None))
    draw_predictions(
        run.folder / "predictions.png",
        _pictures(job, examples, _telling(examples.y_true, probs, rng), probs),
    )


def _telling(
    y_true: NDArray[np.int64], pred_probs: PredProbs, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Choose photos to show: up to half of them wrong, the surest first."""
    wrong = np.flatnonzero(_y_pred(pred_probs) != y_true)
    wrong = wrong[np.argsort(-pred_probs[wrong].max(axis=1), kind="stable")]
    right = rng.permutation(np.flatnonzero(_y_pred(pred_probs) == y_true))
    num_wrong = min(len(wrong), max(PREDICTIONS // 2, PREDICTIONS - len(right)))
    return np.concatenate([wrong[:num_wrong], right[: PREDICTIONS - num_wrong]])


def _pictures(
    job: Job,
    examples: Examples,
    places: NDArray[np.int64],
    pred_probs: PredProbs | None,
) -> list[Picture]:
    labels = job.material.labels
    photos = [examples.photos[place] for place in places]
    squares = load_pixels(job.folder, photos, job.material.settings.image_size)
    found = []
    for square, place in zip(squares, places, strict=True):
        label = labels[examples.y_true[place]]
        if pred_probs is None:
            found.append(Picture(square, label))
        else:
            probs = pred_probs[place]
            guess = int(probs.argmax())
            found.append(Picture(square, label, labels[guess], float(probs[guess])))
    return found


def _y_pred(pred_probs: PredProbs) -> NDArray[np.int64]:
    return np.asarray(pred_probs.argmax(axis=1), np.int64)


def _hardware() -> dict[str, Any]:
    """Say what the training ran on."""
    return {
        "processor": _processor(),
        "cores": usable_cores(),
        "devices": list_devices(),
        "system": platform.platform(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    named = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return named[0].strip() if named else platform.processor()
