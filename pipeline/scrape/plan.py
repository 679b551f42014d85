"""What a scrape will cost, before anything is asked: calls, photos, days.

The searches are gone through as the run will: each category in turn reads a page of
the query it has read least of, until it has enough. Every result is taken to be a photo
that can be had, so a run may need more calls, never fewer than there are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from pipeline.catalog import Catalog
from pipeline.scrape.filling import Stream, streams_of, wanted
from pipeline.scrape.sources.search import Search
from pipeline.settings import SEARCHES, SetSettings

MAX_DAYS = 1000  # a plan ends somewhere


@dataclass(frozen=True)
class Allowance:
    """How many calls a service grants."""

    per_day: int | None  # None: as many as one likes
    left_today: int | None


@dataclass(frozen=True)
class ServicePlan:
    """The calls at one service."""

    name: str
    calls: int
    page_size: int  # works a call at most
    allowance: Allowance

    @property
    def line(self) -> str:
        """The calls, beside those that are granted."""
        quota = ""
        if self.allowance.per_day is not None:
            quota = (
                f"; {self.allowance.left_today:,} of {self.allowance.per_day:,} calls"
                " a day are left"
            )
        return (
            f"{self.name}: about {self.calls:,} calls of up to {self.page_size} works"
            f"{quota}"
        )


@dataclass(frozen=True)
class Plan:
    """What is wanted, and what that takes."""

    categories: int
    per_category: int
    stored: int  # photos in the store already
    wanted: int  # photos still wanted from searches
    expected: int  # of these, what the searches can give at most
    days: int  # from today on; 1: today is enough
    services: tuple[ServicePlan, ...]
    others: tuple[str, ...]  # what else is read, a phrase each
    lacks: str = ""  # what is to be set right before it can begin

    @property
    def lines(self) -> list[str]:
        """The plan, for people."""
        lines = []
        if self.services:
            short = (
                f", up to {self.expected:,} of them to be expected"
                if self.expected < self.wanted
                else ""
            )
            lines.append(
                f"plan: {self.wanted:,} photos wanted from searches{short}"
                f" ({self.categories} categories of {self.per_category};"
                f" {self.stored:,} in the store)"
            )
            lines += [f"  {service.line}" for service in self.services]
            if self.days > 1:
                lines.append(
                    f"  the quotas make that {self.days} days: run the same command"
                    " once a day, it goes on"
                )
        elif self.others:
            lines.append(f"plan: {self.categories} categories")
        lines += [f"  {other}" for other in self.others]
        lines = lines or ["plan: nothing, the set has no [[source]]"]
        return [*lines, f"first: {self.lacks}"] if self.lacks else lines


def make_plan(
    settings: SetSettings,
    catalog: Catalog,
    searches: Mapping[str, tuple[Search, Allowance]],
    others: Iterable[str],
) -> Plan:
    """Reckon what is still to be done; nothing is asked, nothing is written.

    Args:
        settings: The set.
        catalog: What there is already.
        searches: The services by name, and what they grant.
        others: What the other sources will read, a phrase each.
    """
    candidates = catalog.candidates
    needs = wanted(settings, candidates.stored_per_category(SEARCHES))
    total = sum(needs.values())
    spare = {name: len(candidates.pending(tuple(searches), [name])) for name in needs}
    still = {name: max(0, n - spare[name]) for name, n in needs.items()}
    pages = candidates.pages()
    streams = [
        _Ahead(stream, *stream.ahead(pages))
        for stream in streams_of(settings, [search for search, _ in searches.values()])
    ]
    calls = dict.fromkeys(searches, 0)
    days = _reckon(still, streams, calls, {k: a for k, (_, a) in searches.items()})
    return Plan(
        categories=len(settings.category),
        per_category=settings.scrape.per_category,
        stored=sum(candidates.stored_per_category().values()),
        wanted=total,
        expected=total - sum(max(0, n) for n in still.values()),
        days=days,
        services=tuple(
            ServicePlan(name, calls[name], search.page_size, allowance)
            for name, (search, allowance) in searches.items()
        ),
        others=tuple(others),
    )


class _Ahead:
    """How far a stream was read, and how far it can be."""

    def __init__(self, stream: Stream, read: int, url: str | None) -> None:
        self.category = stream.category
        self.kind = stream.search.kind
        self.page_size = stream.search.page_size
        self.read = read
        pages = -(-stream.search.depth // stream.search.page_size)
        self.left = 0 if url is None else pages - read


def _reckon(
    still: dict[str, int],
    streams: Sequence[_Ahead],
    calls: dict[str, int],
    allowed: Mapping[str, Allowance],
) -> int:
    """Count down what is wanted and up the calls; return the days that takes."""
    left = {kind: _or_endless(one.left_today) for kind, one in allowed.items()}
    for day in range(1, MAX_DAYS):
        while _read_round(still, streams, calls, left):
            pass
        is_held_up = any(
            still[stream.category] > 0 and stream.left > 0 for stream in streams
        )
        if not is_held_up:
            return day
        left = {kind: _or_endless(one.per_day) for kind, one in allowed.items()}
    return MAX_DAYS


def _read_round(
    still: dict[str, int],
    streams: Sequence[_Ahead],
    calls: dict[str, int],
    left: dict[str, float],
) -> bool:
    """Let every category that wants more read a page; say whether any could."""

    def can_read(one: _Ahead) -> bool:
        return one.left > 0 and left[one.kind] > 0

    any_could = False
    for category, number in still.items():
        own = [one for one in streams if one.category == category and can_read(one)]
        if number > 0 and own:
            stream = min(own, key=lambda one: one.read)
            stream.read += 1
            stream.left -= 1
            left[stream.kind] -= 1
            calls[stream.kind] += 1
            still[category] -= stream.page_size
            any_could = True
    return any_could


def _or_endless(calls: int | None) -> float:
    return inf if calls is None else calls
