"""Stage 7: product photos against their tags.

A CSV with the columns ``image`` (a path or URL) and ``tag``, and a run → the same CSV
with a verdict and its reason on every row. Nothing about a row stops the check.
"""

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.check.rows import read_products
from pipeline.check.thresholds import (
    Thresholds,
    choose_thresholds,
    read_val_predictions,
)
from pipeline.check.verdict import Finding, Verdict, judge, known_tags, unusable
from pipeline.errors import ImageError, InputError, MekikiError
from pipeline.images import Pixels, decode_image, square_image
from pipeline.networks.saved import SavedModel, load_model
from pipeline.progress import Advance, Progress, silent
from pipeline.runs import Run
from pipeline.settings import SetSettings
from pipeline.writing import write_atomically

Item = TypeVar("Item")
Fetch = Callable[[str], bytes]
Look = NDArray[np.float32] | str  # class probabilities (K,), or why there are none

COLUMNS = ("verdict", "predicted_tag", "p_predicted", "p_tag", "reason", "run")
BATCH = 64  # photos in memory at a time
THREADS = 8  # most of them wait for a disk or a host


@dataclass(frozen=True)
class CheckSummary:
    """How the rows were judged."""

    out: Path
    run: str
    verdicts: Mapping[str, int]  # in the order of ``Verdict``, zeros included
    thresholds: Thresholds

    @property
    def num_rows(self) -> int:
        """How many rows were judged."""
        return sum(self.verdicts.values())

    @property
    def has_findings(self) -> bool:
        """Whether there is a row that a person should look at."""
        return self.num_rows > self.verdicts[Verdict.OK]

    @property
    def line(self) -> str:
        """The verdicts, counted, and where a mismatch begins."""
        counts = ", ".join(f"{number} {name}" for name, number in self.verdicts.items())
        return f"check: {self.num_rows} rows: {counts} ({self.thresholds.line})"


def check(
    settings: SetSettings,
    run: Run,
    csv_in: Path,
    csv_out: Path,
    *,
    progress: Progress,
    fetch: Fetch,
) -> CheckSummary:
    """Write ``csv_in`` to ``csv_out`` with a verdict on every row.

    Args:
        settings: Of the set: how many false alarms are bearable.
        run: Whose classifier looks.
        csv_in: Needs the columns ``image`` and ``tag``; relative paths start there.
        csv_out: Written whole or not at all.
        progress: Shows the photos looked at.
        fetch: Returns the bytes behind a URL; what it raises becomes the reason.

    Raises:
        InputError: ``csv_in`` can't be read or lacks a column, or ``csv_out`` can't
            be written.
        RunError: The run lacks its model or its validation predictions.
    """
    table = read_products(_read(csv_in), csv_in.name)
    if csv_out.exists() and csv_out.samefile(csv_in):
        raise InputError(f"{csv_out} is the input; choose another file for --out")
    thresholds = choose_thresholds(
        read_val_predictions(run), settings.check.false_alarms
    )
    known = known_tags(run.labels)
    images = list(dict.fromkeys(image.strip() for image, _ in table.rows))

    def load(image: str) -> bytes | Path:
        return _source(image, csv_in.absolute().parent, fetch)

    with progress("looking at photos", len(images)) as advance:
        looks = dict(
            zip(images, _look_at(images, load, load_model(run), advance), strict=True)
        )
    findings: list[Finding] = []
    for image, tag in table.rows:
        look = looks[image.strip()]
        findings.append(
            unusable(tag, look, known)
            if isinstance(look, str)
            else judge(tag, look, known, thresholds)
        )
    _write(csv_out, table.with_columns(COLUMNS, [_cells(f, run) for f in findings]))
    counted = Counter(finding.verdict for finding in findings)
    verdicts = {str(verdict): counted[verdict] for verdict in Verdict}
    return CheckSummary(csv_out, run.name, verdicts, thresholds)


def predict(run: Run, photos: Sequence[Path]) -> list[dict[str, Any]]:
    """Say what photos show, in their order.

    Returns:
        Of each ``{"image", "predicted_tag", "p_predicted", "probabilities"}``, or
        ``{"image", "error"}`` where it can't be decoded.

    Raises:
        RunError: The run has no model.
    """
    model = load_model(run)
    with silent("", None) as advance:
        looks = list(_look_at(photos, _checked_file, model, advance))
    return [
        _prediction(photo, look, model.labels)
        for photo, look in zip(photos, looks, strict=True)
    ]


def _look_at(
    items: Sequence[Item],
    load: Callable[[Item], bytes | Path],
    model: SavedModel,
    advance: Advance,
) -> Iterator[Look]:
    """Load and classify pictures batch by batch; what can't be is its reason."""

    def square(item: Item) -> Pixels | str:
        try:
            pixels = decode_image(load(item), min_side=model.image_size)
        except (MekikiError, OSError, ValueError) as error:
            return _first_line(error)
        return square_image(pixels, model.image_size)

    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(items), BATCH):
            squares = list(pool.map(square, items[start : start + BATCH]))
            pictures = [picture for picture in squares if not isinstance(picture, str)]
            probs = iter(model.predict(np.stack(pictures)) if pictures else ())
            for picture in squares:
                yield picture if isinstance(picture, str) else next(probs)
            advance(len(squares))


def _source(image: str, folder: Path, fetch: Fetch) -> bytes | Path:
    """Return the bytes behind a URL, or the file that a cell names."""
    if not image:
        raise ImageError("the row names no image")
    if image.lower().startswith(("http://", "https://")):
        return fetch(image)
    spellings = (
        image,
        unicodedata.normalize("NFC", image),
        unicodedata.normalize("NFD", image),  # as macOS writes file names
        image.replace("\\", "/"),  # as Windows writes paths
    )
    paths = [folder / spelling for spelling in spellings]
    return _checked_file(next((p for p in paths if os.path.lexists(p)), paths[0]))


def _checked_file(path: Path) -> Path:
    """Return ``path`` where it is a file that may be read."""
    if not path.exists():
        raise ImageError(f"no such file: {path.name}")
    if not path.is_file():
        raise ImageError(f"not a file: {path.name}")
    if not os.access(path, os.R_OK):
        raise ImageError(f"the file may not be read: {path.name}")
    return path


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:300]


def _cells(finding: Finding, run: Run) -> tuple[str, ...]:
    """Return a finding as the cells of ``COLUMNS``."""
    return (
        finding.verdict,
        finding.predicted_tag or "",
        _rounded(finding.p_predicted),
        _rounded(finding.p_tag),
        finding.reason,
        run.name,
    )


def _rounded(p: float | None) -> str:
    return "" if p is None else f"{p:.4f}"


def _prediction(photo: Path, look: Look, labels: Sequence[str]) -> dict[str, Any]:
    if isinstance(look, str):
        return {"image": str(photo), "error": look}
    best = int(look.argmax())
    return {
        "image": str(photo),
        "predicted_tag": labels[best],
        "p_predicted": float(look[best]),
        "probabilities": {
            label: float(p) for label, p in zip(labels, look, strict=True)
        },
    }


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} can't be read: {error.strerror}") from error


def _write(file: Path, data: bytes) -> None:
    try:
        write_atomically(file, data)
    except OSError as error:
        raise InputError(f"{file} can't be written: {error.strerror}") from error
