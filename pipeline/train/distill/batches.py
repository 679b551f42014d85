"""Batches to distil on: photos changed as in training, some mixed with one another.

mixup (Zhang et al. 2017, arXiv 1710.09412), as strong as Beyer et al. 2021 make it:
every picture gets a share of another one that is drawn evenly from 0..1. A teacher can
be asked what any picture is, so the targets are left as they are.
"""

from typing import Any

import numpy as np

from pipeline.train.batches import Batch, TrainBatches

_MIXING = 0x6D6978  # tells this draw from the others of the same seed


class MixedBatches(TrainBatches):
    """The batches of ``TrainBatches``, each picture laid over another of its batch.

    Args:
        share: Of the batches that are mixed, 0..1; the others stay as they are.
        *args: As of ``TrainBatches``.
        seed: Likewise; the mixing follows from it, too.
        **kwargs: Likewise.
    """

    def __init__(self, *args: Any, seed: int, share: float, **kwargs: Any) -> None:
        super().__init__(*args, seed=seed, **kwargs)
        self._mixing_seed, self._share = seed, share

    def __getitem__(self, number: int) -> Batch:
        images, targets = super().__getitem__(number)
        rng = np.random.default_rng((_MIXING, self._mixing_seed, self.epoch, number))
        if rng.random() >= self._share:
            return images, targets
        others = rng.permutation(len(images))
        weights = rng.random((len(images), 1, 1, 1), np.float32)
        mixed = weights * images + (1 - weights) * images[others]
        return np.rint(mixed).astype(np.uint8), targets
