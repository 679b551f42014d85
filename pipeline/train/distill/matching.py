"""The loss of distillation: a student is to say of every picture what its teacher says.

Beyer et al. 2021, arXiv 2106.05237, "a good teacher is patient and consistent": both
are shown the very same crop, and the student matches the teacher's probabilities;
labels play no part. At a temperature
T (Hinton et al. 2015, arXiv 1503.02531) probabilities p become p^(1/T), rescaled to sum
to 1: what the teacher holds for unlikely counts for more.
"""

from collections.abc import Callable
from typing import Any

from pipeline.networks.backend import keras

LEAST = 1e-7  # a probability below counts as this


class Student(keras.Model):  # type: ignore[misc]  # Keras carries no types
    """A network that trains on what a teacher says, and is measured on labels.

    ``Student(model.input, model.output, teacher=..., temperature=...)`` shares the
    layers of ``model``, which stays as it is. The teacher belongs to neither: it is
    asked as it is, never trained, and none of its weights is among the student's.
    """

    def __init__(self, *args: Any, teacher: Any, temperature: float) -> None:
        super().__init__(*args)
        # Keras makes every model that is an attribute a part of this one; in a
        # function it stays what it is.
        self._ask: Callable[[Any], Any] = lambda images: teacher(images, training=False)
        self._temperature = temperature

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return how far the student is from its teacher; outside training, from y."""
        if not training:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        told = keras.ops.stop_gradient(self._ask(x))
        return mismatch(told, y_pred, self._temperature)


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


def _log_softened(probs: Any, temperature: float) -> Any:
    logs = keras.ops.log(keras.ops.clip(keras.ops.cast(probs, "float32"), LEAST, 1.0))
    logs = logs / temperature
    return logs - keras.ops.logsumexp(logs, axis=-1, keepdims=True)
