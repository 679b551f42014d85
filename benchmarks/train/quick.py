"""``quick`` on 2,750 photos, as long as someone waits for it: the real command.

Photos of 800x600 to 1600x1200 and about 200 kB are scraped from a folder and split;
then ``mekiki train`` runs on two cores, from undecoded photos to the finished run with
its report. The weights lie at a path; where there is no test data they are random: as
much work, with worse features.
"""

import os
import tempfile
from pathlib import Path

from benchmarks.commands import CommandError
from benchmarks.figures import Figure
from benchmarks.sets import WEIGHTS
from benchmarks.train.photos import CATEGORIES, draw_photos
from benchmarks.train.sets import (
    SET,
    mekiki,
    random_weights,
    test_data,
    write_settings,
)
from pipeline.home import set_folder
from pipeline.runs import chosen_run

NUMBER, CORES, IMAGE_SIZE = 2750, 2, 224
_SETTINGS = """\
[[source]]
kind = "folder"
path = "{photos}"

[dedup]
enabled = false

[train]
recipe = "quick"
backbone = "MobileNetV2"
weights = "{weights}"
image_size = {image_size}
"""


def quick_figures() -> dict[str, Figure]:
    """Time ``mekiki train`` with the recipe ``quick``."""
    photos = draw_photos(NUMBER)
    with tempfile.TemporaryDirectory(prefix="mekiki-bench-") as name:
        home = Path(name)
        data = test_data()
        weights = (
            data / WEIGHTS
            if data
            else random_weights("MobileNetV2", IMAGE_SIZE, home / "notop.weights.h5")
        )
        settings = _SETTINGS.format(
            photos=photos, weights=weights, image_size=IMAGE_SIZE
        )
        write_settings(home, CATEGORIES, settings)
        cores = sorted(os.sched_getaffinity(0))[:CORES]
        try:
            for stage in ("scrape", "dedup", "split"):
                mekiki(home, stage)
            cost = mekiki(home, "train", cores=cores)
        except CommandError as error:
            return {"quick_2750_s": _seconds(None, str(error))}
        metrics = chosen_run(set_folder(home, SET), "latest").metrics
    note = (
        f"{metrics['num_train'] + metrics['num_val']:,} photos, {len(cores)} cores,"
        f" {cost.cpu_s:.0f} s CPU, peak {cost.peak_mib:.0f} MiB,"
        f" weights {'by path' if data else 'random'},"
        f" val accuracy {metrics['val_accuracy']:.3f}"
    )
    return {"quick_2750_s": _seconds(cost.wall_s, note)}


def _seconds(value: float | None, note: str) -> Figure:
    return Figure(value, goal=180, unit="s", lower_is_better=True, note=note)
