"""Runs side by side: their figures, curves, settings, and whether they differ.

    rows     a run as it stands, read from its folder, finished or not
    pairs    two runs on the same photos: beyond chance or not
    picture  the learning curves of all in one PNG

Run folders → rows, a PNG, or one HTML page that needs nothing but itself.
"""

import base64
import string
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import InputError
from pipeline.report import templates
from pipeline.report.compare.pairs import compare_runs
from pipeline.report.compare.rows import FINISHED, UNFINISHED, RunRow
from pipeline.runs import Run
from pipeline.writing import write_atomically

TOLD = 3  # settings that a run's name in a legend is followed by
TELLING = ("weights", "backbone", "noise", "epochs")  # those first; the recipe is named


def differences(rows: Sequence[RunRow]) -> list[tuple[str, tuple[str, ...]]]:
    """Return what was not the same for all runs: key → what each run had.

    A run that could not be read is left out; what a run does not say is empty.
    """
    known = [row for row in rows if row.notes]
    keys = dict.fromkeys(key for row in known for key in row.notes)
    found = [(key, tuple(row.notes.get(key, "") for row in known)) for key in keys]
    return [(key, values) for key, values in found if len(set(values)) > 1]


def letters(number: int) -> list[str]:
    """Return short names for runs: A, B, ... Z, AA, AB, ..."""
    alphabet = string.ascii_uppercase
    doubled = [first + second for first in alphabet for second in alphabet]
    return [*alphabet, *doubled][:number]


def curve_labels(rows: Sequence[RunRow]) -> list[str]:
    """Name each run with the settings of its training that no other set shares."""
    differ = {
        key.removeprefix("[train] "): dict(zip(_names(rows), values, strict=True))
        for key, values in differences(rows)
        if key.startswith("[train] ") and key != "[train] recipe"
    }
    keys = [key for key in TELLING if key in differ]
    keys += [key for key in differ if key not in TELLING]
    told = [(key, differ[key]) for key in keys[:TOLD]]
    found = []
    for row in rows:
        said = [
            f"{key} {Path(values[row.name]).name}"  # of weights, a path
            for key, values in told
            if values.get(row.name)
        ]
        name = row.name + (", unfinished" if row.state == UNFINISHED else "")
        found.append(name + (f" ({', '.join(said)})" if said else ""))
    return found


def write_curves(rows: Sequence[RunRow], out: Path) -> None:
    """Draw the learning curves of all runs into one PNG.

    Raises:
        InputError: No run has a curve yet, or ``out`` can't be written.
    """
    _write(out, _drawn(rows))


def write_comparison(
    set_name: str, runs: Sequence[Run], rows: Sequence[RunRow], out: Path
) -> None:
    """Write runs side by side as one HTML page.

    Args:
        set_name: Whose runs.
        runs: Those to show; the finished ones are compared in pairs.
        rows: Theirs, in the same order.
        out: The page to write.

    Raises:
        InputError: ``out`` can't be written.
    """
    from pipeline.report.compare.picture import (  # noqa: PLC0415  loads matplotlib
        colour_of,
        epochs_differ,
    )

    called = letters(len(rows))
    finished = [
        run for run, row in zip(runs, rows, strict=True) if row.state == FINISHED
    ]
    picture = ""
    if any(row.history for row in rows):
        picture = (
            f"data:image/png;base64,{base64.b64encode(_drawn(rows)).decode('ascii')}"
        )
    page = (
        templates()
        .get_template("compare.html")
        .render(
            set_name=set_name,
            rows=list(zip(called, rows, map(colour_of, range(len(rows))), strict=True)),
            letter_of={
                row.name: letter for letter, row in zip(called, rows, strict=True)
            },
            readable=_names(rows),
            differences=differences(rows),
            pairs=compare_runs(finished),
            num_finished=len(finished),
            picture=picture,
            by_photos=epochs_differ(rows),
        )
    )
    _write(out, page.encode())


def _names(rows: Sequence[RunRow]) -> list[str]:
    return [row.name for row in rows if row.notes]


def _drawn(rows: Sequence[RunRow]) -> bytes:
    from pipeline.report.compare.picture import draw_learning  # noqa: PLC0415

    if not any(row.history for row in rows):
        raise InputError(
            "none of these runs has a learning curve yet: it is there after the first"
            " epoch; `mekiki runs` shows how far they are"
        )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "curves.png"
        draw_learning(file, rows, letters(len(rows)), curve_labels(rows))
        return file.read_bytes()


def _write(out: Path, data: bytes) -> None:
    try:
        write_atomically(out, data)
    except OSError as error:
        raise InputError(f"{out} can't be written: {error.strerror}") from error
