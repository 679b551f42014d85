"""``mnist-cnn``, as two articles had it, and ``mnist-tuned``, ours: digits, 28 pixels.

Both look at grey values; colours are mixed inside, for models take RGB 0..255.
"""

from typing import Any

from pipeline.networks.backbones import add_head
from pipeline.networks.backend import keras
from pipeline.networks.blocks import convolve
from pipeline.train.augment import Strength
from pipeline.train.job import Job, Trained
from pipeline.train.recipes.teaching import teach
from pipeline.train.schedule import Schedule

# The articles don't say what filters, optimizer and number of epochs they took. These
# were the plain ones of their time: 3x3, doubled after pooling, SGD at Keras' own rate,
# a few epochs (and batches of 128, which the set says).
ARTICLE = Schedule(
    epochs=5,
    learning_rate=0.01,
    warmup_epochs=0,
    patience=5,
    rate="steady",
    momentum=0.0,
    clip_norm=None,
)
TUNED = Schedule(
    epochs=8,
    learning_rate=0.004,
    warmup_epochs=0.5,
    patience=8,
    optimizer="adamw",
    label_smoothing=0.05,
)
# Digits are never mirrored: a 2 would be none.
HANDWRITING = Strength(
    turn=12.0, shift=0.08, zoom=0.12, shear=10.0, light=0.2, mirror=False
)


def mnist_cnn(job: Job) -> Trained:
    """Teach the articles' network on the digits as they are."""
    model = build_article(job.material.settings.image_size, len(job.material.labels))
    return teach(job, model, ARTICLE, None)


def mnist_tuned(job: Job) -> Trained:
    """Teach a network with BatchNorm on digits turned, sheared and moved a little."""
    model = build_tuned(job.material.settings.image_size, len(job.material.labels))
    return teach(job, model, TUNED, HANDWRITING)


def build_article(image_size: int, num_classes: int) -> Any:
    """Build the articles' network: RGB 0..255 in, class probabilities out.

    Reshape, two convolutions, pooling, dropout, a convolution, pooling, dropout, 784
    dense units and the softmax.
    """
    photo = keras.Input((image_size, image_size, 3), name="photo")
    grey = keras.ops.mean(keras.layers.Rescaling(1 / 255)(photo), axis=-1)
    features = keras.layers.Reshape((image_size, image_size, 1))(grey)
    features = keras.layers.Conv2D(32, 3, activation="relu")(features)
    features = keras.layers.Conv2D(32, 3, activation="relu")(features)
    features = keras.layers.MaxPooling2D()(features)
    features = keras.layers.Dropout(0.25)(features)
    features = keras.layers.Conv2D(64, 3, activation="relu")(features)
    features = keras.layers.MaxPooling2D()(features)
    features = keras.layers.Dropout(0.25)(features)
    features = keras.layers.Flatten()(features)
    features = keras.layers.Dense(784, activation="relu")(features)
    return add_head(keras.Model(photo, features), num_classes)


def build_tuned(image_size: int, num_classes: int) -> Any:
    """Build the network of ``mnist-tuned``: RGB 0..255 in, class probabilities out.

    Three pairs of 3x3 convolutions with BatchNorm, pooling between them, averaged over
    the picture: 73,000 weights.
    """
    photo = keras.Input((image_size, image_size, 3), name="photo")
    features = keras.layers.Rescaling(1 / 127.5, -1.0)(photo)
    features = keras.ops.mean(features, axis=-1, keepdims=True)
    for filters in (16, 32, 64):
        if filters > 16:
            features = keras.layers.MaxPooling2D()(features)
        features = convolve(features, filters)
        features = convolve(features, filters)
    features = keras.layers.GlobalAveragePooling2D()(features)
    return add_head(keras.Model(photo, features), num_classes, dropout=0.2)
