"""Memory of ``mekiki train`` on 100,000 photos, beside 1,000: the real command.

The photos are in the catalog, their files are there, and their squares lie decoded in
the cache (random ones, written straight into it: decoding would take longer than
training). One epoch of ``small-cnn`` at 32 px, everything that follows it included.

What counts is memory that is the process's own (``RssAnon``): nothing can take it away
while the process lives. The squares are mapped from the disk, and what is mapped is
page cache: the system drops it where memory is short. It is told beside.
"""

import hashlib
import os
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.commands import ROOT, CommandError
from benchmarks.figures import Figure
from benchmarks.train.photos import CATEGORIES, draw_photo
from benchmarks.train.sets import command_line, mekiki, write_settings
from pipeline.catalog import Outcome, opened
from pipeline.catalog.endings import Ending
from pipeline.catalog.finding import Found
from pipeline.catalog.photos import Grouping
from pipeline.home import SetFolder
from pipeline.images import ImageStore, encode_jpeg, inspect_image

FEW, MANY = 1000, 100_000
IMAGE_SIZE = 32
GOAL = 1.25  # as of `memory_growth` of the scrape benchmark
_AT_ONCE = 2000  # rows a transaction, and squares a write
_LINKS = 10_000  # to one file: file systems allow some 65,000
_WHEN = "2026-01-02T03:04:05+00:00"
_SETTINGS = f"""\
[train]
recipe = "small-cnn"
image_size = {IMAGE_SIZE}
batch_size = 64
epochs = 1
"""


def memory_figures() -> dict[str, Figure]:
    """Compare the peaks of memory of two trainings."""
    try:
        few, _ = _peak_of(FEW)
        many, mapped = _peak_of(MANY)
    except CommandError as error:
        return {"train_memory_100k": _growth(None, str(error))}
    note = (
        f"{many:.0f} MiB at {MANY:,} photos, {few:.0f} MiB at {FEW:,};"
        f" mapped files: {mapped:.0f} MiB at {MANY:,}"
    )
    return {"train_memory_100k": _growth(many / few, note)}


def _growth(value: float | None, note: str) -> Figure:
    return Figure(value, goal=GOAL, unit="peak ÷ peak", lower_is_better=True, note=note)


def _peak_of(number: int) -> tuple[float, float]:
    """Return the peaks of own and of mapped memory of a training, MiB."""
    with tempfile.TemporaryDirectory(prefix="mekiki-bench-") as name:
        home = Path(name)
        folder = write_settings(home, CATEGORIES, _SETTINGS)
        _fill(folder, number)
        mekiki(home, "split")
        peaks = _watched(command_line(home, "train"), home / "log.txt")
    print(f"{number:,} photos: own {peaks[0]:.0f} MiB, mapped {peaks[1]:.0f} MiB")
    return peaks


def _fill(folder: SetFolder, number: int) -> None:
    """Put photos into catalog, store and cache: one picture, under made-up names."""
    from pipeline.networks.pixels import VERSION
    from pipeline.networks.rows import RowStore

    data = encode_jpeg(draw_photo(0, (160, 120)))
    facts = inspect_image(data)
    store = ImageStore(folder.images)
    shape = (IMAGE_SIZE, IMAGE_SIZE, 3)
    cache = RowStore(folder.cache, f"pixels-v{VERSION}-{IMAGE_SIZE}", shape, np.uint8)
    rng = np.random.default_rng(0)
    names = [hashlib.sha256(f"photo {n}".encode()).hexdigest() for n in range(number)]
    source = folder.folder / "photo.jpg"
    with opened(folder) as catalog:
        for start in range(0, number, _AT_ONCE):
            part = names[start : start + _AT_ONCE]
            ended = []
            for place, sha256 in enumerate(part, start):
                if place % _LINKS == 0:
                    source.unlink(missing_ok=True)
                    source.write_bytes(data)
                target = store.path(sha256, facts.extension)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(source, target)
                category = CATEGORIES[place % len(CATEGORIES)]
                ending = Ending(0, Outcome.STORED, facts=replace(facts, sha256=sha256))
                ended.append((Found("folder", category, f"/{sha256}.jpg"), ending))
            catalog.candidates.add_ended(ended, _WHEN)
            squares = rng.integers(0, 256, (len(part), *shape), dtype=np.uint8)
            cache.add(part, squares)
        catalog.journal.start_items(_WHEN)
        owners = {image.sha256: image.candidate_id for image in catalog.photos.stored()}
        catalog.photos.write_groupings(
            Grouping(sha256, owners[sha256], True, "", sha256[:16], ())
            for sha256 in names
        )


def _watched(command: list[str], log: Path) -> tuple[float, float]:
    """Run a command; return the peaks of its own and its mapped memory, MiB."""
    own = mapped = 0.0
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, cwd=ROOT)
        while process.poll() is None:
            found = _memory(process.pid)
            own = max(own, found.get("RssAnon", 0.0))
            mapped = max(mapped, found.get("RssFile", 0.0))
            time.sleep(0.02)
    if process.returncode:
        said = log.read_text("utf-8", "replace").strip().splitlines()
        raise CommandError(said[-1] if said else f"ended with {process.returncode}")
    return own, mapped


def _memory(process: int) -> dict[str, float]:
    """Return what Linux says of a process's memory now, MiB."""
    try:
        text = Path(f"/proc/{process}/status").read_text("utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return {}
    pairs = [line.split() for line in text.splitlines() if line.startswith("Rss")]
    return {name.rstrip(":"): int(size) / 1024 for name, size, _ in pairs}
