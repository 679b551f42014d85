"""A guitar: everything that is chosen about it, by chance."""

from dataclasses import dataclass

import numpy as np

from pipeline.demo.outlines import HEADSTOCKS, SCALE_LENGTH, SHAPES, Points, trace
from pipeline.demo.paint import Colour, Finish, choose_finish

_METALS: tuple[Colour, ...] = ((206, 208, 212), (214, 176, 92), (52, 52, 56))
_FRETBOARDS: tuple[Colour, ...] = ((74, 46, 32), (203, 158, 98), (38, 32, 32))
_NECKS: tuple[Colour, ...] = ((206, 164, 106), (120, 66, 40), (222, 186, 132))
_GUARDS: tuple[Colour, ...] = (
    (238, 236, 228),
    (28, 28, 30),
    (232, 220, 186),
    (112, 54, 34),
    (186, 208, 190),
)
_COVERS: tuple[Colour, ...] = ((34, 34, 36), (236, 234, 226), (228, 214, 178))
_PICKUPS = (
    ("single", "single", "single"),
    ("humbucker", "humbucker"),
    ("single", "single", "humbucker"),
    ("soapbar", "soapbar"),
    ("humbucker",),
    ("single", "single"),
)


@dataclass(frozen=True)
class Guitar:
    """Everything that is chosen about a guitar."""

    shape: str  # a key of SHAPES
    finish: Finish
    guard: Colour | None
    pickups: tuple[str, ...]  # from the neck to the bridge
    cover: Colour  # of the pickups and knobs
    metal: Colour
    neck: Colour
    fretboard: Colour
    headstock: str  # a key of HEADSTOCKS
    matches_headstock: bool  # whether it wears the body's colour
    inlays: str  # dots, blocks or none
    num_knobs: int
    bridge: str  # plate, bar or tremolo
    has_binding: bool


def choose_guitar(shape: str, rng: np.random.Generator) -> Guitar:
    """Choose a guitar of ``shape``, a key of ``SHAPES``, its parts by chance."""
    finish = choose_finish(rng)
    guards = [None, None, None, *_GUARDS]
    return Guitar(
        shape=shape,
        finish=finish,
        guard=guards[rng.integers(len(guards))],
        pickups=_PICKUPS[rng.integers(len(_PICKUPS))],
        cover=_COVERS[rng.integers(len(_COVERS))],
        metal=_METALS[rng.choice(3, p=(0.65, 0.22, 0.13))],
        neck=_NECKS[rng.integers(3)],
        fretboard=_FRETBOARDS[rng.integers(3)],
        headstock=str(rng.choice(list(HEADSTOCKS))),
        matches_headstock=bool(rng.random() < 0.4),
        inlays=str(rng.choice(["dots", "dots", "blocks", "none"])),
        num_knobs=int(rng.integers(2, 5)),
        bridge=str(rng.choice(["plate", "bar", "tremolo"])),
        has_binding=bool(rng.random() < 0.35),
    )


def hull(guitar: Guitar) -> Points:
    """Return points on the outside of a guitar, in outline units."""
    shape, head = SHAPES[guitar.shape], HEADSTOCKS[guitar.headstock]
    top = trace(head.outline) * (1.5, 1) + (0, shape.bridge - SCALE_LENGTH)
    return np.concatenate([trace(shape.outline, is_half=shape.is_half), top])
