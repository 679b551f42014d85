"""The whole pipeline on 3,577 real, noisy photos of six guitar models.

``guitars6`` of the test data (``MEKIKI_TEST_DATA``) is served as gallery pages on
loopback and goes through every stage: scrape, dedup, split, ``quick`` at 224 px, a
fine-tune at 160 px that ends within 60 minutes, robustness, and a tag check of
the test part with every tenth tag swapped. ``--quick`` leaves the fine-tune out.

There is no peer: the goals are what a plain recipe reached on the same photos.
"""

import csv
import functools
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, unquote, urlsplit

import numpy as np

from benchmarks.figures import Figure
from benchmarks.sets import WEIGHTS
from pipeline import catalog as catalogs
from pipeline.catalog import Catalog, Part
from pipeline.check import check
from pipeline.cli.group import shown_progress, utc_now
from pipeline.dedup import dedup
from pipeline.home import SetFolder, set_folder
from pipeline.images import ImageStore
from pipeline.report import write_report
from pipeline.robustness import measure_robustness
from pipeline.runs import Run
from pipeline.scrape import scrape
from pipeline.settings import load_settings
from pipeline.split import split
from pipeline.train import train
from pipeline.writing import write_atomically

T = TypeVar("T")

HOME = Path(__file__).parent / "results" / "guitars"
PHOTOS_A_PAGE = 100
SWAPPED = 0.1  # share of the tags of the check

_SETTINGS = """\
{categories}
[[source]]
kind = "pages"
url = "{url}/gallery/{{category}}"

[scrape]
allow_private = true

[split]
val = 0.15
test = 0.1

[train]
backbone = "MobileNetV2"
weights = "{weights}"
{train}
"""
_QUICK = 'recipe = "quick"\nimage_size = 224\n'
_FINETUNE = 'recipe = "finetune"\nimage_size = 160\nmax_minutes = 60\n'


class _Gallery(SimpleHTTPRequestHandler):
    """Category folders as pages of photos; the files as they are."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer a page of the gallery, or a file."""
        parts = urlsplit(self.path)
        if not parts.path.startswith("/gallery/"):
            super().do_GET()
            return
        category = unquote(parts.path.removeprefix("/gallery/"))
        page = int(parse_qs(parts.query).get("page", ["1"])[0])
        files = sorted((Path(self.directory) / category).iterdir())
        shown = files[(page - 1) * PHOTOS_A_PAGE : page * PHOTOS_A_PAGE]
        images = "".join(
            f'<img src="/{quote(f"{category}/{file.name}")}" alt="{escape(category)}">'
            for file in shown
        )
        more = page * PHOTOS_A_PAGE < len(files)
        following = f'<a rel="next" href="?page={page + 1}">next</a>' if more else ""
        body = f"<!doctype html><title>gallery</title>{images}{following}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Keep quiet."""


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    handler = functools.partial(_Gallery, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def measure(*, quick: bool) -> dict[str, Figure]:
    """Run every stage and return the figures.

    Raises:
        SystemExit: ``MEKIKI_TEST_DATA`` does not name the test data.
    """
    data = Path(os.environ.get("MEKIKI_TEST_DATA", "")).absolute()
    if not (data / "guitars6").is_dir():
        sys.exit("set MEKIKI_TEST_DATA to the folder that holds guitars6/ and weights/")
    shutil.rmtree(HOME, ignore_errors=True)
    folder = set_folder(HOME, "guitars6")
    figures: dict[str, Figure] = {}
    with _served(data / "guitars6") as url, catalogs.opened(folder) as catalog:
        _write_settings(folder, data, url, _QUICK)
        figures |= _collect(folder, catalog)
        figures |= _train(folder, catalog, "quick", goal=0.87)
        if not quick:
            _write_settings(folder, data, url, _FINETUNE)
            figures |= _train(folder, catalog, "finetune", goal=0.92)
    return figures


def _write_settings(folder: SetFolder, data: Path, url: str, chosen: str) -> None:
    names = sorted(path.name for path in (data / "guitars6").iterdir())
    categories = "\n".join(f'[[category]]\nname = "{name}"' for name in names)
    text = _SETTINGS.format(
        categories=categories, url=url, weights=data / WEIGHTS, train=chosen
    )
    write_atomically(folder.settings_file, text.encode())


def _collect(folder: SetFolder, catalog: Catalog) -> dict[str, Figure]:
    settings = load_settings(folder.settings_file)
    progress = shown_progress()
    scraped, scrape_s = _timed(
        lambda: scrape(folder, settings, catalog, progress=progress, now=utc_now)
    )
    print(scraped.line)
    grouped, dedup_s = _timed(
        lambda: dedup(folder, settings, catalog, progress=progress, now=utc_now)
    )
    print(grouped.line)
    _, again_s = _timed(
        lambda: dedup(folder, settings, catalog, progress=progress, now=utc_now)
    )
    print(split(settings, catalog).line)
    photos = catalog.photos.photos()
    return {
        "scrape_s": Figure(scrape_s, unit="s", lower_is_better=True),
        "dedup_s": Figure(dedup_s, goal=90, unit="s", lower_is_better=True),
        "dedup_again_s": Figure(again_s, goal=5, unit="s", lower_is_better=True),
        "images": Figure(len(catalog.photos.stored()), unit="photos"),
        "groups": Figure(len(photos), unit="groups"),
        "conflicts": Figure(
            sum(photo.status == "conflict" for photo in photos), unit="groups"
        ),
    }


def _train(
    folder: SetFolder, catalog: Catalog, recipe: str, *, goal: float
) -> dict[str, Figure]:
    settings = load_settings(folder.settings_file)
    progress = shown_progress()
    trained, seconds = _timed(
        lambda: train(
            folder, settings, catalog, progress=progress, now=utc_now, say=print
        )
    )
    print(trained.line)
    stressed, robustness_s = _timed(
        lambda: measure_robustness(
            folder, settings, catalog, trained.run, progress=progress
        )
    )
    print(stressed.line)
    metrics = trained.run.metrics
    figures = {
        "val_accuracy": Figure(metrics["val_accuracy"], goal=goal, unit="share"),
        "test_accuracy": Figure(metrics["test_accuracy"], unit="share"),
        "train_s": Figure(seconds, unit="s", lower_is_better=True),
        "robustness_s": Figure(robustness_s, unit="s", lower_is_better=True),
        **_check(folder, catalog, trained.run),
    }
    print(f"report: {write_report(folder, catalog, trained.run)}")
    return {f"{recipe}_{name}": figure for name, figure in figures.items()}


def _check(folder: SetFolder, catalog: Catalog, run: Run) -> dict[str, Figure]:
    """Check the test part, every tenth tag swapped for another model's."""
    rng = np.random.default_rng(0)
    store = ImageStore(folder.images)
    extensions = {image.sha256: image.extension for image in catalog.photos.stored()}
    photos = [
        row for row in catalog.training.run_photos(run.name) if row.part == Part.TEST
    ]
    rows, truths = [], []
    for photo in photos:
        others = [label for label in run.labels if label != photo.label]
        wrong = rng.random() < SWAPPED
        tag = str(rng.choice(others)) if wrong else photo.label
        rows.append((store.path(photo.sha256, extensions[photo.sha256]), tag))
        truths.append(wrong)
    products, verdicts = folder.folder / "products.csv", folder.folder / "verdicts.csv"
    with products.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("image", "tag"), *rows])
    settings = load_settings(folder.settings_file)
    summary, seconds = _timed(
        lambda: check(
            settings,
            run,
            products,
            verdicts,
            progress=shown_progress(),
            fetch=_no_fetch,
        )
    )
    print(summary.line)
    with verdicts.open(encoding="utf-8-sig", newline="") as file:
        alarms = [row["verdict"] == "mismatch" for row in csv.DictReader(file)]
    pairs = list(zip(truths, alarms, strict=True))
    num_wrong = sum(truths)
    return {
        "wrong_tags_found": Figure(
            sum(wrong and alarm for wrong, alarm in pairs) / max(1, num_wrong),
            unit="share",
        ),
        "false_alarms": Figure(
            sum(alarm and not wrong for wrong, alarm in pairs)
            / max(1, len(pairs) - num_wrong),
            unit="share",
            lower_is_better=True,
        ),
        "check_photos_per_s": Figure(len(pairs) / seconds, unit="photos/s"),
    }


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    start = time.monotonic()
    result = work()
    return result, time.monotonic() - start


def _no_fetch(url: str) -> bytes:
    raise ValueError(f"no address is checked here, got {url}")
