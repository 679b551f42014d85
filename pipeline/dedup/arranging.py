"""Links, and what people said → each image's group, and why it is a copy.

Of a group the image is kept that a person chose, the newest choice where several were
made in it; else the best (``grouping.choose_kept``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.catalog.photos import StoredImage
from pipeline.dedup.features import Features
from pipeline.dedup.grouping import (
    Member,
    Traits,
    choose_kept,
    group_links,
    reason_of_copy,
)
from pipeline.dedup.links import Link
from pipeline.dedup.matching import have_same_pixels
from pipeline.dedup.traits import collect_traits


@dataclass(frozen=True)
class Words:
    """What people said of a set's images, by sha256."""

    apart: Sequence[tuple[str, str]] = ()  # pairs that are not the same
    chosen: Sequence[str] = ()  # to be kept, the newest choice last


@dataclass(frozen=True)
class Place:
    """An image's place among the groups."""

    group: int  # the lowest candidate id in it
    reason: str  # why it is a copy; "" of the one kept

    @property
    def kept(self) -> bool:
        """Whether it is the one kept of its group."""
        return not self.reason


def arrange(
    images: Sequence[StoredImage],
    paths: Sequence[Path],
    features: Sequence[Features | None],
    links: Sequence[Link],
    words: Words,
) -> list[Place]:
    """Put images into groups, and say of each why it is a copy.

    Args:
        images: By candidate id.
        paths: Where each lies.
        features: Of each; ``None`` where it can't be decoded.
        links: Which are copies, by index; and which surely are not.
        words: What people said, of these images and of others.
    """
    index = {image.sha256: n for n, image in enumerate(images)}
    apart = [(index[a], index[b]) for a, b in words.apart if {a, b} <= index.keys()]
    chosen = [index[sha256] for sha256 in words.chosen if sha256 in index]
    members = group_links(len(images), links, apart)
    traits = collect_traits(images, paths, features, links)
    reasons = _reasons(traits, members, {n: when for when, n in enumerate(chosen)})
    return [
        Place(images[member.group].candidate_id, reason)
        for member, reason in zip(members, reasons, strict=True)
    ]


def _reasons(
    traits: Mapping[int, Traits], places: Sequence[Member], chosen: Mapping[int, int]
) -> list[str]:
    """Say of every image why it is a copy; nothing of those that are kept.

    Args:
        traits: What is known of those that have copies, by index.
        places: Of all images.
        chosen: Which a person chose, by index: a number that is higher for newer ones.
    """
    groups: dict[int, list[int]] = {}
    for n, place in enumerate(places):
        groups.setdefault(place.group, []).append(n)
    reasons = [""] * len(places)
    for members in groups.values():
        if len(members) == 1:
            continue
        turned = [places[n].mirrored for n in members]
        if wanted := [n for n in members if n in chosen]:
            best = members.index(max(wanted, key=lambda n: chosen[n]))
        else:
            best = choose_kept([traits[n] for n in members], turned)
        for n, turn in zip(members, turned, strict=True):
            if n != members[best]:
                reasons[n] = reason_of_copy(
                    traits[n],
                    traits[members[best]],
                    mirrored=turn != turned[best],
                    has_same_pixels=have_same_pixels,
                )
    return reasons
