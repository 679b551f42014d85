"""The articles that mekiki began with: what they reported, and what comes out here.

``python -m benchmarks articles [PART ...]`` takes each article's protocol through the
real stages, in a home that is kept: interrupted, the same line goes on from there.
``--quick`` leaves out what takes longer than a few minutes. In the table, "peer" is the
article's own figure. benchmarks/articles.md holds what was measured.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.articles.flowers import custom_vision, first_cnn
from benchmarks.articles.guitars import guitar_2017
from benchmarks.articles.pixels import cifar10, mnist
from benchmarks.figures import Figure

# A part takes the home and whether it must be quick. One row more for an article more.
PARTS: Mapping[str, Callable[[Path, bool], dict[str, Figure]]] = {
    "guitar-2017": guitar_2017,
    "first-cnn": first_cnn,
    "custom-vision": custom_vision,
    "mnist": mnist,
    "cifar10": cifar10,
}
