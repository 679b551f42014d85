"""What every source is given, and what it reports."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pipeline.catalog import Catalog
from pipeline.settings import SetSettings
from pipeline.web.answers import NO_CONTACT, PRIVATE
from pipeline.web.contact import contact_of
from pipeline.web.fetch import Fetcher


@dataclass(frozen=True)
class Discovery:
    """What a source works with."""

    settings: SetSettings
    catalog: Catalog
    fetcher: Fetcher
    now: Callable[[], str]
    advance: Callable[[int], None]  # called with the pages or folders just read
    reread: bool = False  # ask for pages again that were read before
    heard: set[int] = field(default_factory=set)  # candidates that lists spoke of


@dataclass(frozen=True)
class Discovered:
    """What a source found."""

    new: int = 0  # candidates that the catalog did not know
    pages_read: int = 0
    pages_failed: int = 0  # tried again by the next run
    pages_refused: int = 0
    notes: tuple[str, ...] = ()  # what the engineer should hear of

    def __add__(self, other: "Discovered") -> "Discovered":
        return Discovered(
            self.new + other.new,
            self.pages_read + other.pages_read,
            self.pages_failed + other.pages_failed,
            self.pages_refused + other.pages_refused,
            self.notes + other.notes,
        )


def lifted_refusals(settings: SetSettings) -> tuple[str, ...]:
    """Return the reasons that can't hold any more, as the settings are now."""
    lifted = (PRIVATE,) if settings.scrape.allow_private else ()
    return (*lifted, NO_CONTACT) if contact_of(settings) else lifted


def some(names: Sequence[str]) -> str:
    """Name the first few."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
