"""The demo: every stage on a made-up shop, and what was found against what was planted.

It empties its own set and models first, draws a shop, publishes it on loopback,
writes ``datasets/demo/categories.toml``, and runs scrape → dedup → split → train →
robustness → check on it. Labels stay as scraped. The comparison goes to ``demo.json``
in the run's folder, and onto the report.
"""

import csv
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pipeline import catalog as catalogs
from pipeline.catalog import Catalog
from pipeline.check import check
from pipeline.dedup import dedup
from pipeline.demo.compare import (
    DemoResult,
    compare_groups,
    compare_verdicts,
    last_screen,
)
from pipeline.demo.shop import Shop, build_shop
from pipeline.demo.site import Site, serve_shop
from pipeline.errors import NetworkError
from pipeline.home import SetFolder, set_folder
from pipeline.progress import Progress
from pipeline.report import write_report
from pipeline.robustness import measure_robustness
from pipeline.runs import Run
from pipeline.scrape import scrape
from pipeline.settings import SetSettings, load_settings
from pipeline.split import split
from pipeline.train import train
from pipeline.writing import write_atomically

DEMO = "demo"
Say = Callable[[str], None]
Now = Callable[[], str]

_SETTINGS = """\
# Written by `mekiki demo`, anew each time.
{categories}
[[source]]
kind = "pages"
url = "{url}"

[scrape]
allow_private = true  # the shop is served on this machine

[train]
recipe = "small-cnn"
weights = "none"
image_size = 64
batch_size = 16
seed = {seed}
"""


@dataclass(frozen=True)
class _Teller:
    """How the demo tells what it does, and how long each stage took."""

    progress: Progress
    now: Now
    say: Say
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - start, 1)

    def total(self) -> dict[str, float]:
        """Return the seconds, ``total`` last."""
        return {**self.seconds, "total": round(sum(self.seconds.values()), 1)}


def run_demo(
    home: Path, seed: int, *, progress: Progress, now: Now, say: Say
) -> DemoResult:
    """Run the demo under ``home``; everything is drawn, trained and checked anew."""
    folder = set_folder(home, DEMO)
    _empty(folder)
    teller = _Teller(progress, now, say)
    with teller.stage("draw"):
        shop = build_shop(folder.folder / "shop", seed)
    say(
        f"drew a shop: {len(shop.photos)} photos of {len(shop.categories)} kinds of"
        f" guitar, {len(shop.copies)} copies among them, {len(shop.products)} products"
    )
    with catalogs.opened(folder) as catalog:
        settings, site = _scrape(shop, folder, catalog, teller)
        run = _learn(folder, settings, catalog, teller)
        verdicts = folder.folder / "verdicts.csv"
        with teller.stage("check"):
            checked = check(
                settings,
                run,
                shop.products_file,
                verdicts,
                progress=progress,
                fetch=_offline,
            )
        say(checked.line)
        result = DemoResult(
            seed,
            compare_groups(shop, _groups_by_file(catalog, shop)),
            compare_verdicts(shop, _read_verdicts(verdicts)),
            run.metrics["val_accuracy"],
            site.forbidden_fetched,
            teller.total(),
        )
        run.write_json("demo.json", asdict(result))
        report = write_report(folder, catalog, run)
    for line in last_screen(result, folder, report, verdicts):
        say(line)
    return result


def _scrape(
    shop: Shop,
    folder: SetFolder,
    catalog: Catalog,
    teller: _Teller,
) -> tuple[SetSettings, Site]:
    """Publish the shop and scrape it; return also the website with its log."""
    with serve_shop(shop) as site:
        _write_settings(folder, shop, site)
        settings = load_settings(folder.settings_file)
        teller.say(f"its website: {site.url} (on this machine, while it is scraped)")
        with teller.stage("scrape"):
            scraped = scrape(
                folder, settings, catalog, progress=teller.progress, now=teller.now
            )
    teller.say(scraped.line)
    with teller.stage("dedup"):
        grouped = dedup(
            folder, settings, catalog, progress=teller.progress, now=teller.now
        )
    teller.say(grouped.line)
    return settings, site


def _learn(
    folder: SetFolder,
    settings: SetSettings,
    catalog: Catalog,
    teller: _Teller,
) -> Run:
    """Split, train and stress the classifier; return its run."""
    with teller.stage("split"):
        parts = split(settings, catalog)
    teller.say(parts.line)
    with teller.stage("train"):
        trained = train(
            folder,
            settings,
            catalog,
            progress=teller.progress,
            now=teller.now,
            say=teller.say,
        )
    teller.say(trained.line)
    with teller.stage("robustness"):
        stressed = measure_robustness(
            folder, settings, catalog, trained.run, progress=teller.progress
        )
    teller.say(stressed.line)
    return trained.run


def _empty(folder: SetFolder) -> None:
    catalogs.drop(folder)
    for place in (folder.folder, folder.models):
        if place.exists():
            shutil.rmtree(place)


def _write_settings(folder: SetFolder, shop: Shop, site: Site) -> None:
    categories = "\n".join(
        f'[[category]]\nname = "{category}"' for category in shop.categories
    )
    text = _SETTINGS.format(
        categories=categories, url=site.category_url, seed=shop.seed
    )
    write_atomically(folder.settings_file, text.encode())


def _groups_by_file(catalog: Catalog, shop: Shop) -> dict[str, frozenset[int]]:
    """Return the groups of every photo of the shop that was stored, by its file."""
    group_of = {row.sha256: row.group_id for row in catalog.photos.groupings()}
    groups: dict[str, frozenset[int]] = {}
    for origin, facts in catalog.candidates.stored_origins().items():
        file = shop.file_of(origin)
        if file is not None:
            ours = groups.get(file, frozenset())
            groups[file] = ours | {group_of[facts.sha256]}
    return groups


def _read_verdicts(file: Path) -> list[str]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return [row["verdict"] for row in csv.DictReader(stream)]


def _offline(url: str) -> bytes:
    raise NetworkError(f"the demo is offline; {url} was not fetched")
