"""Whether a candidate may be fetched at all, and which refusals were lifted."""

import difflib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from pipeline.catalog.candidates import Candidate
from pipeline.catalog.forgetting import Forgotten
from pipeline.catalog.tables import TAKEN_DOWN
from pipeline.catalog.tallies import Stated
from pipeline.licences import Licence, is_allowed, parse_licence, refusal
from pipeline.scrape.download import is_within_limits_now
from pipeline.scrape.sources.discovery import lifted_refusals, some
from pipeline.settings import SEARCHES, SetSettings

UNKNOWN_CATEGORY = "unknown category"


def judge_for(
    settings: SetSettings, forgotten: Forgotten
) -> Callable[[Candidate], str]:
    """Return the judge of a set: why a candidate is refused unasked, ``""`` if not.

    What a search found must state a licence that the set allows. Pages, lists and
    folders are the engineer's own choice: of these only what states a licence that the
    set does not allow is refused. What a page says and nobody understands counts as
    nothing; what a list says was meant by somebody.
    """
    allowed = settings.scrape.licences

    def judge(candidate: Candidate) -> str:
        if forgotten.matches(candidate):
            return TAKEN_DOWN
        own = Stated(candidate.source, candidate.licence, candidate.licence_url)
        return licence_refusal(own, allowed)

    return judge


def licence_refusal(stated: Stated, allowed: Collection[str]) -> str:
    """Return why a photo is refused for its licence, ``""`` where it is not."""
    words = (stated.licence, stated.licence_url)
    licence = parse_licence(*words, preferred=allowed)
    is_meant = stated.source == "urls" and any(words)
    if licence is None and not (is_meant or stated.source in SEARCHES):
        return ""
    return "" if is_allowed(licence, allowed) else refusal(licence)


def licence_notes(
    stored: Iterable[tuple[Stated, int]], allowed: Collection[str]
) -> list[str]:
    """Say what is in the store that would be refused for its licence today."""
    wrong = Counter[str]()
    for stated, number in stored:
        if reason := licence_refusal(stated, allowed):
            wrong[reason] += number
    told = some([f"{number:,} {reason}" for reason, number in wrong.most_common()])
    return [f"in the store, yet not to be fetched today: {told}"] if wrong else []


def category_notes(
    strangers: Mapping[str, int], known: Sequence[str], what: str
) -> list[str]:
    """Say which categories the set does not know, and what may be meant by them."""
    folded = {name.casefold(): name for name in known}
    told = []
    for name, number in strangers.items():
        close = difflib.get_close_matches(name.casefold(), folded, n=1)
        meant = f" (did you mean {folded[close[0]]!r}?)" if close else ""
        told.append(f"{name!r} {number:,}{meant}")
    return [f"{what}: {some(told)}"] if told else []


def is_lifted(reason: str, settings: SetSettings) -> bool:
    """Say whether what was refused for ``reason`` would not be any more."""
    return (
        reason == UNKNOWN_CATEGORY
        or reason in lifted_refusals(settings)
        or is_within_limits_now(reason, settings.scrape)
        or reason in {refusal(Licence(slug)) for slug in settings.scrape.licences}
    )
