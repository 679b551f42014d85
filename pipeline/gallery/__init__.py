"""What dedup found, on one HTML page that needs nothing but itself.

Comes in: the images, their groups, scores and flags, and what is said of each group.
Goes out: ``groups.html`` in the set's cache, which taking a photo down empties. It
shows the photos found under several categories, the groups of copies with the reason
why, and the flagged photos with their scores. Of a large set it shows the first of
each kind, and says of how many; where nothing changed it stays as it is.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from pipeline.catalog.photos import Grouping, Photo, StoredImage
from pipeline.gallery.contents import choose_contents
from pipeline.gallery.page import write_page
from pipeline.home import SetFolder
from pipeline.images import ImageStore
from pipeline.writing import part_of

PAGE = "groups.html"
_METHOD = 3  # raised where the same findings would be shown otherwise
_HEAD = 400  # bytes of a page in which its digest stands


def gallery_file(folder: SetFolder) -> Path:
    """Return where the set's gallery lies, or would."""
    return folder.cache / PAGE


def write_gallery(
    folder: SetFolder,
    images: Sequence[StoredImage],
    groupings: Sequence[Grouping],
    photos: Sequence[Photo],
) -> Path:
    """Write the set's gallery where it would say something else than it does.

    Args:
        folder: The set.
        images: Every image of its store.
        groupings: What dedup found out about them.
        photos: The kept image of every group, with its label and status.

    Raises:
        OSError: It can't be written.
    """
    out = gallery_file(folder)
    said = [(photo.group_id, photo.status, photo.label) for photo in photos]
    found = (_METHOD, folder.name, list(images), list(groupings), said)
    digest = hashlib.sha256(repr(found).encode()).hexdigest()
    if _is_there(out, digest):
        return out
    contents = choose_contents(images, groupings, photos)
    out.parent.mkdir(parents=True, exist_ok=True)
    with part_of(out) as part:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            part.chmod(0o644)  # for others to read, whatever the umask
            write_page(file, folder.name, digest, contents, ImageStore(folder.images))
        part.replace(out)
    return out


def _is_there(page: Path, digest: str) -> bool:
    try:
        with page.open("rb") as file:
            return digest.encode() in file.read(_HEAD)
    except OSError:
        return False
