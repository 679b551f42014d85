"""Stage 1, scrape: sources → candidates, and their photos in the image store.

First every source records, in an order that is always the same, which photos it knows
of; then those not tried yet, or that failed for a cause that passes, are fetched by
threads. Every candidate ends in exactly one outcome with its reason. Endings are
written in small batches as they come: a killed run loses no more than the newest few,
and the same command goes on to the same catalog. What is stored is never fetched again.
"""

import logging
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.catalog import Catalog, Outcome
from pipeline.catalog.candidates import Candidate
from pipeline.catalog.endings import Ending
from pipeline.errors import NetworkError
from pipeline.home import SetFolder
from pipeline.images import ImageStore
from pipeline.progress import Progress
from pipeline.scrape.download import Downloader, is_within_limits_now
from pipeline.scrape.sources import (
    SOURCES,
    Discovered,
    Discovery,
    addresses_asked,
    lifted_refusals,
)
from pipeline.scrape.workers import work_through
from pipeline.settings import SetSettings
from pipeline.web.addresses import host_of, netloc_of
from pipeline.web.contact import require_contact
from pipeline.web.fetch import Fetcher, fetcher_for

Now = Callable[[], str]

UNKNOWN_CATEGORY = "unknown category"
BATCH = 32  # endings written at once
BATCH_S = 1.0  # or after so long, where few come

_NO_SOURCE = Discovered(notes=("categories.toml has no [[source]] to scrape from",))

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScrapeSummary:
    """What a run of the stage did, and what the set holds now."""

    discovered: Discovered
    tried: int  # candidates, by this run
    outcomes: Mapping[str, int]  # all candidates of the set, by how they ended
    stored: Mapping[str, int]  # photos in the store, by category found under
    unreached: tuple[str, ...]  # hosts that took no connection

    @property
    def line(self) -> str:
        """The one line of counts."""
        found = self.discovered
        ended = ", ".join(f"{self.outcomes[name]:,} {name}" for name in Outcome)
        parts = [
            f"{found.pages_read:,} pages read, {found.new:,} new candidates,"
            f" {self.tried:,} tried",
            f"in all {ended}",
            self._in_store(),
        ]
        if found.pages_failed or found.pages_refused:
            parts.append(
                f"pages not read: {found.pages_failed} failed,"
                f" {found.pages_refused} refused"
            )
        if self.unreached:
            parts.append(f"not reached: {_some(self.unreached)}")
        return "; ".join((*parts, *found.notes))

    def _in_store(self) -> str:
        fewest = min(self.stored, key=lambda name: self.stored[name])
        return (
            f"{self.outcomes[Outcome.STORED]:,} photos of {len(self.stored)} categories"
            f" in the store (fewest: {self.stored[fewest]:,} of {fewest})"
        )


def scrape(
    folder: SetFolder,
    settings: SetSettings,
    catalog: Catalog,
    *,
    progress: Progress,
    now: Now,
    reread: bool = False,
) -> ScrapeSummary:
    """Bring the photos of a set's sources into its store.

    ``reread`` asks for pages again that an earlier run has read, for what is new.

    Raises:
        SettingsError, InputError: A source can't be used as it is written, or hosts
            beyond this machine would be asked without a contact.
        NetworkError: No host could be reached; what there was before is kept.
        CatalogError: The catalog or the store can't be written.
    """
    require_contact(settings, addresses_asked(settings))
    with fetcher_for(settings) as fetcher:
        with progress("reading sources", None) as advance:
            discovery = Discovery(settings, catalog, fetcher, now, advance, reread)
            discovered = Discovered() if settings.source else _NO_SOURCE
            for source in settings.source:
                discovered += SOURCES[source.kind](source, discovery)
        for note in discovered.notes:
            logger.info("%s", note)
        stored_before = catalog.candidates.stored_origins()
        due = _due(settings, catalog, now)
        _fetch_photos(
            due,
            Downloader(
                fetcher,
                ImageStore(folder.images),
                stored_before,
                settings.scrape.min_side,
            ),
            catalog,
            per_host=settings.scrape.per_host,
            progress=progress,
            now=now,
        )
        catalog.journal.start_items(now())
        summary = _summed_up(settings, catalog, discovered, len(due), fetcher)
        if not fetcher.reached() and _is_offline(summary, stored_before):
            raise NetworkError(_nothing_reached(folder, summary))
    return summary


def _due(settings: SetSettings, catalog: Catalog, now: Now) -> list[Candidate]:
    """List the candidates to try; a row of a list under no category is refused."""
    names = set(settings.category_names)
    lifted = {UNKNOWN_CATEGORY, *lifted_refusals(settings)}
    for reason in catalog.candidates.counts().get(Outcome.REFUSED, {}):
        if reason in lifted or is_within_limits_now(reason, settings.scrape):
            catalog.candidates.reopen(reason, names)
    pending = catalog.candidates.pending()
    strange = [
        Ending(candidate.id, Outcome.REFUSED, UNKNOWN_CATEGORY)
        for candidate in pending
        if candidate.source == "urls" and candidate.category not in names
    ]
    catalog.candidates.finish(strange, now())
    return [candidate for candidate in pending if candidate.category in names]


def _fetch_photos(
    due: Sequence[Candidate],
    downloader: Downloader,
    catalog: Catalog,
    *,
    per_host: int,
    progress: Progress,
    now: Now,
) -> None:
    """Try the candidates and record how they ended."""
    with progress("fetching photos", len(due)) as advance, warnings.catch_warnings():
        # The decoder silences warnings too, but threads undo each other's silence.
        warnings.simplefilter("ignore")
        done = work_through(_by_host(due), downloader.try_all, per_host)
        for batch in _batches(done):
            catalog.candidates.finish(batch, now())
            advance(len(batch))


def _by_host(candidates: Iterable[Candidate]) -> dict[str, list[list[Candidate]]]:
    """Group candidates by origin, and these by host; ``""`` is the local disk."""
    same: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        same.setdefault(candidate.origin, []).append(candidate)
    jobs: dict[str, list[list[Candidate]]] = {}
    for origin, group in same.items():
        jobs.setdefault(host_of(origin), []).append(group)
    return jobs


def _batches(done: Iterable[Sequence[Ending]]) -> Iterable[list[Ending]]:
    """Gather endings into what is worth a transaction; an origin's stay together."""
    batch: list[Ending] = []
    written = time.monotonic()
    for endings in done:
        batch += endings
        if len(batch) >= BATCH or time.monotonic() - written > BATCH_S:
            yield batch
            batch, written = [], time.monotonic()
    if batch:
        yield batch


def _summed_up(
    settings: SetSettings,
    catalog: Catalog,
    discovered: Discovered,
    tried: int,
    fetcher: Fetcher,
) -> ScrapeSummary:
    counts = catalog.candidates.counts()
    stored = catalog.candidates.stored_per_category()
    return ScrapeSummary(
        discovered,
        tried,
        {name: sum(counts.get(name, {}).values()) for name in Outcome},
        {name: stored.get(name, 0) for name in settings.category_names},
        tuple(fetcher.unreached()),
    )


def _is_offline(summary: ScrapeSummary, stored_before: Iterable[str]) -> bool:
    """Tell a network that is away from one dead host beside others that are done."""
    served = {netloc_of(origin) for origin in stored_before if host_of(origin)}
    gone = set(summary.unreached)
    return bool(gone) and (
        summary.discovered.pages_failed > 0 or not served or bool(gone & served)
    )


def _nothing_reached(folder: SetFolder, summary: ScrapeSummary) -> str:
    return (
        f"could not reach {_some(summary.unreached)}; kept:"
        f" {summary.outcomes[Outcome.STORED]:,} photos in the store; still to be had:"
        f" {summary.discovered.pages_failed:,} pages and"
        f" {summary.outcomes[Outcome.FAILED]:,} photos. When the network is back, the"
        f" same command goes on: mekiki scrape {folder.name}"
    )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
