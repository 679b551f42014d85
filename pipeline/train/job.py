"""What is to be trained: photos, labels, settings, and the text that sums them up."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.catalog import Catalog, Part
from pipeline.catalog.photos import Photo
from pipeline.errors import InputError
from pipeline.home import SetFolder
from pipeline.networks.weights import weights_key
from pipeline.progress import Progress
from pipeline.runs import Run
from pipeline.settings import SetSettings, TrainSettings
from pipeline.train.state import Standing

Say = Callable[[str], None]

WITHOUT_WEIGHTS = frozenset({"small-cnn"})  # recipes that read no weights


@dataclass(frozen=True)
class Examples:
    """Photos of one part, with their labels."""

    photos: tuple[Photo, ...]
    y_true: NDArray[np.int64]  # (N,) places in the labels


@dataclass(frozen=True)
class Material:
    """Everything a training depends on."""

    settings: TrainSettings
    labels: tuple[str, ...]  # in the order of the file
    parts: Mapping[Part, Examples]  # train and val; test where there is one
    weights: str  # tells the weights from all others
    without_photos: tuple[str, ...]  # categories left out, having none to train on

    @property
    def fingerprint(self) -> str:
        """A sha256 that changes when anything a training depends on does.

        Of weights their bytes count, not where they lie. No noise adds nothing: runs
        from before there was any are known by what they always were.
        """
        unsaid = {"weights"} | ({"noise"} if self.settings.noise == "none" else set())
        content = {
            "settings": self.settings.model_dump(mode="json", exclude=unsaid),
            "labels": self.labels,
            "weights": self.weights,
            "photos": sorted(
                (photo.sha256, photo.label, part)
                for part, examples in self.parts.items()
                for photo in examples.photos
            ),
        }
        text = json.dumps(content, ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Job:
    """A run about to be trained, and how to speak of it."""

    folder: SetFolder
    run: Run
    material: Material
    progress: Progress
    say: Say


@dataclass(frozen=True)
class Trained:
    """What a recipe hands back."""

    model: Any  # keras.Model: RGB 0..255 in, class probabilities out
    standing: Standing


def gather(settings: SetSettings, catalog: Catalog) -> Material:
    """Collect what the set trains on: photos with a label to believe, in a part.

    Raises:
        InputError: There is no split, or too little to train and measure on.
        WeightsError: The file that ``weights`` names can't be read.
    """
    split = catalog.training.split()
    if not split:
        raise InputError(
            "no photo is in a part yet: run `mekiki split` first (and scrape and dedup"
            " before it)"
        )
    photos = [photo for photo in catalog.photos.trained() if photo.sha256 in split]
    trained = {p.label for p in photos if split[p.sha256] is Part.TRAIN}
    labels = tuple(name for name in settings.category_names if name in trained)
    left_out = tuple(name for name in settings.category_names if name not in trained)
    if len(labels) < 2:
        raise InputError(
            f"training needs photos of at least two categories, got {len(labels)}:"
            " add photos and run `mekiki split` again"
        )
    parts = {
        part: _examples([p for p in photos if split[p.sha256] is part], labels)
        for part in Part
    }
    if not parts[Part.VAL].photos:
        raise InputError(
            "no photo is left to validate on: a category needs at least two photos;"
            " add some and run `mekiki split` again"
        )
    if not parts[Part.TEST].photos:
        del parts[Part.TEST]
    train = settings.train
    key = "none" if train.recipe in WITHOUT_WEIGHTS else weights_key(train.weights)
    return Material(train, labels, parts, key, left_out)


def _examples(photos: Sequence[Photo], labels: Sequence[str]) -> Examples:
    """Order photos by sha256; those of a label that is not trained are left out."""
    places = {label: place for place, label in enumerate(labels)}
    known = sorted(
        (photo for photo in photos if photo.label in places),
        key=lambda photo: photo.sha256,
    )
    y_true = np.array([places[str(photo.label)] for photo in known], np.int64)
    return Examples(tuple(known), y_true)
