"""The loss of AugMix: views of one photo are to be given the same probabilities.

Cross-entropy of the plain view, and the Jensen-Shannon divergence between all three
views with weight 12 (Hendrycks et al., ICLR 2020, arXiv 1912.02781, section 3).
"""

from typing import Any

from pipeline.networks.backend import keras

VIEWS = 3  # of a photo: plain, mixed, mixed otherwise
WEIGHT = 12.0
LEAST = 1e-7  # a probability below counts as this


class Consistent(keras.Model):  # type: ignore[misc]  # Keras carries no types
    """A network that trains on batches of views, and is measured on plain photos.

    ``Consistent(model.input, model.output)`` shares the layers of ``model``, which
    stays as it is. A batch to train on holds its photos' plain views, then all first
    mixed ones, then all second ones: (3 B, S, S, 3), targets alike.
    """

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the loss; outside training that of the compiled loss alone."""
        if not training:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        num_classes = self.output_shape[-1]
        views = keras.ops.reshape(y_pred, (VIEWS, -1, num_classes))
        targets = keras.ops.reshape(y, (VIEWS, -1, num_classes))
        plain = super().compute_loss(x, targets[0], views[0], None, training)
        return plain + WEIGHT * divergence(views)


def divergence(pred_probs: Any) -> Any:
    """Return the mean Jensen-Shannon divergence, in nats, of views (V, B, K)."""
    probs = keras.ops.clip(keras.ops.cast(pred_probs, "float32"), LEAST, 1.0)
    mean = keras.ops.mean(probs, axis=0, keepdims=True)
    apart = probs * (keras.ops.log(probs) - keras.ops.log(mean))
    return keras.ops.mean(keras.ops.sum(apart, axis=-1))
