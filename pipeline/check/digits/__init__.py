"""A photo of one handwritten digit → the picture as MNIST has it.

A network taught on MNIST knows light strokes on black, upright, thick, centred. Of a
phone's photo of a page it can say nothing. Here the ink is told from paper, shadow and
printed lines (``ink``), the marks that could be a digit are found (``marks``), the best
is cut out and drawn as MNIST's were (``shape``).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.check.digits.choose import LEAST_SCORE, choose_digit, no_digit
from pipeline.check.digits.ink import (
    NARROW,
    WIDE,
    find_rulings,
    ink_of,
    noise_of,
    without_rulings,
)
from pipeline.check.digits.marks import Mark, find_marks
from pipeline.check.digits.paper import Paper
from pipeline.check.digits.shape import as_mnist
from pipeline.errors import ImageError as ImageError
from pipeline.images import Pixels

Ask = Callable[[Sequence[Pixels]], NDArray[np.float32]]

WORK = 1000  # pixels of the longer side on which a digit is looked for
LEAST_SIDE = 900  # pixels of the shorter side that suffice to look for one
_LARGEST = 8.0  # times as large at most: a blur of many pixels is no edge
_TINY = 64  # pixels of the longer side: so small is a picture from MNIST, or like it
_THRESHOLDS = (0.08, 0.12, 0.17, 0.24, 0.33, 0.45)
MOST_ASKED = 40  # marks a photo that the network is shown
_CERTAIN = 0.35  # power of the network's certainty that a mark's score is times
_SURE = 0.5  # of a dark mark: light ones are not looked for
_LIGHT_ON_DARK = 0.6  # scores count so much of light marks: most people write dark


def read_digit(photo: Pixels, ask: Ask) -> Pixels:
    """Find the digit on a photo and draw it as MNIST does.

    What could be a digit is shown to the network: of shape and certainty together
    comes the choice. A hair is a 1 by its shape, and a guitar's neck; a shadow that
    joins a stroke makes the network doubt.

    Args:
        photo: RGB, ``uint8``, (H, W, 3), upright; not modified. Any size: it is
            looked at with its longer side at 1000 pixels, eight times enlarged at most.
        ask: Class probabilities (N, K) of N pictures as MNIST has them.

    Returns:
        RGB, ``uint8``, light on black: (28, 28, 3), or the photo itself where it is
        small and light on black already.

    Raises:
        ImageError: No digit is on it, or more than one.
    """
    if _is_like_mnist(photo):
        return photo
    marks = likely_marks(shrunk(photo))
    if not marks:
        raise no_digit()
    certain = ask([as_mnist(mark.mask) for mark in marks]).max(axis=1)
    return as_mnist(
        choose_digit(
            [
                replace(mark, score=mark.score * float(sure) ** _CERTAIN)
                for mark, sure in zip(marks, certain, strict=True)
            ]
        ).mask
    )


def likely_marks(image: Pixels, most: int = MOST_ASKED) -> list[Mark]:
    """Return the marks that are likest a digit, of a photo as ``shrunk`` returns it."""
    found = marks_of_any_score(image)
    if max((mark.score for mark in found), default=0) < _SURE:
        found += [
            replace(mark, score=mark.score * _LIGHT_ON_DARK)
            for mark in marks_of_any_score(255 - image)
        ]
    likely = [mark for mark in found if mark.score >= LEAST_SCORE]
    return sorted(likely, key=lambda mark: -mark.score)[:most]


def marks_of_any_score(image: Pixels) -> list[Mark]:
    """Find all dark marks, at every threshold, with printed lines and without."""
    paper = Paper.of(image)
    narrow, wide = ink_of(image, NARROW), ink_of(image, WIDE)
    inks = [narrow, wide]
    if rulings := find_rulings(narrow):
        inks += [without_rulings(ink, rulings) for ink in (narrow, wide)]
    marks = []
    for ink in inks:
        floor = min(4 * noise_of(ink), _THRESHOLDS[-1])
        for threshold in _THRESHOLDS:
            if threshold >= floor:
                marks += find_marks(ink, wide, paper, threshold)
    return marks


def shrunk(photo: Pixels) -> Pixels:
    """Return a photo with its longer side at ``WORK`` pixels."""
    scale = min(WORK / max(photo.shape[:2]), _LARGEST)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(
        cv2.resize(photo, None, fx=scale, fy=scale, interpolation=method), np.uint8
    )


def _is_like_mnist(photo: Pixels) -> bool:
    """Whether a picture is small, and light on black from edge to edge."""
    if max(photo.shape[:2]) > _TINY:
        return False
    edge = np.concatenate([photo[0], photo[-1], photo[:, 0], photo[:, -1]])
    return float(np.median(edge)) < 50 and float(photo.max()) > 120
