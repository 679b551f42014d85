"""Photos as a run's network takes them, and what it says of each.

There is one place where a photo becomes the network's square: as its recipe needs it.
For the recipes of MNIST the digit is found first; for all others the whole photo is
fitted into the square.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.check.digits import LEAST_SIDE, read_digit
from pipeline.errors import MekikiError
from pipeline.images import Pixels, decode_image, square_image
from pipeline.networks.saved import SavedModel
from pipeline.progress import Advance
from pipeline.runs import Run

Item = TypeVar("Item")
Look = NDArray[np.float32] | str  # class probabilities (K,), or why there are none

DIGIT_RECIPES = frozenset({"mnist-cnn", "mnist-tuned"})
BATCH = 64  # photos in memory at a time
THREADS = 8  # most of them wait for a disk or a host


@dataclass(frozen=True)
class Seen:
    """What the network was shown of a photo, and what it said."""

    square: Pixels | None  # (S, S, 3); none where the photo can't be used
    look: Look


def reads_digits(run: Run) -> bool:
    """Whether a run's network knows digits as MNIST has them, and nothing else."""
    return run.metrics.get("recipe") in DIGIT_RECIPES


def look_at(
    items: Sequence[Item],
    load: Callable[[Item], bytes | Path],
    run: Run,
    model: SavedModel,
    advance: Advance,
) -> Iterator[Seen]:
    """Load and classify pictures batch by batch; what can't be is its reason.

    Args:
        items: What is looked at, in this order.
        load: Returns an item's bytes or file; what it raises becomes the reason.
        run: Whose recipe says how a photo is made ready.
        model: The run's network.
        advance: Told how many are done.
    """
    is_digit = reads_digits(run)

    def square(item: Item) -> Pixels | str:
        try:
            if is_digit:
                photo = decode_image(load(item), min_side=LEAST_SIDE)
                digit = read_digit(photo, model.classify)
                return square_image(digit, model.image_size)
            pixels = decode_image(load(item), min_side=model.image_size)
        except (MekikiError, OSError, ValueError) as error:
            return _first_line(error)
        return square_image(pixels, model.image_size)

    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(items), BATCH):
            squares = list(pool.map(square, items[start : start + BATCH]))
            pictures = [picture for picture in squares if not isinstance(picture, str)]
            probs = iter(model.predict(np.stack(pictures)) if pictures else ())
            for picture in squares:
                if isinstance(picture, str):
                    yield Seen(None, picture)
                else:
                    yield Seen(picture, next(probs))
            advance(len(squares))


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:300]
