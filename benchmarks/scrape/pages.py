"""Real saved pages: whether their pictures are found, the main one above all.

The pages are parsed by the functions that the stage uses. Two judges, neither of them
ours: what a page's own head says (``og:image``, ``twitter:image``, JSON-LD), read with
nothing but the standard library; and Chromium, which lays the page out.
"""

import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from benchmarks.figures import Figure
from benchmarks.scrape.browser import BrowserError, shown_images
from pipeline.errors import InputError
from pipeline.scrape.sources.pages.markup import read_markup
from pipeline.scrape.sources.pages.pictures import find_pictures

FOLDERS = ("html_products", "html_recipes_subset")
FIRST = 3  # candidates among which the main image must be
_GRAPH = ("og:image", "og:image:url", "og:image:secure_url")
_CARD = ("twitter:image", "twitter:image:src")
_SUBJECTS = frozenset({"product", "productgroup", "recipe", "article", "blogposting"})

_Address = tuple[str, str, str]


@dataclass(frozen=True)
class SavedPage:
    """A page as it was saved, and where it is taken to be from."""

    name: str
    url: str
    body: bytes


def page_figures(data: Path | None) -> dict[str, Figure]:
    """Count parsed pages, main images among the first candidates, and shown images."""
    pages = list(_saved(data)) if data is not None else []
    if not pages:
        reason = f"MEKIKI_TEST_DATA holds no {' or '.join(FOLDERS)}"
        missing = Figure(None, unit="share", note=reason)
        return dict.fromkeys(
            ("pages_parsed", "main_image_found", "shown_images_found"), missing
        )
    found = {page.name: _pictures(page) for page in pages}
    parsed = [page for page in pages if found[page.name] is not None]
    return {
        "pages_parsed": Figure(
            len(parsed) / len(pages), goal=1.0, unit="share", note=f"{len(pages)} pages"
        ),
        "main_image_found": _main_images(parsed, found),
        "shown_images_found": _shown_images(parsed, found),
    }


def _saved(data: Path) -> Iterator[SavedPage]:
    for folder in FOLDERS:
        for file in sorted((data / folder).glob("*.html.gz")):
            site = file.name.split("__")[0] if "__" in file.name else "shop.test"
            url = f"https://{site}/saved/page.html"
            yield SavedPage(file.name, url, gzip.decompress(file.read_bytes()))


def _pictures(page: SavedPage) -> list[str] | None:
    """Return the addresses that mekiki finds, ``None`` if it can't parse the page."""
    try:
        markup = read_markup(page.body, page.url, "text/html")
    except InputError:
        return None
    return [picture.url for picture in find_pictures(markup)]


def _main_images(
    pages: Sequence[SavedPage], found: Mapping[str, list[str] | None]
) -> Figure:
    """Return the share of pages whose every main image is among the first."""
    named = {page.name: list(_named_images(page)) for page in pages}
    told = {name: addresses for name, addresses in named.items() if addresses}
    hits = 0
    for name, addresses in told.items():
        first = {_bare(url) for url in (found[name] or ())[:FIRST]}
        hits += all(_bare(address) in first for address in addresses)
    return Figure(
        hits / len(told),
        goal=0.95,
        unit="share",
        note=f"{hits} of the {len(told)} pages that name one",
    )


def _shown_images(
    pages: Sequence[SavedPage], found: Mapping[str, list[str] | None]
) -> Figure:
    """Return the share of the images that Chromium shows that mekiki found.

    An image counts as found where mekiki lists the address that is shown, or a better
    one that the same element gives (its ``srcset``, a link to the original, ...).
    """
    shown = hits = 0
    try:
        judged = shown_images((page.url, page.body) for page in pages)
        for page, images in zip(pages, judged, strict=True):
            ours = {_bare(url) for url in found[page.name] or ()}
            shown += len(images)
            hits += sum(
                any(_bare(address) in ours for address in addresses)
                for addresses in images
            )
    except BrowserError as error:
        return Figure(None, unit="share", note=str(error))
    return Figure(
        hits / max(1, shown),
        unit="share",
        note=f"{hits:,} of {shown:,} images that Chromium shows",
    )


class _Head(HTMLParser):
    """Gathers what a page says of itself."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.metas: list[tuple[str, str]] = []
        self.scripts: list[str] = []
        self.base = ""
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep metas and the base; note where JSON-LD begins."""
        held = {name: value or "" for name, value in attrs}
        if tag == "meta":
            name = held.get("property") or held.get("name") or ""
            self.metas.append((name.strip().lower(), held.get("content", "").strip()))
        elif tag == "base":
            self.base = self.base or held.get("href", "")
        elif tag == "script" and "ld+json" in held.get("type", ""):
            self.scripts.append("")
            self._in_script = True

    def handle_endtag(self, tag: str) -> None:
        """Note where JSON-LD ends."""
        self._in_script &= tag != "script"

    def handle_data(self, data: str) -> None:
        """Keep JSON-LD."""
        if self._in_script:
            self.scripts[-1] += data


def _named_images(page: SavedPage) -> Iterator[str]:
    """Yield the first image of each way in which the page names one."""
    head = _Head()
    head.feed(page.body.decode("utf-8", "replace"))
    base = urljoin(page.url, head.base)
    for names in (_GRAPH, _CARD):
        of_kind = [content for name, content in head.metas if name in names and content]
        if of_kind:
            yield urljoin(base, of_kind[0])
    for script in head.scripts:
        try:
            images = list(_subject_images(json.loads(script, strict=False)))
        except ValueError:
            continue
        if images:
            yield urljoin(base, images[0])
            return


def _subject_images(node: object) -> Iterator[str]:
    """Yield what products, recipes and articles in JSON-LD have as their ``image``."""
    if isinstance(node, list):
        for part in node:
            yield from _subject_images(part)
    elif isinstance(node, dict):
        kinds = str(node.get("@type")).lower()
        if _SUBJECTS & set(re.findall(r"\w+", kinds)):
            image = node.get("image")
            while isinstance(image, list | dict) and image:
                image = image[0] if isinstance(image, list) else image.get("url")
            if isinstance(image, str) and image:
                yield image
        for part in node.values():
            yield from _subject_images(part)


def _bare(url: str) -> _Address:
    """Return an address such that two ways to write it are equal."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ("", url, "")
    default = {"http": ":80", "https": ":443"}.get(parts.scheme, ":")
    netloc = parts.netloc.lower().removesuffix(default)
    return (netloc, unquote(parts.path), unquote(parts.query))
