"""What benchmarks that train real sets share: weights, categories, the trained run."""

import csv
from collections.abc import Iterable

from benchmarks.commands import CommandError
from pipeline.catalog import opened
from pipeline.home import SetFolder
from pipeline.runs import Run, run_of_fingerprint
from pipeline.settings import load_settings
from pipeline.train.job import gather

# of the test data: MobileNetV2 without its top, ImageNet-pretrained
WEIGHTS = "weights/mobilenet_v2_1.0_224_no_top.weights.h5"


def listed(names: Iterable[str]) -> str:
    """Return the tables of some categories."""
    return "".join(f'[[category]]\nname = "{name}"\n' for name in names)


def trained_run(folder: SetFolder) -> Run:
    """Return the run that was trained with a set's settings as they stand.

    Raises:
        CommandError: There is none.
    """
    settings = load_settings(folder.settings_file)
    with opened(folder) as catalog:
        fingerprint = gather(settings, catalog).fingerprint
    run = run_of_fingerprint(folder, fingerprint)
    if run is None:
        raise CommandError(f"no run in {folder.models} was trained with these settings")
    return run


def read_history(run: Run) -> list[dict[str, float]]:
    """Return a run's epochs: ``loss``, ``accuracy``, and the same after ``val_``."""
    with (run.folder / "history.csv").open(encoding="utf-8", newline="") as file:
        return [
            {name: float(value) for name, value in row.items() if value}
            for row in csv.DictReader(file)
        ]
