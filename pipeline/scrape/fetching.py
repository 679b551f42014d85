"""Trying candidates with threads, and recording how they end in small batches."""

import time
import warnings
from collections.abc import Callable, Iterable, Sequence

from pipeline.catalog import Catalog
from pipeline.catalog.candidates import Candidate
from pipeline.catalog.endings import Ending
from pipeline.scrape.download import Downloader
from pipeline.scrape.workers import work_through
from pipeline.web.addresses import host_of

BATCH = 32  # endings written at once
BATCH_S = 1.0  # or after so long, where few come


def fetch_photos(
    due: Sequence[Candidate],
    downloader: Downloader,
    catalog: Catalog,
    *,
    per_host: int,
    now: Callable[[], str],
    done: Callable[[Sequence[Ending]], None],
) -> None:
    """Try the candidates and record how they ended.

    Args:
        due: What to try; what is of one origin is tried once.
        downloader: Tries.
        catalog: Takes the endings.
        per_host: How many of one host at a time.
        now: The time, as the catalog keeps it.
        done: Is told the endings just recorded.
    """
    with warnings.catch_warnings():
        # The decoder silences warnings too, but threads undo each other's silence.
        warnings.simplefilter("ignore")
        results = work_through(_by_host(due), downloader.try_all, per_host)
        for batch in _batches(results):
            catalog.candidates.finish(batch, now())
            done(batch)


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
