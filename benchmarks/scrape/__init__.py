"""Scraping beside other downloaders, its limits at scale, and real saved pages.

2,000 photos of 100-200 KB are served on loopback and fetched over 16 connections by
mekiki (consent, byte cap, decode check, sha256, store and catalog included), by
img2dataset with and without its resizing, and by a bare requests loop that writes
files: in turn, each a process of its own, at full speed and with 100 ms of latency an
answer. Then: memory at 20,000 photos, MNIST, and how many pictures of saved pages are
found. ``--quick`` downloads once instead of three times, and 2,000 photos for memory.

The pages and MNIST need ``MEKIKI_TEST_DATA``, img2dataset needs ``make peers``, the
servers nginx; what is missing leaves its figures null, with the reason.
"""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.scrape.downloads import (
    CLIENTS,
    LATE_CLIENTS,
    Arena,
    Witness,
    hashes_of,
    latency_figures,
    speed_figures,
)
from benchmarks.scrape.pages import page_figures
from benchmarks.scrape.photos import draw_photos, draw_small
from benchmarks.scrape.scale import memory_growth, mnist_seconds
from benchmarks.scrape.servers import (
    FORBIDDEN,
    ROBOTS,
    has_nginx,
    late_server,
    prompt_server,
)

ROOT = Path(__file__).parents[1] / "results" / "scrape"  # what is served
_SERVED = (
    "stored_vs_served",
    "forbidden_fetched",
    "memory_growth",
    "latency_vs_bound",
    "cpu_vs_img2dataset",
    "cpu_vs_img2dataset_resized",
)


@dataclass(frozen=True)
class Size:
    """How much is downloaded."""

    rounds: int  # at full speed; once under latency
    small_photos: int  # to see memory grow


PHOTOS = 2000
FULL = Size(rounds=3, small_photos=20_000)
QUICK = Size(rounds=1, small_photos=2000)


def measure(*, quick: bool) -> dict[str, Figure]:
    """Measure all of it; ``quick`` downloads less often."""
    named = os.environ.get("MEKIKI_TEST_DATA")
    data = Path(named).absolute() if named else None
    return {
        **_downloads(QUICK if quick else FULL),
        **page_figures(data),
        **mnist_seconds(data),
    }


def _downloads(size: Size) -> Mapping[str, Figure]:
    if not has_nginx():
        reason = "nginx is not installed: make system"
        return {name: Figure(None, note=reason) for name in _SERVED}
    photos = _paths("photos", PHOTOS)
    small = _paths("small", size.small_photos)
    witness = Witness(hashes_of(ROOT, [*photos, *small]))
    with tempfile.TemporaryDirectory(prefix="mekiki-bench-") as name:
        folder = Path(name)
        with prompt_server(ROOT, folder) as server:
            arena = Arena(server, witness, folder)
            speeds = arena.compare(CLIENTS, photos, size.rounds)
            memory = memory_growth(arena, small)
        with late_server(ROOT, folder) as server:
            print("with 100 ms of latency an answer:")
            arena = Arena(server, witness, folder)
            rates = arena.compare(LATE_CLIENTS, photos, 1)
    return {
        **latency_figures(rates, witness),
        **speed_figures(speeds, witness),
        **witness.figures(),
        **memory,
    }


def _paths(kind: str, number: int) -> list[str]:
    """Draw what is missing and return the paths on the server.

    A link lets the same photos be had under the forbidden folder, so that asking for
    one there would be answered, and counted.
    """
    draw = draw_photos if kind == "photos" else draw_small
    files = draw(ROOT / kind, number)
    (ROOT / "robots.txt").write_text(ROBOTS, "utf-8")
    link = ROOT / FORBIDDEN.strip("/") / kind
    link.parent.mkdir(exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(ROOT / kind, target_is_directory=True)
    return [f"/{file.relative_to(ROOT).as_posix()}" for file in files]
