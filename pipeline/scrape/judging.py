"""Whether a candidate may be fetched at all, and which refusals were lifted."""

from collections.abc import Callable

from pipeline.catalog.candidates import Candidate
from pipeline.catalog.forgetting import Forgotten
from pipeline.catalog.tables import TAKEN_DOWN
from pipeline.licences import Licence, is_allowed, parse_licence, refusal
from pipeline.scrape.download import is_within_limits_now
from pipeline.scrape.sources.discovery import lifted_refusals
from pipeline.settings import SEARCHES, SetSettings

UNKNOWN_CATEGORY = "unknown category"


def judge_for(
    settings: SetSettings, forgotten: Forgotten
) -> Callable[[Candidate], str]:
    """Return the judge of a set: why a candidate is refused unasked, ``""`` if not.

    What a search found must state a licence that the set allows. Pages, lists and
    folders are the engineer's own choice: of these only what states a licence that the
    set does not allow is refused.
    """
    allowed = settings.scrape.licences

    def judge(candidate: Candidate) -> str:
        if forgotten.matches(candidate):
            return TAKEN_DOWN
        stated = (candidate.licence, candidate.licence_url)
        licence = parse_licence(*stated, preferred=allowed)
        if licence is None and candidate.source not in SEARCHES:
            return ""
        return "" if is_allowed(licence, allowed) else refusal(licence)

    return judge


def is_lifted(reason: str, settings: SetSettings) -> bool:
    """Say whether what was refused for ``reason`` would not be any more."""
    return (
        reason == UNKNOWN_CATEGORY
        or reason in lifted_refusals(settings)
        or is_within_limits_now(reason, settings.scrape)
        or reason in {refusal(Licence(slug)) for slug in settings.scrape.licences}
    )
