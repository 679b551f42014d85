"""What a run said of the photos it was measured on, as files of the run folder.

``val_predictions.csv`` and ``test_predictions.csv``: ``sha256``, ``label``,
``predicted``, ``p_predicted``, ``p_label``; one row a photo, ordered by sha256. Names
stand in them as they are, since programs read these files.
"""

import csv
import io
from collections.abc import Sequence

from pipeline.catalog import Part
from pipeline.metrics import PredProbs
from pipeline.runs import Run
from pipeline.train.job import Examples
from pipeline.writing import write_atomically

COLUMNS = ("sha256", "label", "predicted", "p_predicted", "p_label")
MEASURED = (Part.VAL, Part.TEST)


def write_predictions(
    run: Run,
    part: Part,
    examples: Examples,
    pred_probs: PredProbs,
    labels: Sequence[str],
) -> None:
    """Write what the run said of one part's photos."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for photo, truth, probs in zip(
        examples.photos, examples.y_true, pred_probs, strict=True
    ):
        guess = int(probs.argmax())
        writer.writerow(
            [
                photo.sha256,
                labels[truth],
                labels[guess],
                f"{probs[guess]:.6f}",
                f"{probs[truth]:.6f}",
            ]
        )
    write_atomically(run.folder / _name(part), text.getvalue().encode())


def read_predictions(run: Run, part: Part) -> list[dict[str, str]]:
    """Read the rows back; none where the part was empty."""
    file = run.folder / _name(part)
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _name(part: Part) -> str:
    return f"{part}_predictions.csv"
