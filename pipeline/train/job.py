"""What is to be trained: photos, labels, settings, and the text that sums them up."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.catalog import Catalog, Part
from pipeline.catalog.photos import Photo
from pipeline.errors import InputError
from pipeline.home import SetFolder
from pipeline.networks.weights import IMAGENET, NONE, weights_key
from pipeline.progress import Progress
from pipeline.runs import Run
from pipeline.settings import WITHOUT_WEIGHTS, SetSettings, TrainSettings
from pipeline.train.state import Standing

Say = Callable[[str], None]

# Settings younger than the fingerprint.
ADDED_LATER = ("noise", "precision", "batches_per_epoch")


@dataclass(frozen=True)
class Examples:
    """Photos of one part, with their labels."""

    photos: tuple[Photo, ...]
    y_true: NDArray[np.int64]  # (N,) places in the labels


@dataclass(frozen=True)
class Lesson:
    """What a student learns, beside its photos: from a teacher, or to be held to one.

    A student without a teacher learns the same photos from their labels.
    """

    student: str  # as `mekiki distill` calls it
    teacher: str = ""  # the run it learns from
    teacher_sha256: str = ""  # of the teacher's model
    temperature: float = 0.0  # 0 where there is no teacher
    features: float = 0.0  # weight of the teacher's features, against what it says

    @property
    def recipe(self) -> str:
        """How its run is called."""
        return "distill" if self.teacher else "scratch"


@dataclass(frozen=True)
class Material:
    """Everything a training depends on."""

    settings: TrainSettings
    labels: tuple[str, ...]  # in the order of the file
    parts: Mapping[Part, Examples]  # train and val; test where there is one
    weights: str  # tells the weights from all others
    without_photos: tuple[str, ...]  # categories left out, having none to train on
    lesson: Lesson | None = None  # of a student; ``None`` where a recipe is followed

    @property
    def recipe(self) -> str:
        """How it is trained, in a word."""
        return self.lesson.recipe if self.lesson else self.settings.recipe

    @property
    def name(self) -> str:
        """What a run of it is called after the time it began."""
        return f"{self.recipe}-{self.lesson.student}" if self.lesson else self.recipe

    @property
    def without_teacher(self) -> "Material":
        """The same for the same student, who learns it from the labels."""
        lesson = Lesson(self.lesson.student) if self.lesson else None
        return replace(self, lesson=lesson)

    @property
    def sha256s(self) -> set[str]:
        """The photos of all parts."""
        return {
            photo.sha256
            for examples in self.parts.values()
            for photo in examples.photos
        }

    @property
    def fingerprint(self) -> str:
        """A sha256 that changes when anything a training depends on does.

        Of weights their bytes count, not where they lie; of a teacher likewise. What
        was added later adds nothing at its default: runs from before are known by what
        they always were.
        """
        unsaid = {"weights", "weights_sha256"} | {
            name
            for name in ADDED_LATER
            if getattr(self.settings, name) == TrainSettings.model_fields[name].default
        }
        lesson = asdict(replace(self.lesson, teacher="")) if self.lesson else None
        content = ({"lesson": lesson} if lesson else {}) | {
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
    is_enough: bool = False  # end with the best snapshot that an earlier start left


@dataclass(frozen=True)
class Right:
    """So many right, of so many."""

    right: int
    photos: int


@dataclass(frozen=True)
class Trained:
    """What a recipe hands back."""

    model: Any  # keras.Model: RGB 0..255 in, class probabilities out
    standing: Standing
    precision: str = "float32"  # that it was taught in; the model is float32
    out_of_fold: Right | None = None  # of heads that never saw the photo they judge


def gather(settings: SetSettings, catalog: Catalog) -> Material:
    """Collect what the set trains on: photos with a label to believe, in a part.

    Raises:
        InputError: There is no split, or too little to train and measure on.
        WeightsError: The file that ``weights`` names can't be read, or is another one
            than its hash says.
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
        part: order_examples([p for p in photos if split[p.sha256] is part], labels)
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
    return Material(train, labels, parts, _key(train), left_out)


def _key(train: TrainSettings) -> str:
    """Tell the weights that training begins with; where it begins at chance, none."""
    if train.recipe in WITHOUT_WEIGHTS and train.weights == IMAGENET:
        return NONE
    return weights_key(train.weights, train.weights_sha256)


def order_examples(photos: Sequence[Photo], labels: Sequence[str]) -> Examples:
    """Order photos by sha256; those of a label that is not trained are left out."""
    places = {label: place for place, label in enumerate(labels)}
    known = sorted(
        (photo for photo in photos if photo.label in places),
        key=lambda photo: photo.sha256,
    )
    y_true = np.array([places[str(photo.label)] for photo in known], np.int64)
    return Examples(tuple(known), y_true)
