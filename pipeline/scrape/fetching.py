"""Trying candidates with threads, and recording how they end in small batches."""

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence

from pipeline.catalog import Catalog
from pipeline.catalog.candidates import Candidate
from pipeline.catalog.endings import Ending
from pipeline.scrape.download import Downloader
from pipeline.scrape.workers import work_through
from pipeline.web.addresses import host_of

BATCH = 32  # endings written at once
BATCH_S = 1.0  # or after so long, where few come
# Photos of one host that are decoded and stored while others are fetched from it.
AT_HOME = 8


def fetch_photos(
    due: Iterable[Sequence[Candidate]],
    downloader: Downloader,
    catalog: Catalog,
    *,
    per_host: int,
    now: Callable[[], str],
    done: Callable[[Sequence[Ending]], None],
) -> None:
    """Try the candidates and record how they ended.

    Args:
        due: What to try, all of one origin together.
        downloader: Tries.
        catalog: Takes the endings.
        per_host: How many connections there may be to one host.
        now: The time, as the catalog keeps it.
        done: Is told the endings just recorded.
    """
    batch: list[Ending] = []

    def write() -> None:
        if batch:
            catalog.candidates.finish(batch, now())
            done(tuple(batch))
            batch.clear()

    with warnings.catch_warnings():
        # The decoder silences warnings too, but threads undo each other's silence.
        warnings.simplefilter("ignore")
        try:
            written = time.monotonic()
            for endings in work_through(
                _with_hosts(due), downloader.try_all, per_host + AT_HOME, idle=write
            ):
                batch += endings  # an origin's stay together
                if len(batch) >= BATCH or time.monotonic() - written > BATCH_S:
                    write()
                    written = time.monotonic()
        finally:
            write()  # whatever ended it: what is in the store is written down


def by_origin(candidates: Iterable[Candidate]) -> list[list[Candidate]]:
    """Group candidates by origin, in the order of the first of each."""
    same: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        same.setdefault(candidate.origin, []).append(candidate)
    return list(same.values())


def _with_hosts(
    due: Iterable[Sequence[Candidate]],
) -> Iterator[tuple[str, Sequence[Candidate]]]:
    """Yield each group with the host it is of; ``""`` is the local disk."""
    return ((host_of(group[0].origin), group) for group in due)
