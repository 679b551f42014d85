"""A student's training: from chance, patiently, with no early end.

The same schedule with a teacher and without one; without, the labels are smoothed,
which is the ordinary training that a teacher has to beat.
"""

from dataclasses import replace

from pipeline.catalog import Part
from pipeline.networks.backbones import add_head, build_backbone
from pipeline.networks.backend import keras
from pipeline.networks.precision import in_float32
from pipeline.networks.saved import SavedModel
from pipeline.train.augment import Strength
from pipeline.train.devices import computing
from pipeline.train.distill.matching import student_of
from pipeline.train.job import Job, Lesson, Trained
from pipeline.train.recipes.teaching import as_set, learn, train_batches
from pipeline.train.schedule import Schedule

CROPS = 120_000  # pictures that a student is shown in all; a small set's are few
MOST_EPOCHS, LEAST_EPOCHS = 300, 20
PATIENT = Schedule(
    epochs=MOST_EPOCHS,
    learning_rate=0.01,
    warmup_epochs=3,
    patience=MOST_EPOCHS,
    optimizer="muon",
)
LABEL_SMOOTHING = 0.1  # of the student without a teacher


def learn_lesson(job: Job, teacher: SavedModel) -> Trained:
    """Train the job's student.

    Args:
        job: Whose material has a lesson.
        teacher: Of the same input and labels; not changed. Without use where the
            lesson names no teacher.
    """
    material, settings = job.material, job.material.settings
    lesson = material.lesson
    if lesson is None:
        raise ValueError("expected the material of a student")
    keras.utils.set_random_seed(settings.seed)
    with computing(settings, job.say) as precision:
        trained = _train(job, lesson, teacher)
    return replace(trained, model=in_float32(trained.model), precision=precision)


def _train(job: Job, lesson: Lesson, teacher: SavedModel) -> Trained:
    material, settings = job.material, job.material.settings
    backbone = build_backbone(settings.backbone, settings.weights, settings.image_size)
    model = add_head(backbone, len(material.labels))
    schedule = as_set(job, _patient(job, lesson))
    return learn(
        replace(job, say=lambda line: job.say(f"{job.run.name}: {line}")),
        model,
        train_batches(job, schedule, Strength()),
        schedule,
        learner=student_of(model, teacher, lesson) if lesson.teacher else model,
        on_interrupt=lambda standing: None,
    )


def patient_epochs(num_train: int) -> int:
    """Return the epochs of a long schedule: the fewer photos, the more."""
    return max(LEAST_EPOCHS, min(MOST_EPOCHS, round(CROPS / num_train)))


def _patient(job: Job, lesson: Lesson) -> Schedule:
    """Return the long schedule: it does not end early, however long the set says."""
    num_train = len(job.material.parts[Part.TRAIN].photos)
    epochs = job.material.settings.epochs or patient_epochs(num_train)
    return replace(
        PATIENT,
        epochs=epochs,
        patience=epochs,
        label_smoothing=0.0 if lesson.teacher else LABEL_SMOOTHING,
    )
