"""One candidate → how it ended: its bytes in the store, or the reason why not."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.catalog import Outcome
from pipeline.catalog.candidates import Candidate
from pipeline.catalog.endings import Ending
from pipeline.images import ImageFacts
from pipeline.scrape.keeping import Keeper
from pipeline.settings import ScrapeSettings
from pipeline.web.answers import Answer, FailedError, FetchError, RefusedError
from pipeline.web.fetch import Fetcher
from pipeline.web.manners import WIKIMEDIA_MEDIA

OF_COMMONS = "commons:"  # how the works of Wikimedia Commons are called
_TOO_SMALL = re.compile(r"smaller than (\d+) px")
_TOO_LARGE = re.compile(r"more than ([\d.e+]+) MB")


def is_within_limits_now(reason: str, settings: ScrapeSettings) -> bool:
    """Say whether a photo was refused for its size by a stricter set than this is."""
    if small := _TOO_SMALL.fullmatch(reason):
        return int(small[1]) > settings.min_side
    if large := _TOO_LARGE.fullmatch(reason):
        return float(large[1]) < float(f"{settings.max_megabytes:g}")
    return False


@dataclass(frozen=True)
class Downloader:
    """Tries candidates; safe to use from several threads."""

    fetcher: Fetcher
    keeper: Keeper
    stored: Mapping[str, ImageFacts]  # what is in the store already, by origin
    judge: Callable[[Candidate], str]  # why it may not be fetched, "" where it may

    def try_all(self, same: Sequence[Candidate]) -> list[Ending]:
        """Return how the candidates of one origin ended; it is fetched once.

        What the server said stands with the first of them that was fetched.

        Raises:
            CatalogError: The store can't be written.
        """
        reasons = {candidate.id: self.judge(candidate) for candidate in same}
        endings = [
            Ending(number, Outcome.REFUSED, reason)
            for number, reason in reasons.items()
            if reason
        ]
        wanted = [candidate for candidate in same if not reasons[candidate.id]]
        if wanted:
            first = self._try(wanted[0])
            quiet = replace(first, http_status=None, content_type=None, final_url=None)
            endings.append(first)
            endings += [replace(quiet, candidate_id=one.id) for one in wanted[1:]]
        return endings

    def _try(self, candidate: Candidate) -> Ending:
        known = self.stored.get(candidate.origin)
        if known is not None:
            return Ending(candidate.id, Outcome.STORED, facts=known)
        try:
            if candidate.source == "folder":
                data = self._read_file(Path(candidate.origin))
                return self._keep(data, Ending(candidate.id, Outcome.STORED))
            is_commons = candidate.work.startswith(OF_COMMONS)
            answer = self.fetcher.fetch(
                candidate.origin, manner=WIKIMEDIA_MEDIA if is_commons else None
            )
        except FetchError as error:
            return Ending(
                candidate.id,
                _outcome(error),
                error.reason,
                http_status=error.status,
                content_type=error.content_type,
            )
        return self._keep(answer.body, _ending(candidate, answer))

    def _keep(self, data: bytes, ending: Ending) -> Ending:
        """Put a photo into the store, if it is one that is wanted."""
        try:
            return replace(ending, facts=self.keeper.keep(data))
        except RefusedError as error:
            return replace(ending, outcome=Outcome.REFUSED, reason=error.reason)

    def _read_file(self, path: Path) -> bytes:
        """Read a local photo, one byte beyond the limit; raises like fetching one."""
        try:
            with path.open("rb") as file:
                return file.read(self.keeper.max_bytes + 1)
        except OSError as error:
            reason = "no such file" if not path.exists() else str(error.strerror)
            raise FailedError(reason) from error


def _outcome(error: FetchError) -> Outcome:
    return Outcome.REFUSED if isinstance(error, RefusedError) else Outcome.FAILED


def _ending(candidate: Candidate, answer: Answer) -> Ending:
    moved = answer.final_url != candidate.origin
    return Ending(
        candidate.id,
        Outcome.STORED,
        http_status=answer.status,
        content_type=answer.content_type or None,
        final_url=answer.final_url if moved else None,
    )
