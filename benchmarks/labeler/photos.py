"""The sets that are labelled: drawn guitars, few or a hundred thousand.

A set of more photos than were drawn repeats them: the same bytes (hard links) under
made-up hashes, each a photo of its own to the catalog. Sets are kept between runs in
the folder for temporary files, under a name that tells how they were made; every
measurement works on a copy of the catalog.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.catalog import Outcome, migrations, opened
from pipeline.catalog.endings import Ending
from pipeline.catalog.finding import Found
from pipeline.catalog.photos import Grouping
from pipeline.demo.shop import SHAPES, draw_photo
from pipeline.home import SetFolder, set_folder
from pipeline.images import ImageFacts, encode_jpeg, inspect_image, thumbnail

CATEGORIES = tuple(SHAPES)
NAME = "guitars"
DRAWN = 2000
SIZE = (600, 800)  # width and height; about 100 KB
_SEED = 6
_QUALITY = 90
_MISPLACED, _CONFLICTS, _FLAGGED = 0.05, 0.03, 0.05  # shares
_COPY_EVERY = 250  # photos: one of them is a copy of the one before it
_AT_ONCE = 2000  # rows a transaction
_FLAGS = ("blurry", "tiny", "dark")
_WHEN = "2026-01-02T03:04:05+00:00"
_RECIPE = 3  # counts up when what is drawn or written changes

# No weights: nothing is learned beside what is measured.
_SETTINGS = '[train]\nweights = "none"\n\n' + "\n".join(
    f'[[category]]\nname = "{name}"\n' for name in CATEGORIES
)


@dataclass(frozen=True)
class Drawn:
    """A drawn photo and its thumbnail."""

    file: Path
    small: Path
    facts: ImageFacts
    category: str  # what it shows


@dataclass(frozen=True)
class Entry:
    """A photo of a set, before it is in a catalog."""

    sha256: str
    drawn: Drawn
    found_as: tuple[str, ...]
    flags: tuple[str, ...]
    is_copy: bool  # of the entry before it


def kept_set(number: int) -> SetFolder:
    """Return a set of ``number`` photos, made now where it is not there yet.

    Not to be labelled itself: see ``fresh_copy``.
    """
    home = _scratch() / f"set-{number}-{_recipe(number)}"
    folder = set_folder(home, NAME)
    if not folder.settings_file.exists():
        print(f"making a set of {number:,} photos (once)")
        for old in _scratch().glob(f"set-{number}-*"):
            shutil.rmtree(old)
        folder.folder.mkdir(parents=True)
        drawn = drawn_photos(min(number, DRAWN))
        entries = list(_entries(drawn, number))
        for entry in entries:
            _link(entry, folder)
        write_catalog(folder, entries)
        folder.settings_file.write_text(_SETTINGS, encoding="utf-8")
    return folder


def fresh_copy(kept: SetFolder, home: Path) -> SetFolder:
    """Return a set with the same photos and a catalog of its own under ``home``."""
    folder = set_folder(home, NAME)
    folder.folder.mkdir(parents=True)
    shutil.copy(kept.settings_file, folder.settings_file)
    shutil.copy(kept.catalog_file, folder.catalog_file)
    for place in ("images", "thumbnails"):
        (folder.folder / place).symlink_to(kept.folder / place)
    return folder


def entries_of(number: int) -> list[Entry]:
    """List what a set of ``number`` photos holds, in the order found."""
    return list(_entries(drawn_photos(min(number, DRAWN)), number))


def drawn_photos(number: int) -> list[Drawn]:
    """Return drawn photos with thumbnails; drawn now where they are not there yet."""
    folder = drawn_folder().parent
    drawn_folder().mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(lambda index: _draw(folder, index), range(number)))


def drawn_folder() -> Path:
    """Return where the drawn photos lie."""
    return _scratch() / f"drawn-{_RECIPE}" / "photos"


def write_catalog(folder: SetFolder, entries: list[Entry]) -> None:
    """Put the photos into the set's catalog: scraped, grouped, not yet labelled."""
    with opened(folder) as catalog:
        for start in range(0, len(entries), _AT_ONCE):
            part = entries[start : start + _AT_ONCE]
            catalog.candidates.add_ended(
                [
                    (_found(entry, category), _ending(entry))
                    for entry in part
                    for category in entry.found_as
                ],
                _WHEN,
            )
        catalog.journal.start_items(_WHEN)
        owners = {image.sha256: image.candidate_id for image in catalog.photos.stored()}
        catalog.photos.write_groupings(_groupings(entries, owners))
        catalog.journal.mark_conflicts(catalog.photos.categories_of_groups(), _WHEN)


def _recipe(number: int) -> str:
    """Return a name for how a set is made: another one where its tables change."""
    digest = hashlib.sha256(repr((_RECIPE, _SEED, SIZE, DRAWN, number)).encode())
    for file in sorted(Path(migrations.__path__[0]).rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _scratch() -> Path:
    folder = Path(tempfile.gettempdir()) / "mekiki-bench-labeler"
    folder.mkdir(exist_ok=True)
    return folder


def _draw(folder: Path, index: int) -> Drawn:
    file = folder / "photos" / f"{index:05}.jpg"
    category = CATEGORIES[index % len(CATEGORIES)]
    if not file.exists():
        rng = np.random.default_rng((_SEED, index))
        data = encode_jpeg(draw_photo(category, rng, SIZE), _QUALITY)
        unfinished = file.with_suffix(".part")
        unfinished.write_bytes(data)
        unfinished.rename(file)
    facts = inspect_image(file.read_bytes())
    small = thumbnail(file, facts.sha256, folder / "thumbnails")
    return Drawn(file, small, facts, category)


def _entries(drawn: list[Drawn], number: int) -> Iterator[Entry]:
    rng = np.random.default_rng(_SEED)
    for index in range(number):
        photo = drawn[index % len(drawn)]
        is_new = index < len(drawn)
        sha256 = photo.facts.sha256 if is_new else _made_up(index)
        others = [name for name in CATEGORIES if name != photo.category]
        found_as: tuple[str, ...] = (photo.category,)
        chance = rng.random()
        if chance < _MISPLACED:
            found_as = (str(rng.choice(others)),)
        elif chance < _MISPLACED + _CONFLICTS:
            found_as = (photo.category, str(rng.choice(others)))
        flags = (str(rng.choice(_FLAGS)),) if rng.random() < _FLAGGED else ()
        is_copy = index % _COPY_EVERY == _COPY_EVERY - 1
        yield Entry(sha256, photo, found_as, flags, is_copy)


def _made_up(index: int) -> str:
    return hashlib.sha256(f"photo {index}".encode()).hexdigest()


def _link(entry: Entry, folder: SetFolder) -> None:
    name, extension = entry.sha256, entry.drawn.facts.extension
    for source, target in (
        (entry.drawn.file, folder.images / name[:2] / f"{name}.{extension}"),
        (entry.drawn.small, folder.thumbnails / name[:2] / f"{name}.jpg"),
    ):
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, target)


def _found(entry: Entry, category: str) -> Found:
    origin = f"/photos/{entry.sha256}.jpg"
    return Found("folder", category, origin, title=f"Photo {entry.sha256[:8]}")


def _ending(entry: Entry) -> Ending:
    facts = replace(entry.drawn.facts, sha256=entry.sha256)
    return Ending(0, Outcome.STORED, facts=facts)


def _groupings(entries: list[Entry], owners: dict[str, int]) -> Iterator[Grouping]:
    group = 0
    for entry in entries:
        group = group if entry.is_copy else owners[entry.sha256]
        reason = "recompressed" if entry.is_copy else ""
        phash = entry.sha256[:16]
        kept = not entry.is_copy
        yield Grouping(entry.sha256, group, kept, reason, phash, entry.flags)
