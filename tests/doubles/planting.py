"""A set filled as scrape and dedup would have, without either."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.catalog import Outcome, opened
from pipeline.catalog.endings import Ending
from pipeline.catalog.finding import Found
from pipeline.catalog.photos import Grouping, Photo
from pipeline.home import SetFolder
from pipeline.images import ImageStore, encode_jpeg, inspect_image

NOW = "2026-01-02T03:04:05Z"


@dataclass(frozen=True)
class Planted:
    """A photo to put into a set; two of the same seed are the same bytes."""

    category: str
    seed: int
    origin: str = ""
    page: str = ""
    title: str = ""
    flags: tuple[str, ...] = ()
    copy_of: int | None = None  # the seed of the photo it is a copy of


def write_categories(folder: SetFolder, names: Sequence[str]) -> None:
    """Write a set's file: its categories, and nothing else."""
    folder.folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join(f"[[category]]\nname = '{name}'\n" for name in names)
    folder.settings_file.write_text(text, encoding="utf-8")


def plant(
    folder: SetFolder,
    photos: Sequence[Planted],
    *,
    dedup: bool = True,
    size: tuple[int, int] = (96, 80),
) -> dict[int, str]:
    """Fill a set; return the sha256 of each seed.

    Args:
        folder: A set that has its file already.
        photos: In the order found.
        dedup: Whether copies have been looked for.
        size: Width and height, in pixels.
    """
    store = ImageStore(folder.images)
    shas: dict[int, str] = {}
    with opened(folder) as catalog:
        found = [
            Found(
                "folder",
                photo.category,
                photo.origin or f"/photos/{number}.jpg",
                photo.page,
                photo.title or f"Photo {photo.seed}",
            )
            for number, photo in enumerate(photos)
        ]
        catalog.candidates.add(found, NOW)
        endings = []
        for candidate, photo in zip(catalog.candidates.pending(), photos, strict=True):
            data = encode_jpeg(_draw(photo.seed, *size))
            facts = inspect_image(data)
            store.put(data, facts)
            shas[photo.seed] = facts.sha256
            endings.append(Ending(candidate.id, Outcome.STORED, facts=facts))
        catalog.candidates.finish(endings, NOW)
        catalog.journal.start_items(NOW)
        if dedup:
            catalog.photos.write_groupings(
                _grouped(catalog.photos.stored(), photos, shas)
            )
            groups = catalog.photos.categories_of_groups()
            catalog.journal.mark_conflicts(groups, NOW)
    return shas


def photo_of(folder: SetFolder, sha256: str) -> Photo:
    """Return a photo as the catalog has it."""
    with opened(folder) as catalog:
        found = catalog.photos.photo(sha256)
    assert found is not None
    return found


def _grouped(stored, photos, shas):
    by_sha = {shas[photo.seed]: photo for photo in photos}
    first = {one.sha256: one.candidate_id for one in stored}
    for one in stored:
        photo = by_sha[one.sha256]
        original = photo.copy_of
        group = one.candidate_id if original is None else first[shas[original]]
        reason = "" if original is None else "recompressed"
        kept = original is None
        yield Grouping(one.sha256, group, kept, reason, "0" * 16, photo.flags)


def _draw(seed: int, width: int, height: int):
    """Draw a plain colour with a few soft blobs: no two seeds alike."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (4, 5, 3)).astype(np.uint8)
    rows = np.arange(height) * 4 // height
    columns = np.arange(width) * 5 // width
    return coarse[rows][:, columns]
