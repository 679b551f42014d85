"""A finished run whose network knows colours, and where in the picture they are."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.home import SetFolder
from pipeline.runs import Run, make_run, point_latest

SIDE, CELL = 64, 8  # pixels of the network's square, and of a place in its map
COLOURS = ("red", "green", "blue")


def build_network(num_classes: int = 3) -> Any:
    """Build it: the mean colour of each cell, averaged; class 0 is red, and so on."""
    from pipeline.networks.backend import keras

    photo = keras.Input((SIDE, SIDE, 3))
    cells = keras.layers.AveragePooling2D(CELL)(photo)
    # what is grey speaks for nothing: a class wants its colour, and none of the others
    kernel = 0.05 * (2 * np.eye(3) - 1)[:, :num_classes]
    mean = keras.layers.GlobalAveragePooling2D()(cells)
    dense = keras.layers.Dense(num_classes, activation="softmax")
    model = keras.Model(photo, dense(keras.layers.Dropout(0.3)(mean)))
    dense.set_weights([kernel, np.zeros(num_classes)])
    return model


def finish_run(
    folder: SetFolder, name: str, labels: Sequence[str], model: Any = None
) -> Run:
    """Write a finished run, the newest one from now on."""
    run = make_run(folder, name)
    (model or build_network(len(labels))).save(run.model_file)
    run.write_json("labels.json", labels)
    run.write_toml("settings.toml", {"set": folder.name})
    run.write_json("metrics.json", {})
    point_latest(folder, run)
    return run
