"""Draws a guitar: its body in its finish, and all that is screwed onto it.

It is drawn larger than it will be shown, and shrunk after it was turned. Neck,
pickguard and metal parts are a layer of their own, which throws a soft shadow.
"""

import itertools

import cv2
import numpy as np

from pipeline.demo.canvas import (
    BODY_TOP,
    PER_UNIT,
    SUBPIXEL,
    Layer,
    Mask,
    empty_layer,
    faded,
    smooth_outline,
    tinted,
    to_pixels,
)
from pipeline.demo.guitar import Guitar
from pipeline.demo.outlines import (
    HEADSTOCKS,
    SCALE_LENGTH,
    SHAPES,
    Points,
    Shape,
    trace,
)
from pipeline.demo.paint import Colour, finish_body


def draw_guitar(guitar: Guitar, rng: np.random.Generator) -> Layer:
    """Draw a guitar upright; grain and sparkle come from ``rng``."""
    shape = SHAPES[guitar.shape]
    body = empty_layer()
    body.polygon(trace(shape.outline, is_half=shape.is_half), (0, 0, 0))
    body.image[BODY_TOP:] = finish_body(
        body.alpha[BODY_TOP:],
        guitar.finish,
        rng,
        PER_UNIT,
        has_binding=guitar.has_binding,
    )
    _draw_holes(body, shape)

    parts = empty_layer()
    if guitar.guard is not None:
        _draw_guard(parts, shape, guitar.guard, body.alpha)
    _draw_neck(parts, guitar, shape)
    _draw_pickups(parts, guitar, shape)
    _draw_bridge(parts, guitar, shape)
    _draw_controls(parts, guitar, shape)
    _draw_strings(parts, guitar, shape)
    return _stack(body, parts)


def _stack(body: Layer, parts: Layer) -> Layer:
    """Lay the parts on the body, with the shadow they throw on it."""
    below = slice(BODY_TOP, None)
    alpha = parts.alpha[below]
    small = cv2.resize(alpha, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(np.roll(small, (2, 1), axis=(0, 1)), (0, 0), 1.6)
    shadow = cv2.resize(soft, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
    seen = cv2.multiply(255 - shadow // 2, 255 - alpha, scale=1 / 255)
    seen = cv2.multiply(seen, body.alpha[below], scale=1 / 255)
    cv2.add(
        parts.image[below],
        faded(body.image[below], np.asarray(seen, np.uint8)),
        dst=parts.image[below],
    )
    cv2.max(body.alpha, parts.alpha, dst=parts.alpha)
    return parts


def _draw_holes(body: Layer, shape: Shape) -> None:
    if shape.holes:
        for side in (1, -1):
            body.polygon(trace(shape.holes) * (side, 1), (18, 12, 10))


def _draw_guard(parts: Layer, shape: Shape, colour: Colour, body: Mask) -> None:
    """Draw the pickguard: what its path has in common with the body's inside."""
    region = np.zeros_like(body)
    line = [to_pixels(trace(shape.guard))]
    cv2.fillPoly(region, line, 255, cv2.LINE_8, SUBPIXEL)
    region, body = region[BODY_TOP:], body[BODY_TOP:]
    to_edge = cv2.distanceTransform(cv2.min(region, body), cv2.DIST_L2, 3)
    to_rim = cv2.distanceTransform(body, cv2.DIST_L2, 3)
    for inset, tone in ((2.2, 0.55), (2.7, 1.0)):  # a dark edge, then the sheet
        inside = (to_rim > inset * PER_UNIT) & (to_edge > (inset - 2.2) * PER_UNIT)
        found, _ = cv2.findContours(
            inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        for contour in found:
            outline = smooth_outline(contour[:, 0] + np.array([0, BODY_TOP]))
            parts.polygon(outline, tinted(colour, tone))


def _draw_neck(parts: Layer, guitar: Guitar, shape: Shape) -> None:
    nut = shape.bridge - SCALE_LENGTH
    head = HEADSTOCKS[guitar.headstock]
    for (x, y), button in zip(head.posts, head.buttons, strict=True):
        parts.line([(x, y + nut), (button, y + nut)], tinted(guitar.metal, 0.8), 1.2)
        parts.box(button, y + nut, (3.6, 3.0), guitar.metal)
    colour = guitar.neck
    if guitar.matches_headstock:
        colour = guitar.finish.headstock
    outline = trace(head.outline) + np.array([0, nut])
    parts.polygon(outline, tinted(colour, 0.62))
    parts.polygon(outline * (0.93, 1) + (0.1, 0.35), colour)
    parts.box(0, nut - 3.5, (1.8, 4), (30, 28, 28))  # the truss rod's cover

    def board(grow: float, end: float) -> Points:
        return np.array(
            [
                (-4.1 - grow, nut),
                (4.1 + grow, nut),
                (5.2 + grow, end),
                (-5.2 - grow, end),
            ]
        )

    parts.polygon(board(0.9, shape.heel - 2), tinted(guitar.neck, 0.85))
    parts.polygon(board(0.2, shape.heel), guitar.fretboard)
    _draw_frets(parts, guitar, shape, nut)
    parts.box(0, nut, (8.8, 1.6), (240, 236, 222))


def _draw_frets(parts: Layer, guitar: Guitar, shape: Shape, nut: float) -> None:
    frets = [nut + SCALE_LENGTH * (1 - 2 ** (-n / 12)) for n in range(23)]
    frets = [y for y in frets if y < shape.heel - 0.5]
    is_light = sum(guitar.fretboard) > 400
    pearl = (60, 44, 34) if is_light else (232, 230, 220)
    for number, (low, high) in enumerate(itertools.pairwise(frets), start=1):
        middle, space = (low + high) / 2, high - low
        if guitar.inlays == "none" or number not in {3, 5, 7, 9, 12, 15, 17, 19, 21}:
            continue
        if guitar.inlays == "blocks":
            parts.box(0, middle, (6.2, space * 0.55), pearl)
        else:
            for x in (-2.0, 2.0) if number == 12 else (0.0,):
                parts.disc(x, middle, min(0.85, space * 0.3), pearl)
    for y in frets[1:]:
        half = 4.1 + 1.1 * (y - nut) / (shape.heel - nut)
        parts.line([(-half, y), (half, y)], (198, 196, 190), 0.4)


def _draw_pickups(parts: Layer, guitar: Guitar, shape: Shape) -> None:
    first, last = shape.heel + 4.5, shape.bridge - 8.0
    places = (
        np.linspace(first, last, len(guitar.pickups))
        if len(guitar.pickups) > 1
        else [last]
    )
    for index, (kind, y) in enumerate(zip(guitar.pickups, places, strict=True)):
        is_last = index == len(guitar.pickups) - 1
        turn = -9.0 if kind == "single" and is_last else 0.0
        _draw_pickup(parts, guitar, kind, float(y), turn)


def _draw_pickup(
    parts: Layer, guitar: Guitar, kind: str, y: float, turn: float
) -> None:
    cover = (
        guitar.metal
        if kind == "humbucker" and sum(guitar.cover) < 200
        else guitar.cover
    )
    size = {"single": (15.5, 3.9), "humbucker": (16.5, 7.8), "soapbar": (18.0, 6.4)}[
        kind
    ]
    if kind == "humbucker":
        parts.box(0, y, (size[0] + 2.6, size[1] + 2.2), (26, 26, 28), turn)
    parts.box(0, y, size, tinted(cover, 0.6), turn)
    parts.box(0, y - 0.25, (size[0] - 0.8, size[1] - 0.8), cover, turn)
    slope = np.tan(np.radians(turn))
    for x in np.linspace(-5, 5, 6):
        row = y + x * slope
        parts.disc(x, row - (1.6 if kind == "humbucker" else 0), 0.62, (120, 118, 112))


def _draw_bridge(parts: Layer, guitar: Guitar, shape: Shape) -> None:
    y, metal = shape.bridge, guitar.metal
    dark = tinted(metal, 0.55)
    if guitar.bridge == "bar":
        parts.box(0, y, (16.5, 3.4), dark)
        parts.box(0, y - 0.3, (16, 2.6), metal)
        parts.box(0, y + 7, (18.5, 3.6), dark)
        parts.box(0, y + 6.7, (18, 2.8), metal)
    else:
        parts.box(0, y + 2, (14.5, 8.5), dark)
        parts.box(0, y + 1.8, (14, 7.8), metal)
        for x in np.linspace(-5, 5, 6):
            parts.box(float(x), y + 0.8, (1.4, 4.6), tinted(metal, 0.78))
    if guitar.bridge == "tremolo":
        arm = [(6.0, y + 3), (9.0, y + 2), (12.5, y - 3), (14.5, y - 14)]
        parts.line(arm, dark, 1.6)
        parts.line(arm, metal, 1.0)
        parts.disc(14.5, y - 15, 1.4, guitar.cover)


def _draw_controls(parts: Layer, guitar: Guitar, shape: Shape) -> None:
    for x, y in shape.knobs[: guitar.num_knobs]:
        parts.disc(x, y, 2.7, tinted(guitar.cover, 0.55))
        parts.disc(x - 0.2, y - 0.3, 2.3, guitar.cover)
        parts.disc(x - 0.3, y - 0.5, 1.3, tinted(guitar.cover, 1.25))
        parts.line([(x, y - 0.5), (x + 1.2, y - 2)], (150, 150, 150), 0.4)
    x, y = shape.switch
    parts.disc(x, y, 1.8, tinted(guitar.metal, 0.7))
    parts.line([(x, y), (x + 1.5, y - 2.5)], guitar.metal, 0.8)
    parts.disc(x + 1.6, y - 2.7, 0.9, guitar.cover)


def _draw_strings(parts: Layer, guitar: Guitar, shape: Shape) -> None:
    nut = shape.bridge - SCALE_LENGTH
    end = shape.bridge + (6.5 if guitar.bridge == "bar" else 1)
    head = HEADSTOCKS[guitar.headstock]
    for index, (x, y) in enumerate(head.posts):
        at_bridge, at_nut = -5 + 2 * index, -3.2 + 1.28 * index
        line = [
            (at_bridge, end),
            (at_bridge, shape.bridge),
            (at_nut, nut),
            (x, y + nut),
        ]
        parts.line(line, (208, 204, 190) if index > 2 else (196, 178, 140), 0.2)
        parts.disc(x, y + nut, 1.15, tinted(guitar.metal, 0.7))
        parts.disc(x - 0.1, y + nut - 0.15, 0.8, guitar.metal)
