"""By how much a random split flatters: the measuring, on features of photos.

The same linear head is fitted and measured on two kinds of splits: one by group, and
random ones by photo, several draws, of all pictures there would be without dedup.

The difference of the two accuracies holds chance too: they judge other photos. So each
draw is judged once more by a head that was shown no copy of the photos it judges. The
photos are the same, and what it loses is what their copies gave away. (That it is
fitted to fewer photos hardly counts: on 3,577 guitars, 20 draws, 1.3 points were lost
without the copies, and 0.0 without as many others.)
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from pipeline.catalog import Part
from pipeline.metrics import Z_95, accuracy, wilson_interval
from pipeline.networks.embeddings import Embeddings
from pipeline.networks.head import QUICK_C, fit_head
from pipeline.progress import Progress, silent
from pipeline.settings.tables import SplitSettings
from pipeline.split.parts import split_by_group

DRAWS = 10  # random splits

Rows = NDArray[np.int64]  # of a pool


@dataclass(frozen=True)
class Pool:
    """The pictures there would be without dedup: a row each, copies included."""

    embeddings: Embeddings  # (N, D)
    y_true: NDArray[np.int64]  # (N,) classes 0..K-1
    groups: NDArray[np.int64]  # (N,) duplicate groups
    is_kept: NDArray[np.bool_]  # (N,) one of each group: what is trained
    names: tuple[str, ...]  # N, no two the same; what a draw goes by


@dataclass(frozen=True)
class Draw:
    """What one random split by photo came to."""

    num_val: int
    accuracy: float  # 0..1
    accuracy_unseen: float  # of the same photos, no copy of them trained on
    seen: float  # share of the photos judged that have a copy trained on
    groups_across: int  # groups with images on both sides


@dataclass(frozen=True)
class AuditSummary:
    """This split beside random ones; accuracies and shares are 0..1."""

    num_val: int
    num_right: int
    draws: tuple[Draw, ...]
    num_copies: int  # pictures beside the one of each group

    @property
    def flattery(self) -> tuple[float, float, float]:
        """How much more the random splits promise, and its 95 % interval.

        Of this split the sampling of its photos counts (binomial), of the random ones
        how far the draws lie apart (their standard error).
        """
        share = self.num_right / self.num_val
        drawn = np.array([draw.accuracy for draw in self.draws])
        low, high = wilson_interval(self.num_right, self.num_val)
        of_draws = float(drawn.std(ddof=1)) / math.sqrt(len(drawn))
        error = math.hypot((high - low) / 2, Z_95 * of_draws)
        more = float(drawn.mean()) - share
        return more, more - error, more + error

    @property
    def given_away(self) -> tuple[float, float, float]:
        """How much the copies alone gave away: mean, least and most of the draws."""
        lost = [draw.accuracy - draw.accuracy_unseen for draw in self.draws]
        return fmean(lost), min(lost), max(lost)

    @property
    def lines(self) -> tuple[str, ...]:
        """What it came to, for people."""
        low, high = wilson_interval(self.num_right, self.num_val)
        drawn = [draw.accuracy for draw in self.draws]
        more, least, most = self.flattery
        interval = f"({_hundred(least)} to {_hundred(most)} with 95 %)"
        measured = (
            f"this split: {_hundred(self.num_right / self.num_val)} % of {self.num_val}"
            f" val photos right ({_hundred(low)} to {_hundred(high)} with 95 %)",
            f"random splits by photo, copies included: {_hundred(fmean(drawn))} % of"
            f" about {fmean(draw.num_val for draw in self.draws):.0f} right"
            f" ({_hundred(min(drawn))} to {_hundred(max(drawn))} in"
            f" {len(drawn)} draws)",
        )
        if not self.num_copies:
            return (
                *measured,
                "no photo has a copy, so a random split flatters by about zero:"
                f" {_hundred(more)} points {interval} are chance",
            )
        across = fmean(draw.groups_across for draw in self.draws)
        seen = fmean(draw.seen for draw in self.draws)
        unseen = fmean(draw.accuracy_unseen for draw in self.draws)
        given, fewest, highest = self.given_away
        return (
            *measured,
            f"the random split flatters by {_hundred(more)} points {interval}; photos"
            f" of {across:.0f} groups lie on both sides of it, of 0 in this split",
            f"copies alone give away {_hundred(given)} points ({_hundred(fewest)} to"
            f" {_hundred(highest)} between draws): {_hundred(seen)} % of the photos"
            " judged have a copy among those trained on; without these copies, the"
            f" same photos come to {_hundred(unseen)} %",
        )


def audit_pool(
    pool: Pool,
    parts: Mapping[int, Part],
    asked: SplitSettings,
    *,
    progress: Progress = silent,
) -> AuditSummary:
    """Measure a split by group, and random ones.

    Args:
        pool: All pictures.
        parts: The part of each group.
        asked: How many photos the random splits hold back, and their seed.
        progress: How the work is shown.
    """
    rows = np.flatnonzero(pool.is_kept)
    train, val = (
        rows[[parts[int(group)] is part for group in pool.groups[rows]]]
        for part in (Part.TRAIN, Part.VAL)
    )
    with progress("fitting to this split and random ones", 1 + 2 * DRAWS) as advance:
        num_right = int((_predict(pool, train, val) == pool.y_true[val]).sum())
        advance(1)
        draws = []
        for number in range(1, DRAWS + 1):
            draws.append(_judge(pool, _at_random(pool, asked, number)))
            advance(2)
    num_copies = int((~pool.is_kept).sum())
    return AuditSummary(len(val), num_right, tuple(draws), num_copies)


def _at_random(pool: Pool, asked: SplitSettings, number: int) -> dict[Part, Rows]:
    """Split by photo as ``split`` does by group: the rows of each part."""
    drawn = split_by_group(
        {row: str(label) for row, label in enumerate(pool.y_true)},
        {},
        {row: f"draw {number} {name}" for row, name in enumerate(pool.names)},
        val=asked.val,
        test=asked.test,
        seed=asked.seed,
    )
    parts = [drawn[row] for row in range(len(pool.names))]
    return {part: np.flatnonzero([p is part for p in parts]) for part in Part}


def _judge(pool: Pool, drawn: Mapping[Part, Rows]) -> Draw:
    """Measure a random split on its val rows, with and without copies of them."""
    train, val = drawn[Part.TRAIN], drawn[Part.VAL]
    y_true = pool.y_true[val]
    is_copied = np.isin(pool.groups[train], pool.groups[val])
    y_pred = _predict(pool, train, val)
    unseen = _predict(pool, train[~is_copied], val) if is_copied.any() else y_pred
    sides = Counter(
        group
        for rows in drawn.values()
        for group in np.unique(pool.groups[rows]).tolist()
    )
    return Draw(
        num_val=len(val),
        accuracy=accuracy(y_true, y_pred),
        accuracy_unseen=accuracy(y_true, unseen),
        seen=float(np.isin(pool.groups[val], pool.groups[train]).mean()),
        groups_across=sum(number > 1 for number in sides.values()),
    )


def _predict(pool: Pool, train: Rows, val: Rows) -> NDArray[np.int64]:
    """Return the classes that a head fitted to ``train`` gives ``val``.

    A class of which nothing is left to train on is never given.
    """
    classes, y_true = np.unique(pool.y_true[train], return_inverse=True)
    if len(classes) < 2:
        only = classes[0] if len(classes) else -1
        return np.full(len(val), only, np.int64)
    head = fit_head(
        pool.embeddings[train], y_true.astype(np.int64), len(classes), c=QUICK_C
    )
    best = head.pred_probs(pool.embeddings[val]).argmax(axis=1)
    return np.asarray(classes[best], np.int64)


def _hundred(share: float) -> str:
    """Say a share in hundredths; never as -0.0."""
    return f"{round(100 * share, 1) + 0.0:.1f}"
