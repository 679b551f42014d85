"""Networks by name: raw RGB 0..255 in, one feature vector out.

Those of keras.applications, and Network in Network.

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
from pipeline.networks import nin
from pipeline.networks.backend import keras
from pipeline.networks.weights import IMAGENET, NONE
from pipeline.settings import TrainSettings

logger = logging.getLogger(__name__)

Model = Any  # keras.Model: Keras carries no types

# Networks that are not in keras.applications; each takes a photo's Keras tensor, which
# it prepares itself, and whether to average. There are no weights but one's own.
OURS: dict[str, Callable[[Any, bool], Model]] = {nin.NAME: nin.network_in_network}
HEAD = "categories"  # the layer that ends every network
# From chance, BatchNorm's averages must follow what is learned: of MobileNetV3's 0.999
# they would be those of a thousand batches ago, and a small set has 20 an epoch.
FROM_CHANCE_MOMENTUM = 0.9


def list_backbones() -> list[str]:
    """Name the networks that there are, sorted."""
    theirs = vars(keras.applications).items()
    return sorted([*OURS, *(name for name, item in theirs if _builds(name, item))])


def build_backbone(
    name: str, weights: str, image_size: int, *, averaged: bool = True
) -> Model:
    """Build a network without its top.

    Args:
        name: One of ``list_backbones``.
        weights: ``imagenet``, ``none``, or a file saved without the top.
        image_size: Pixels of the square it takes.
        averaged: Over the picture; else each place of the last map keeps its own.

    Returns:
        A functional model from RGB 0..255, ``(batch, image_size, image_size, 3)``
        of any number type, to features ``(batch, D)``, or ``(batch, h, w, D)`` where
        they are not averaged.

    Raises:
        SettingsError: No such network, or it can't take pictures that small.
        WeightsError: The weights can't be had, or belong to another network.
    """
    _check_name(name)
    photo = keras.Input((image_size, image_size, 3), name="photo")
    if name not in OURS:
        network = _application(name, weights, photo, image_size, averaged)
    elif weights == IMAGENET:
        raise WeightsError(
            f"there are no ImageNet weights of {name}: set [train] weights to a file's"
            ' path or to "none", or choose another backbone'
        )
    else:
        network = OURS[name](photo, averaged)
    if weights == NONE:
        _quicken_batch_norm(network)
    elif weights != IMAGENET:
        _load_weights(network, name, Path(weights))
    return keras.Model(photo, network.output, name=name)


def _application(
    name: str, weights: str, photo: Any, image_size: int, averaged: bool
) -> Model:
    """Build a network of keras.applications on a photo, prepared as it wants it."""
    build: Callable[..., Model] = getattr(keras.applications, name)
    prepared = _preprocess(photo, name)
    try:
        with warnings.catch_warnings(record=True) as caught:
            network: Model = build(
                weights=IMAGENET if weights == IMAGENET else None,
                include_top=False,
                input_tensor=prepared,
                input_shape=(image_size, image_size, 3),  # some weights go by size
                pooling="avg" if averaged else None,
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
    return network


def add_head(backbone: Model, num_classes: int, dropout: float = 0.0) -> Model:
    """Put a softmax over ``num_classes`` on a network that gives features.

    It computes in float32 whatever the network computes in: a probability near 1 has
    few digits in 16 bits, and the loss needs them.
    """
    features = backbone.output
    if dropout:
        features = keras.layers.Dropout(dropout)(features)
    pred_probs = keras.layers.Dense(
        num_classes, activation="softmax", name=HEAD, dtype="float32"
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
    for layer in batch_norms(model):
        layer.trainable = False


def batch_norms(model: Model) -> list[Any]:
    """List the BatchNorm layers of a model."""
    kind = keras.layers.BatchNormalization
    return [layer for layer in model.layers if isinstance(layer, kind)]


def _builds(name: str, item: object) -> bool:
    return name[0].isupper() and inspect.isfunction(item)


def _check_name(name: str) -> None:
    known = list_backbones()
    if name not in known:
        lowered = {item.lower(): item for item in known}
        close = difflib.get_close_matches(name.lower(), lowered, n=3)
        meant = f"did you mean {' or '.join(lowered[item] for item in close)}? "
        raise SettingsError(
            f"[train] backbone {name!r} is not known;"
            f" {meant if close else ''}known: {', '.join(known)}"
        )


def _quicken_batch_norm(network: Model) -> None:
    """Have every BatchNorm's averages follow within tens of batches."""
    for layer in batch_norms(network):
        layer.momentum = min(layer.momentum, FROM_CHANCE_MOMENTUM)


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
