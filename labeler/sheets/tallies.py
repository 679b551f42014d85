"""What was done, by category, by curator and by day: pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from statistics import median
from typing import Protocol

from labeler.worklist import CANT_TELL, DECIDED, NO_LABEL, Item

LABELLED = "labelled"


class Spoken(Protocol):
    """How much a curator said within a minute."""

    @property
    def user(self) -> str:
        """Who."""

    @property
    def minute(self) -> str:
        """When, in UTC: ``2026-01-02T03:04``."""

    @property
    def words(self) -> int:
        """How many photos they decided, a bulk's each counted."""


@dataclass
class Work:
    """How far the photos of one category are, by the label that they have now."""

    name: str
    target: int = 0  # photos wanted
    confirmed: int = 0  # a person said what it was found as
    relabelled: int = 0  # a person said otherwise
    unsure: int = 0
    rejected: int = 0
    undecided: int = 0

    @property
    def decided(self) -> int:
        """How many a person decided."""
        return self.confirmed + self.relabelled + self.unsure + self.rejected

    @property
    def usable(self) -> int:
        """How many photos of this category there are, as far as is known."""
        return self.confirmed + self.relabelled + self.undecided


@dataclass(frozen=True)
class Pace:
    """How fast a curator is."""

    user: str
    photos: int  # decided altogether
    minutes: int  # in which at least one was
    per_minute: float  # the median of those


@dataclass(frozen=True)
class Day:
    """What was decided on a day."""

    date: date
    by_user: Mapping[str, int] = field(default_factory=dict)

    @property
    def photos(self) -> int:
        """By all."""
        return sum(self.by_user.values())


def tally_work(
    entries: Iterable[Item], names: Sequence[str], target: int | None
) -> list[Work]:
    """Count the photos of each category.

    Args:
        entries: All photos.
        names: The categories, in their order; others that occur come after them.
        target: Photos wanted a category; ``None``: as many as were found under it.
    """
    rows = {name: Work(name) for name in names}
    found = Counter[str]()
    seen: dict[tuple[str, str, bool], int] = defaultdict(int)
    for entry in entries:
        as_found = entry.label in entry.scraped_as
        seen[entry.label or NO_LABEL, str(entry.status), as_found] += 1
        found.update(entry.scraped_as)
    for (name, status, as_found), number in seen.items():
        row = rows.setdefault(name, Work(name))
        if status not in DECIDED:
            row.undecided += number
        elif status == LABELLED and as_found:
            row.confirmed += number
        elif status == LABELLED:
            row.relabelled += number
        elif status == CANT_TELL:
            row.unsure += number
        else:
            row.rejected += number
    for name, row in rows.items():
        wanted = found[name] if target is None else target
        row.target = wanted if name in names else 0
    return list(rows.values())


def tally_pace(minutes: Iterable[Spoken]) -> list[Pace]:
    """Tell how fast each curator is; who did most comes first."""
    by_user: dict[str, list[int]] = defaultdict(list)
    for one in minutes:
        by_user[one.user].append(one.words)
    found = [
        Pace(user, sum(words), len(words), float(median(words)))
        for user, words in by_user.items()
    ]
    return sorted(found, key=lambda pace: (-pace.photos, pace.user))


def tally_days(
    minutes: Iterable[Spoken], today: date, number: int, zone: tzinfo = UTC
) -> list[Day]:
    """Count what was decided on each of the last days, ``today`` last.

    Args:
        minutes: What was said.
        today: The last day, where the reader is.
        number: Of days.
        zone: Where the reader is: a day begins at their midnight.
    """
    by_day: dict[date, Counter[str]] = defaultdict(Counter)
    for one in minutes:
        at = datetime.fromisoformat(one.minute).replace(tzinfo=UTC)
        by_day[at.astimezone(zone).date()][one.user] += one.words
    days = [today - timedelta(days=back) for back in reversed(range(number))]
    return [Day(day, dict(by_day[day])) for day in days]
