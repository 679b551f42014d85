import json
import re
import time
from urllib.parse import quote, urljoin

import pytest
import requests
from bs4 import BeautifulSoup
from protego import Protego

from pipeline.demo.pages import PER_PAGE, SHOWINGS
from pipeline.demo.shop import FORBIDDEN, Shop, build_shop
from pipeline.demo.site import Site, serve_shop
from pipeline.images import decode_image


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Shop:
    return build_shop(tmp_path_factory.mktemp("shop"), 3, per_shape=26, num_products=8)


@pytest.fixture
def site(shop):
    with serve_shop(shop) as site:
        yield site


@pytest.fixture
def session():
    with requests.Session() as session:
        yield session


def _pages(site: Site, session: requests.Session, category: str) -> list[BeautifulSoup]:
    """Read a category's pages by following its next links, as a scraper does."""
    url, pages = site.category_url.format(category=quote(category)), []
    while url:
        response = session.get(url, timeout=10)
        assert response.status_code == 200
        page = BeautifulSoup(response.text, "html.parser")
        pages.append(page)
        link = page.select_one("[rel=next]")
        url = urljoin(_base(page, response.url), str(link["href"])) if link else ""
    return pages


def _base(page: BeautifulSoup, url: str) -> str:
    base = page.select_one("base[href]")
    return urljoin(url, str(base["href"])) if base else url


def _originals_named(site: Site, page: BeautifulSoup) -> set[str]:
    """Return the files whose originals a page names, in whatever way."""
    text = str(page).replace("\\/", "/")
    names = re.findall(r'[^\s"\'(]+\.jpg', text)
    smaller = re.compile(r"(^|/)w\d+/")
    files = (site.shop.file_of(name) for name in names if not smaller.search(name))
    return {file for file in files if file}


def test_every_original_is_named_on_a_page_of_each_of_its_categories(
    site, shop, session
):
    for category in shop.categories:
        pages = _pages(site, session, category)
        named = set().union(*(_originals_named(site, page) for page in pages))
        listed = {photo.file for photo in shop.photos if category in photo.categories}

        assert len(pages) == -(-len(listed) // PER_PAGE)
        assert listed == named - set(shop.forbidden)


def test_pages_show_photos_in_every_way_that_shops_do(site, shop, session):
    page = _pages(site, session, shop.categories[0])[0]

    for selector in (
        "a[href$='.jpg'] > img",
        "img[srcset*='240w']",
        "img[srcset*='2x']",
        "img[data-src]",
        "img[data-srcset]",
        "picture > source[srcset]",
        "noscript > img",
        "meta[property='og:image']",
        "img[src='/static/banner.jpg']",
        "img[src='/static/logo.png']",
    ):
        assert page.select(selector), selector
    described = page.select_one("script[type='application/ld+json']")
    assert described is not None
    graph = json.loads(described.get_text())["@graph"]
    assert {type(product["image"]) for product in graph} == {str, list, dict}
    assert len(SHOWINGS) == 8


def test_every_second_page_states_a_base(site, shop, session):
    pages = _pages(site, session, shop.categories[0])

    assert [bool(page.select("base")) for page in pages][:2] == [False, True]


def test_photos_are_served_as_the_bytes_that_were_planted(site, shop, session):
    for photo in shop.photos[:60]:
        response = session.get(site.url_of(photo), timeout=10)
        if response.status_code == 503:
            response = session.get(site.url_of(photo), timeout=10)
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "image/jpeg"
        assert response.content == shop.path(photo.file).read_bytes()


def test_smaller_versions_are_as_wide_as_their_address_says(site, shop, session):
    for width in (240, 360):
        url = f"{site.url}/photos/w{width}/{shop.photos[0].file}"
        first, again = (session.get(url, timeout=10).content for _ in range(2))

        assert decode_image(first).shape[1] == width
        assert first == again


def test_some_photos_are_reached_by_a_redirect(site, shop, session):
    moved = [photo for photo in shop.photos if "/moved/" in site.url_of(photo)]

    response = session.get(site.url_of(moved[0]), timeout=10, allow_redirects=False)

    assert len(moved) >= 3
    assert response.status_code == 302
    assert response.headers["Location"] == f"/photos/{moved[0].file}"


def test_some_photos_answer_503_once_and_then_as_they_should(site, shop, session):
    answers = {}
    for photo in shop.photos:
        url = f"{site.url}/photos/{photo.file}"
        answers[photo.file] = [session.get(url, timeout=10) for _ in range(2)]

    busy = [first for first, _ in answers.values() if first.status_code == 503]
    assert 3 <= len(busy) <= len(shop.photos) / 20
    assert {first.headers["Retry-After"] for first in busy} <= {"0", "1"}
    assert all(second.status_code == 200 for _, second in answers.values())


def test_robots_forbids_the_private_folder_and_nothing_else(site, shop, session):
    text = session.get(f"{site.url}/robots.txt", timeout=10).text
    rules = Protego.parse(text)

    assert not rules.can_fetch(f"{site.url}/{shop.forbidden[0]}", "mekiki")
    assert rules.can_fetch(site.url_of(shop.photos[0]), "mekiki")
    assert rules.crawl_delay("mekiki") is None


def test_pages_name_forbidden_photos_and_the_log_tells_who_fetched_them(
    site, shop, session
):
    pages = _pages(site, session, shop.categories[0])
    named = set().union(*(_originals_named(site, page) for page in pages))
    assert named & set(shop.forbidden)
    assert site.forbidden_fetched == 0

    session.get(f"{site.url}/{shop.forbidden[0]}", timeout=10)
    session.get(f"{site.url}/go/press-kit.jpg", timeout=10)  # a redirect into it

    assert site.forbidden_fetched == 2
    assert sum(path.startswith(f"/{FORBIDDEN}/") for path in site.fetched) == 2


def test_pages_name_a_broken_link_and_a_page_called_jpg(site, session):
    page = _pages(site, session, "Offset")[0]
    urls = [urljoin(site.url, str(img["src"])) for img in page.select("aside img")]
    answers = [session.get(url, timeout=10) for url in urls if FORBIDDEN not in url]

    assert sorted(answer.status_code for answer in answers) == [200, 404]
    assert all("text/html" in answer.headers["Content-Type"] for answer in answers)
    assert all(answer.url.endswith(".jpg") for answer in answers)


def test_full_name_of_a_category_leads_to_its_page(site, session):
    response = session.get(f"{site.url}/category/Flying%20V", timeout=10)

    assert [step.status_code for step in response.history] == [301]
    assert response.url == f"{site.url}/category/flying-v"


@pytest.mark.parametrize(
    "path",
    [
        "/category/banjo",
        "/category/offset?page=99",
        "/category/offset?page=0",
        "/category/offset?page=two",
        "/photos/offset/none.jpg",
        "/photos/w999/offset/none.jpg",
        "/photos/../planted.json",
        "/photos/%2e%2e/planted.json",
        "/nothing",
    ],
)
def test_unknown_address_answers_404(site, session, path):
    assert session.get(site.url + path, timeout=10).status_code == 404


def test_head_answers_as_get_does_without_the_body(site, shop, session):
    url = f"{site.url}/photos/{shop.photos[-1].file}"
    head, get = session.head(url, timeout=10), session.get(url, timeout=10)

    assert head.status_code == get.status_code
    assert head.headers["Content-Length"] == get.headers["Content-Length"]
    assert head.content == b""


def test_connection_stays_open_and_every_request_is_logged(site, session):
    for _ in range(3):
        response = session.get(f"{site.url}/", timeout=10, stream=True)
        local = response.raw.connection.sock.getsockname()
        response.close()
        assert response.raw.version == 11

    assert local
    assert [(hit.method, hit.path, hit.status) for hit in site.hits] == [
        ("GET", "/", 200)
    ] * 3


def test_slow_page_comes_in_parts_and_whole(site, shop, session):
    start = time.monotonic()
    url = f"{site.url}/category/single-cut?page=2"
    parts = list(session.get(url, timeout=10, stream=True).iter_content(512))

    assert b"".join(parts).rstrip().endswith(b"</html>")
    assert time.monotonic() - start > 0.3  # never faster than its pauses
