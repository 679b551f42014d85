"""Layers that several networks of ours are made of."""

from typing import Any

from pipeline.networks.backend import keras


def convolve(features: Any, filters: int, side: int = 3, strides: int = 1) -> Any:
    """Apply a convolution, BatchNorm and ReLU.

    Args:
        features: A Keras tensor (batch, height, width, channels).
        filters: Channels to come out.
        side: Pixels of the kernel.
        strides: 2 halves height and width.
    """
    features = keras.layers.Conv2D(
        filters, side, strides=strides, padding="same", use_bias=False
    )(features)
    # a small set has few steps an epoch: its averages must follow quickly
    features = keras.layers.BatchNormalization(momentum=0.9)(features)
    return keras.layers.ReLU()(features)
