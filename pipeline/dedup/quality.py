"""What is wrong with a picture at first sight: scored, flagged, never dropped.

Each score lies in 0..1, where 1 is surely so; over its threshold it becomes a flag.

    unreadable      the stored file can't be decoded (any more): 0 or 1
    tiny            the shorter side s is below t, 64 pixels or what the set asks for:
                    1 - s / 2t
    extreme_aspect  the longer side is r > 5 times the shorter, a banner, a strip:
                    r / (r + 5)
    blank           nearly one colour, a wall, a failed upload: the share of the
                    picture within 8 levels of its median colour
    placeholder     a card that says there is no photo: flat artwork, of which three
                    colours and few soft steps make up nearly all; or a picture that
                    many products share (``repetition``)
    blurry          how little a further blur takes away (Crete et al. 2007, "The blur
                    effect": doi.org/10.1117/12.702790)
    dark            how far the brightest hundredth is from white
    greyscale       no colour in any part, where most of its category has some

The look is measured at 128 pixels of the shorter side, inside the borders; blurry is
what would be blurred in training too. A blank picture is nothing else but blank.

How the thresholds were set: on 1,192 photos of clothes, 960 of flowers and 3,577 of
guitars, as they are and spoilt. Blurry: one of them all is over 0.5 (at 0.51), and
those blurred by 2 % of a side begin at 0.54. Dark: two are over 0.68. Greyscale: the
least coloured hundredth of the clothes, white on grey, still spans 14 levels; five are
flagged. Placeholder: of 720 drawn cards, logos among them, 93 % are found; 6 photos are
mistaken for one, guitars on white. A guitar that stands upright and was cropped to its
outline reaches 3.5:1; web banners start at 6:1 (468x60 is 8:1).
"""

from collections.abc import Iterable, Mapping

import cv2
import numpy as np

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
_INKS = 3  # colours of a card: ground, ink and what lies between
_INK_LEVELS = 16  # of 255, around each of them
_PHOTO_INKS, _CARD_INKS = 0.92, 1.0  # share that three colours explain
_SOFT_STEPS = 0.045  # share of soft steps between neighbours; photos have more
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
        height, width = image.shape[:2]
        top, bottom = round(content[0] * height), round(content[1] * height)
        left, right = round(content[2] * width), round(content[3] * width)
        inside = _shrunk(image[top:bottom, left:right])
        scores |= {
            "blurry": _blurry(inside),
            "dark": _dark(inside),
            "greyscale": _greyscale(inside),
            "placeholder": _card(_shrunk(image)),
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
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).reshape(-1, 3)
    apart = np.abs(small - np.median(small, axis=0)).max(axis=1)
    return float((apart <= _BLANK_LEVELS).mean())


def _shrunk(image: Pixels) -> Pixels:
    """Bring the shorter side down to ``_SIDE``; a small picture stays as it is."""
    height, width = image.shape[:2]
    scale = _SIDE / min(height, width)
    if scale >= 1:
        return np.ascontiguousarray(image)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _blurry(image: Pixels) -> float:
    """Compare the steps between neighbours with those after a further blur.

    Both ways, and the more blurred way counts: a picture may have moved.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    kept = []
    for axis, kernel in ((0, (1, _BLUR)), (1, (_BLUR, 1))):  # cv2: (width, height)
        steps = np.abs(np.diff(grey, axis=axis))
        after = np.abs(np.diff(cv2.blur(grey, kernel), axis=axis))
        lost = np.maximum(steps - after, 0).sum()
        kept.append(float(1 - lost / steps.sum()) if steps.any() else 0.0)
    return max(kept)


def _dark(image: Pixels) -> float:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return 1 - float(np.quantile(grey, 0.99)) / 255


def _greyscale(image: Pixels) -> float:
    spread = image.max(axis=2).astype(np.int16) - image.min(axis=2)
    return 1 - _ramp(float(np.quantile(spread, 0.99)), 0, _COLOURLESS)


def _card(image: Pixels) -> float:
    """Tell artwork of few flat colours by how much of it three colours explain."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.int16)
    down, across = np.abs(np.diff(grey, axis=0)), np.abs(np.diff(grey, axis=1))
    steps = np.maximum(down[:, :-1], across[:-1])
    if not steps.size or ((steps > 2) & (steps <= 12)).mean() > _SOFT_STEPS:
        return 0.0
    left = image.reshape(-1, 3)
    for _ in range(_INKS):
        if not len(left):
            break
        coarse = (left >> 4).astype(np.int32) @ np.array([256, 16, 1])
        commonest = np.bincount(coarse, minlength=4096).argmax()
        ink = np.median(left[coarse == commonest], axis=0)
        left = left[np.abs(left - ink).max(axis=1) > _INK_LEVELS]
    explained = 1 - 3 * len(left) / image.size
    return _ramp(explained, _PHOTO_INKS, _CARD_INKS)


def _ramp(value: float, low: float, high: float) -> float:
    """Return 0 up to ``low``, 1 from ``high`` on, and in between a straight line."""
    return min(1.0, max(0.0, (value - low) / (high - low)))
