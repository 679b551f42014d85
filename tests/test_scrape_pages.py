import json

import pytest

from pipeline.errors import InputError
from pipeline.scrape.sources.pages.following import find_next_page, site_name
from pipeline.scrape.sources.pages.markup import decode_page, read_markup
from pipeline.scrape.sources.pages.pictures import Picture, find_pictures

PAGE = "https://shop.test/guitars/page.html"
PHOTOS = "https://shop.test/guitars/"


def pictures(html: str) -> list[Picture]:
    return find_pictures(read_markup(html.encode(), PAGE))


def found(html: str) -> list[str]:
    """Return the addresses found, the folder of the page left out."""
    return [picture.url.removeprefix(PHOTOS) for picture in pictures(html)]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        pytest.param('<img src="a.jpg">', ["a.jpg"], id="src"),
        pytest.param('<img src=" a b.jpg#top ">', ["a%20b.jpg"], id="odd address"),
        pytest.param('<IMG SRC="/A.JPG">', ["https://shop.test/A.JPG"], id="capitals"),
        pytest.param(
            '<img src="//cdn.test/a.jpg">', ["https://cdn.test/a.jpg"], id="no scheme"
        ),
        pytest.param(
            '<base href="https://cdn.test/x/"><img src="a.jpg">',
            ["https://cdn.test/x/a.jpg"],
            id="base",
        ),
        pytest.param(
            '<img src="s.jpg" srcset="m.jpg 640w, l.jpg 1280w, s.jpg 320w">',
            ["l.jpg"],
            id="srcset by width",
        ),
        pytest.param(
            '<img src="s.jpg" srcset="s.jpg, l.jpg 2x">', ["l.jpg"], id="by density"
        ),
        pytest.param(
            '<img srcset="/w_400,h_300/a.jpg 400w,/w_800,h_600/a.jpg 800w">',
            ["https://shop.test/w_800,h_600/a.jpg"],
            id="srcset with commas in its addresses",
        ),
        pytest.param(
            '<picture><source type="image/webp" srcset="a.webp 800w, b.webp 1600w">'
            '<source type="image/svg+xml" srcset="d.svg 9000w">'
            '<img src="a.jpg"></picture>',
            ["b.webp"],
            id="picture",
        ),
        pytest.param(
            '<picture><source data-srcset="a.webp"><img src="blank.gif"></picture>',
            ["a.webp"],
            id="lazy picture",
        ),
        pytest.param(
            '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" data-src="a.jpg">',
            ["a.jpg"],
            id="lazy behind a data URI",
        ),
        pytest.param(
            '<img src="blank.gif" data-original="a.jpg">', ["a.jpg"], id="data-original"
        ),
        pytest.param(
            '<img src="blank.gif" data-srcset="a.jpg 300w, b.jpg 900w">',
            ["b.jpg"],
            id="data-srcset",
        ),
        pytest.param(
            '<img src="s.jpg" srcset="m.jpg 600w" data-zoom-image="xl.jpg">',
            ["xl.jpg"],
            id="enlarged by a script",
        ),
        pytest.param(
            '<img src="a.jpg" data-src="true" data-full="1.5" data-image=\'{"id":1}\'>',
            ["a.jpg"],
            id="data attributes that are no address",
        ),
        pytest.param(
            '<noscript><img src="a.jpg"></noscript>', ["a.jpg"], id="noscript"
        ),
        pytest.param(
            '<img src="blank.gif" data-src="a.jpg"><noscript>'
            '<img src="b.jpg"></noscript><img src="c.jpg">',
            ["a.jpg", "c.jpg"],
            id="one picture, again for browsers without scripts",
        ),
        pytest.param(
            '<a href="/full/a.jpeg"><img src="thumb.jpg" srcset="t.jpg 400w"></a>',
            ["https://shop.test/full/a.jpeg"],
            id="thumbnail in a link to the original",
        ),
        pytest.param(
            '<a href="/wiki/File:A.jpg"><img src="thumb.jpg"></a>',
            ["thumb.jpg"],
            id="thumbnail in a link to a wiki's page",
        ),
        pytest.param(
            '<a href="a.html"><img src="a.jpg"></a>', ["a.jpg"], id="link to a page"
        ),
        pytest.param(
            '<img src="a.jpg"><img src="b.jpg"><img src="a.jpg">',
            ["a.jpg", "b.jpg"],
            id="once each, in page order",
        ),
        pytest.param(
            '<img src="t.gif" width="1" height="1"><img src="t.gif" width=1 height=1px>'
            '<img src="logo.svg"><img><img src=""><img src="javascript:x()">'
            '<img src="data:image/png;base64,AAAA"><img src="http://[bad/a.jpg">',
            [],
            id="what is sure to be no photo",
        ),
        pytest.param(
            f'<img src="{"x" * 3000}.jpg"><img src="a.jpg">',
            ["a.jpg"],
            id="longer than a catalog can hold",
        ),
        pytest.param(
            '<img src="line.gif" width="800" height="1">', ["line.gif"], id="not sure"
        ),
    ],
)
def test_a_picture_is_found_under_its_best_address(html, expected):
    assert found(html) == expected


def test_what_the_page_is_about_leads():
    product = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": "SG",
        "image": ["j1.jpg", "j2.jpg"],
        "brand": {"@type": "Brand", "logo": "logo.png", "image": "brand.png"},
    }
    html = f"""
      <meta property="og:image" content="og1.jpg"><meta property="og:image"
      content="og2.jpg"><meta property="og:image:secure_url" content="og1-again.jpg">
      <meta name="twitter:image" content="card.jpg"><img src="banner.jpg">
      <script type="application/ld+json">{json.dumps(product)}</script>"""

    named = ["og1.jpg", "j1.jpg", "card.jpg", "og2.jpg", "j2.jpg"]
    assert found(html) == [*named, "banner.jpg"]


def test_a_page_that_names_its_picture_in_one_odd_way_is_understood():
    secure = '<meta property="og:image:secure_url" content="a.jpg"><img src="b.jpg">'
    card = '<img src="b.jpg"><meta property="twitter:image:src" content="a.jpg">'

    assert found(secure) == found(card) == ["a.jpg", "b.jpg"]


def test_a_picture_that_json_ld_names_by_its_id_has_the_title_of_its_subject():
    html = """<script type="application/ld+json">{"@graph": [
      {"@type": "Article", "headline": "SG", "image": {"@id": "#main"}},
      {"@type": "WebPage", "primaryImageOfPage": {"@id": "#main"}},
      {"@type": "Recipe", "name": "Jam", "image": {"@id": "#nowhere"}},
      {"@type": "ImageObject", "@id": "#main", "url": "a.jpg", "caption": "c"}
      ]}</script>"""

    assert pictures(html) == [Picture(f"{PHOTOS}a.jpg", "SG")]


@pytest.mark.parametrize(
    ("linked", "expected"),
    [
        ('{"@type": "Product", "image": "a.jpg"}', ["a.jpg"]),
        (
            '{"@type": ["Car", "http://schema.org/Product"], "image": "a.jpg"}',
            ["a.jpg"],
        ),
        (
            '{"@type":"Product","image":[{"@type":"ImageObject","url":"a.jpg"},"b.jpg"]}',
            ["a.jpg", "b.jpg"],
        ),
        (
            '{"@type":"Product","image":{"contentUrl":"a.jpg","url":"p.html"}}',
            ["a.jpg"],
        ),
        (
            '{"@graph":[{"@type":"WebPage"},{"@type":"product","image":"a.jpg"}]}',
            ["a.jpg"],
        ),
        (
            '[{"@type":"ItemList","itemListElement":[{"item":'
            '{"@type":"Product","image":"a.jpg"}}]}]',
            ["a.jpg"],
        ),
        ('{"@type":"Person","image":"face.jpg"}', []),
        ('<!-- {"@type":"Product","image":"a.jpg",} -->', ["a.jpg"]),
        ('//<![CDATA[\n{"@type":"Product","image":"a.jpg"};\n//]]>', ["a.jpg"]),
        ('{"@type":"Product","name":"two\nlines","image":"a.jpg"}', ["a.jpg"]),
        ('{"@type":"Product","image":"a.jpg"', []),
        ('{"@type":"Product","image":{}}', []),
        ("null", []),
        ("[" * 5000, []),
        ('{"a":' * 90 + '{"@type":"Product","image":"a.jpg"}' + "}" * 90, []),
    ],
)
def test_json_ld_is_read_as_shops_write_it(linked, expected):
    assert found(f'<script type="application/ld+json">{linked}</script>') == expected


def test_titles_and_licences_come_with_the_pictures():
    html = """
      <meta property="og:image" content="og.jpg"><meta property="og:title" content="A">
      <script type="application/ld+json">{"@type": "ImageObject", "contentUrl":
      "io.jpg", "name": "B", "creator": {"name": "Jo"}, "license": "https://l.test/1"}
      </script>
      <img src="c.jpg" alt="  C  is\n here "><img src="d.jpg" title="D">
      <img src="og.jpg" alt="never"><img src="io.jpg">
      <a rel="license" href="https://l.test/by">CC <b>BY</b></a>"""
    by = ("CC BY", "https://l.test/by")

    assert pictures(html) == [
        Picture(f"{PHOTOS}og.jpg", "A", "", *by),
        Picture(f"{PHOTOS}io.jpg", "B", "Jo", "", "https://l.test/1"),
        Picture(f"{PHOTOS}c.jpg", "C is here", "", *by),
        Picture(f"{PHOTOS}d.jpg", "D", "", *by),
    ]


def test_words_that_no_catalog_can_hold_are_mended():
    html = """<img src="a.jpg" alt="A&#0;\0 B"><script type="application/ld+json">
      {"@type": "Product", "name": "x\\ud83d", "image": ["j.jpg", "\\ud83d.jpg"]}
      </script>"""

    assert pictures(html) == [
        Picture(f"{PHOTOS}j.jpg", "x?"),
        Picture(f"{PHOTOS}a.jpg", "A\ufffd B"),
    ]


@pytest.mark.parametrize(
    "html",
    [
        '<link rel="next" href="?page=2">',
        '<a rel="nofollow next" href="?page=2">more</a>',
        '<a href="?page=2"> Next » </a>',
        '<a href="?page=2">次へ &gt;</a>',
        '<a href="?page=2"><b>次のページ</b></a>',
        '<a href="?page=2" aria-label="Next page"><svg></svg></a>',
        '<a href="#">Next</a><a href="?page=2">NEXT</a>',
    ],
)
def test_the_next_page_is_found(html):
    assert find_next_page(read_markup(html.encode(), PAGE)) == f"{PAGE}?page=2"


@pytest.mark.parametrize(
    "html",
    [
        "",
        '<a href="?page=2">2</a>',
        '<a href="#">Next</a>',
        "<a>Next</a>",
        '<a href="x">The next generation</a>',
        '<a rel="next" href="mailto:a@b.c">x</a>',
    ],
)
def test_no_next_page_is_made_up(html):
    assert find_next_page(read_markup(html.encode(), PAGE)) is None


def test_a_site_is_the_same_with_and_without_www():
    assert site_name("https://www.Shop.test/a") == site_name("http://shop.test/b")
    assert site_name("https://shop.test") != site_name("https://evil.test")
    assert site_name("https://shop.test") != site_name("https://shop.test:8443")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<p>目利き".encode("cp932"), "text/html; charset=Shift_JIS"),
        ('<meta charset="euc-jp"><p>目利き'.encode("euc-jp"), "text/html"),
        ("<p>目利き".encode("utf-8-sig"), "text/html; charset=shift_jis"),
        ("<p>目利き".encode("utf-16"), "text/html"),
        ("<p>目利き".encode(), ""),
        ("<p>目利き".encode(), "text/html; charset=no-such-charset"),
        ("<p>目利き".encode(), "text/html; charset=undefined"),
        ('<meta charset="idna"><p>目利き'.encode(), "text/html"),
        ('<meta charset="utf-16"><p>目利き'.encode(), "text/html"),
    ],
)
def test_a_page_is_decoded_as_it_says_it_is(body, content_type):
    assert decode_page(body, content_type).endswith("<p>目利き")


@pytest.mark.parametrize("charset", ["undefined", "idna", "punycode", "rot13"])
def test_a_charset_that_decodes_nothing_is_not_believed(charset):
    body = b"<p>SG \xff"

    assert decode_page(body, f"text/html; charset={charset}") == "<p>SG \ufffd"


def test_windows_letters_under_the_name_of_latin_1_are_read():
    assert decode_page(b"\x93SG\x94 \xe9", "text/html; charset=iso-8859-1") == "“SG” é"
    assert decode_page(b"\xe9 \x81", "") == "é \ufffd"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\xff" * 500,
        b"<" * 3000,
        b"<div>" * 3000,
        b"<![if x]><!DOCTYPE",
        b"<?xml version='1.0'?><a/>",
        b"photo.jpg",
        b"<base href='http://['><img src=a>",
        b"<p>&#" + b"1" * 5000 + b";",
        b'<img alt="&#' + b"1" * 5000 + b';" src=a>',
    ],
)
def test_a_broken_page_does_not_stop_the_crawl(body):
    try:
        markup = read_markup(body, PAGE)
    except InputError:
        return  # recorded as the page's reason
    assert isinstance(find_pictures(markup), list)
    assert find_next_page(markup) is None
