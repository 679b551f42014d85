"""Labels needed with our order and in random order: 3,577 real photos of guitars.

``guitars6`` of the test data (``MEKIKI_TEST_DATA``) is scraped from its folders and
deduplicated; one photo of each group takes part, so that no copy of a photo that is
held out can be labelled. The simulated curator says what the folders say, wrong labels
among them. What is simulated stands in ``pipeline/suggest/simulate.py``:
``labels_vs_random`` is how many labels our order takes to 95 % of full accuracy, by
what random order takes, on the means over the seeds.
"""

import os
import shutil
import sys
from pathlib import Path

import numpy as np

from benchmarks.figures import Figure
from benchmarks.sets import WEIGHTS
from pipeline import catalog as catalogs
from pipeline.cli.group import shown_progress, utc_now
from pipeline.dedup import dedup
from pipeline.home import set_folder
from pipeline.scrape import scrape
from pipeline.settings import load_settings
from pipeline.suggest.simulate import Simulation, simulate
from pipeline.suspects.looking import choose_network

HOME = Path(__file__).parent / "results" / "labeler_learning"
SHARE = 0.95  # of full accuracy
SEEDS, SEEDS_QUICK = 10, 5
_SETTINGS = """\
{categories}
[[source]]
kind = "folder"
path = "{path}"

[train]
backbone = "MobileNetV2"
weights = "{weights}"
image_size = 224
"""


def measure(quick: bool) -> dict[str, Figure]:
    """Replay the labels; nothing is measured where there is no test data."""
    unit, goal = "ours ÷ random", 0.65
    data = Path(os.environ.get("MEKIKI_TEST_DATA", "")).absolute()
    if not (data / "guitars6").is_dir():
        note = "set MEKIKI_TEST_DATA to the folder that holds guitars6/ and weights/"
        missing = Figure(None, goal, unit, lower_is_better=True, note=note)
        return {"labels_vs_random": missing}
    found = replayed(data, SEEDS_QUICK if quick else SEEDS)
    (row,) = (row for row in found.reached if row.share == SHARE)
    note = (
        f"{row.ours:.0f} labels (± {np.std(row.ours_by_seed, ddof=1):.0f} by seed),"
        f" random {row.random:.0f} (± {np.std(row.random_by_seed, ddof=1):.0f});"
        f" {found.photos:,} photos, {found.seeds} seeds, full accuracy"
        f" {found.full_accuracy:.1%}; to "
        + ", ".join(
            f"{other.share:.0%}: {other.ours:.0f} and {other.random:.0f}"
            for other in found.reached
            if other is not row
        )
    )
    return {
        "labels_vs_random": Figure(
            row.ratio, goal, unit, lower_is_better=True, note=note
        )
    }


def replayed(data: Path, seeds: int) -> Simulation:
    """Bring the photos in, once, and simulate."""
    folder = set_folder(HOME, "guitars6")
    names = sorted(path.name for path in (data / "guitars6").iterdir() if path.is_dir())
    text = _SETTINGS.format(
        categories="".join(f'[[category]]\nname = "{name}"\n' for name in names),
        path=data / "guitars6",
        weights=data / WEIGHTS,
    )
    kept = folder.settings_file
    if not kept.is_file() or kept.read_text("utf-8") != text:
        shutil.rmtree(HOME, ignore_errors=True)
        folder.folder.mkdir(parents=True)
        kept.write_text(text, "utf-8")
    settings = load_settings(kept)
    progress = shown_progress()
    with catalogs.opened(folder) as catalog:
        scrape(folder, settings, catalog, progress=progress, now=utc_now)
        dedup(folder, settings, catalog, progress=progress, now=utc_now)
        return simulate(
            folder,
            settings,
            catalog,
            choose=choose_network,
            seeds=seeds,
            progress=progress,
            say=lambda line: print(line, file=sys.stderr),
        )
