"""Where a run's network looks: class activation maps, laid over the photo.

A network that averages its last features over the picture and weighs the averages has
as the score of a class a mean over places; each place's part of it is the map (Zhou et
al., "Learning Deep Features for Discriminative Localization", CVPR 2016). Grad-CAM
gives the same map for such a network (Selvaraju et al., ICCV 2017). One that weighs
each place on its own, flattened, has as the score a sum over places instead. No
gradient is needed, so every Keras backend will do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import RunError
from pipeline.images import fitted_box
from pipeline.networks.backend import keras
from pipeline.networks.saved import PredProbs, SavedModel

Heat = NDArray[np.float32]  # (height, width), 0..1

OVERLAY_SIDE = 256  # pixels of the longer side: a map is soft, the page enlarges it
MOST_OPAQUE = 0.6  # of the hottest place: what lies under it stays visible
COLD = 0.1  # up to here nothing is laid over the photo


@dataclass(frozen=True)
class Looked:
    """What the network made of pictures."""

    pred_probs: PredProbs  # (N, K)
    features: NDArray[np.float32]  # (N, h, w, C): what is averaged, or flattened
    kernel: NDArray[np.float32]  # (C, K): how averages are weighed; else (h, w, C, K)

    def maps(self, classes: Sequence[int]) -> NDArray[np.float32]:
        """Return what speaks for a class at each place of each picture.

        Args:
            classes: (N,) the class asked about, picture by picture.

        Returns:
            (N, h, w), each divided by its own maximum; all 0 where nothing speaks
            for the class.
        """
        weights = np.moveaxis(self.kernel, -1, 0)[np.asarray(classes, np.intp)]
        of_places = "nc" if self.kernel.ndim == 2 else "nhwc"
        scores = np.einsum(f"nhwc,{of_places}->nhw", self.features, weights)
        scores = np.maximum(scores, 0)
        highest = scores.max(axis=(1, 2), keepdims=True)
        found = np.divide(scores, highest, np.zeros_like(scores), where=highest > 0)
        return np.asarray(found, np.float32)


class Looker:
    """A run's model that also tells where it looks."""

    def __init__(self, saved: SavedModel) -> None:
        """Open up the model's end.

        Raises:
            RunError: It does not end in an average over the picture, or all its
                places, and one dense layer, as what most of our recipes make does.
        """
        pooling, dense = _end_of(saved.model)
        self.labels = saved.labels
        self.image_size = saved.image_size
        self._model = keras.Model(saved.model.inputs, [pooling.input, dense.output])
        self._kernel = np.asarray(dense.get_weights()[0], np.float32)
        if isinstance(pooling, keras.layers.Flatten):
            places = pooling.input.shape[1:]  # (h, w, C), as Flatten lays them out
            self._kernel = self._kernel.reshape(*places, -1)

    def look(self, images: NDArray[np.uint8]) -> Looked:
        """Ask the network once for all: square RGB images (N, S, S, 3), N from 1."""
        features, pred_probs = self._model.predict_on_batch(images)
        return Looked(
            np.asarray(pred_probs, np.float32),
            np.asarray(features, np.float32),
            self._kernel,
        )


def heat_of_photo(heat: Heat, height: int, width: int, size: int) -> Heat:
    """Cut a map of the network's square to the photo in it.

    Args:
        heat: (h, w), over the whole square.
        height: Of the photo, in pixels; as ``width``, any scale will do.
        width: Of the photo, in pixels.
        size: Pixels of the network's square.

    Returns:
        A map that lies exactly on the photo, its longer side ``OVERLAY_SIDE``.
    """
    whole = cv2.resize(heat, (size, size), interpolation=cv2.INTER_CUBIC)
    cut = whole[fitted_box(height, width, size)]
    scale = OVERLAY_SIDE / max(cut.shape)
    target = [max(1, round(side * scale)) for side in reversed(cut.shape)]
    fitted = cv2.resize(cut, target, interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(fitted, 0, 1), np.float32)  # cubic ones overshoot


def encode_overlay(heat: Heat) -> bytes:
    """Return a PNG to lay over the photo: clear where it is cold, glowing where hot.

    The colours go from violet to yellow (plasma: even steps to the eye, and to those
    who tell red from green badly); yellow is seen on black and, for its rim, on white.
    """
    levels = np.round(255 * heat).astype(np.uint8)
    colours = cv2.applyColorMap(levels, cv2.COLORMAP_PLASMA)  # BGR
    share = np.clip((heat - COLD) / (1 - COLD), 0, 1)
    opacity = np.round(255 * MOST_OPAQUE * share).astype(np.uint8)
    return bytes(cv2.imencode(".png", np.dstack([colours, opacity]))[1])


def _end_of(model: Any) -> tuple[Any, Any]:
    """Return the layer that joins the places of a picture, and the dense one on it."""
    layers = [
        layer for layer in model.layers if not isinstance(layer, keras.layers.Dropout)
    ]
    *_, joining, dense = [None, None, *layers]
    if not isinstance(dense, keras.layers.Dense) or not _joins_places(joining):
        raise RunError(
            "where this model looks can't be shown: that takes one that ends in"
            " GlobalAveragePooling2D or Flatten and one Dense layer, as those of most"
            " recipes do"
        )
    return joining, dense


def _joins_places(layer: Any) -> bool:
    """Tell whether a layer makes one vector of a map with its channels last."""
    if isinstance(layer, keras.layers.GlobalAveragePooling2D):
        return layer.data_format == "channels_last" and not layer.keepdims
    return isinstance(layer, keras.layers.Flatten) and len(layer.input.shape) == 4
