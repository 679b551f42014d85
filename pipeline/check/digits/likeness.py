"""How likely a mark is a handwritten digit, by twelve traits of it: 0 to 1.

A logistic function. Its weights were found on photos drawn of MNIST's training digits
and on photos of other things: ``python -m benchmarks.digits.fitting``.
"""

import math
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Traits:
    """What is seen of a mark. Logarithms are natural."""

    plain: float  # share of its surroundings that is paper
    evenness: float  # of its stroke's width, 0..1
    length: float  # log of stroke's length ÷ width
    thickness: float  # log of the stroke's width ÷ the mark's longer side
    clear: float  # log of contrast ÷ how the ink of the paper around it strays
    blur: float  # log of pixels from ink to paper
    bright: float  # the paper around it beside the brightest of the photo
    share: float  # log of its longer side ÷ the photo's
    contrast: float  # log of it
    solid: float  # its area ÷ its convex hull's
    edge: float  # how far off the photo's edge is, ÷ its longer side; 0.5 at most
    photo: float  # share of the whole photo that is plain


BIAS = -11.30
WEIGHTS = Traits(
    plain=2.10,
    evenness=1.89,
    length=0.50,
    thickness=0.55,
    clear=1.99,
    blur=-0.94,
    bright=1.74,
    share=0.79,
    contrast=-0.40,
    solid=-0.49,
    edge=8.33,
    photo=1.83,
)


def likeness(traits: Traits) -> float:
    """Return how likely a digit's traits are, 0..1."""
    names = [field.name for field in fields(Traits)]
    total = BIAS + sum(getattr(WEIGHTS, name) * getattr(traits, name) for name in names)
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, total))))
