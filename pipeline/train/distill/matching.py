"""The loss of distillation: a student says and sees what its teacher does.

Says: Beyer et al. 2021, arXiv 2106.05237, "a good teacher is patient and consistent":
both are shown the very same crop, and the student matches the teacher's probabilities;
labels play no part. At a temperature T (Hinton et al. 2015, arXiv 1503.02531)
probabilities p become p^(1/T), rescaled to sum to 1: what the teacher holds for
unlikely counts for more.

Sees: of ten categories the probabilities tell little, and of photos that the teacher
was trained on hardly more than their labels. Its features, a thousand numbers a photo,
hold what it learned elsewhere. As in FitNets (Romero et al. 2015, arXiv 1412.6550) a
linear layer, which is dropped afterwards, is to make them of the student's own; what
counts is the angle between the two.
"""

from collections.abc import Callable
from typing import Any

from pipeline.networks.backend import keras
from pipeline.networks.saved import SavedModel
from pipeline.train.job import Lesson

LEAST = 1e-7  # a probability below counts as this


class Student(keras.Model):  # type: ignore[misc]  # Keras carries no types
    """A network that trains on what a teacher says and sees, and is measured on labels.

    Made by ``student_of``. Its output is the probabilities (B, K) and, beside them,
    what the student makes of the teacher's features, (B, K + D).
    """

    def __init__(
        self, *args: Any, teacher: Any, num_classes: int, lesson: Lesson
    ) -> None:
        super().__init__(*args)
        # Keras makes every model that is an attribute a part of this one; in a
        # function it stays what it is.
        self._ask: Callable[[Any], Any] = lambda images: teacher(images, training=False)
        self._num_classes, self._lesson = num_classes, lesson

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return how far the student is from its teacher; outside training, from y."""
        probs = y_pred[:, : self._num_classes]
        if not training:
            return super().compute_loss(x, y, probs, sample_weight, training)
        told, seen = (keras.ops.stop_gradient(each) for each in self._ask(x))
        apart = mismatch(told, probs, self._lesson.temperature)
        turned = angle(seen, y_pred[:, self._num_classes :])
        return apart + self._lesson.features * turned

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> Any:
        """Measure the probabilities alone."""
        probs = y_pred[:, : self._num_classes]
        return super().compute_metrics(x, y, probs, sample_weight)


def student_of(model: Any, teacher: SavedModel, lesson: Lesson) -> Student:
    """Return what trains ``model``, whose layers it shares, by a teacher.

    Args:
        model: Its last layer a dense one; stays as it is but for its weights.
        teacher: It is asked as it is, never trained, and none of its weights is among
            the student's.
        lesson: Says how.
    """
    teacher.model.trainable = False
    seen = teacher.without_top().output
    asked = keras.Model(teacher.model.input, [teacher.model.output, seen])
    guess = keras.layers.Dense(seen.shape[-1], name="projection", dtype="float32")
    beside = keras.layers.Concatenate(dtype="float32")
    return Student(
        model.input,
        beside([model.output, guess(model.layers[-1].input)]),
        teacher=asked,
        num_classes=int(model.output_shape[-1]),
        lesson=lesson,
    )


def mismatch(teacher_probs: Any, student_probs: Any, temperature: float) -> Any:
    """Return the mean divergence KL(teacher | student), in nats, at a temperature.

    It is multiplied by the temperature's square, which keeps gradients as large as at
    temperature 1.

    Args:
        teacher_probs: (B, K).
        student_probs: (B, K).
        temperature: 1 takes both as they are; higher makes both softer.
    """
    log_teacher = _log_softened(teacher_probs, temperature)
    log_student = _log_softened(student_probs, temperature)
    apart = keras.ops.exp(log_teacher) * (log_teacher - log_student)
    return temperature**2 * keras.ops.mean(keras.ops.sum(apart, axis=-1))


def angle(teacher_features: Any, student_features: Any) -> Any:
    """Return how far features (B, D) point apart: 1 - their cosine, 0..2, the mean."""
    first, second = (
        keras.ops.normalize(keras.ops.cast(features, "float32"), axis=-1)
        for features in (teacher_features, student_features)
    )
    return 1 - keras.ops.mean(keras.ops.sum(first * second, axis=-1))


def _log_softened(probs: Any, temperature: float) -> Any:
    logs = keras.ops.log(keras.ops.clip(keras.ops.cast(probs, "float32"), LEAST, 1.0))
    logs = logs / temperature
    return logs - keras.ops.logsumexp(logs, axis=-1, keepdims=True)
