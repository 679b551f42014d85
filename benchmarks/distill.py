"""How much of a teacher's lead its distilled student keeps.

Sets of the test data (``MEKIKI_TEST_DATA``): flowers12 with its own test folder,
clothing10 and guitars6 with a fifth held back, of the guitars by duplicate group.
Teacher: ``finetune`` of MobileNetV2 with ImageNet weights at 96 px. Students: both that
``mekiki distill`` knows, from random weights, once from the labels and once from the
teacher, equally long. The figure is (distilled - scratch) / (teacher - scratch),
accuracies on the test part, which chose no snapshot.

Each set with each student is a part. What was trained stays in the benchmark's home: a
run that was interrupted goes on there, and a finished one is only measured. ``--quick``
trains for 20 epochs.
"""

import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.sets import WEIGHTS
from pipeline import catalog as catalogs
from pipeline.catalog import Catalog, Part
from pipeline.cli.group import shown_progress, utc_now
from pipeline.dedup import dedup
from pipeline.home import SetFolder, set_folder
from pipeline.report import write_report
from pipeline.robustness import measure_robustness
from pipeline.runs import Run
from pipeline.scrape import scrape
from pipeline.settings import SetSettings, load_settings
from pipeline.split import split
from pipeline.train import train
from pipeline.train.distill import distill
from pipeline.train.distill.lesson import STUDENTS, Asked
from pipeline.train.distill.standings import Standings, measure_standings
from pipeline.writing import write_atomically

GOAL = 0.5  # of the gap
SETS = {  # → folders of photos
    "flowers12": ("train", "test"),
    "clothing10": (".",),
    "guitars6": (".",),
}
WITH_COPIES = {"guitars6"}  # many, across categories, too
QUICK_EPOCHS = 20
VAL = 0.15  # of what is not test
Figures = dict[str, Figure]
NAMES = {"teacher": "teacher", "student from scratch": "scratch"}

_SETTINGS = """\
{categories}
{sources}
[dedup]
enabled = {dedup}

[split]
val = {val}
test = 0.2

[train]
backbone = "MobileNetV2"
weights = "{weights}"
image_size = 96
"""


def measure_part(home: Path, quick: bool, *, name: str, student: str) -> Figures:
    """Distil one student on one set.

    Raises:
        SystemExit: ``MEKIKI_TEST_DATA`` does not name the test data.
    """
    data = Path(os.environ.get("MEKIKI_TEST_DATA", "")).absolute()
    if not (data / name).is_dir():
        sys.exit(f"set MEKIKI_TEST_DATA to the folder that holds {name}/ and weights/")
    folder = set_folder(home, name)
    _write_settings(folder, data)
    settings = load_settings(folder.settings_file)
    with catalogs.opened(folder) as catalog:
        teacher = _teacher(folder, settings, catalog)
        asked = Asked(student, epochs=QUICK_EPOCHS if quick else None)
        table = _distill(folder, settings, catalog, teacher, asked)
    return dict(_figures(f"{name}_{student}", table))


PARTS: dict[str, Callable[[Path, bool], Figures]] = {
    f"{name}-{student}": partial(measure_part, name=name, student=student)
    for name in SETS
    for student in STUDENTS
}


def _write_settings(folder: SetFolder, data: Path) -> None:
    photos = data / folder.name
    first, *_ = (photos / part for part in SETS[folder.name])
    names = sorted(path.name for path in first.iterdir() if path.is_dir())
    text = _SETTINGS.format(
        categories="\n".join(f'[[category]]\nname = "{name}"' for name in names),
        sources="\n".join(
            f'[[source]]\nkind = "folder"\npath = "{photos / part}"'
            for part in SETS[folder.name]
        ),
        dedup="true" if folder.name in WITH_COPIES else '"exact"',
        val=VAL,
        weights=data / WEIGHTS,
    )
    write_atomically(folder.settings_file, text.encode())


def _teacher(folder: SetFolder, settings: SetSettings, catalog: Catalog) -> Run:
    """Collect the photos and train the teacher, unless that is done."""
    progress = shown_progress()
    print(scrape(folder, settings, catalog, progress=progress, now=utc_now).line)
    print(dedup(folder, settings, catalog, progress=progress, now=utc_now).line)
    if folder.name == "flowers12":
        _keep_test_folder(catalog)
    else:
        print(split(settings, catalog).line)
    trained = train(
        folder, settings, catalog, progress=progress, now=utc_now, say=print
    )
    print(trained.line)
    return trained.run


def _keep_test_folder(catalog: Catalog) -> None:
    """Put the photos of ``test/`` into the test part, and hold some others back."""
    parts: dict[str, Part] = {}
    others: dict[str, list[str]] = defaultdict(list)
    for photo in catalog.photos.trained():
        if Path(photo.origin).parts[-3] == "test":
            parts[photo.sha256] = Part.TEST
        else:
            others[str(photo.label)].append(photo.sha256)
    for shas in others.values():
        num_val = round(VAL * len(shas))
        for place, sha256 in enumerate(sorted(shas)):
            parts[sha256] = Part.VAL if place < num_val else Part.TRAIN
    catalog.training.write_split(parts)


def _distill(
    folder: SetFolder,
    settings: SetSettings,
    catalog: Catalog,
    teacher: Run,
    asked: Asked,
) -> Standings:
    progress = shown_progress()
    summary = distill(
        folder,
        settings,
        catalog,
        teacher,
        asked,
        progress=progress,
        now=utc_now,
        say=print,
    )
    for run in summary.runs:
        measure_robustness(folder, settings, catalog, run, progress=progress)
    standings = measure_standings(folder, summary.runs, summary.material)
    for run in summary.runs:
        write_report(folder, catalog, run)
    print(*summary.lines, *standings.lines, sep="\n")
    return standings


def _figures(name: str, table: Standings) -> Iterator[tuple[str, Figure]]:
    yield (
        f"distilled_gap_{name}",
        Figure(table.gap_kept, goal=GOAL, unit="share", note="of the gap kept"),
    )
    for row in table.rows:
        who = NAMES.get(row.role, "distilled")
        low, high = row.interval
        yield (
            f"{name}_{who}",
            Figure(
                row.accuracy,
                unit="accuracy",
                note=f"{low:.3f}-{high:.3f} of {table.num_photos} {table.part} photos;"
                f" robust {row.robustness or 0:.3f}, {row.megabytes:.1f} MB,"
                f" {row.latency_ms:.1f} ms",
            ),
        )
