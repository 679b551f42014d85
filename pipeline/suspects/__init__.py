"""Photos that would be trained → labels that look wrong, worst first.

Needs no run and no split. Frozen features (``looking``), probabilities by classifiers
that never saw the photo (``folds``), confident learning (``confident``), and how many
labels are wrong in truth (``estimate``). Nothing is written into the catalog.

A label that a person gave is judged too, but a person's word counts: its score is
halved, and where it looks wrong it is counted by itself.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.catalog import Catalog, Status
from pipeline.catalog.photos import Photo
from pipeline.errors import InputError
from pipeline.home import SetFolder
from pipeline.images import ImageStore
from pipeline.listing import write_listing
from pipeline.progress import Progress
from pipeline.settings import SetSettings
from pipeline.suspects.confident import find_wrong, self_confidence
from pipeline.suspects.estimate import Estimate, estimate_wrong

SUSPECT_COLUMNS = ("image", "sha256", "origin", "label", "suggested", "score")
CONFIRMED = 0.5  # what a person's word leaves of a score
DECIMALS = 6  # of a score: fewer would make equals of the worst


@dataclass(frozen=True)
class Labels:
    """What is to be judged."""

    judged: tuple[Photo, ...]  # N of them
    y_true: NDArray[np.int64]  # (N,) their labels, as places in ``names``
    names: tuple[str, ...]  # the K categories with two photos or more
    alone: tuple[Photo, ...]  # the only photo of its category: not judged
    left_out: int  # photos whose label is no category of the set


@dataclass(frozen=True)
class Suspect:
    """One photo's label, judged."""

    image: Path
    sha256: str
    origin: str
    label: str
    suggested: str  # the most probable category; may be the label
    score: float  # 0..1, 1 = surely wrong
    looks_wrong: bool
    is_confirmed: bool  # a person gave the label


@dataclass(frozen=True)
class SuspectsSummary:
    """Every photo that would be trained, worst first, and what it comes to."""

    name: str  # of the set
    rows: tuple[Suspect, ...]
    estimate: Estimate  # of the labels that no person gave
    alone: tuple[str, ...]  # categories with one photo, which is not judged
    left_out: int  # photos whose label is no category of the set
    run: str  # whose network looked; empty for the set's own backbone

    @property
    def num_wrong(self) -> int:
        """How many labels look wrong that no person gave."""
        return sum(row.looks_wrong and not row.is_confirmed for row in self.rows)

    @property
    def num_confirmed_wrong(self) -> int:
        """How many labels look wrong although a person gave them."""
        return sum(row.looks_wrong and row.is_confirmed for row in self.rows)

    def line(self, out: Path | None = None) -> str:
        """Return the one line of counts."""
        looks = "label looks" if self.num_wrong == 1 else "labels look"
        found = self.estimate
        line = (
            f"{len(self.rows):,} photos: {self.num_wrong:,} {looks} wrong (about"
            f" {found.number:,} are, {found.low:,} to {found.high:,} with 95 %)"
        )
        if self.num_confirmed_wrong:
            line += f" and {self.num_confirmed_wrong:,} more that a person confirmed"
        if self.alone:
            line += f"; not judged, alone in its category: {', '.join(self.alone)}"
        if self.left_out:
            line += f"; {self.left_out:,} of no category of the set left out"
        if self.run:
            line += f"; run {self.run} looked"
        return line + (
            f"; worst first in {out}" if out else "; --out FILE.csv lists them"
        )

    def as_json(self) -> dict[str, object]:
        """Return the counts, and the labels that look wrong, worst first."""
        return {
            "set": self.name,
            "photos": len(self.rows),
            "looks_wrong": self.num_wrong,
            "confirmed_looks_wrong": self.num_confirmed_wrong,
            "wrong": self.estimate.number,
            "wrong_low": self.estimate.low,
            "wrong_high": self.estimate.high,
            "not_judged": list(self.alone),
            "left_out": self.left_out,
            "run": self.run or None,
            "suspects": [
                {
                    "image": str(row.image),
                    "sha256": row.sha256,
                    "origin": row.origin,
                    "label": row.label,
                    "suggested": row.suggested,
                    "score": row.score,
                    "confirmed": row.is_confirmed,
                }
                for row in self.rows
                if row.looks_wrong
            ],
        }


def find_suspects(
    folder: SetFolder,
    settings: SetSettings,
    catalog: Catalog,
    *,
    progress: Progress,
    say: Callable[[str], None],
) -> SuspectsSummary:
    """Judge the label of every photo that would be trained.

    Args:
        folder: The set, for its photos, cache and runs.
        settings: Whose categories and ``train`` table count.
        catalog: Whose labels count.
        progress: How the work is shown.
        say: Told in a line what looking will cost, and where a run stands in.

    Raises:
        InputError: There is too little to judge, or a photo is missing or broken.
        SettingsError: The backbone is unknown or can't be built.
        WeightsError: No network that knows anything of photos can be had.
        RunError: The newest run is damaged.
    """
    labels = gather(folder, settings, catalog)
    # Loading Keras takes seconds: only where there is something to look at.
    from pipeline.suspects.folds import out_of_fold  # noqa: PLC0415
    from pipeline.suspects.looking import look_at  # noqa: PLC0415

    embeddings, run = look_at(
        folder, settings.train, labels.judged, progress=progress, say=say
    )
    pred_probs = out_of_fold(embeddings, labels.y_true, len(labels.names))
    store = ImageStore(folder.images)
    rows = judge_photos(labels, pred_probs, store) + [
        _row(photo, store, str(photo.label), 0.0, looks_wrong=False)
        for photo in labels.alone
    ]
    unconfirmed = np.array([not _is_confirmed(photo) for photo in labels.judged])
    return SuspectsSummary(
        name=folder.name,
        rows=tuple(sorted(rows, key=lambda row: (-row.score, row.sha256))),
        estimate=estimate_wrong(
            pred_probs[unconfirmed],
            labels.y_true[unconfirmed],
            np.random.default_rng(0),
        ),
        alone=tuple(sorted(str(photo.label) for photo in labels.alone)),
        left_out=labels.left_out,
        run=run,
    )


def gather(folder: SetFolder, settings: SetSettings, catalog: Catalog) -> Labels:
    """Collect the photos that would be trained, by sha256.

    Raises:
        InputError: There is too little to judge.
    """
    trained = catalog.photos.trained()
    known = set(settings.category_names)
    photos = sorted(
        (photo for photo in trained if photo.label in known),
        key=lambda photo: photo.sha256,
    )
    counts = Counter(str(photo.label) for photo in photos)
    names = [name for name in settings.category_names if counts[name] > 1]
    if not photos:
        raise InputError(
            f"no photo of {folder.name} has a label to judge yet: run"
            f" `mekiki scrape {folder.name}` and `mekiki dedup {folder.name}` first"
        )
    if len(names) < 2:
        raise InputError(
            "judging labels needs at least two categories with two photos or more,"
            f" got {len(names)}: add photos"
        )
    places = {name: place for place, name in enumerate(names)}
    judged = tuple(photo for photo in photos if photo.label in places)
    return Labels(
        judged=judged,
        y_true=np.array([places[str(photo.label)] for photo in judged], np.int64),
        names=tuple(names),
        alone=tuple(photo for photo in photos if photo.label not in places),
        left_out=len(trained) - len(photos),
    )


def judge_photos(
    labels: Labels, pred_probs: NDArray[np.float64], store: ImageStore
) -> list[Suspect]:
    """Return a row for each judged photo, in their order; ``pred_probs`` is (N, K)."""
    wrong = find_wrong(pred_probs, labels.y_true)
    scores = 1 - self_confidence(pred_probs, labels.y_true)
    return [
        _row(
            photo,
            store,
            labels.names[best],
            float(score),
            looks_wrong=bool(looks_wrong),
        )
        for photo, best, score, looks_wrong in zip(
            labels.judged, pred_probs.argmax(axis=1), scores, wrong, strict=True
        )
    ]


def write_suspects(summary: SuspectsSummary, out: Path) -> None:
    """Write suspects.csv, one row for every photo, worst first.

    Raises:
        InputError: ``out`` can't be written.
    """
    write_listing(
        out,
        SUSPECT_COLUMNS,
        [
            (
                row.image,
                row.sha256,
                row.origin,
                row.label,
                row.suggested,
                f"{row.score:.{DECIMALS}f}",
            )
            for row in summary.rows
        ],
    )


def _row(
    photo: Photo, store: ImageStore, suggested: str, score: float, *, looks_wrong: bool
) -> Suspect:
    is_confirmed = _is_confirmed(photo)
    return Suspect(
        image=store.path(photo.sha256, photo.extension),
        sha256=photo.sha256,
        origin=photo.origin,
        label=str(photo.label),
        suggested=suggested,
        score=round(score * (CONFIRMED if is_confirmed else 1), DECIMALS),
        looks_wrong=looks_wrong,
        is_confirmed=is_confirmed,
    )


def _is_confirmed(photo: Photo) -> bool:
    return photo.status is Status.LABELLED
