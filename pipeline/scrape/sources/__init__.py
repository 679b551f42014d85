"""Where photos come from: one module a kind of source, one table of them all."""

from collections.abc import Callable, Iterator, Mapping

from pipeline.scrape.sources.discovery import Discovered, Discovery, lifted_refusals
from pipeline.scrape.sources.folder import list_folder
from pipeline.scrape.sources.pages import crawl_pages, first_pages
from pipeline.scrape.sources.urls import list_urls, read_rows
from pipeline.settings import (
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
