"""Stage 7: product photos against their tags.

A CSV with the columns ``image`` (a path or URL) and ``tag``, and a run → the same CSV
with a verdict and its reason on every row. Nothing about a row stops the check.
"""

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.check.looking import Look, look_at
from pipeline.check.rows import read_products
from pipeline.check.thresholds import (
    Thresholds,
    choose_thresholds,
    read_val_predictions,
)
from pipeline.check.verdict import Finding, Verdict, judge, known_tags, unusable
from pipeline.errors import ImageError, InputError
from pipeline.networks.saved import load_model
from pipeline.progress import Progress, silent
from pipeline.runs import Run
from pipeline.settings import SetSettings
from pipeline.writing import write_atomically

Fetch = Callable[[str], bytes]

COLUMNS = ("verdict", "predicted_tag", "p_predicted", "p_tag", "reason", "run")


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
        seen = look_at(images, load, run, load_model(run), advance)
        looks = {image: one.look for image, one in zip(images, seen, strict=True)}
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


def predict(
    run: Run, photos: Sequence[Path], *, show: Path | None = None
) -> list[dict[str, Any]]:
    """Say what photos show, in their order.

    Args:
        run: Whose classifier looks.
        photos: Their files.
        show: A PNG to write: each photo beside what the network was shown of it.

    Returns:
        Of each ``{"image", "predicted_tag", "p_predicted", "probabilities"}``, or
        ``{"image", "error"}`` where it can't be decoded, or shows no digit though
        the run knows nothing else.

    Raises:
        InputError: ``show`` can't be written.
        RunError: The run has no model.
    """
    model = load_model(run)
    with silent("", None) as advance:
        seen = list(look_at(photos, _checked_file, run, model, advance))
    if show is not None:
        # Loading matplotlib takes a second: only where a picture is asked for.
        from pipeline.check.sheet import draw_sheet  # noqa: PLC0415

        draw_sheet(show, photos, seen, model.labels)
    return [
        _prediction(photo, one.look, model.labels)
        for photo, one in zip(photos, seen, strict=True)
    ]


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
