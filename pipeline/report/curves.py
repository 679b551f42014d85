"""Learning curves, measured: how they end, where they rise, jump or stand.

Few validation photos make curves say more than they should: an accuracy of theirs
stands for its whole 95 % interval here, and training is ahead of validation only where
it is above the upper end.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from pipeline.metrics import wilson_interval

History = Sequence[Mapping[str, float]]  # a row an epoch

KEYS = ("loss", "accuracy", "val_loss", "val_accuracy")
LAST = 3  # epochs that an end is averaged over, so that none speaks for all
RISE = 0.15  # of validation loss over its least, as a share
LEAST_RISE = 0.05  # of a loss that is nearly nothing, more is no rise yet
SPIKE = 1.5  # times the loss of the epochs before and after
FEWEST = 5  # photos; of fewer, one that is hard would be held against training
SWING = 0.05  # of validation accuracy


@dataclass(frozen=True)
class Curves:
    """A history by column, of one epoch or more; no NaN."""

    loss: tuple[float, ...]
    accuracy: tuple[float, ...]
    val_loss: tuple[float, ...]
    val_accuracy: tuple[float, ...]
    num_val: int

    @property
    def epochs(self) -> int:
        """How many there are."""
        return len(self.loss)

    @property
    def train_end(self) -> float:
        """Training accuracy over the last epochs, 0..1."""
        return end_of(self.accuracy)

    @property
    def val_end(self) -> float:
        """Validation accuracy over the last epochs, 0..1."""
        return end_of(self.val_accuracy)

    @property
    def val_interval(self) -> tuple[float, float]:
        """The 95 % interval of ``val_end``."""
        return self.interval_of(self.val_end)

    @property
    def ahead(self) -> float:
        """By how much training is above all that validation may be; or below it.

        0 where there are too few validation photos to say.
        """
        return self.train_end - self.val_interval[1] if self.num_val >= FEWEST else 0.0

    @property
    def least(self) -> int:
        """The place of the epoch with the least validation loss."""
        return min(range(self.epochs), key=lambda place: self.val_loss[place])

    def interval_of(self, val_accuracy: float) -> tuple[float, float]:
        """Return the 95 % interval of an accuracy of the validation photos."""
        return wilson_interval(round(val_accuracy * self.num_val), self.num_val)

    def rose_from(self) -> int:
        """Return the epoch from which on validation loss rose for good, 0 for none.

        A rise counts where it is large, lasts, is beyond the jitter from one epoch to
        the next, and training loss fell meanwhile.
        """
        least = self.least
        after = self.val_loss[least:]
        if len(after) <= LAST:
            return 0
        rise = end_of(self.val_loss) - after[0]
        steps = [abs(b - a) for a, b in pairwise(after)]
        is_large = rise > max(RISE * after[0], LEAST_RISE, 2 * median(steps))
        lasts = median(after[1:]) > after[0] and min(after[-LAST:]) > after[0]
        is_falling = end_of(self.loss) < self.loss[least]
        return least + 1 if is_large and lasts and is_falling else 0

    def spikes(self) -> list[int]:
        """List the later epochs whose training loss stands far above its neighbours."""
        return [
            place + 1
            for place in self._later()
            if self.loss[place]
            > SPIKE * max(self.loss[place - 1], self.loss[place + 1]) + LEAST_RISE
        ]

    def swings(self) -> list[int]:
        """List the later epochs that validation fell to and rose from, beyond chance.

        As if each epoch had photos of its own: the same photos vary less.
        """
        values = self.val_accuracy
        found = []
        for place in self._later():
            high = self.interval_of(values[place])[1]
            around = min(values[place - 1], values[place + 1])
            if high < self.interval_of(around)[0] and values[place] < around - SWING:
                found.append(place + 1)
        return found

    def _later(self) -> range:
        """The places of the second half that have neighbours: early ones may jump."""
        return range(max(1, self.epochs // 2), self.epochs - 1)


def read_curves(history: History, num_val: int) -> Curves | None:
    """Return the curves of a history, ``None`` where one is missing or no number."""
    loss, accuracy, val_loss, val_accuracy = (
        tuple(float(row.get(key, math.nan)) for row in history) for key in KEYS
    )
    values = (*loss, *accuracy, *val_loss, *val_accuracy)
    if not values or not num_val or not all(map(math.isfinite, values)):
        return None
    return Curves(loss, accuracy, val_loss, val_accuracy, num_val)


def end_of(values: Sequence[float]) -> float:
    """Return the mean of the last epochs, of few epochs the last alone."""
    last = values[-min(LAST, max(1, len(values) // LAST)) :]
    return sum(last) / len(last)
