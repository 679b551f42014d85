"""One product's photo against its tag: the verdict and the reason for it."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from pipeline.check.thresholds import Thresholds, format_times, times_likelier


class Verdict(StrEnum):
    """What a row's photo says of its tag."""

    OK = "ok"
    MISMATCH = "mismatch"
    UNSURE = "unsure"
    UNUSABLE_IMAGE = "unusable_image"
    UNKNOWN_TAG = "unknown_tag"


@dataclass(frozen=True)
class Finding:
    """The verdict on one row; ``None`` where there is nothing to say."""

    verdict: Verdict
    reason: str
    predicted_tag: str | None = None
    p_predicted: float | None = None  # 0..1
    p_tag: float | None = None  # 0..1


@dataclass(frozen=True)
class KnownTags:
    """The classes of a run, as tags may spell them."""

    labels: Sequence[str]
    exact: Mapping[str, int]  # normalised → index of the label
    folded: Mapping[str, int]  # regardless of case, where only one class fits

    def find(self, tag: str) -> tuple[int | None, str]:
        """Return the tag's class, and a remark or the reason why there is none."""
        clean = normalised(tag)
        if not clean:
            return None, "the row has no tag"
        if clean in self.exact:
            return self.exact[clean], ""
        if clean.casefold() in self.folded:
            index = self.folded[clean.casefold()]
            return index, f"; the tag was read as {self.labels[index]!r}"
        known = ", ".join(self.labels[:8]) + (", ..." if len(self.labels) > 8 else "")
        return None, f"the tag {clean!r} is none of the classes: {known}"


def normalised(tag: str) -> str:
    """Return a tag without space at its ends, in Unicode's composed form."""
    return unicodedata.normalize("NFC", tag).strip()


def known_tags(labels: Sequence[str]) -> KnownTags:
    """Prepare to find tags among ``labels``: exactly, then regardless of case."""
    exact = {normalised(label): index for index, label in enumerate(labels)}
    folds = [normalised(label).casefold() for label in labels]
    folded = {fold: index for index, fold in enumerate(folds) if folds.count(fold) == 1}
    return KnownTags(labels, exact, folded)


def judge(
    tag: str, probs: NDArray[np.float32], known: KnownTags, thresholds: Thresholds
) -> Finding:
    """Hold a tag against the class probabilities (K,) of its photo."""
    best = int(probs.argmax())
    predicted, p_predicted = known.labels[best], float(probs[best])
    index, remark = known.find(tag)
    if index is None:
        reason = f"{remark}; it looks like {predicted} ({p_predicted:.1%})"
        return Finding(Verdict.UNKNOWN_TAG, reason, predicted, p_predicted)
    p_tag = float(probs[index])
    if best == index:
        verdict, reason = _agreeing(predicted, p_predicted, thresholds)
    else:
        verdict, reason = _differing(
            predicted, p_predicted, known.labels[index], p_tag, thresholds
        )
    return Finding(verdict, reason + remark, predicted, p_predicted, p_tag)


def unusable(tag: str, problem: str, known: KnownTags) -> Finding:
    """Return the finding for a row whose photo can't be looked at."""
    index, remark = known.find(tag)
    also = f"; also, {remark}" if index is None else ""
    return Finding(Verdict.UNUSABLE_IMAGE, problem + also)


def _agreeing(label: str, p: float, thresholds: Thresholds) -> tuple[Verdict, str]:
    if p >= thresholds.ok_from:
        return Verdict.OK, f"looks like {label} ({p:.1%}), as tagged"
    return Verdict.UNSURE, (
        f"looks most like {label}, as tagged, but only {p:.1%} sure"
        f" ({thresholds.ok_from:.0%} needed)"
    )


def _differing(
    predicted: str, p_predicted: float, tag: str, p_tag: float, thresholds: Thresholds
) -> tuple[Verdict, str]:
    times = times_likelier(p_predicted, p_tag)
    needed = f"{format_times(thresholds.mismatch_from)} needed"
    said = f"{predicted} ({p_predicted:.1%})"
    than = f"{format_times(times)} times likelier than {tag} ({p_tag:.1%})"
    if times >= thresholds.mismatch_from:
        return Verdict.MISMATCH, f"looks like {said}, {than}; {needed}"
    return Verdict.UNSURE, f"looks rather like {said}, but only {than}; {needed}"
