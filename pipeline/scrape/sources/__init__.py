"""Where photos come from: one module a kind of source, one table of them all."""

from collections.abc import Callable, Iterator, Mapping

from pipeline.scrape.sources.discovery import Discovered, Discovery, lifted_refusals
from pipeline.scrape.sources.folder import list_folder
from pipeline.scrape.sources.pages import crawl_pages, first_pages
from pipeline.scrape.sources.urls import list_urls, read_rows
from pipeline.settings import PagesSource, SetSettings, UrlsSource

__all__ = ["SOURCES", "Discovered", "Discovery", "addresses_asked", "lifted_refusals"]

# Each records its candidates, in an order that is always the same.
SOURCES: Mapping[str, Callable[..., Discovered]] = {
    "pages": crawl_pages,
    "urls": list_urls,
    "folder": list_folder,
}


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
