"""Which of the marks is the digit; nothing is said where none or several could be.

The same stroke is found many times, at every threshold. Marks whose boxes overlap are
the same place, of which the best counts. A frame drawn around a digit gives way to it.
What comes in a row of its likes (a spiral's holes, print) is no digit; two that are as
large and as good are two digits, and no answer would be right.
"""

from collections.abc import Sequence

from pipeline.check.digits.marks import Mark
from pipeline.errors import ImageError

LEAST_SCORE = 0.53  # below it a mark is no digit
_AS_LARGE, _AS_GOOD = 0.6, 0.7  # of the best one's size and score: a rival
_AS_DARK, _SAME_PEN = 0.6, 2.0  # a second digit is written with the same pen
_ROW = 4  # marks alike: print, or holes
_ALIKE = 1.35  # times as large at most
_FRAMED = 0.25  # of the frame's size: what a frame is drawn around


def choose_digit(marks: Sequence[Mark]) -> Mark:
    """Return the mark that is the digit.

    Raises:
        ImageError: None is good enough, or several are.
    """
    places = _places(marks)
    rows = [place for place in places if _num_alike(place, places) >= _ROW]
    alone = [place for place in places if place not in rows]
    if not alone:
        raise ImageError(_SEVERAL.format(len(rows))) if rows else no_digit()
    best = alone[0]
    inner = [
        place
        for place in alone[1:]
        if _contains(best, place) and place.size >= _FRAMED * best.size
    ]
    if inner:
        best = inner[0]
    rivals = [place for place in alone if place is not best and _is_rival(place, best)]
    if rivals:
        raise ImageError(_SEVERAL.format(1 + len(rivals)))
    return best


def _is_rival(mark: Mark, best: Mark) -> bool:
    """Whether a mark could be the digit as well: as large, as good, of the same pen."""
    return (
        mark.size >= _AS_LARGE * best.size
        and mark.score >= _AS_GOOD * best.score
        and mark.contrast >= _AS_DARK * best.contrast
        and 1 / _SAME_PEN < mark.stroke / best.stroke < _SAME_PEN
        and not _contains(mark, best)
    )


def no_digit() -> ImageError:
    """Say that nothing on a photo is enough like a digit."""
    return ImageError(
        "no digit found: expected one handwritten digit on plain, lined or squared"
        " paper, whole and not too small"
    )


_SEVERAL = (
    "{} marks that could be a digit: expected one; go closer, or cover the others"
)


def _places(marks: Sequence[Mark]) -> list[Mark]:
    """Return the best mark of every place, the best place first."""
    ranked = sorted(marks, key=lambda mark: -mark.score)
    places: list[Mark] = []
    for mark in ranked:
        if mark.score < LEAST_SCORE:
            break
        if not any(_overlap(mark, place) > 0.3 for place in places):
            places.append(mark)
    return places


def _overlap(one: Mark, other: Mark) -> float:
    """Return the share of the smaller box that the other covers, frames apart."""
    if _contains(one, other) or _contains(other, one):
        smaller, larger = sorted((one, other), key=lambda mark: mark.size)
        return 0.0 if _is_in_hole(smaller, larger) else 1.0
    down = min(one.bottom, other.bottom) - max(one.top, other.top)
    across = min(one.right, other.right) - max(one.left, other.left)
    if down <= 0 or across <= 0:
        return 0.0
    return down * across / min(one.height * one.width, other.height * other.width)


def _contains(outer: Mark, inner: Mark) -> bool:
    return (
        outer.top < inner.top
        and outer.left < inner.left
        and outer.bottom > inner.bottom
        and outer.right > inner.right
    )


def _is_in_hole(inner: Mark, outer: Mark) -> bool:
    """Whether no ink of the outer mark lies where the inner one's box is."""
    top, left = inner.top - outer.top, inner.left - outer.left
    box = outer.mask[top : top + inner.height, left : left + inner.width]
    return not box.any()


def _num_alike(mark: Mark, marks: Sequence[Mark]) -> int:
    """Count the marks of about the same size, itself included."""
    return sum(
        1 / _ALIKE < other.size / mark.size < _ALIKE
        and 0.6 < other.stroke / mark.stroke < 1.6
        for other in marks
    )
