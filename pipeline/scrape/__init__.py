"""Stage 1, scrape: sources → candidates, and their photos in the image store.

First every source that lists its photos (pages, lists, folders, published data) records
them, in an order that is always the same; those not tried yet, or that failed for a
cause that passes, are fetched by threads. Then the searches (Openverse, Commons) fill
every category up to ``per_category``. Every candidate ends in exactly one outcome with
its reason. Endings are written in small batches as they come: a killed run loses no
more than the newest few, and the same command goes on to the same catalog. What is
stored is never fetched again.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from pipeline.catalog import Catalog
from pipeline.credits import write_credits
from pipeline.errors import InputError, NetworkError
from pipeline.home import SetFolder
from pipeline.locking import held_alone
from pipeline.progress import Progress
from pipeline.scrape.filling import Filled
from pipeline.scrape.plan import Plan, make_plan
from pipeline.scrape.searching import (
    asked_services,
    check_addresses,
    open_services,
    planned_searches,
    quotas_of,
)
from pipeline.scrape.sources import addresses_asked, check_queries, describe_sources
from pipeline.scrape.steps import Steps
from pipeline.scrape.summary import (
    ScrapeSummary,
    is_offline,
    out_of_reach,
    quota_spent,
)
from pipeline.settings import SetSettings
from pipeline.web.contact import ContactError, contact_of, require_contact
from pipeline.web.fetch import fetcher_for, network_of
from pipeline.web.recording import RecordingTransport
from pipeline.web.replaying import ReplayTransport
from pipeline.web.timing import REAL_TIME, Timing
from pipeline.web.transport import Transport

__all__ = ["Plan", "ScrapeSummary", "plan_scrape", "scrape"]

Now = Callable[[], str]


def plan_scrape(
    folder: SetFolder,
    settings: SetSettings,
    catalog: Catalog,
    *,
    timing: Timing = REAL_TIME,
    is_all: bool = False,
) -> Plan:
    """Reckon calls, photos and days; nothing is asked.

    Args:
        folder: Where the set lies.
        settings: What it says.
        catalog: What there is already.
        timing: Clocks.
        is_all: Nothing is to follow: a missing contact is told by the plan.

    Raises:
        SettingsError, InputError: As ``scrape``.
    """
    lacks = ""
    try:
        _check(settings)
    except ContactError as error:
        if not is_all:
            raise
        lacks = str(error)
    searches = planned_searches(folder, settings, timing)
    plan = make_plan(settings, catalog, searches, describe_sources(settings))
    return replace(plan, lacks=lacks)


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
        SettingsError, InputError: A source or a file can't be used, there is no
            contact, or another process holds the set or the recording.
        NetworkError: No host could be reached, or a daily quota is used up; what there
            was before is kept, and the same command goes on.
        CatalogError: The catalog or the store can't be written.
    """
    contact = "nobody: this is a replay" if replay else _check(settings)
    transport = transport or network_of(settings.scrape)
    with ExitStack() as held:
        held.enter_context(held_alone(folder, "scrape"))
        transport, timing = _recorded(transport, timing, record, replay)
        fetcher = held.enter_context(
            fetcher_for(settings, contact=contact, timing=timing, transport=transport)
        )
        steps = Steps(folder, settings, catalog, fetcher, progress, now, reread)
        discovered = steps.read_sources()
        steps.reopen_lifted()
        discovered += steps.store_published()
        steps.fetch_listed()
        quotas = None if replay else quotas_of(folder)
        filled = steps.fill(open_services(settings, fetcher, timing, quotas))
        catalog.journal.start_items(now())
        write_credits(folder, catalog, folder.folder)
        summary = steps.summed_up(discovered, filled)
        is_away = not fetcher.reached() and is_offline(
            summary, catalog.candidates.stored_origins()
        )
    is_away = is_away or filled.is_held_up(asked_services(settings))
    _check_end(folder, summary, filled, is_away=is_away, replay=replay)
    return summary


def _check_end(
    folder: SetFolder,
    summary: ScrapeSummary,
    filled: Filled,
    *,
    is_away: bool,
    replay: Path | None,
) -> None:
    """Raise where the run could not do what it was to do."""
    if is_away and replay:
        raise InputError(
            f"{replay} has no answers to what {folder.name} asks; replay it with the"
            " categories.toml, and the addresses and keys in the environment, that it"
            " was recorded with"
        )
    if is_away:
        raise NetworkError(out_of_reach(folder.name, summary, filled.down))
    if filled.spent and filled.missing:
        raise NetworkError(quota_spent(folder.name, summary, filled.spent))


def _check(settings: SetSettings) -> str:
    """Make sure that the sources can be asked; return the contact."""
    check_queries(settings)
    check_addresses(settings)
    require_contact(settings, addresses_asked(settings))
    return contact_of(settings)


def _recorded(
    transport: Transport, timing: Timing, record: Path | None, replay: Path | None
) -> tuple[Transport, Timing]:
    """Return what sends the requests, and the clocks that go with it.

    Only who holds the set may ask: the end of a recording is cut where it is broken.
    """
    if replay is not None:
        recording = ReplayTransport(replay)
        return recording, recording.timing()
    if record is not None:
        return RecordingTransport(transport, record, timing.wall), timing
    return transport, timing
