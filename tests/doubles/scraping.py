"""Whole scrapes against the services played, in time that passes only by waiting."""

import datetime
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from pipeline import catalog as catalogs
from pipeline.catalog import Catalog
from pipeline.catalog.engine import open_database
from pipeline.catalog.finding import PageRead
from pipeline.catalog.tables import CANDIDATE
from pipeline.home import SetFolder, set_folder
from pipeline.progress import silent
from pipeline.scrape import Plan, ScrapeSummary, plan_scrape, scrape
from pipeline.settings import load_settings
from pipeline.web.timing import Timing
from pipeline.web.transport import Transport
from tests.doubles.services.serving import Services, serve_services
from tests.doubles.services.world import World

CONTACT = "photos@museum.net"


class Time:
    """A clock that goes on only by waiting."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.seconds += seconds

    @property
    def timing(self) -> Timing:
        return Timing(self, self, self.sleep)

    def now(self) -> str:
        moment = datetime.datetime.fromtimestamp(self.seconds, datetime.UTC)
        return moment.isoformat(timespec="seconds")


@dataclass(frozen=True)
class Candidate:
    """What the catalog says of one, in the end."""

    category: str
    title: str
    author: str
    licence: str
    licence_version: str
    origin: str
    attribution: str
    outcome: str | None
    reason: str
    final_url: str | None

    @property
    def ending(self) -> tuple[str | None, str]:
        return self.outcome, self.reason


@contextmanager
def played(
    world: World, time: Time, monkeypatch: pytest.MonkeyPatch, **limits: Any
) -> Iterator[Services]:
    """Play the services where a scrape looks for them, by its clock."""
    with serve_services(world, clock=time, **limits) as services:
        monkeypatch.setenv("MEKIKI_OPENVERSE_URL", services.openverse_url)
        monkeypatch.setenv("MEKIKI_COMMONS_URL", services.commons_url)
        monkeypatch.setenv("MEKIKI_CONTACT", CONTACT)
        yield services


def make_set(
    home: Path,
    queries: Mapping[str, str],
    *kinds: str,
    per_category: int = 30,
    more: str = "",
) -> SetFolder:
    """Write a set: the category of each query, the sources, more of ``[scrape]``."""
    folder = set_folder(home, "things")
    folder.folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for category in dict.fromkeys(queries.values()):
        asked = [query for query, of in queries.items() if of == category]
        lines.append(f'[[category]]\nname = "{category}"\nqueries = {asked}\n')
    lines += [f'[[source]]\nkind = "{kind}"\n' for kind in kinds]
    lines.append(
        f"[scrape]\nper_category = {per_category}\nallow_private = true\n{more}"
    )
    folder.settings_file.write_text("".join(lines), encoding="utf-8")
    return folder


def run_with(
    folder: SetFolder,
    catalog: Catalog,
    time: Time,
    transport: Transport | None = None,
) -> ScrapeSummary:
    return scrape(
        folder,
        load_settings(folder.settings_file),
        catalog,
        progress=silent,
        now=time.now,
        timing=time.timing,
        transport=transport,
    )


def run(
    folder: SetFolder, time: Time, transport: Transport | None = None
) -> ScrapeSummary:
    with catalogs.opened(folder) as catalog:
        return run_with(folder, catalog, time, transport)


def plan(folder: SetFolder, time: Time) -> Plan:
    with catalogs.opened(folder) as catalog:
        settings = load_settings(folder.settings_file)
        return plan_scrape(folder, settings, catalog, timing=time.timing)


def counts(folder: SetFolder) -> dict[str, dict[str, int]]:
    with catalogs.opened(folder) as catalog:
        return catalog.candidates.counts()


def pages(folder: SetFolder) -> list[PageRead]:
    with catalogs.opened(folder) as catalog:
        return list(catalog.candidates.pages().values())


def candidates(folder: SetFolder) -> list[Candidate]:
    """Return all of the set, by id."""
    names = Candidate.__dataclass_fields__
    query = select(*(CANDIDATE.c[name] for name in names)).order_by(CANDIDATE.c.id)
    database = open_database(folder, None)
    with database.read() as connection:
        found = [Candidate(*row) for row in connection.execute(query)]
    database.close()
    return found


def endings(folder: SetFolder) -> dict[str, tuple[str | None, str]]:
    """Return how each ended, by title."""
    return {one.title: one.ending for one in candidates(folder)}
