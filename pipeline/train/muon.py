"""Muon for convolutions: a step turns all that a layer does, not what it does most.

Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks": of a
matrix of weights the averaged gradient is made orthogonal before it is followed, by a
few Newton-Schulz iterations. Sized as Liu et al. 2025, arXiv 2502.16982, have it, a
step is as large as AdamW's: learning rates and weight decay carry over.

Keras' own takes matrices alone and leaves convolutions to AdamW. Here a kernel counts
as the matrix of its filters, a column each, as in Jordan's networks for CIFAR-10.
AdamW still takes gains, biases and depthwise filters, and the layers that are named.
"""

import math
import re
from typing import Any

from pipeline.networks.backend import keras


@keras.saving.register_keras_serializable("mekiki")
class Muon(keras.optimizers.Muon):  # type: ignore[misc]  # Keras carries no types
    """Keras' Muon, which also takes the kernels (H, W, C, F) of convolutions."""

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Return nearly the orthogonal matrix nearest to ``x`` (..., F), in its shape.

        Its singular values are about 1, roughly 0.7 to 1.2.
        """
        matrix = keras.ops.reshape(x, (-1, x.shape[-1]))
        turned = super().zeropower_via_newtonschulz5(matrix, steps)
        return keras.ops.reshape(turned, x.shape)

    def lr_adjust(self, x: Any) -> Any:
        """Return an orthogonal step (..., F) as large as AdamW's would be."""
        *rest, columns = x.shape
        return x * self.rms_rate * max(math.prod(rest), columns) ** 0.5

    def _should_use_adamw(self, variable: Any) -> bool:
        *rest, columns = variable.shape
        is_matrix = columns > 1 and math.prod(rest) > 1
        return not is_matrix or any(
            re.search(name, variable.path) for name in self.exclude_layers
        )
