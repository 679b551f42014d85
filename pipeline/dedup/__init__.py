"""Stage 2: images → groups of copies, one kept of each, and quality scores.

A near-duplicate is the same photo in other bytes: resized, recompressed, mirrored,
bordered, in grey. Two photos of look-alike products are not. 64-bit pHashes propose
pairs (``hashing``, ``neighbours``), comparing the pictures decides (``verify``).

Comes in: the catalog's images and their files. Goes out: for every image its group
(the lowest candidate id in it), whether it is the one kept, the reason why it is a
copy, its pHash, its scores and flags; and groups found under several categories are
marked as conflicts. Images that a person said are not the same (``apart``) never share
a group, and one that a person chose is the one kept (``regroup``). All is shown on
one page, ``groups.html`` in the set's cache. Running again where nothing changed
compares nothing.

``dedup.enabled = false`` and ``"exact"`` leave every image alone in its group: the
store already holds the same bytes only once. ``"exact"`` does not look at the pictures
at all, so that of their flags only those remain that their sizes tell.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.catalog import Catalog
from pipeline.catalog.photos import Grouping, StoredImage
from pipeline.dedup.arranging import Place, Words, arrange
from pipeline.dedup.features import Features, describe
from pipeline.dedup.hashing import hash_text
from pipeline.dedup.links import Link
from pipeline.dedup.matching import Picture, find_links
from pipeline.dedup.quality import (
    GREY_CATEGORY,
    flags_of,
    repetitions,
    shape_scores,
)
from pipeline.gallery import write_gallery
from pipeline.home import SetFolder
from pipeline.images import ImageStore
from pipeline.listing import write_listing
from pipeline.progress import Progress
from pipeline.settings import SetSettings
from pipeline.writing import write_atomically

STATE_FILE = "dedup.json"  # in the cache: what the groups in the catalog were made of
_METHOD = 6  # raised where the same images would be grouped otherwise
GROUPS_COLUMNS = ("image", "sha256", "origin", "group", "kept", "reason")


@dataclass(frozen=True)
class DedupSummary:
    """What there is after deduplication, in counts."""

    images: int
    groups: int
    copies: int  # images that are not the one kept of their group
    conflicts: int  # groups found under several categories
    flagged: Mapping[str, int]  # images by flag
    is_new: bool  # False: nothing had changed since the last run

    @property
    def line(self) -> str:
        """The one line of counts."""
        flags = ", ".join(f"{n} {flag}" for flag, n in sorted(self.flagged.items()))
        parts = [
            f"{self.images} images in {self.groups} groups",
            f"{self.copies} copies",
            f"{self.conflicts} conflicts between categories",
            f"flagged: {flags or 'none'}",
        ]
        return "; ".join(parts if self.is_new else [*parts, "nothing had changed"])


@dataclass(frozen=True)
class _Material:
    """What the groups and flags are made of."""

    images: Sequence[StoredImage]
    listings: Sequence[tuple[str, str, str]]  # sha256, category, page
    words: Words


def dedup(
    folder: SetFolder,
    settings: SetSettings,
    catalog: Catalog,
    *,
    progress: Progress,
    now: Callable[[], str],
) -> DedupSummary:
    """Group the set's images, choose the best of each group, flag the poor ones."""
    catalog.journal.start_items(now())  # of a scrape that did not come to its end
    images = catalog.photos.stored()
    groupings = catalog.photos.groupings()
    words = Words(catalog.partings.pairs(), catalog.choices.chosen())
    material = _Material(images, catalog.photos.listings(), words)
    is_new = not _is_current(folder, settings, material, groupings)
    if is_new:
        groupings = _group(folder, settings, material, progress)
        catalog.photos.write_groupings(groupings)
        _remember(folder, settings, material, groupings)
    conflicts = catalog.journal.mark_conflicts(
        catalog.photos.categories_of_groups(), now()
    )
    write_gallery(folder, images, groupings, catalog.photos.photos())
    return DedupSummary(
        images=len(images),
        groups=len({row.group_id for row in groupings}),
        copies=sum(not row.kept for row in groupings),
        conflicts=conflicts,
        flagged=Counter(flag for row in groupings for flag in row.flags),
        is_new=is_new,
    )


def write_groups(folder: SetFolder, catalog: Catalog, out: Path) -> int:
    """Write groups.csv, one row for every stored image; return the rows.

    Raises:
        InputError: ``out`` can't be written.
    """
    store = ImageStore(folder.images)
    found = {row.sha256: row for row in catalog.photos.groupings()}
    rows = []
    for image in catalog.photos.stored():
        path = store.path(image.sha256, image.extension)
        grouping = found.get(image.sha256)
        place: tuple[object, ...] = (image.candidate_id, "true", "")
        if grouping is not None:
            kept = "true" if grouping.kept else "false"
            place = (grouping.group_id, kept, grouping.reason)
        rows.append((path, image.sha256, image.origin, *place))
    write_listing(out, GROUPS_COLUMNS, rows)
    return len(rows)


def _group(
    folder: SetFolder,
    settings: SetSettings,
    material: _Material,
    progress: Progress,
) -> list[Grouping]:
    images = material.images
    store = ImageStore(folder.images)
    paths = [store.path(image.sha256, image.extension) for image in images]
    named = {image.sha256: path for image, path in zip(images, paths, strict=True)}
    looks = settings.dedup.enabled != "exact"
    described = describe(named if looks else {}, folder.cache, progress=progress)
    features = [described.get(image.sha256) for image in images]
    links: list[Link] = []
    if settings.dedup.enabled is True:
        sha256s = [image.sha256 for image in images]
        pictures = list(map(Picture, paths, features, sha256s))
        distance = settings.dedup.max_distance
        links = find_links(pictures, distance, progress=progress, cache=folder.cache)
    places = arrange(images, paths, features, links, material.words)
    scores = _scores(settings, material, features, places, looks=looks)
    return [
        Grouping(
            sha256=image.sha256,
            group_id=place.group,
            kept=place.kept,
            reason=place.reason,
            phash=hash_text(seen.views[0].phash) if seen else "",
            flags=flags_of(found),
            scores=found,
        )
        for image, place, seen, found in zip(
            images, places, features, scores, strict=True
        )
    ]


def _scores(
    settings: SetSettings,
    material: _Material,
    features: Sequence[Features | None],
    places: Sequence[Place],
    *,
    looks: bool,
) -> list[dict[str, float]]:
    """Score every image by its size, its look, and how many things it stands for.

    In a category of greyscale photos none is out of place: their score is 0 there.
    """
    images, min_side = material.images, settings.scrape.min_side
    groups = {
        image.sha256: place.group for image, place in zip(images, places, strict=True)
    }
    shared = repetitions(groups, material.listings)
    grey: dict[str, list[bool]] = {}
    for image, seen in zip(images, features, strict=True):
        is_grey = seen is not None and "greyscale" in flags_of(seen.look)
        grey.setdefault(image.category, []).append(is_grey)
    all_grey = {c for c, told in grey.items() if sum(told) > GREY_CATEGORY * len(told)}
    scores = []
    for image, seen, place in zip(images, features, places, strict=True):
        found = shape_scores(image.width, image.height, min_side=min_side)
        if looks:
            found["unreadable"] = float(seen is None)
        if seen is not None:
            found |= seen.look
            found["placeholder"] = max(found["placeholder"], shared[place.group])
            if image.category in all_grey:
                found["greyscale"] = 0.0
        scores.append({name: round(score, 6) for name, score in sorted(found.items())})
    return scores


def _is_current(
    folder: SetFolder,
    settings: SetSettings,
    material: _Material,
    groupings: Sequence[Grouping],
) -> bool:
    """Tell whether the catalog's groups are what grouping again would give.

    Where a picture could not be decoded it may be now, so that is tried again.
    """
    if any("unreadable" in row.flags for row in groupings):
        return False
    try:
        remembered = json.loads((folder.cache / STATE_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return bool(remembered == {"made_of": _made_of(settings, material, groupings)})


def _remember(
    folder: SetFolder,
    settings: SetSettings,
    material: _Material,
    groupings: Sequence[Grouping],
) -> None:
    state = json.dumps({"made_of": _made_of(settings, material, groupings)})
    write_atomically(folder.cache / STATE_FILE, state.encode(), sync=False)


def _made_of(
    settings: SetSettings,
    material: _Material,
    groupings: Sequence[Grouping],
) -> str:
    """Sum up what groups depend on, and the groups themselves."""
    wanted = (_METHOD, settings.dedup, settings.scrape.min_side)
    rows = sorted(groupings, key=lambda row: row.sha256)
    return hashlib.sha256(repr((wanted, material, rows)).encode()).hexdigest()
