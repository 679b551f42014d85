"""Labels swapped at random, found again: ours beside cleanlab, on real photos.

``clothing10`` and ``flowers12`` of the test data (``MEKIKI_TEST_DATA``): 5, 10 and 20 %
of the labels become another category's, drawn from a seed. The shared MobileNetV2
looks at the photos once; our out-of-fold probabilities go to ``find_wrong`` and to
cleanlab's ``find_label_issues`` with its defaults, which runs in the peers' venv
(``make peers``), or in the one whose Python ``MEKIKI_CLEANLAB_PYTHON`` names.

``suspects_recall_vs_cleanlab``: our rows are read, worst first, as long as they are as
precise as cleanlab's list; what share of its recall that is. ``precision_`` and
``recall_`` are those of the labels that look wrong, beside cleanlab's. A label that was
wrong before any was swapped counts against both.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure
from benchmarks.sets import WEIGHTS
from pipeline.networks.backbones import build_backbone
from pipeline.networks.embeddings import BATCH_SIZE, Embeddings, embed_images
from pipeline.networks.pixels import square_photo
from pipeline.suspects.confident import find_wrong, self_confidence
from pipeline.suspects.estimate import Estimate, estimate_wrong
from pipeline.suspects.folds import out_of_fold

SETS = {"clothing10": "clothing10", "flowers12": "flowers12/train"}
IMAGE_SIZE = 224
SHARES = (0.05, 0.1, 0.2)
SEEDS = 5  # draws of each case; two where it must be quick
NO_PEER = "cleanlab is not installed: make peers"
_PEER_PYTHON = Path(__file__).parent.parent / ".venv-peers" / "bin" / "python"
_PEER = """
import sys
import numpy as np
from cleanlab.filter import find_label_issues
given = np.load(sys.argv[1])
found = {
    name: find_label_issues(given["labels-" + name], given["probs-" + name], n_jobs=1)
    for name in sys.argv[3:]
}
np.savez(sys.argv[2], **found)
"""


@dataclass(frozen=True)
class Photos:
    """A set's photos, as the network sees them, and what they show."""

    embeddings: Embeddings  # (N, D)
    y_true: NDArray[np.int64]  # (N,)


@dataclass(frozen=True)
class Case:
    """Labels of a set, some of them swapped, and what we say of them."""

    swapped: NDArray[np.bool_]  # (N,)
    labels: NDArray[np.int64]  # (N,)
    pred_probs: NDArray[np.float64]  # (N, K)
    wrong: NDArray[np.bool_]  # (N,) look wrong to us
    estimate: Estimate

    @property
    def order(self) -> NDArray[np.int64]:
        """The photos, worst first, (N,)."""
        own = self_confidence(self.pred_probs, self.labels)
        return np.argsort(own, kind="stable")

    @property
    def first_n(self) -> float:
        """The share of swapped ones among the first rows, as many as swapped."""
        return float(self.swapped[self.order[: self.swapped.sum()]].mean())

    @property
    def first_high(self) -> float:
        """The share of swapped ones in as many rows as the estimate goes up to."""
        rows = self.order[: self.estimate.high]
        return float(self.swapped[rows].sum() / self.swapped.sum())

    @property
    def is_in_interval(self) -> bool:
        """Whether the interval of the estimate holds the number swapped."""
        swapped = int(self.swapped.sum())
        return self.estimate.low <= swapped <= self.estimate.high


def measure(*, quick: bool) -> dict[str, Figure]:
    """Swap labels, find them, compare.

    Raises:
        SystemExit: ``MEKIKI_TEST_DATA`` does not name the test data.
    """
    data = Path(os.environ.get("MEKIKI_TEST_DATA", "")).absolute()
    if not (data / "clothing10").is_dir():
        sys.exit(
            "set MEKIKI_TEST_DATA to the folder that holds clothing10/, flowers12/"
            " and weights/"
        )
    cases: dict[str, list[Case]] = {}
    backbone = build_backbone("MobileNetV2", str(data / WEIGHTS), IMAGE_SIZE)
    for name, path in SETS.items():
        photos = _photos(data / path, backbone)
        for share in SHARES:
            cases[f"{name}_{round(100 * share)}"] = [
                swap(photos, share, np.random.default_rng(seed))
                for seed in range(2 if quick else SEEDS)
            ]
        print(f"{name}: {len(photos.y_true)} photos", flush=True)
    return _figures(cases, ask_cleanlab(cases))


def swap(photos: Photos, share: float, rng: np.random.Generator) -> Case:
    """Give a share of the photos another category's label, and judge them all."""
    number, num_classes = len(photos.y_true), int(photos.y_true.max()) + 1
    chosen = rng.choice(number, round(share * number), replace=False)
    shift = np.zeros(number, np.int64)
    shift[chosen] = rng.integers(1, num_classes, len(chosen))
    labels = (photos.y_true + shift) % num_classes
    pred_probs = out_of_fold(photos.embeddings, labels, num_classes)
    return Case(
        shift > 0,
        labels,
        pred_probs,
        find_wrong(pred_probs, labels),
        estimate_wrong(pred_probs, labels, np.random.default_rng(0)),
    )


def ask_cleanlab(
    cases: Mapping[str, Sequence[Case]],
) -> dict[str, list[NDArray[np.bool_]]] | None:
    """Return what looks wrong to cleanlab, by case; ``None`` where it is missing."""
    python = os.environ.get("MEKIKI_CLEANLAB_PYTHON", str(_PEER_PYTHON))
    named = {
        f"{name}-{draw}": case
        for name, drawn in cases.items()
        for draw, case in enumerate(drawn)
    }
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder, "given.npz"), Path(folder, "found.npz")
        arrays: dict[str, Any] = {}  # numpy types the rest of savez's arguments
        for name, case in named.items():
            arrays[f"labels-{name}"] = case.labels
            arrays[f"probs-{name}"] = case.pred_probs
        np.savez(given, **arrays)
        try:
            subprocess.run(
                [python, "-c", _PEER, str(given), str(found), *named],
                check=True,
                capture_output=True,
            )
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"no cleanlab: {error}", file=sys.stderr)
            return None
        masks = np.load(found)
        return {
            name: [masks[f"{name}-{draw}"] for draw in range(len(drawn))]
            for name, drawn in cases.items()
        }


def _figures(
    cases: Mapping[str, Sequence[Case]],
    theirs: Mapping[str, Sequence[NDArray[np.bool_]]] | None,
) -> dict[str, Figure]:
    figures = {
        "suspects_recall_vs_cleanlab": _against(cases, theirs),
        "suspects_first_n": Figure(
            _mean([case.first_n for case in cases["clothing10_10"]]),
            goal=0.75,
            unit="share",
            note="clothing10, 10 % swapped",
        ),
        "suspects_interval_holds": Figure(
            _mean([case.is_in_interval for drawn in cases.values() for case in drawn]),
            unit="share",
            note="of the draws: 95 % interval holds the number swapped",
        ),
    }
    for name, drawn in cases.items():
        masks = theirs[name] if theirs else None
        for word, part in (("precision", precision), ("recall", recall)):
            peer = (
                _mean([part(m, c) for m, c in zip(masks, drawn, strict=True)])
                if masks
                else None
            )
            ours = _mean([part(case.wrong, case) for case in drawn])
            figures[f"{word}_{name}"] = Figure(ours, unit="share", peer=peer)
        figures[f"first_n_{name}"] = Figure(
            _mean([case.first_n for case in drawn]), unit="share"
        )
        rows = _mean([case.estimate.high for case in drawn])
        figures[f"first_high_{name}"] = Figure(
            _mean([case.first_high for case in drawn]),
            unit="share",
            note=(
                f"of the swapped ones, in {rows:.0f} rows: the estimate's upper end;"
                f" {_mean([int(case.wrong.sum()) for case in drawn]):.0f} look wrong"
            ),
        )
        figures[f"estimate_{name}"] = Figure(
            _mean([case.estimate.number for case in drawn]),
            unit="labels",
            note=(
                f"{drawn[0].swapped.sum()} swapped;"
                f" {_mean([case.estimate.low for case in drawn]):.0f} to"
                f" {_mean([case.estimate.high for case in drawn]):.0f} with 95 %"
            ),
        )
    return figures


def _against(
    cases: Mapping[str, Sequence[Case]],
    theirs: Mapping[str, Sequence[NDArray[np.bool_]]] | None,
) -> Figure:
    """Return the least ratio of recalls over all draws."""
    unit = "ours ÷ cleanlab"
    if theirs is None:
        return Figure(None, goal=0.98, unit=unit, note=NO_PEER)
    ratios = [
        recall_at(precision(mask, case), case) / recall(mask, case)
        for name, drawn in cases.items()
        for case, mask in zip(drawn, theirs[name], strict=True)
    ]
    note = f"the least of {len(ratios)} draws: our rows at its precision"
    return Figure(min(ratios), goal=0.98, unit=unit, note=note)


def recall_at(least: float, case: Case) -> float:
    """Return the recall of our rows, read as long as their precision is ``least``."""
    found = np.cumsum(case.swapped[case.order])
    as_precise = found >= least * np.arange(1, len(found) + 1) - 1e-9
    return float(found[as_precise].max(initial=0) / case.swapped.sum())


def precision(found: NDArray[np.bool_], case: Case) -> float:
    """Return the share of what was found that had been swapped."""
    return float(case.swapped[found].mean()) if found.any() else 1.0


def recall(found: NDArray[np.bool_], case: Case) -> float:
    """Return the share of the swapped ones that was found."""
    return float(found[case.swapped].mean())


def _photos(root: Path, backbone: object) -> Photos:
    """Look at every photo of a folder of categories."""
    names = sorted(path.name for path in root.iterdir() if path.is_dir())
    files = [
        (file, label)
        for label, name in enumerate(names)
        for file in sorted((root / name).iterdir())
    ]
    batches = [
        np.stack(
            [square_photo(file, IMAGE_SIZE) for file, _ in files[at : at + BATCH_SIZE]]
        )
        for at in range(0, len(files), BATCH_SIZE)
    ]
    return Photos(
        np.concatenate([embed_images(backbone, batch) for batch in batches]),
        np.array([label for _, label in files], np.int64),
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
