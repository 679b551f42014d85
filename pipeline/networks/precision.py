"""How precisely a network computes: in float32, or mostly in bfloat16.

In ``mixed_bfloat16`` the weights stay float32 and the layers between them compute in
16 bits with float32's range (Kalamkar et al., arXiv 1905.12322): on a GPU more than
twice as fast, no scaling of the loss needed. What is kept and asked later is float32.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from pipeline.networks.backend import keras

Precision = Literal["float32", "mixed_bfloat16"]


@contextmanager
def built_in(precision: Precision) -> Iterator[None]:
    """Build the layers made within so that they compute in ``precision``.

    Keras knows one policy for all: the one from before is put back.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def in_float32(model: Any) -> Any:
    """Return a model of the same weights that computes in float32 throughout.

    Args:
        model: A functional model; not modified.

    Returns:
        ``model`` itself where it does so already; else a copy, which every machine
        can serve as fast as it can.
    """
    if all(layer.compute_dtype == "float32" for layer in model.layers):
        return model
    copy = keras.models.clone_model(model, clone_function=_layer_in_float32)
    copy.set_weights(model.get_weights())
    for mine, theirs in zip(copy.layers, model.layers, strict=True):
        mine.trainable = theirs.trainable
    return copy


def _layer_in_float32(layer: Any) -> Any:
    """Return a fresh layer; a mere operation computes in what it is given."""
    config = layer.get_config()
    if isinstance(layer, keras.layers.Layer):
        config["dtype"] = "float32"
    return type(layer).from_config(config)
