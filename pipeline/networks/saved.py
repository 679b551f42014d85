"""A run's model, in and out: raw RGB 0..255 in, class probabilities out.

``model.keras`` holds its own preprocessing, so that training and serving can't
differ; every picture reaches it through ``images.square_image``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import RunError
from pipeline.images import Pixels, square_image
from pipeline.runs import Run

PredProbs = NDArray[np.float32]  # (N, K), rows sum to 1


@dataclass(frozen=True)
class SavedModel:
    """A run's classifier, ready to be asked."""

    labels: tuple[str, ...]
    image_size: int  # pixels of the square it takes
    model: Any  # keras.Model

    def predict(self, images: NDArray[np.uint8], batch_size: int = 32) -> PredProbs:
        """Return class probabilities (N, K) of square RGB images (N, S, S, 3)."""
        if len(images) == 0:
            return np.empty((0, len(self.labels)), np.float32)
        if len(images) <= batch_size:  # compiling would take longer than it saves
            return np.asarray(self.model(images, training=False), np.float32)
        found = [
            self._predict_batch(images[start : start + batch_size], batch_size)
            for start in range(0, len(images), batch_size)
        ]
        return np.concatenate(found)

    def _predict_batch(self, images: NDArray[np.uint8], batch_size: int) -> PredProbs:
        """Ask the compiled model; a short batch is filled up, not compiled anew."""
        filled = np.zeros((batch_size, *images.shape[1:]), np.uint8)
        filled[: len(images)] = images
        return np.asarray(self.model.predict_on_batch(filled), np.float32)[
            : len(images)
        ]

    def without_top(self) -> Any:
        """Return the network up to what its last layer is given: features (N, D).

        Of a flattened map the average over its places: that says as much of a photo
        in a fiftieth of the numbers.
        """
        from pipeline.networks.backend import keras  # noqa: PLC0415

        *_, before, last = self.model.layers
        features = last.input
        if isinstance(before, keras.layers.Flatten) and len(before.input.shape) == 4:
            features = keras.layers.GlobalAveragePooling2D()(before.input)
        return keras.Model(self.model.input, features)

    def classify(self, pictures: Sequence[Pixels]) -> PredProbs:
        """Return class probabilities (N, K) of decoded pictures of any size."""
        squares = [square_image(picture, self.image_size) for picture in pictures]
        return (
            self.predict(np.stack(squares))
            if squares
            else self.predict(
                np.empty((0, self.image_size, self.image_size, 3), np.uint8)
            )
        )


def save_model(run: Run, model: Any) -> None:
    """Save a model as a run's, whole or not at all.

    Without the optimizer: what is asked later is never trained on.
    """
    fresh = run.folder / ".part.keras"
    type(model)(model.input, model.output).save(fresh)
    fresh.replace(run.model_file)


def load_model(run: Run) -> SavedModel:
    """Load a finished run's model.

    Raises:
        RunError: The file is missing or damaged.
    """
    # Loading Keras takes seconds: only where a model is asked.
    from pipeline.networks.backend import keras  # noqa: PLC0415

    try:
        model = keras.models.load_model(run.model_file, compile=False, safe_mode=True)
    except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
        raise RunError(
            f"{run.model_file} can't be loaded: {str(error).splitlines()[0]};"
            " train again, or choose another run with --run"
        ) from error
    return SavedModel(run.labels, int(model.input_shape[1]), model)
