"""Photos and labels, batch by batch, as Keras takes them.

Which photos are in a batch and how they are changed follows from the seed, the epoch
and the photo's place alone: a resumed training sees what an uninterrupted one does.
Noise is laid on afterwards: of ``shop`` on the pictures themselves, of ``augmix`` on
two copies of each, which follow the plain ones in the batch.
"""

import threading

import numpy as np
from numpy.typing import NDArray

from pipeline.machine import usable_cores
from pipeline.networks.backend import keras
from pipeline.networks.pixels import MappedPixels
from pipeline.settings import NoiseName
from pipeline.train.augment import Augment, Strength
from pipeline.train.augmix import augmix
from pipeline.train.consistency import VIEWS
from pipeline.train.noise import shop

Batch = tuple[NDArray[np.uint8], NDArray[np.float32]]  # (B, S, S, 3), (B, K)

QUEUED = 8  # batches made ahead


class TrainBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras carries no types
    """Shuffled, augmented batches; ``epoch`` is set before each epoch begins."""

    def __init__(
        self,
        pixels: MappedPixels,
        y_true: NDArray[np.int64],
        num_classes: int,
        *,
        batch_size: int,
        image_size: int,
        strength: Strength,
        seed: int,
        noise: NoiseName = "none",
    ) -> None:
        super().__init__(
            workers=_workers(), use_multiprocessing=False, max_queue_size=QUEUED
        )
        self.epoch = 0
        self._pixels = pixels
        self._targets = np.eye(num_classes, dtype=np.float32)[y_true]
        self._batch_size = batch_size
        self._image_size = image_size
        self._strength = strength
        self._seed = seed
        self._noise = noise
        self._of_thread = threading.local()

    @property
    def num_batches(self) -> int:
        """Batches an epoch; the last may be short."""
        return -(-len(self._pixels) // self._batch_size)

    def photos_in(self, number: int) -> int:
        """Count the photos of a batch."""
        start = number * self._batch_size
        return min(self._batch_size, len(self._pixels) - start)

    def __getitem__(self, number: int) -> Batch:
        order = np.random.default_rng((self._seed, self.epoch)).permutation(
            len(self._pixels)
        )
        chosen = order[number * self._batch_size : (number + 1) * self._batch_size]
        augment = self._augment()
        seeds = [(self._seed, self.epoch, int(place)) for place in chosen]
        images = [
            augment(image, seed)
            for image, seed in zip(self._pixels.take(chosen), seeds, strict=True)
        ]
        targets = self._targets[chosen]
        if self._noise == "shop":
            images = [shop(*pair) for pair in zip(images, seeds, strict=True)]
        elif self._noise == "augmix":
            images += [
                augmix(image, (*seed, view))
                for view in range(1, VIEWS)
                for image, seed in zip(images, seeds, strict=True)
            ]
            targets = np.tile(targets, (VIEWS, 1))
        return np.stack(images), targets

    def _augment(self) -> Augment:
        """Return this thread's own: it carries random state."""
        if not hasattr(self._of_thread, "augment"):
            cached = self._pixels.squares.shape[1]
            self._of_thread.augment = Augment(cached, self._image_size, self._strength)
        made: Augment = self._of_thread.augment
        return made


class PlainBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras carries no types
    """Batches in order, as they are."""

    def __init__(
        self,
        pixels: MappedPixels,
        y_true: NDArray[np.int64],
        num_classes: int,
        *,
        batch_size: int,
    ) -> None:
        super().__init__(workers=_workers(), use_multiprocessing=False)
        self._pixels = pixels
        self._targets = np.eye(num_classes, dtype=np.float32)[y_true]
        self._batch_size = batch_size

    @property
    def num_batches(self) -> int:
        """Batches in all; the last may be short."""
        return -(-len(self._pixels) // self._batch_size)

    def __getitem__(self, number: int) -> Batch:
        start = number * self._batch_size
        chosen = np.arange(start, min(start + self._batch_size, len(self._pixels)))
        return self._pixels.take(chosen), self._targets[chosen]


def _workers() -> int:
    """Threads that make batches: at least two, which is what Keras queues behind."""
    return max(2, min(8, usable_cores()))
