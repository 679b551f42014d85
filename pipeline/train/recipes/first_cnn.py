"""``first-cnn``: a first network of one's own, on 15 photos of each of two flowers.

Two convolutions, pooling, dropout, a dense layer of 128 and a softmax, taught by SGD on
the photos as they are, 100 or 500 epochs (``epochs``), a third of the photos held out
(``[split] val = 0.33``). It learns its few photos by heart and little of the flowers:
that is what the article shows, and what the run's curves show. As there, training does
not stop early, and the model is that of the last epoch.

At 224 px the flattened map has 110 * 110 * 64 numbers, and the dense layer on it
99,123,328 of the 99,142,978 weights: 400 MB in the run's folder.

Not told there, and so our assumptions: 3x3 convolutions with ReLU and no padding, half
dropped after the dense layer and a quarter before it, and Keras' defaults for SGD, a
rate of 0.01 without momentum.
"""

from typing import Any

from pipeline.networks.backbones import add_head
from pipeline.networks.backend import keras
from pipeline.train.job import Job, Trained
from pipeline.train.recipes.teaching import teach
from pipeline.train.schedule import Schedule

FIRST_CNN = Schedule(
    epochs=100,
    learning_rate=0.01,
    warmup_epochs=0,
    patience=1_000_000,  # it does not stop early
    rate="steady",
    momentum=0.0,
    clip_norm=None,
    keep="last",
)


def first_cnn(job: Job) -> Trained:
    """Teach a small network from chance, until it knows its photos by heart."""
    model = build_first_cnn(job.material.settings.image_size, len(job.material.labels))
    return teach(job, model, FIRST_CNN, None)


def build_first_cnn(image_size: int, num_classes: int) -> Any:
    """Build the article's network: RGB 0..255 in, class probabilities out."""
    photo = keras.Input((image_size, image_size, 3), name="photo")
    features = keras.layers.Rescaling(1 / 255)(photo)
    features = keras.layers.Conv2D(32, 3, activation="relu")(features)
    features = keras.layers.Conv2D(64, 3, activation="relu")(features)
    features = keras.layers.MaxPooling2D()(features)
    features = keras.layers.Dropout(0.25)(features)
    features = keras.layers.Flatten()(features)
    features = keras.layers.Dense(128, activation="relu")(features)
    return add_head(keras.Model(photo, features), num_classes, dropout=0.5)
