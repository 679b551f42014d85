"""``small-cnn``: a few convolutions from chance, for small pictures."""

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

# SGD stays at chance for 600 batches on 370 drawn guitars; AdamW reaches 95 %.
SMALL = Schedule(
    epochs=80, learning_rate=0.004, warmup_epochs=2, patience=25, optimizer="adamw"
)
SMALL_BATCHES = 1600  # in all: enough for 370 to 500 drawn guitars, 16 a batch
SMALL_LEAST_EPOCHS = 12


def small_cnn(job: Job) -> Trained:
    """Teach a few convolutions from chance: for small pictures.

    The more photos, the fewer epochs: what counts is how many batches it sees.
    """
    model = build_small_cnn(job.material.settings.image_size, len(job.material.labels))
    num_train = len(job.material.parts[Part.TRAIN].photos)
    batches = -(-num_train // job.material.settings.batch_size)
    epochs = max(SMALL_LEAST_EPOCHS, min(SMALL.epochs, -(-SMALL_BATCHES // batches)))
    return teach(
        job, model, replace(SMALL, epochs=epochs), Strength(turn=20, light=0.2)
    )


def build_small_cnn(image_size: int, num_classes: int) -> Any:
    """Build the network of ``small-cnn``: RGB 0..255 in, class probabilities out.

    A strided 5x5 convolution, then pairs of 3x3 ones with pooling between them, each
    with BatchNorm, averaged over the picture: 170,000 weights.
    """
    photo = keras.Input((image_size, image_size, 3), name="photo")
    features = keras.layers.Rescaling(1 / 127.5, -1.0)(photo)
    features = convolve(features, 24, 5, strides=2)
    for filters in (24, 48, 96):
        if filters > 24:
            features = keras.layers.MaxPooling2D(3, 2, padding="same")(features)
        features = convolve(features, filters)
        features = convolve(features, filters)
    features = keras.layers.GlobalAveragePooling2D()(features)
    return add_head(keras.Model(photo, features), num_classes, dropout=0.3)
