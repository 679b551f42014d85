"""The downloaders, each as a process of its own on the same list of addresses."""

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.commands import PEERS, ROOT, CommandError, Cost, measured
from benchmarks.scrape.servers import Server

CONNECTIONS = 16
CATEGORIES = ("harbour", "meadow", "market", "workshop")
SET = "bench"

_IMG2DATASET = ROOT / ".venv-peers" / "bin" / "img2dataset"
_SETTINGS = f"""\
[[source]]
kind = "urls"
path = "photos.csv"

[scrape]
allow_private = true
per_host = {CONNECTIONS}
"""


@dataclass(frozen=True)
class Work:
    """What a downloader is to fetch, and where it may put it."""

    server: Server
    paths: Sequence[str]  # of the photos, on the server
    forbidden: Sequence[str]  # that the server's robots.txt forbids
    folder: Path  # empty, and its own

    @property
    def urls(self) -> list[str]:
        """The addresses that may be fetched."""
        return [self.server.url + path for path in self.paths]


Client = Callable[[Work], Cost]


def run_mekiki(work: Work) -> Cost:
    """Scrape a set with a CSV of the photos, and of some that are forbidden."""
    urls = work.urls + [work.server.url + path for path in work.forbidden]
    rows = [(url, CATEGORIES[n % len(CATEGORIES)]) for n, url in enumerate(urls)]
    folder = work.folder / "datasets" / SET
    folder.mkdir(parents=True)
    with (folder / "photos.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("url", "category"), *rows])
    return scrape_set(work.folder, CATEGORIES, _SETTINGS)


def scrape_set(
    home: Path, categories: Sequence[str], settings: str, *, cores: str = ""
) -> Cost:
    """Write a set's categories.toml and run ``mekiki scrape``; ``cores`` pins it."""
    named = "".join(f'[[category]]\nname = "{name}"\n' for name in categories)
    folder = home / "datasets" / SET
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "categories.toml").write_text(named + settings, "utf-8")
    pinned = ["taskset", "-c", cores] if cores and shutil.which("taskset") else []
    return measured([*pinned, *_mekiki(home, "scrape")], home)


def status_of(home: Path) -> dict[str, object]:
    """Return what ``mekiki status --json`` says of the set."""
    command = _mekiki(home, "status", "--json")
    done = subprocess.run(command, capture_output=True, check=True, text=True, cwd=ROOT)
    status: dict[str, object] = json.loads(done.stdout)
    return status


def stored_hashes(home: Path) -> set[str]:
    """Return the sha256 of every photo in the set's store."""
    return {file.stem for file in (home / "datasets" / SET / "images").glob("??/*.*")}


def run_requests(work: Work) -> Cost:
    """Let a bare requests loop write the photos to files."""
    urls = work.folder / "urls.txt"
    urls.write_text("\n".join(work.urls), "utf-8")
    script = PEERS / "bare_requests.py"
    return measured(
        [sys.executable, script, urls, work.folder / "out", CONNECTIONS], work.folder
    )


def run_img2dataset(work: Work) -> Cost:
    """Let img2dataset write the photos as they came."""
    return _img2dataset(work, "--resize_mode=no", "--disable_all_reencoding=True")


def run_img2dataset_resized(work: Work) -> Cost:
    """Let img2dataset write the photos at its usual 256 pixels."""
    return _img2dataset(work, "--resize_mode=border", "--image_size=256")


def _img2dataset(work: Work, *options: str) -> Cost:
    urls = work.folder / "urls.txt"
    urls.write_text("\n".join(work.urls), "utf-8")
    fixed = {
        "url_list": urls,
        "input_format": "txt",
        "output_folder": work.folder / "out",
        "output_format": "files",
        "processes_count": 1,
        "thread_count": CONNECTIONS,
    }
    command = [f"--{name}={value}" for name, value in fixed.items()]
    cost = measured([_IMG2DATASET, *command, *options], work.folder)
    written = len(list((work.folder / "out").rglob("*.jpg")))
    if written != len(work.paths):
        raise CommandError(f"wrote {written:,} photos of {len(work.paths):,}")
    return cost


def has_img2dataset() -> bool:
    """Say whether the peers' virtual environment is there."""
    return _IMG2DATASET.exists()


def _mekiki(home: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "pipeline.cli", "--home", str(home), *words, SET]
