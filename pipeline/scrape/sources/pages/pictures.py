"""Which pictures a page shows, each by the best address it gives for it.

``og:image``, JSON-LD and ``twitter:image`` name what the page is about, so they lead;
then come the pictures in page order. One picture may be written in many ways
(``src``, ``srcset``, ``picture``, lazy ``data-*``, a ``noscript`` copy, a thumbnail in
a link to the original): it is listed once, under the address of the largest version.
Left out, because sure to be no photo: ``data:`` URIs, SVG drawings, 1x1 trackers.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from bs4 import Tag

from pipeline.scrape.sources.pages.jsonld import linked_data_pictures
from pipeline.scrape.sources.pages.markup import Markup, plain_text

_PHOTO_FILE = re.compile(r"\.(jpe?g|jfif|png|webp|gif|bmp|tiff?|avif)$", re.IGNORECASE)
_DRAWING = re.compile(r"\.svgz?$", re.IGNORECASE)
_NOT_PIXELS = ("image/svg+xml", "image/jxl", "image/heic", "image/jp2")
# Attributes of scripts that load or enlarge pictures later, best first.
_LARGE = (
    "data-zoom-image",
    "data-large_image",
    "data-large-image",
    "data-large-src",
    "data-full-src",
    "data-full",
    "data-hires",
    "data-high-res-src",
)
_LAZY = (
    "data-original",
    "data-src",
    "data-lazy-src",
    "data-lazy",
    "data-lazyload",
    "data-image",
    "data-img-src",
    "data-hi-res-src",
)
_LAZY_SETS = ("data-srcset", "data-lazy-srcset", "data-original-set", "srcset")
_SRCSET_PART = re.compile(r"\s*([^\s,]\S*[^\s,]|[^\s,])(?:\s+([^,]*))?\s*(?:,|$)")
_DESCRIPTOR = re.compile(r"(\d+(?:\.\d+)?)([wx])")

# How much an address promises, before its size counts.
_SHOWN, _DEFERRED, _CHOSEN, _SIZED, _ENLARGED, _LINKED = range(6)


@dataclass(frozen=True)
class Picture:
    """A picture that a page shows."""

    url: str
    title: str = ""
    author: str = ""
    licence: str = ""
    licence_url: str = ""


@dataclass(frozen=True)
class _Version:
    """One address of a picture; the greatest (rank, size) is the best."""

    rank: int
    size: float  # pixels wide or times dense, 0 where unknown
    url: str


def find_pictures(markup: Markup) -> list[Picture]:
    """List the pictures of a page, once each."""
    name, address = _page_licence(markup)
    shown: dict[str, Picture] = {}
    for picture in (*_named(markup), *_in_page_order(markup)):
        licensed = picture
        if not (picture.licence or picture.licence_url):
            licensed = Picture(
                picture.url, picture.title, picture.author, name, address
            )
        known = shown.setdefault(picture.url, licensed)
        if not known.title and picture.title:
            shown[picture.url] = Picture(
                known.url,
                picture.title,
                known.author,
                known.licence,
                known.licence_url,
            )
    return list(shown.values())


def _named(markup: Markup) -> list[Picture]:
    """List what the page says it is about, the first of each way to say so first."""
    title = next(iter(_meta(markup, "og:title")), "")
    graph = _of_meta(markup, title, "og:image", "og:image:url")
    if not graph:  # the same once more, as a rule
        graph = _of_meta(markup, title, "og:image:secure_url")
    cards = _of_meta(markup, title, "twitter:image", "twitter:image:src")
    linked = [
        Picture(url, item.title, item.author, "", item.licence_url)
        for item in linked_data_pictures(markup.soup)
        if (url := markup.address(item.url)) and not _is_drawing(url)
    ]
    return [*graph[:1], *linked[:1], *cards[:1], *graph[1:], *linked[1:]]


def _of_meta(markup: Markup, title: str, *names: str) -> list[Picture]:
    return [
        Picture(url, title)
        for url in map(markup.address, _meta(markup, *names))
        if url and not _is_drawing(url)
    ]


def _meta(markup: Markup, *names: str) -> list[str]:
    found: list[str] = []
    for tag in markup.soup.find_all("meta"):
        name = tag.get("property") or tag.get("name")
        if isinstance(name, str) and name.strip().lower() in names:
            found.append(plain_text(tag.get("content")))
    return found


def _page_licence(markup: Markup) -> tuple[str, str]:
    """Return the licence that the page gives for what is on it: name, address."""
    tag = markup.soup.select_one('a[rel~="license" i][href], link[rel~="license" i]')
    if tag is None:
        return "", ""
    return plain_text(tag.get_text(" ")), markup.address(tag.get("href")) or ""


def _in_page_order(markup: Markup) -> Iterator[Picture]:
    done: set[int] = set()  # tags that were taken as a version of a picture before
    for tag in markup.soup.find_all(["img", "amp-img"]):
        if id(tag) in done or _is_tracker(tag):
            continue
        versions = list(_versions(markup, tag))
        copy = _noscript_copy(tag)
        if copy is not None:
            done.add(id(copy))
            versions += _versions(markup, copy)
        wanted = [version for version in versions if not _is_drawing(version.url)]
        if wanted:
            best = max(wanted, key=lambda version: (version.rank, version.size))
            words = (_said(tag), _said(copy) if copy is not None else "")
            yield Picture(best.url, next(filter(None, words), ""))


def _versions(markup: Markup, tag: Tag) -> Iterator[_Version]:
    """Yield every address that stands for the picture of an ``img``."""
    link = tag.find_parent("a")
    linked = markup.address(link.get("href")) if link else None
    if linked and _is_photo_file(linked):
        yield _Version(_LINKED, 0, linked)
    for rank, names in ((_ENLARGED, _LARGE), (_DEFERRED, _LAZY), (_SHOWN, ("src",))):
        for name in names:
            url = markup.address(tag.get(name))
            if url and (rank == _SHOWN or _is_like_an_address(str(tag.get(name)))):
                yield _Version(rank, 0, url)
                break
    for holder in (*_sources(tag), tag):
        for name in _LAZY_SETS:
            yield from _of_srcset(markup, str(holder.get(name) or ""))
    for holder in _sources(tag):
        url = markup.address(holder.get("data-src"))
        if url:
            yield _Version(_DEFERRED, 0, url)


def _sources(tag: Tag) -> list[Tag]:
    """List the ``source`` elements of the ``picture`` around an ``img``."""
    around = tag.find_parent("picture")
    if around is None:
        return []
    return [
        source
        for source in around.find_all("source")
        if str(source.get("type") or "").strip().lower() not in _NOT_PIXELS
    ]


def _of_srcset(markup: Markup, srcset: str) -> Iterator[_Version]:
    for match in _SRCSET_PART.finditer(srcset):
        url = markup.address(match[1])
        if url is None:
            continue
        sizes = {
            kind: float(size) for size, kind in _DESCRIPTOR.findall(match[2] or "")
        }
        if "w" in sizes:
            yield _Version(_SIZED, sizes["w"], url)
        else:
            yield _Version(_CHOSEN, sizes.get("x", 1.0), url)


def _noscript_copy(tag: Tag) -> Tag | None:
    """Return the ``img`` for browsers without scripts that follows a lazy one."""
    place: Tag | None = tag.find_parent("picture") or tag
    follower = place.find_next_sibling() if place else None
    if not isinstance(follower, Tag) or follower.name != "noscript":
        return None
    images = follower.find_all("img")
    return images[0] if len(images) == 1 else None


def _is_tracker(tag: Tag) -> bool:
    """Say whether an ``img`` is declared to be at most one pixel large."""
    sides = [str(tag.get(name) or "").strip() for name in ("width", "height")]
    return all(side in {"0", "1", "0px", "1px"} for side in sides)


def _is_like_an_address(value: str) -> bool:
    """Tell an address from the flags and JSON that ``data-*`` also hold."""
    text = value.strip()
    is_address = "/" in text or _PHOTO_FILE.search(text) is not None
    return is_address and not text.startswith(("{", "["))


def _is_photo_file(url: str) -> bool:
    """Say whether a link leads to a photo, not to a wiki's page about it."""
    name = urlsplit(url).path.rpartition("/")[2]
    return ":" not in name and _PHOTO_FILE.search(name) is not None


def _is_drawing(url: str) -> bool:
    return _DRAWING.search(urlsplit(url).path) is not None


def _said(tag: Tag) -> str:
    return plain_text(tag.get("alt")) or plain_text(tag.get("title"))
