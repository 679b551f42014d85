"""Photos and labels, batch by batch, as Keras takes them.

Which photos are in a batch and how they are changed follows from the seed, the epoch
and the photo's place alone: a resumed training sees what an uninterrupted one does.
Noise is laid on afterwards: of ``shop`` on the pictures themselves, of ``augmix`` on
two copies of each, which follow the plain ones in the batch.
"""

import itertools
import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.machine import usable_cores
from pipeline.networks.backend import keras
from pipeline.networks.pixels import MappedPixels
from pipeline.settings import NoiseName
from pipeline.train.augment import TINY, Augment, Strength
from pipeline.train.augmix import augmix
from pipeline.train.consistency import VIEWS
from pipeline.train.noise import shop
from pipeline.train.tiny import TinyAugment

Batch = tuple[NDArray[np.uint8], NDArray[np.float32]]  # (B, S, S, 3), (B, K)
WeighedBatch = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]
Drawn = TypeVar("Drawn")

QUEUED = 8  # batches made ahead
ORDERS = 2  # of passes over all photos that are kept: what is made ahead may be of two


class TrainBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras carries no types
    """Shuffled, augmented batches; ``epoch`` is set before each epoch begins.

    Args:
        pixels: Squares of the size to augment from; of the network's where nothing is
            changed.
        y_true: (N,) classes.
        num_classes: How many there are.
        batch_size: Photos a batch.
        image_size: Pixels of the square that the network takes.
        strength: How far a photo may be changed; ``None`` gives it as it is.
        seed: The same gives the same batches.
        noise: What is laid on the changed photos.
        num_batches: How many make an epoch; the photos then come round again and
            again, and every batch is full. Where not said, each comes once an epoch.
        multiple_of: Devices that share a batch. One that can't be shared evenly is
            filled up with photos of its own.
        balanced: Whether categories weigh alike however few photos they have: each
            photo's targets are multiplied by N / (K * photos of its category), which
            is then its weight in ``fit``'s loss.
    """

    def __init__(
        self,
        pixels: MappedPixels,
        y_true: NDArray[np.int64],
        num_classes: int,
        *,
        batch_size: int,
        image_size: int,
        strength: Strength | None,
        seed: int,
        noise: NoiseName = "none",
        num_batches: int | None = None,
        multiple_of: int = 1,
        balanced: bool = False,
    ) -> None:
        super().__init__(
            workers=_workers(), use_multiprocessing=False, max_queue_size=QUEUED
        )
        self.epoch = 0
        self._pixels = pixels
        self._targets = np.eye(num_classes, dtype=np.float32)[y_true]
        if balanced:
            counts = np.maximum(1, np.bincount(y_true, minlength=num_classes))
            self._targets *= np.float32(len(y_true) / num_classes) / counts
        self._batch_size = batch_size
        self._image_size = image_size
        self._strength = strength
        self._seed = seed
        self._noise = noise
        self._set_batches = num_batches
        self._multiple_of = multiple_of
        self._of_thread = threading.local()
        # Kept: shuffling 100,000 photos takes a tenth of the time of a batch.
        self._order = lru_cache(maxsize=ORDERS)(self._shuffled)

    @property
    def num_classes(self) -> int:
        """How many classes the targets tell apart."""
        return int(self._targets.shape[1])

    @property
    def num_batches(self) -> int:
        """Batches an epoch; the last may be short where an epoch is one pass."""
        return self._set_batches or -(-len(self._pixels) // self._batch_size)

    def photos_through(self, number: int) -> int:
        """Count the photos of an epoch's batches up to this one."""
        drawn = (number + 1) * self._batch_size
        return drawn if self._set_batches else min(drawn, len(self._pixels))

    def photos_in(self, number: int) -> int:
        """Count the photos of a batch."""
        start, end = self._span(number)
        return end - start

    def __getitem__(self, number: int) -> Batch:
        drawn_photos = _filled_up(self._chosen(number), self._multiple_of)
        seeds = [(self._seed, *drawn) for drawn in drawn_photos]
        chosen = np.array([place for *_, place in seeds])
        images = list(self._pixels.take(chosen))
        if self._strength is not None:
            augment = self._augment(self._strength)
            images = [augment(*pair) for pair in zip(images, seeds, strict=True)]
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

    def _chosen(self, number: int) -> list[tuple[int, int]]:
        """Tell the photos of a batch: each one's pass over them all, and its place."""
        passes = [
            divmod(drawn, len(self._pixels)) for drawn in range(*self._span(number))
        ]
        return [(one, int(self._order(one)[place])) for one, place in passes]

    def _span(self, number: int) -> tuple[int, int]:
        """Tell where a batch begins and ends, counted over all epochs."""
        num_photos, size = len(self._pixels), self._batch_size
        if self._set_batches is None:
            start = self.epoch * num_photos + number * size
            return start, min(start + size, (self.epoch + 1) * num_photos)
        start = (self.epoch * self._set_batches + number) * size
        return start, start + size

    def _shuffled(self, one: int) -> NDArray[np.int64]:
        """Return the order of all photos in a pass over them."""
        return np.random.default_rng((self._seed, one)).permutation(len(self._pixels))

    def _augment(self, strength: Strength) -> Augment | TinyAugment:
        """Return this thread's own: it carries random state."""
        if not hasattr(self._of_thread, "augment"):
            cached, size = self._pixels.squares.shape[1], self._image_size
            chosen = TinyAugment if size <= TINY else Augment
            self._of_thread.augment = chosen(cached, size, strength)
        made: Augment | TinyAugment = self._of_thread.augment
        return made


class PlainBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras carries no types
    """Batches in order, as they are.

    Where ``multiple_of`` devices share a batch, one that can't be shared evenly is
    filled up with photos that weigh nothing; the others weigh as much more as makes
    means over all batches, filling included, those over the photos.
    """

    def __init__(
        self,
        pixels: MappedPixels,
        y_true: NDArray[np.int64],
        num_classes: int,
        *,
        batch_size: int,
        multiple_of: int = 1,
    ) -> None:
        super().__init__(workers=_workers(), use_multiprocessing=False)
        self._pixels = pixels
        self._targets = np.eye(num_classes, dtype=np.float32)[y_true]
        self._batch_size = batch_size
        self._multiple_of = multiple_of
        sizes = [len(self._chosen(number)) for number in range(self.num_batches)]
        self._filling = sum(-size % multiple_of for size in sizes)

    @property
    def num_batches(self) -> int:
        """Batches in all; the last may be short."""
        return -(-len(self._pixels) // self._batch_size)

    def __getitem__(self, number: int) -> Batch | WeighedBatch:
        chosen = self._chosen(number)
        places = np.array(_filled_up(chosen, self._multiple_of))
        images, targets = self._pixels.take(places), self._targets[places]
        if self._filling == 0:
            return images, targets
        weights = np.zeros(len(places), np.float32)
        weights[: len(chosen)] = 1 + self._filling / len(self._pixels)
        return images, targets, weights

    def _chosen(self, number: int) -> range:
        """Tell the places of a batch's photos."""
        start = number * self._batch_size
        return range(start, min(start + self._batch_size, len(self._pixels)))


def _filled_up(drawn: Sequence[Drawn], multiple_of: int) -> list[Drawn]:
    """Return what was drawn, from the beginning again until it can be shared evenly."""
    length = -(-len(drawn) // multiple_of) * multiple_of
    return list(itertools.islice(itertools.cycle(drawn), length))


def _workers() -> int:
    """Threads that make batches: at least two, which is what Keras queues behind."""
    return max(2, min(8, usable_cores()))
