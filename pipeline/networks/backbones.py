"""Networks of keras.applications by name: raw RGB 0..255 in, one feature vector out.

The preprocessing that a network was trained with is part of the model, in plain Keras
layers, so that ``model.keras`` can be loaded by Keras alone.
"""

import difflib
import inspect
import logging
import os
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from pipeline.errors import SettingsError, WeightsError
from pipeline.networks.backend import keras
from pipeline.networks.weights import IMAGENET, NONE
from pipeline.settings import TrainSettings

logger = logging.getLogger(__name__)

Model = Any  # keras.Model: Keras carries no types


def list_backbones() -> list[str]:
    """Name the networks that there are, sorted."""
    return sorted(
        name for name, item in vars(keras.applications).items() if _builds(name, item)
    )


def build_backbone(name: str, weights: str, image_size: int) -> Model:
    """Build a network without its top, averaged over the picture.

    Args:
        name: A name in ``keras.applications``.
        weights: ``imagenet``, ``none``, or a file saved without the top.
        image_size: Pixels of the square it takes.

    Returns:
        A functional model from RGB 0..255, ``(batch, image_size, image_size, 3)``
        of any number type, to features ``(batch, D)``.

    Raises:
        SettingsError: No such network, or it can't take pictures that small.
        WeightsError: The weights can't be had, or belong to another network.
    """
    build = _builder(name)
    photo = keras.Input((image_size, image_size, 3), name="photo")
    prepared = _preprocess(photo, name)
    try:
        with warnings.catch_warnings(record=True) as caught:
            network = build(
                weights=IMAGENET if weights == IMAGENET else None,
                include_top=False,
                input_tensor=prepared,
                input_shape=(image_size, image_size, 3),  # some weights go by size
                pooling="avg",
            )
        for warning in caught:
            logger.info("%s: %s", name, warning.message)
    # Keras raises a bare Exception where a download fails.
    except Exception as error:
        if weights == IMAGENET and not isinstance(error, ValueError):
            raise WeightsError(_no_imagenet(name, error)) from error
        if isinstance(error, ValueError):
            raise SettingsError(
                f"[train] backbone {name} can't be built for image_size {image_size}:"
                f" {_first_line(error)}"
            ) from error
        raise
    if weights not in {IMAGENET, NONE}:
        _load_weights(network, name, Path(weights))
    return keras.Model(photo, network.output, name=name)


def add_head(backbone: Model, num_classes: int, dropout: float = 0.0) -> Model:
    """Put a softmax over ``num_classes`` on a network that gives features."""
    features = backbone.output
    if dropout:
        features = keras.layers.Dropout(dropout)(features)
    pred_probs = keras.layers.Dense(
        num_classes, activation="softmax", name="categories"
    )(features)
    return keras.Model(backbone.input, pred_probs)


def features_key(settings: TrainSettings, weights: str) -> str:
    """Name a backbone and its weights, fit for the name of a file of features.

    Args:
        settings: Which backbone, and what it draws weights from where it has none.
        weights: From ``weights_key``.
    """
    chosen = weights[:16]
    if settings.weights == NONE:
        # drawn from the seed, by each backend in its own way
        chosen = f"none-{keras.backend.backend()}-{settings.seed}"
    return re.sub(r"[^\w.-]", "_", f"{settings.backbone}-{chosen}")


def freeze_batch_norm(model: Model) -> None:
    """Keep every BatchNorm at what it learned before.

    Only ``trainable = False`` on the layer itself does that during ``fit``.
    """
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def _builds(name: str, item: object) -> bool:
    return name[0].isupper() and inspect.isfunction(item)


def _builder(name: str) -> Callable[..., Model]:
    known = list_backbones()
    if name not in known:
        lowered = {item.lower(): item for item in known}
        close = difflib.get_close_matches(name.lower(), lowered, n=3)
        meant = f"did you mean {' or '.join(lowered[item] for item in close)}? "
        raise SettingsError(
            f"[train] backbone {name!r} is not in keras.applications;"
            f" {meant if close else ''}known: {', '.join(known)}"
        )
    build: Callable[..., Model] = getattr(keras.applications, name)
    return build


def _preprocess(photo: Any, name: str) -> Any:
    """Apply the network's own ``preprocess_input``, as layers.

    Each of them is a scale and an offset a channel, after turning RGB to BGR or not;
    which, is read off from what it does to black and to pure red, green and blue.
    """
    module = sys.modules[getattr(keras.applications, name).__module__]
    colours = np.concatenate([np.zeros((1, 3)), 255 * np.eye(3)])  # float64: exact
    black, *pure = np.asarray(module.preprocess_input(colours[:, None, None].copy()))
    offset = black.ravel()
    change = np.array([one.ravel() - offset for one in pure]) / 255  # (colour, channel)
    if change[0, 0] == 0:
        photo = keras.ops.flip(photo, axis=-1)
        change = change[::-1]
    scale = change.diagonal()
    if np.array_equal(scale, np.ones(3)) and not offset.any():
        return photo
    return keras.layers.Rescaling(scale.tolist(), offset.tolist())(photo)


def _load_weights(network: Model, name: str, file: Path) -> None:
    try:
        with warnings.catch_warnings():
            # Keras warns of layers it found no weights for, and goes on.
            warnings.simplefilter("error", UserWarning)
            network.load_weights(file)
    # Which exception depends on the file's format and on what differs.
    except (OSError, ValueError, KeyError, TypeError, BadZipFile, UserWarning) as error:
        raise WeightsError(
            f"[train] weights: {file} can't be loaded into {name} without its top:"
            f" {_first_line(error)}; give the file of this backbone, or change backbone"
        ) from error


def _no_imagenet(name: str, error: Exception) -> str:
    found = re.search(r"https?://\S+", str(error))
    address = found.group().rstrip(":.,") if found else ""
    file = address.rpartition("/")[2] or f"the weights of {name}"
    folder = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"
    source = f" from {address}" if address else f" ({_first_line(error)})"
    return (
        f"the ImageNet weights of {name} can't be fetched{source}: put {file} into"
        f" {folder} (KERAS_HOME moves it), or set [train] weights to a file's path or"
        ' to "none"; [train] recipe = "small-cnn" needs no weights'
    )


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:300]
