"""What the learning curves show, in words: a history in, a ``Diagnosis`` out.

Training accuracy is measured while pictures are changed and parts of the network are
switched off (dropout): it is rather too low. So where it is ahead of validation it is
so all the more, and of its being low by itself nothing is made.

The checks stand in the order of ``CHECKS``: the first that finds something speaks.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from pipeline.report.curves import LAST, Curves, History, end_of, read_curves

AHEAD = 0.05  # training above validation's interval by less is what is usual
BY_HEART = 0.97  # training accuracy from which on hardly a photo is missed
STILL = 0.05  # fall of validation loss in the last quarter: not done yet
LEAST_FALL = 0.02  # of a loss that is nearly nothing, less is no gain that counts
LEVEL = 0.9  # accuracy below which two flat curves are called low
WIDE = 0.2  # an interval broader than this leaves most things open


class Kind(StrEnum):
    """What curves can show."""

    DIVERGED = "diverged"
    NO_CURVE = "no curve"
    CHANCE = "learned nothing"
    OVERFITTED = "overfitted"
    UNSTABLE = "unstable"
    UNDONE = "not done yet"
    UNDERFITTED = "underfitted"
    UNCLEAR = "unclear"
    FINE = "fine"


@dataclass(frozen=True)
class Diagnosis:
    """What the curves show, and what would help."""

    kind: Kind
    words: str  # sentences

    def as_json(self) -> dict[str, Any]:
        """Return it as ``metrics.json`` holds it."""
        return asdict(self)


@dataclass(frozen=True)
class Circumstances:
    """What the curves alone don't say."""

    num_val: int
    chance: float  # share of the commonest category in val, 0..1
    kept_epoch: int = 0  # of the snapshot that was kept, 1-based; 0 where none
    stopped_because: str = ""
    is_transfer: bool = False  # began with weights learned on other photos


def diagnose(history: History, given: Circumstances) -> Diagnosis | None:
    """Say what the curves of a finished training show.

    Args:
        history: A row an epoch: ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``.
        given: What else is known of the training.

    Returns:
        ``None`` where there is nothing to go by: no epoch, no validation photos, or a
        column is missing.
    """
    if epoch := _diverged_at(history, given):
        return _diverged(epoch, given)
    curves = read_curves(history, given.num_val)
    if curves is None:
        return None
    found = (check(curves, given) for check in CHECKS)
    return next(diagnosis for diagnosis in found if diagnosis)


def _diverged_at(history: History, given: Circumstances) -> int:
    """Return the epoch in which a loss ceased to be a number, 0 for none."""
    for number, row in enumerate(history, start=1):
        if not all(math.isfinite(row.get(key, 0.0)) for key in ("loss", "val_loss")):
            return number
    return len(history) if "infinite" in given.stopped_because else 0


def _diverged(epoch: int, given: Circumstances) -> Diagnosis:
    kept = (
        f" The snapshot of epoch {given.kept_epoch}, before it, was kept."
        if 0 < given.kept_epoch < epoch
        else ""
    )
    return Diagnosis(
        Kind.DIVERGED,
        f"Diverged: in epoch {epoch} the loss became infinite.{kept} A lower [train]"
        " learning_rate would help.",
    )


def _no_curve(curves: Curves, given: Circumstances) -> Diagnosis | None:
    if curves.epochs > 1:
        return None
    words = "There was one epoch, so there is no curve to read."
    if curves.ahead > AHEAD:
        words += (
            f" Training accuracy is {_said(curves.train_end)}, validation"
            f" {_said(curves.val_end)}: it knows the photos it was fitted to better"
            f" than others. More photos{_or_transfer(given)} would help."
        )
    return Diagnosis(Kind.NO_CURVE, words)


def _chance(curves: Curves, given: Circumstances) -> Diagnosis | None:
    low, high = curves.val_interval
    is_train = curves.train_end <= given.chance + AHEAD
    if not is_train or not low <= given.chance <= high or curves.epochs < LAST:
        return None
    return Diagnosis(
        Kind.CHANCE,
        f"Learned nothing that shows: training accuracy is {_said(curves.train_end)}"
        f" and validation {_said(curves.val_end)}, where always naming the commonest"
        f" category gives {_said(given.chance)}. Another [train] learning_rate, more"
        f" epochs{_or_transfer(given)} would help. Look at the samples, too: whether"
        " photos and labels go together.",
    )


def _overfitted(curves: Curves, given: Circumstances) -> Diagnosis | None:
    is_ahead, rose = curves.ahead > AHEAD, curves.rose_from()
    if not is_ahead and not rose:
        return None
    if not rose and curves.train_end < BY_HEART and _undone(curves, given):
        return None  # validation is catching up
    if is_ahead and curves.train_end >= BY_HEART:
        found = "the network has learned these photos by heart"
    elif is_ahead:
        found = "the network knows the photos it learned from better than others"
    else:
        found = "it grew surer of its mistakes"
    words = (
        f"{'Overfitted' if is_ahead else 'Overfitting began'}: training accuracy"
        f" {_said(curves.train_end)}, validation {_said(curves.val_end)}; {found}."
    )
    if rose:
        words += (
            f" From epoch {rose} on validation loss rose, from"
            f" {curves.val_loss[rose - 1]:.2f} to {end_of(curves.val_loss):.2f}, while"
            " training loss went on falling"
        )
        is_before = 0 < given.kept_epoch <= rose
        words += "; the snapshot that was kept is from before." if is_before else "."
    if given.is_transfer:
        words += " More photos or stronger augmentation would help."
    else:
        words += (
            " More photos, augmentation, or a network trained on other photos would"
            " help."
        )
    return Diagnosis(Kind.OVERFITTED, words)


def _unstable(curves: Curves, given: Circumstances) -> Diagnosis | None:
    enough = max(2, round(0.05 * curves.epochs))
    spikes, swings = curves.spikes(), curves.swings()
    if max(len(spikes), len(swings)) < enough:
        return None
    if len(spikes) >= enough:
        found = f"training loss jumped up in epochs {_listed(spikes)}"
    else:
        found = (
            f"validation accuracy fell in epochs {_listed(swings)} and rose again,"
            f" further than chance does with {given.num_val:,} photos"
        )
    return Diagnosis(
        Kind.UNSTABLE,
        f"Unstable: {found}. A lower [train] learning_rate or a larger batch_size would"
        " help.",
    )


def _undone(curves: Curves, given: Circumstances) -> Diagnosis | None:
    quarter = max(1, curves.epochs // 4)
    before, end = curves.val_loss[-quarter - 1], curves.val_loss[-1]
    is_cut = "did not fall" not in given.stopped_because
    is_newest = curves.least + 1 >= curves.epochs - curves.epochs // 10
    is_falling = curves.loss[-1] < curves.loss[-quarter - 1]
    is_much = before - end > max(STILL * before, LEAST_FALL)
    if not (is_cut and is_newest and is_falling and is_much):
        return None
    if curves.val_interval[1] >= 1.0:  # all right: no more can show
        return None
    span = "epoch" if quarter == 1 else f"{quarter} epochs"
    return Diagnosis(
        Kind.UNDONE,
        "Not done yet: it was still getting better when the epochs ended (validation"
        f" loss fell from {before:.2f} to {end:.2f} in the last {span}). More epochs"
        " may well help.",
    )


def _underfitted(curves: Curves, _: Circumstances) -> Diagnosis | None:
    is_low = max(curves.val_interval[1], curves.train_end) < LEVEL
    if not is_low or curves.epochs < 2 * LAST:
        return None
    return Diagnosis(
        Kind.UNDERFITTED,
        f"Underfitted: training accuracy {_said(curves.train_end)} and validation"
        f" {_said(curves.val_end)} ended close together and low. A larger network or"
        " image_size, weaker augmentation, or cleaner labels (`mekiki suspects`) would"
        " help.",
    )


def _unclear(curves: Curves, given: Circumstances) -> Diagnosis | None:
    low, high = curves.val_interval
    if high - low <= WIDE:
        return None
    return Diagnosis(
        Kind.UNCLEAR,
        f"Unclear: with {given.num_val} validation photos the curves say little;"
        f" {_said(curves.val_end)} right may stand for anything from {_said(low)} to"
        f" {_said(high)}. More photos to validate on would tell.",
    )


def _fine(curves: Curves, _: Circumstances) -> Diagnosis:
    low, high = curves.val_interval
    changed = " on changed pictures" if curves.train_end < low else ""
    return Diagnosis(
        Kind.FINE,
        f"Fine: in the last epochs training accuracy is {_said(curves.train_end)}"
        f"{changed}, validation {_said(curves.val_end)} ({_said(low)} to {_said(high)}"
        " with 95 %); no sign of learning by heart beyond what is usual, nor of an end"
        " that came too soon.",
    )


CHECKS: tuple[Callable[[Curves, Circumstances], Diagnosis | None], ...] = (
    _no_curve,
    _chance,
    _overfitted,
    _unstable,
    _undone,
    _underfitted,
    _unclear,
    _fine,
)


def _or_transfer(given: Circumstances) -> str:
    return "" if given.is_transfer else ", or a network trained on other photos"


def _listed(epochs: list[int], most: int = 5) -> str:
    text = ", ".join(str(epoch) for epoch in epochs[:most])
    return f"{text} and more" if len(epochs) > most else text


def _said(share: float) -> str:
    """Say a share as a percentage, near all with a decimal; less is never 100 %."""
    if share >= 0.9995:
        return "100 %"
    return f"{100 * share:.1f} %" if share >= 0.945 else f"{100 * share:.0f} %"
