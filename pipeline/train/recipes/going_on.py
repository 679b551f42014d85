"""Training goes on from a model that another run left: ``weights = ".../model.keras"``.

For the recipes that begin at chance; what they build must be what the file holds.
"""

import json
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from pipeline.errors import WeightsError
from pipeline.networks.backend import keras
from pipeline.networks.weights import IMAGENET, NONE
from pipeline.settings import WITHOUT_WEIGHTS
from pipeline.train.job import Job


def take_weights(job: Job, model: Any) -> None:
    """Give ``model`` the weights of the trained one that the set names, if it does.

    Raises:
        WeightsError: The file can't be loaded, or holds another network or other
            categories.
    """
    settings = job.material.settings
    if settings.recipe not in WITHOUT_WEIGHTS or settings.weights in {IMAGENET, NONE}:
        return
    file = Path(settings.weights)
    try:
        trained = keras.saving.load_model(file, compile=False, safe_mode=True)
    except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
        raise WeightsError(
            f"[train] weights: {file} can't be loaded: {str(error).splitlines()[0]};"
            f' recipe = "{settings.recipe}" goes on from a run\'s model.keras, or'
            ' begins at chance with weights = "none"'
        ) from error
    shapes, expected = (
        [tuple(weight.shape) for weight in one.weights] for one in (trained, model)
    )
    labels = _labels_beside(file) or list(job.material.labels)
    if shapes != expected or labels != list(job.material.labels):
        raise WeightsError(
            f"[train] weights: {file} must hold what recipe ="
            f' "{settings.recipe}" builds for {len(job.material.labels)} categories at'
            f" {settings.image_size} pixels, and holds another network or other"
            ' categories; name another model.keras, or set weights = "none"'
        )
    model.set_weights(trained.get_weights())


def _labels_beside(file: Path) -> list[str]:
    """Return the categories of the run that a model lies in; none where it is alone."""
    try:
        return list(json.loads(file.with_name("labels.json").read_text("utf-8")))
    except FileNotFoundError:
        return []
