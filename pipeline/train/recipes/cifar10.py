"""``cifar10-cnn``, as an article had it, and ``cifar10-tuned``, ours: 32 pixels."""

from dataclasses import replace
from typing import Any

from pipeline.catalog import Part
from pipeline.networks.backbones import add_head
from pipeline.networks.backend import keras
from pipeline.networks.blocks import convolve
from pipeline.train.augment import Strength
from pipeline.train.job import Job, Trained
from pipeline.train.recipes.teaching import teach
from pipeline.train.schedule import Schedule

# The article's optimizer is not told: Adam at Keras' own rate is assumed.
ARTICLE = Schedule(
    epochs=50,
    learning_rate=0.001,
    warmup_epochs=0,
    patience=10,
    optimizer="adam",
    rate="steady",
)
SHOWN = 500_000  # photos in all, the article's 10 epochs of 50,000
TUNED = Schedule(
    epochs=40,
    learning_rate=0.004,
    warmup_epochs=2,
    patience=40,
    optimizer="adamw",
    label_smoothing=0.1,
)
THINGS = Strength(turn=8.0, shift=0.12, zoom=0.12, light=0.2)


def cifar10_cnn(job: Job) -> Trained:
    """Teach the article's network on the photos as they are.

    Of fewer photos more epochs, up to 50: no more updates than the article's.
    """
    model = build_article(job.material.settings.image_size, len(job.material.labels))
    num_train = len(job.material.parts[Part.TRAIN].photos)
    epochs = max(1, min(ARTICLE.epochs, SHOWN // num_train))
    return teach(job, model, replace(ARTICLE, epochs=epochs), None)


def cifar10_tuned(job: Job) -> Trained:
    """Teach a residual network on photos moved, mirrored and lit otherwise."""
    model = build_tuned(job.material.settings.image_size, len(job.material.labels))
    return teach(job, model, TUNED, THINGS)


def build_article(image_size: int, num_classes: int) -> Any:
    """Build the article's network: RGB 0..255 in, class probabilities out.

    Nine 3x3 convolutions with BatchNorm, three each of 64, 128 and 256 filters with
    pooling between them, averaged over the picture: ten layers with the softmax.
    """
    photo = keras.Input((image_size, image_size, 3), name="photo")
    features = keras.layers.Rescaling(1 / 255)(photo)
    for filters in (64, 128, 256):
        if filters > 64:
            features = keras.layers.MaxPooling2D()(features)
        for _ in range(3):
            features = convolve(features, filters)
    features = keras.layers.GlobalAveragePooling2D()(features)
    return add_head(keras.Model(photo, features), num_classes)


def build_tuned(image_size: int, num_classes: int) -> Any:
    """Build the network of ``cifar10-tuned``: RGB 0..255 in, class probabilities out.

    A convolution, then 64, 128 and 256 filters at half the side each: a strided
    convolution and a residual pair (arXiv 1512.03385), without the last pair. A fifth
    of the multiplications of the article's.
    """
    photo = keras.Input((image_size, image_size, 3), name="photo")
    features = keras.layers.Rescaling(1 / 127.5, -1.0)(photo)
    features = convolve(features, 32)
    for filters in (64, 128, 256):
        features = convolve(features, filters, strides=2)
        if filters < 256:
            pair = convolve(convolve(features, filters), filters)
            features = keras.layers.Add()([features, pair])
    features = keras.layers.GlobalAveragePooling2D()(features)
    return add_head(keras.Model(photo, features), num_classes, dropout=0.2)
