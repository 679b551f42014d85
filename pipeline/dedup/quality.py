"""What is wrong with a picture at first sight: scored, flagged, never dropped.

Each score lies in 0..1, where 1 is surely so; over its threshold it becomes a flag.

    unreadable      the stored file can't be decoded (any more): 0 or 1
    tiny            the shorter side s is below t, 64 pixels or what the set asks for:
                    1 - s / 2t
    extreme_aspect  the longer side is r > 5 times the shorter, a banner, a strip:
                    r / (r + 5)
    blank           nearly one colour, a wall, a failed upload: the share of the
                    picture within 8 levels of its median colour
    placeholder     a card that says there is no photo, or a logo: what is drawn on it
                    has few tones, and no texture beside its edges; or a picture that
                    many products share (``repetition``)
    blurry          how little a further blur takes away (Crete et al. 2007, "The blur
                    effect": doi.org/10.1117/12.702790)
    dark            how far the brightest hundredth is from white
    greyscale       no colour in any part, where most of its category has some

The look is measured at 128 pixels of the shorter side, inside the borders; blurry is
what would be blurred in training too. A blank picture is nothing else but blank.

How the thresholds were set: on photos of clothes, flowers and guitars, as they are and
spoilt. Placeholder: on one half of the photos and one family of drawn cards; no photo
of the other half is taken for one. A picture below 64 pixels is no card: digits of 28
pixels look like one. Greyscale: the least coloured hundredth of the clothes, white on
grey, still spans 14 levels. A guitar that stands upright and was cropped to its outline
reaches 3.5:1; web banners start at 6:1 (468x60 is 8:1). How often each is right:
docs/quality.md.
"""

from collections.abc import Iterable, Mapping

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from pipeline.images import Pixels

THRESHOLDS = {  # a score over this is a flag
    "blank": 0.995,
    "blurry": 0.5,
    "dark": 0.68,
    "extreme_aspect": 0.5,
    "greyscale": 0.5,
    "placeholder": 0.5,
    "tiny": 0.5,
    "unreadable": 0.5,
}
LOOKS = ("blank", "blurry", "dark", "greyscale", "placeholder")  # told by the pixels
TINY_SIDE = 64  # pixels of the shorter side
LEAST_TINY_SIDE = 16  # pixels; below that nothing can be told, whatever a set wants
EXTREME_ASPECT = 5.0  # longer ÷ shorter side
GREY_CATEGORY = 0.5  # share of greyscale photos from which they are what is wanted
_SIDE = 128  # pixels of the shorter side of what is looked at
_BLANK_SIDE = 64  # cells a side, looked at
_BLANK_LEVELS = 8  # of 255, around the median colour
_BLUR = 9  # pixels a side of the further blur
_COLOURLESS = 12.0  # levels between a pixel's channels at which grey ends for certain
_CARD_SIDE = 64  # pixels; of a smaller picture it can't be told
_ROUGH = 3  # levels within 3x3 pixels; what is smoother is ground or one flat colour
_EDGE_LEVELS = 12  # within 3x3 pixels, at least, of an edge
_EDGE_SHARE = 0.3  # of all levels there are, likewise
_OUTLIERS = 0.002  # share of the pixels at either end that make no level
_TEXTURE = 8.0  # bits that a picture all of texture counts for
_DIMNESS = 0.65  # bits for each halving of the light: a dim photo has fewer tones
_PHOTO_BITS, _CARD_BITS = 8.0, 4.0  # half way lies just below any photo's
_AROUND = np.ones((3, 3), np.uint8)
_BESIDE = np.ones((7, 7), np.uint8)
_MANY_CATEGORIES = 4  # that one picture was found under
_MANY_PAGES = 16  # that show one picture

Box = tuple[float, float, float, float]  # top, bottom, left, right; shares, 0..1


def look_scores(image: Pixels, content: Box = (0.0, 1.0, 0.0, 1.0)) -> dict[str, float]:
    """Score what the pixels tell: every name of ``LOOKS``, rounded to thousandths.

    Args:
        image: RGB, ``uint8``, ``(height, width, 3)``; not modified.
        content: What is inside its borders; a dark photo on white is dark.
    """
    blank = _blank_share(image)
    scores = dict.fromkeys(LOOKS, 0.0) | {"blank": blank}
    if blank <= THRESHOLDS["blank"]:
        whole, inside = _small_views(image, content)
        grey = cv2.cvtColor(inside, cv2.COLOR_RGB2GRAY)
        scores |= {
            "blurry": _blurry(grey),
            "dark": 1 - _quantile(grey, 0.99) / 255,
            "greyscale": _greyscale(inside),
            "placeholder": _card(whole),
        }
    return {name: round(score, 3) for name, score in scores.items()}


def shape_scores(width: int, height: int, *, min_side: int) -> dict[str, float]:
    """Score what the size tells: ``tiny`` and ``extreme_aspect``.

    Args:
        width: Pixels.
        height: Pixels.
        min_side: What the set takes; a set that wants small pictures has its own
            measure of tiny.
    """
    tiny_side = min(TINY_SIDE, max(min_side, LEAST_TINY_SIDE))
    shorter, longer = sorted((width, height))
    return {
        "extreme_aspect": longer / (longer + EXTREME_ASPECT * shorter),
        "tiny": max(0.0, 1 - shorter / (2 * tiny_side)),
    }


def repetition(categories: int, pages: int) -> float:
    """Score a picture that stands for many things: it shows none of them.

    A photo is found under two categories by mistake, and on a few pages for its
    variants; a card for a missing photo, or a logo, is found everywhere. Flagged from
    3 categories or 9 pages on.
    """
    by_category = _ramp(categories, 1, _MANY_CATEGORIES)
    return max(by_category, _ramp(pages, 1, _MANY_PAGES))


def repetitions(
    groups: Mapping[str, int], listings: Iterable[tuple[str, str, str]]
) -> dict[int, float]:
    """Score how many things each group stands for, by group.

    Args:
        groups: The group of each image, by sha256.
        listings: Where images were met: sha256, category, page ("" for none).
    """
    categories: dict[int, set[str]] = {group: set() for group in groups.values()}
    pages: dict[int, set[str]] = {group: set() for group in categories}
    for sha256, category, page in listings:
        if sha256 in groups:
            categories[groups[sha256]].add(category)
            pages[groups[sha256]].add(page)
    return {
        group: repetition(len(met), len(pages[group] - {""}))
        for group, met in categories.items()
    }


def flags_of(scores: Mapping[str, float]) -> tuple[str, ...]:
    """Name what is over its threshold, sorted."""
    return tuple(
        name for name, score in sorted(scores.items()) if score > THRESHOLDS[name]
    )


def _blank_share(image: Pixels) -> float:
    size = (_BLANK_SIDE, _BLANK_SIDE)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    middle = np.array([_quantile(channel, 0.5) for channel in cv2.split(small)])
    low, high = np.ceil(middle - _BLANK_LEVELS), np.floor(middle + _BLANK_LEVELS)
    return cv2.countNonZero(cv2.inRange(small, low, high)) / _BLANK_SIDE**2


def _small_views(image: Pixels, content: Box) -> tuple[Pixels, Pixels]:
    """Shrink the whole picture and what is inside its borders."""
    height, width = image.shape[:2]
    top, bottom = round(content[0] * height), round(content[1] * height)
    left, right = round(content[2] * width), round(content[3] * width)
    whole = _shrunk(image)
    if (top, bottom, left, right) == (0, height, 0, width):
        return whole, whole
    return whole, _shrunk(image[top:bottom, left:right])


def _shrunk(image: Pixels) -> Pixels:
    """Bring the shorter side down to ``_SIDE``; a small picture stays as it is."""
    height, width = image.shape[:2]
    scale = _SIDE / min(height, width)
    if scale >= 1:
        return np.ascontiguousarray(image)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _blurry(grey: MatLike) -> float:
    """Compare the steps between neighbours with those after a further blur.

    Both ways, and the more blurred way counts: a picture may have moved.
    """
    exact = grey.astype(np.float32)
    kept = []
    for turned, kernel in ((False, (1, _BLUR)), (True, (_BLUR, 1))):  # (width, height)
        steps = _steps(exact, across=turned)
        all_steps = cv2.sumElems(steps)[0] if steps.size else 0.0
        if not all_steps:
            kept.append(0.0)
            continue
        lost = cv2.subtract(steps, _steps(cv2.blur(exact, kernel), across=turned))
        _, lost = cv2.threshold(lost, 0, 0, cv2.THRESH_TOZERO)
        kept.append(1 - cv2.sumElems(lost)[0] / all_steps)
    return max(kept)


def _steps(values: MatLike, *, across: bool) -> MatLike:
    """Return how far each pixel is from its neighbour below, or to the right."""
    if min(values.shape) < 2:  # cv2 takes nothing empty
        return np.abs(np.diff(values, axis=int(across)))
    pair = (values[:, 1:], values[:, :-1]) if across else (values[1:], values[:-1])
    return cv2.absdiff(*pair)


def _greyscale(image: Pixels) -> float:
    red, green, blue = cv2.split(image)
    most, least = cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)
    return 1 - _ramp(_quantile(cv2.subtract(most, least), 0.99), 0, _COLOURLESS)


def _card(image: Pixels) -> float:
    """Tell artwork by how little there is to see beside its ground.

    Counted in bits: the entropy of the tones where the picture isn't smooth, and more
    for texture away from edges, of which artwork has none. The ground is left out, so
    that a small guitar on white is judged by the guitar, and a graded ground is none.
    """
    if min(image.shape[:2]) < _CARD_SIDE:
        return 0.0
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    up_to = np.cumsum(_tones(grey)) / grey.size
    low, high, light = np.searchsorted(up_to, (_OUTLIERS, 1 - _OUTLIERS, 0.99))
    spread = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, _AROUND)
    least = max(_EDGE_LEVELS, _EDGE_SHARE * float(high - low))
    _, rough = cv2.threshold(spread, _ROUGH, 255, cv2.THRESH_BINARY)
    _, edges = cv2.threshold(spread, least, 255, cv2.THRESH_BINARY)
    texture = cv2.subtract(rough, cv2.dilate(edges, _BESIDE))
    bits = (
        _entropy(_tones(cv2.medianBlur(grey, 3), rough))
        + _TEXTURE * cv2.countNonZero(texture) / grey.size
        + _DIMNESS * (8 - float(np.log2(light + 1)))
    )
    return 1 - _ramp(bits, _CARD_BITS, _PHOTO_BITS)


def _tones(grey: MatLike, where: MatLike | None = None) -> NDArray[np.float64]:
    """Count the pixels of each level, (256,); of those where ``where`` is not 0."""
    counted = cv2.calcHist([grey], [0], where, [256], [0, 256])
    return np.asarray(counted, np.float64).ravel()


def _entropy(counts: NDArray[np.float64]) -> float:
    """Return the bits it takes to tell which of these it is."""
    shares = counts[counts > 0] / max(1.0, counts.sum())
    return float(-(shares * np.log2(shares)).sum())


def _quantile(grey: MatLike, share: float) -> float:
    """Return what ``np.quantile`` does, counted: five times as fast on pixels."""
    up_to = np.cumsum(_tones(grey))
    place = share * (grey.size - 1)
    below, above = np.searchsorted(up_to, (int(place), int(np.ceil(place))), "right")
    return float(below + (above - below) * (place - int(place)))


def _ramp(value: float, low: float, high: float) -> float:
    """Return 0 up to ``low``, 1 from ``high`` on, and in between a straight line."""
    return min(1.0, max(0.0, (value - low) / (high - low)))
