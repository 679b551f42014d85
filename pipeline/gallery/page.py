"""Contents → groups.html: pictures as data, styles inside, no request to anywhere.

The page is written as its pictures are made, so that it needs the same memory for any
set; and it is at most about 4,000 small pictures long.
"""

from collections.abc import Mapping
from typing import TextIO
from urllib.parse import unquote

from pipeline.catalog.photos import StoredImage
from pipeline.gallery.contents import Contents
from pipeline.images import ImageStore
from pipeline.pages import link, small_picture, templates_of

SIDE = 150  # pixels of a picture's longer side at most


def write_page(
    file: TextIO, name: str, digest: str, contents: Contents, store: ImageStore
) -> None:
    """Write the gallery of set ``name``.

    Args:
        file: Takes the page, piece by piece.
        name: The set.
        digest: Of what the page shows; it stands at its head.
        contents: What is shown.
        store: Has the pictures; one that can't be read is said to be so.

    Raises:
        OSError: The file can't be written.
    """
    templates = templates_of("pipeline.gallery")

    def picture(image: StoredImage) -> str:
        return small_picture(store.path(image.sha256, image.extension), SIDE)

    filters = {
        "count": count,
        "file_name": file_name,
        "link": link,
        "surest": surest,
        "picture": picture,
    }
    templates.filters.update(filters)
    template = templates.get_template("gallery.html")
    file.writelines(template.generate(name=name, digest=digest, found=contents))


def count(number: int, word: str) -> str:
    """Return a number of things in words: "1 photo", "2,000 copies"."""
    many = f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
    return f"{number:,} {word if number == 1 else many}"


def file_name(origin: str) -> str:
    """Return the last part of where an image came from, as people read it."""
    is_url = bool(link(origin))
    path = origin.partition("?")[0] if is_url else origin.replace("\\", "/")
    last = path.rstrip("/").rpartition("/")[2]
    return (unquote(last) if is_url else last) or origin


def surest(scores: Mapping[str, float], flag: str) -> str:
    """Return a flag's score with two digits, "" where it has none.

    Args:
        scores: By name, 0..1.
        flag: As a section is called: "extreme aspect".
    """
    score = scores.get(flag.replace(" ", "_"))
    return "" if score is None else f"{score:.2f}"
