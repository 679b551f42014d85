"""Where photos come from: one module a kind of source, one table of them all."""

from collections.abc import Callable, Iterator, Mapping

from pipeline.errors import SettingsError
from pipeline.scrape.sources.discovery import Discovered, Discovery, lifted_refusals
from pipeline.scrape.sources.folder import list_folder
from pipeline.scrape.sources.pages import crawl_pages, first_pages
from pipeline.scrape.sources.urls import list_urls, read_rows
from pipeline.settings import (
    SEARCHES,
    CommonsSource,
    OpenverseSource,
    PagesSource,
    SetSettings,
    UrlsSource,
)
from pipeline.web.services import commons_url, openverse_url

__all__ = [
    "LISTED",
    "SOURCES",
    "Discovered",
    "Discovery",
    "addresses_asked",
    "check_queries",
    "describe_sources",
    "lifted_refusals",
]

# Each records its candidates, in an order that is always the same.
SOURCES: Mapping[str, Callable[..., Discovered]] = {
    "pages": crawl_pages,
    "urls": list_urls,
    "folder": list_folder,
}
LISTED = ("pages", "urls", "folder")  # their photos are still to be fetched


def addresses_asked(settings: SetSettings) -> Iterator[str]:
    """Yield the URLs that the sources of a set start from.

    Raises:
        SettingsError, InputError: A source can't be used as it is written.
    """
    for source in settings.source:
        if isinstance(source, PagesSource):
            yield from (url for _, url in first_pages(source, settings))
        elif isinstance(source, UrlsSource):
            yield from (row.origin for row in read_rows(source.path))
        elif isinstance(source, OpenverseSource):
            yield openverse_url()
        elif isinstance(source, CommonsSource):
            yield commons_url()


def check_queries(settings: SetSettings) -> None:
    """Make sure that there is something to search for, where a source searches.

    Raises:
        SettingsError: A category has no queries.
    """
    searches = [source.kind for source in settings.source if source.kind in SEARCHES]
    empty = [one.name for one in settings.category if not one.queries]
    if searches and empty:
        raise SettingsError(
            f"[[category]] {empty[0]!r} needs queries: [[source]] kind ="
            f' "{searches[0]}" searches by them'
        )


def describe_sources(settings: SetSettings) -> Iterator[str]:
    """Say what each source that lists its photos will read, a phrase each."""
    for source in settings.source:
        if isinstance(source, PagesSource):
            number = len(first_pages(source, settings))
            yield (
                f"pages: {number:,} to start from, up to {source.max_pages:,} each;"
                f" {source.url}"
            )
        elif not isinstance(source, OpenverseSource | CommonsSource):
            yield f"{source.kind}: {source.path}"
