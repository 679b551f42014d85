"""What a scrape did, in one line, and the ends that are the world's fault."""

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pipeline.catalog import Outcome
from pipeline.scrape.sources.discovery import Discovered, some
from pipeline.web.addresses import host_of, netloc_of
from pipeline.web.answers import DeniedError, FailedError
from pipeline.web.quota import QuotaSpentError


@dataclass(frozen=True)
class ScrapeSummary:
    """What a run of the stage did, and what the set holds now."""

    discovered: Discovered
    tried: int  # candidates, by this run
    outcomes: Mapping[str, int]  # all candidates of the set, by how they ended
    stored: Mapping[str, int]  # photos in the store, by category found under
    unreached: tuple[str, ...]  # hosts that took no connection
    missing: Mapping[str, int]  # photos wanted from searches that none has
    due: int  # candidates that were listed and are still to be had

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
        if self.missing:
            short = [f"{name} {number:,}" for name, number in self.missing.items()]
            parts.append(f"not to be found: {some(short)}")
        if self.unreached:
            parts.append(f"not reached: {some(self.unreached)}")
        return "; ".join((*parts, *found.notes))

    def _in_store(self) -> str:
        fewest = min(self.stored, key=lambda name: self.stored[name])
        return (
            f"{self.photos:,} photos of {len(self.stored)} categories"
            f" in the store (fewest: {self.stored[fewest]:,} of {fewest})"
        )

    @property
    def has_reasons(self) -> bool:
        """Say whether the catalog has reasons to tell."""
        ended = self.outcomes[Outcome.REFUSED] + self.outcomes[Outcome.FAILED]
        pages = self.discovered.pages_failed + self.discovered.pages_refused
        return ended + pages > 0

    @property
    def photos(self) -> int:
        """How many photos are in the store."""
        return self.outcomes[Outcome.STORED]


def is_offline(summary: ScrapeSummary, served: Collection[str]) -> bool:
    """Tell a network that is away from one dead host beside others that are done.

    ``served`` are the origins of what is in the store.
    """
    hosts = {netloc_of(origin) for origin in served if host_of(origin)}
    gone = set(summary.unreached)
    return bool(gone) and (
        summary.discovered.pages_failed > 0 or not hosts or bool(gone & hosts)
    )


def out_of_reach(
    name: str, summary: ScrapeSummary, down: Mapping[str, FailedError]
) -> str:
    """Say what could not be reached, what there is, and how to go on.

    ``down`` are the services that could not be asked, and why.
    """
    denied = [f"{k}: {e}" for k, e in down.items() if isinstance(e, DeniedError)]
    if denied:
        return (
            f"{some(denied)}. Kept: {summary.photos:,} photos in the store; still to be"
            f" had: {_still_wanted(summary):,}. Once that is right, the same command"
            f" goes on: mekiki scrape {name}"
        )
    what = some(summary.unreached) or some([f"{k} ({e})" for k, e in down.items()])
    return (
        f"could not reach {what}; kept: {summary.photos:,} photos in"
        f" the store; still to be had: {summary.discovered.pages_failed:,} pages and"
        f" {_still_wanted(summary):,} photos. When the network is back, the"
        f" same command goes on: mekiki scrape {name}"
    )


def _still_wanted(summary: ScrapeSummary) -> int:
    return summary.due + sum(summary.missing.values())


def quota_spent(
    name: str, summary: ScrapeSummary, spent: Sequence[QuotaSpentError]
) -> str:
    """Say which quota ended the run, and when to go on."""
    reasons = ", ".join(dict.fromkeys(error.reason for error in spent))
    moment = min(error.until for error in spent)
    until = datetime.datetime.fromtimestamp(moment, datetime.UTC)
    return (
        f"{reasons}; {summary.photos:,} photos are in the store,"
        f" {sum(summary.missing.values()):,} are still wanted. From"
        f" {until:%Y-%m-%d %H:%M} UTC on the same command goes on: mekiki scrape {name}"
    )
