import pytest

from pipeline.catalog import Outcome
from pipeline.scrape.sources import Discovery
from pipeline.scrape.sources.pages import crawl_pages
from pipeline.scrape.sources.pages.markup import read_markup
from pipeline.scrape.sources.pages.optout import page_opt_out
from pipeline.settings import PagesSource, SetSettings
from tests.doubles.fetching import Time, make_fetcher
from tests.doubles.shop_site import Reply, serve_site

NOW = "2026-01-02T03:04:05+00:00"


def opt_out(head: str) -> str:
    page = f"<html><head>{head}</head><body><img src=1.jpg></body></html>"
    return page_opt_out(read_markup(page.encode(), "http://shop.test/"))


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ('<meta name="robots" content="noai">', "robots meta tag: noai"),
        (
            '<META CONTENT="index, NoImageAI" NAME="ROBOTS">',
            "robots meta tag: noimageai",
        ),
        (
            '<meta name="robots" content="all"><meta name="robots" content="noai">',
            "robots meta tag: noai",
        ),
        (
            '<meta name="mekiki" content="noimageindex">',
            "robots meta tag: noimageindex",
        ),
        ('<meta name="tdm-reservation" content="1">', "TDM reservation"),
    ],
)
def test_a_page_keeps_its_pictures_from_us(head, reason):
    assert opt_out(head) == reason


@pytest.mark.parametrize(
    "head",
    [
        "",
        '<meta name="robots" content="noindex, follow">',
        '<meta name="robots">',
        '<meta name="googlebot" content="noimageindex">',
        '<meta name="description" content="noai">',
        '<meta name="tdm-reservation" content="0">',
        '<meta property="robots" content="noai">',
    ],
)
def test_a_page_that_says_other_things_lets_us_be(head):
    assert opt_out(head) == ""


def crawl(site, catalog) -> None:
    settings = SetSettings.model_validate(
        {
            "category": [{"name": "cat"}, {"name": "dog"}],
            "source": [{"kind": "pages", "url": site.url + "/{category}"}],
            "scrape": {"allow_private": True},
        }
    )
    fetcher = make_fetcher(Time())
    discovery = Discovery(settings, catalog, fetcher, lambda: NOW, lambda _: None)
    (source,) = settings.source
    assert isinstance(source, PagesSource)
    crawl_pages(source, discovery)
    fetcher.close()


@pytest.mark.parametrize(
    ("cat_page", "reason"),
    [
        (
            Reply(b'<meta name="robots" content="noai"><img src="/1.jpg">'),
            "robots meta tag: noai",
        ),
        (
            Reply(b'<img src="/1.jpg">', headers={"X-Robots-Tag": "noimageai"}),
            "X-Robots-Tag: noimageai",
        ),
        (
            Reply(b'<img src="/1.jpg">', headers={"TDM-Reservation": "1"}),
            "TDM reservation",
        ),
    ],
    ids=["meta tag", "header", "reservation"],
)
def test_a_page_that_opts_out_is_refused_and_its_pictures_not_taken(
    sqlite_catalog, cat_page, reason
):
    with serve_site() as site:
        site.add("/cat", cat_page)
        site.add("/dog", '<img src="/2.jpg">')
        crawl(site, sqlite_catalog)

        read = sqlite_catalog.candidates.pages()
        page = read["cat", site.url + "/cat"]
        assert (page.outcome, page.reason) == (Outcome.REFUSED, reason)
        found = [one.origin for one in sqlite_catalog.candidates.pending()]
        assert found == [site.url + "/2.jpg"]
