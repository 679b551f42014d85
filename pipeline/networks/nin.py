"""Network in Network: small convolutions with a little network at every place.

Lin, Chen, Yan 2013, arXiv 1312.4400: three blocks of a convolution and two 1x1 ones
("mlpconv"), overlapping max pooling between them, and the maps of the last one averaged
over the picture instead of dense layers. Ours has BatchNorm where theirs has dropout,
and its first convolution takes every fourth pixel, as theirs for ImageNet does: theirs
of CIFAR-10 was for 32 pixels. A dense layer on averaged maps is their last 1x1
convolution, one map a category, averaged.
"""

from typing import Any

from pipeline.networks.backend import keras
from pipeline.networks.blocks import convolve

NAME = "NetworkInNetwork"
BLOCKS = ((64, 7, 4), (128, 5, 1), (256, 3, 1))  # maps, side, stride


def network_in_network(photo: Any, averaged: bool = True) -> Any:
    """Build the network without its top on a picture of RGB 0..255.

    Args:
        photo: A Keras tensor (batch, S, S, 3), S at least 16.
        averaged: Over the picture; else each place of the last maps keeps its own.

    Returns:
        The model from ``photo`` to 256 features; 690,000 weights.
    """
    maps = keras.layers.Rescaling(1 / 127.5, -1.0)(photo)
    for number, (filters, side, strides) in enumerate(BLOCKS):
        if number:
            maps = keras.layers.MaxPooling2D(3, 2, padding="same")(maps)
        maps = convolve(maps, filters, side, strides)
        maps = convolve(maps, filters, 1)
        maps = convolve(maps, filters, 1)
    if averaged:
        maps = keras.layers.GlobalAveragePooling2D()(maps)
    return keras.Model(photo, maps, name=NAME)
