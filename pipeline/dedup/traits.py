"""What is known of the images that have copies: sizes, and how each compares."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.catalog.photos import StoredImage
from pipeline.dedup.features import Features
from pipeline.dedup.grouping import Traits
from pipeline.dedup.links import Link


def collect_traits(
    images: Sequence[StoredImage],
    paths: Sequence[Path],
    features: Sequence[Features | None],
    links: Sequence[Link],
) -> dict[int, Traits]:
    """Return what is known of the images that are copies, by index."""
    beside: dict[int, dict[int, Link]] = {}  # by index: by the other's, their link
    for link in links:
        beside.setdefault(link.first, {})[link.second] = link
        beside.setdefault(link.second, {})[link.first] = link
    traits = {}
    for n, others in beside.items():
        # by candidate id of the other, where they are copies: the link, and its side
        known = {
            images[other].candidate_id: (link, int(link.second == n))
            for other, link in others.items()
            if link.is_copy
        }
        image, seen = images[n], features[n]
        if seen is None:
            raise ValueError(f"{image.sha256} was compared without being decoded")
        top, bottom, left, right = seen.views[-1].box
        traits[n] = Traits(
            path=paths[n],
            candidate_id=image.candidate_id,
            width=image.width,
            height=image.height,
            size=image.size,
            content=(right - left, bottom - top),
            is_coloured=seen.is_coloured,
            bordered={
                other: link.bordered[side]
                for other, (link, side) in known.items()
                if link.bordered is not None
            },
            overlaid=frozenset(
                other for other, (link, side) in known.items() if link.overlaid[side]
            ),
            cropped=frozenset(
                other for other, (link, side) in known.items() if link.cropped[side]
            ),
            brightened=frozenset(
                other for other, (link, _) in known.items() if link.is_brightened
            ),
        )
    return traits
