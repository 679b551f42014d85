"""The pictures that a page's JSON-LD names (schema.org), broken JSON included.

Taken are those of products, and of what else a page may be about (recipes, articles,
pictures themselves); not the portraits of authors or the logos of shops. A subject
may name its picture by the ``@id`` of a node elsewhere on the page.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bs4 import BeautifulSoup

from pipeline.scrape.sources.pages.markup import plain_text

_SUBJECTS = frozenset(
    {
        "product",
        "productgroup",
        "productmodel",
        "individualproduct",
        "someproducts",
        "vehicle",
        "car",
        "book",
        "recipe",
        "article",
        "newsarticle",
        "blogposting",
        "imageobject",
        "photograph",
        "visualartwork",
    }
)
# What hangs on a subject without being it.
_ASIDE = frozenset(
    {"author", "brand", "creator", "logo", "manufacturer", "publisher", "review"}
)
_DEEPEST = 50  # nested objects; real pages stay below ten

_Node = Mapping[str, object]


@dataclass(frozen=True)
class LinkedPicture:
    """A picture as JSON-LD tells of it; the URL as it is written."""

    url: str
    title: str
    author: str
    licence_url: str


def linked_data_pictures(soup: BeautifulSoup) -> list[LinkedPicture]:
    """List the pictures in all JSON-LD of a page, in its order."""
    scripts = [
        _parse(script.get_text())
        for script in soup.find_all("script")
        if "ld+json" in str(script.get("type") or "").lower()
    ]
    nodes = [node for script in scripts for node in _walk(script, 0)]
    by_id = {
        str(node["@id"]): node
        for node in reversed(nodes)
        if "@id" in node and "imageobject" in _types(node)
    }
    return [
        picture
        for node in nodes
        if _types(node) & _SUBJECTS
        for picture in _pictures_of(node, by_id)
    ]


def _parse(text: str) -> object:
    """Parse JSON as pages hold it; ``None`` where nothing helps."""
    for attempt in (text, _mended(text)):
        try:
            return json.loads(attempt, strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def _mended(text: str) -> str:
    """Take away what pages often have around or inside their JSON."""
    text = re.sub(r"<!--|-->|/?/?<!\[CDATA\[|(?://)?\]\]>|/\*.*?\*/", "", text)
    text = re.sub(r",(\s*[}\]])", r"\1", text)
    return text.strip().rstrip(";")


def _walk(node: object, depth: int) -> Iterator[_Node]:
    """Yield every object that is not an aside, the outer before the inner."""
    if depth > _DEEPEST:
        return
    if isinstance(node, list):
        for part in node:
            yield from _walk(part, depth + 1)
    if not isinstance(node, dict):
        return
    yield node
    for key, part in node.items():
        if key not in _ASIDE and key != "image" and isinstance(part, dict | list):
            yield from _walk(part, depth + 1)


def _pictures_of(node: _Node, by_id: Mapping[str, _Node]) -> Iterator[LinkedPicture]:
    if "imageobject" in _types(node):
        values: list[object] = [node]
    else:
        image = node.get("image")
        values = image if isinstance(image, list) else [image]
    for value in values:
        own: _Node = value if isinstance(value, dict) else {}
        own = by_id.get(str(own.get("@id")), own)
        url = own.get("contentUrl") or own.get("url") if own else value
        for address in url if isinstance(url, list) else [url]:
            if isinstance(address, str) and address.strip():
                yield LinkedPicture(
                    address,
                    _word(node.get("name") or node.get("headline"))
                    or _word(own.get("name") or own.get("caption")),
                    _word(own.get("creditText") or own.get("creator")),
                    _word(own.get("license") or node.get("license")),
                )


def _types(node: _Node) -> set[str]:
    """Return a node's types in lower case, without what stands before the name."""
    written = node.get("@type")
    names = written if isinstance(written, list) else [written]
    return {re.split(r"[/#:]", str(name))[-1].lower() for name in names if name}


def _word(value: object) -> str:
    """Return what is written for people in a value that may be an object."""
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        value = value.get("name") or value.get("@id") or value.get("url")
    return plain_text(value) if isinstance(value, str) else ""
