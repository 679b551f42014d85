"""The steps of a scrape, one after the other."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.catalog import Catalog, Outcome
from pipeline.catalog.candidates import Candidate
from pipeline.catalog.endings import Ending
from pipeline.home import SetFolder
from pipeline.progress import Progress
from pipeline.scrape.download import Downloader
from pipeline.scrape.fetching import by_origin, fetch_photos
from pipeline.scrape.filling import Filled, Filling, Service, wanted
from pipeline.scrape.judging import (
    UNKNOWN_CATEGORY,
    category_notes,
    is_lifted,
    judge_for,
    licence_notes,
)
from pipeline.scrape.keeping import Keeper, keeper_for
from pipeline.scrape.records import store_records
from pipeline.scrape.sources import LISTED, SOURCES, Discovered, Discovery
from pipeline.scrape.summary import ScrapeSummary
from pipeline.settings import (
    SEARCHES,
    CifarSource,
    MnistSource,
    ParquetSource,
    SetSettings,
)
from pipeline.web.fetch import Fetcher

_NO_SOURCE = Discovered(notes=("categories.toml has no [[source]] to scrape from",))


@dataclass
class Steps:
    """What one run of the stage does, in this order."""

    folder: SetFolder
    settings: SetSettings
    catalog: Catalog
    fetcher: Fetcher
    progress: Progress
    now: Callable[[], str]
    reread: bool
    tried: int = 0
    heard: set[int] = field(default_factory=set)  # candidates that lists spoke of
    judge: Callable[[Candidate], str] = field(init=False)
    keeper: Keeper = field(init=False)

    def __post_init__(self) -> None:
        forgotten = self.catalog.takedowns.forgotten()
        self.keeper = keeper_for(self.folder, self.settings, forgotten)
        self.judge = judge_for(self.settings, forgotten)

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
            discovered + filled.discovered + Discovered(notes=self._notes(stored)),
            self.tried,
            {name: counts[name] for name in Outcome},
            {name: stored.get(name, 0) for name in self.settings.category_names},
            tuple(self.fetcher.unreached()),
            filled.missing,
            self.catalog.candidates.count_due(LISTED, self.settings.category_names),
        )

    def _notes(self, stored: Mapping[str, int]) -> tuple[str, ...]:
        """Say what is not as the set's file would have it."""
        tallies, names = self.catalog.tallies, self.settings.category_names
        refused = tallies.categories_refused(UNKNOWN_CATEGORY)
        left = {name: n for name, n in stored.items() if name not in names}
        return (
            *category_notes(refused, names, "listed under unknown categories"),
            *category_notes(left, names, "stored under categories of no set any more"),
            *licence_notes(tallies.licences_stored(), self.settings.scrape.licences),
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
            self.settings,
            self.catalog,
            self.fetcher,
            self.now,
            advance,
            self.reread,
            self.heard,
        )


def _stored(endings: Sequence[Ending]) -> int:
    return sum(ending.facts is not None for ending in endings)
