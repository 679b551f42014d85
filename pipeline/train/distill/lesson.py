"""What a student is to learn: the photos of a run, in the parts they had there.

Labels are the run's, too: teacher and student are measured by the same. A photo that
was rejected, taken down or merged into another since then is left out.
"""

from dataclasses import dataclass, replace

from pipeline.catalog import Catalog, Part
from pipeline.errors import RunError
from pipeline.networks.saved import SavedModel
from pipeline.networks.weights import NONE, weights_key
from pipeline.runs import Run
from pipeline.settings import SetSettings
from pipeline.train.job import Lesson, Material, order_examples

STUDENTS = {  # as the command calls them → backbones
    "nin": "NetworkInNetwork",
    "mobilenet_v3_small": "MobileNetV3Small",
}
TEMPERATURE = 2.0
FEATURES = 10.0  # weight of the teacher's features, against what it says


@dataclass(frozen=True)
class Asked:
    """What the command line asks for; ``None`` leaves a choice to the schedule."""

    student: str  # of ``STUDENTS``
    epochs: int | None = None
    max_minutes: float | None = None
    seed: int | None = None
    baseline: bool = True  # train the same student from scratch, too


def plan_lesson(
    settings: SetSettings, catalog: Catalog, run: Run, model: SavedModel, asked: Asked
) -> tuple[Material, int]:
    """Return what the student is trained on, and how many photos were left out.

    Raises:
        RunError: The run tells other labels than the set has, or the catalog does not
            know its photos.
    """
    _check_labels(settings, run, model)
    used = catalog.training.run_photos(run.name)
    there = {photo.sha256: photo for photo in catalog.photos.trained()}
    known = [row for row in used if row.sha256 in there and row.label in run.labels]
    parts = {
        part: order_examples(
            [
                replace(there[row.sha256], label=row.label)
                for row in known
                if row.part is part
            ],
            run.labels,
        )
        for part in Part
        if part is not Part.TEST or any(row.part is part for row in known)
    }
    if not parts[Part.TRAIN].photos or not parts[Part.VAL].photos:
        raise RunError(
            f"run {run.name} has {len(used)} photos in the catalog, of which"
            f" {len(known)} are still trained: too few to learn from and to measure;"
            " train again, then distil that run"
        )
    lesson = Lesson(
        student=asked.student,
        teacher=run.name,
        teacher_sha256=weights_key(str(run.model_file)),
        temperature=TEMPERATURE,
        features=FEATURES,
    )
    chosen = settings.train.model_copy(
        update={
            "recipe": "finetune",  # the set's own has no say in this
            "backbone": STUDENTS[asked.student],
            "weights": NONE,
            "weights_sha256": None,
            "image_size": model.image_size,
            "epochs": asked.epochs,
            "max_minutes": asked.max_minutes,
            "learning_rate": None,
            "patience": None,
            "batches_per_epoch": None,
            "seed": settings.train.seed if asked.seed is None else asked.seed,
            "noise": "none",
        }
    )
    return Material(chosen, run.labels, parts, NONE, (), lesson), len(used) - len(known)


def _check_labels(settings: SetSettings, run: Run, model: SavedModel) -> None:
    """Refuse a teacher of other categories than the set's."""
    gone = [label for label in run.labels if label not in settings.category_names]
    if gone:
        raise RunError(
            f"run {run.name} tells {', '.join(gone)}, which the set has no category"
            " for: train again, then distil that run, or choose another one"
        )
    outputs = int(model.model.output_shape[-1])
    if outputs != len(run.labels):
        raise RunError(
            f"{run.model_file} tells {outputs} categories and labels.json names"
            f" {len(run.labels)}: the run is damaged; choose another one"
        )
