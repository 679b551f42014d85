"""Stage 1, scrape: sources → candidates, and their photos in the image store.

First every source that lists its photos (pages, lists, folders, published data) records
them, in an order that is always the same; those not tried yet, or that failed for a
cause that passes, are fetched by threads. Then the searches (Openverse, Commons) fill
every category up to ``per_category``. Every candidate ends in exactly one outcome with
its reason. Endings are written in small batches as they come: a killed run loses no
more than the newest few, and the same command goes on to the same catalog. What is
stored is never fetched again.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.catalog import Catalog, Outcome
from pipeline.catalog.candidates import Candidate
from pipeline.catalog.endings import Ending
from pipeline.credits import write_credits
from pipeline.errors import NetworkError
from pipeline.home import SetFolder
from pipeline.progress import Progress
from pipeline.scrape.download import Downloader
from pipeline.scrape.fetching import by_origin, fetch_photos
from pipeline.scrape.filling import Filled, Filling, Service, wanted
from pipeline.scrape.judging import UNKNOWN_CATEGORY, is_lifted, judge_for
from pipeline.scrape.keeping import Keeper, keeper_for
from pipeline.scrape.plan import Plan, make_plan
from pipeline.scrape.records import store_records
from pipeline.scrape.searching import (
    asked_services,
    open_services,
    planned_searches,
    quotas_of,
)
from pipeline.scrape.sources import (
    LISTED,
    SOURCES,
    Discovered,
    Discovery,
    addresses_asked,
    describe_sources,
)
from pipeline.scrape.summary import (
    ScrapeSummary,
    is_offline,
    out_of_reach,
    quota_spent,
)
from pipeline.settings import (
    SEARCHES,
    CifarSource,
    MnistSource,
    ParquetSource,
    SetSettings,
)
from pipeline.web.contact import require_contact
from pipeline.web.fetch import Fetcher, fetcher_for, network_of
from pipeline.web.recording import RecordingTransport
from pipeline.web.replaying import ReplayTransport
from pipeline.web.timing import REAL_TIME, Timing
from pipeline.web.transport import Transport

__all__ = ["Plan", "ScrapeSummary", "plan_scrape", "scrape"]

Now = Callable[[], str]

_NO_SOURCE = Discovered(notes=("categories.toml has no [[source]] to scrape from",))

logger = logging.getLogger(__name__)


def plan_scrape(
    folder: SetFolder,
    settings: SetSettings,
    catalog: Catalog,
    *,
    timing: Timing = REAL_TIME,
) -> Plan:
    """Reckon calls, photos and days; nothing is asked.

    Raises:
        SettingsError, InputError: As ``scrape``.
    """
    require_contact(settings, addresses_asked(settings))
    searches = planned_searches(folder, settings, timing)
    return make_plan(settings, catalog, searches, describe_sources(settings))


def scrape(
    folder: SetFolder,
    settings: SetSettings,
    catalog: Catalog,
    *,
    progress: Progress,
    now: Now,
    reread: bool = False,
    timing: Timing = REAL_TIME,
    transport: Transport | None = None,
    record: Path | None = None,
    replay: Path | None = None,
) -> ScrapeSummary:
    """Bring the photos of a set's sources into its store.

    Args:
        folder: Where the set lies.
        settings: What it says.
        catalog: Takes candidates, pages and endings.
        progress: How long work is shown.
        now: The time, as the catalog keeps it.
        reread: Ask for pages again that an earlier run has read, for what is new.
        timing: Clocks and waiting, for delays and quotas.
        transport: Sends the requests; by default over the network.
        record: A file that all answers are written to.
        replay: A file of such answers, which are taken instead of the network's.

    Raises:
        SettingsError, InputError: A source or a file can't be used, or hosts beyond
            this machine would be asked without a contact.
        NetworkError: No host could be reached, or a daily quota is used up; what there
            was before is kept, and the same command goes on.
        CatalogError: The catalog or the store can't be written.
    """
    contact = "nobody: this is a replay" if replay else ""
    if not replay:
        require_contact(settings, addresses_asked(settings))
    transport = transport or network_of(settings.scrape)
    transport, timing = _recorded(transport, timing, record, replay)
    with fetcher_for(
        settings, contact=contact, timing=timing, transport=transport
    ) as fetcher:
        run = _Run(folder, settings, catalog, fetcher, progress, now, reread)
        discovered = run.read_sources()
        run.reopen_lifted()
        discovered += run.store_published()
        run.fetch_listed()
        quotas = None if replay else quotas_of(folder)
        services = open_services(settings, fetcher, timing, quotas)
        filled = run.fill(services)
        for note in discovered.notes:
            logger.info("%s", note)
        catalog.journal.start_items(now())
        write_credits(folder, catalog, folder.folder)
        summary = run.summed_up(discovered, filled)
        is_away = not fetcher.reached() and is_offline(
            summary, catalog.candidates.stored_origins()
        )
        if is_away or filled.is_held_up(asked_services(settings)):
            raise NetworkError(out_of_reach(folder.name, summary, filled.down))
        if filled.spent and filled.missing:
            raise NetworkError(quota_spent(folder.name, summary, filled.spent))
    return summary


def _recorded(
    transport: Transport, timing: Timing, record: Path | None, replay: Path | None
) -> tuple[Transport, Timing]:
    """Return what sends the requests, and the clocks that go with it."""
    if replay is not None:
        recording = ReplayTransport(replay)
        return recording, recording.timing()
    if record is not None:
        return RecordingTransport(transport, record, timing.wall), timing
    return transport, timing


@dataclass
class _Run:
    """One run of the stage, step by step."""

    folder: SetFolder
    settings: SetSettings
    catalog: Catalog
    fetcher: Fetcher
    progress: Progress
    now: Now
    reread: bool
    tried: int = 0
    judge: Callable[[Candidate], str] = field(init=False)
    keeper: Keeper = field(init=False)

    def __post_init__(self) -> None:
        self.keeper = keeper_for(
            self.folder, self.settings, lambda _kind, _value: False
        )
        self.judge = judge_for(self.settings, self.catalog)

    def read_sources(self) -> Discovered:
        """Let every source that lists its photos record them."""
        found = Discovered() if self.settings.source else _NO_SOURCE
        for source in self.settings.source:
            if source.kind in SOURCES:
                with self.progress(f"reading {source.kind}", None) as advance:
                    found += SOURCES[source.kind](source, self._discovery(advance))
        return found

    def reopen_lifted(self) -> None:
        """Let be tried again what was refused for a cause that is no more."""
        names = self.settings.category_names
        for reason in self.catalog.candidates.counts().get(Outcome.REFUSED, {}):
            if is_lifted(reason, self.settings):
                self.catalog.candidates.reopen(reason, names)
        self.catalog.candidates.refuse_strangers(
            ("urls",), names, UNKNOWN_CATEGORY, self.now()
        )

    def store_published(self) -> Discovered:
        """Store what lies in published data; there is nothing to fetch."""
        found = Discovered()
        for source in self.settings.source:
            if isinstance(source, MnistSource | CifarSource | ParquetSource):
                with self.progress(f"reading {source.kind}", None) as advance:
                    found += store_records(
                        source, self._discovery(advance), self.keeper
                    )
        return found

    def fetch_listed(self) -> None:
        """Try what the sources have listed."""
        candidates, names = self.catalog.candidates, self.settings.category_names
        with self.progress("fetching photos", candidates.count_due(LISTED, names)) as (
            advance
        ):
            due = candidates.due_by_origin(LISTED, names)
            self._fetch(due, lambda endings: advance(len(endings)))

    def fill(self, services: Sequence[Service]) -> Filled:
        """Fill the categories from searches."""
        if not services:
            return Filled(Discovered(), {}, (), {})
        stored = self.catalog.candidates.stored_per_category(SEARCHES)
        total = sum(wanted(self.settings, stored).values())
        with self.progress("collecting photos", total) as advance:

            def fetch(batch: list[Candidate]) -> None:
                due = by_origin(batch)
                self._fetch(due, lambda endings: advance(_stored(endings)))

            return Filling(services, self._discovery(lambda _: None), fetch).run()

    def summed_up(self, discovered: Discovered, filled: Filled) -> ScrapeSummary:
        """Count what there is now."""
        counts = Counter(
            {
                outcome: sum(reasons.values())
                for outcome, reasons in self.catalog.candidates.counts().items()
            }
        )
        stored = self.catalog.candidates.stored_per_category()
        return ScrapeSummary(
            discovered + filled.discovered,
            self.tried,
            {name: counts[name] for name in Outcome},
            {name: stored.get(name, 0) for name in self.settings.category_names},
            tuple(self.fetcher.unreached()),
            filled.missing,
            self.catalog.candidates.count_due(LISTED, self.settings.category_names),
        )

    def _fetch(
        self,
        due: Iterable[Sequence[Candidate]],
        advance: Callable[[Sequence[Ending]], None],
    ) -> None:
        def done(endings: Sequence[Ending]) -> None:
            self.tried += len(endings)
            advance(endings)

        downloader = Downloader(
            self.fetcher,
            self.keeper,
            self.catalog.candidates.stored_of_pending(),
            self.judge,
        )
        fetch_photos(
            due,
            downloader,
            self.catalog,
            per_host=self.settings.scrape.per_host,
            now=self.now,
            done=done,
        )

    def _discovery(self, advance: Callable[[int], None]) -> Discovery:
        return Discovery(
            self.settings, self.catalog, self.fetcher, self.now, advance, self.reread
        )


def _stored(endings: Sequence[Ending]) -> int:
    return sum(ending.facts is not None for ending in endings)
