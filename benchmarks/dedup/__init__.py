"""Finding copies: how fast a hash is made and looked up, and what is found of copies.

    hashing      photos hashed a second
    neighbours   close hashes found among many
    pairs        a folder → its pairs of copies, as a whole
    recall       every kind of copy of every photo, and what is merged wrongly
    planted      the copies: real photos, changed in a seeded way
    groups       files → groups, as dedup makes them
    peers        imagehash runs beside ours; imagededup and faiss in the peers' venv
    sheet        not measured: a picture of groups, to look for wrong ones

The photos are those of ``clothing10``, filled up from ``flowers12`` where more are
needed, of the test data (``MEKIKI_TEST_DATA``). ``--quick`` takes every fourth, and
every eighth where all kinds lie together.
"""

import os
import tempfile
from pathlib import Path

from benchmarks.dedup.planted import KINDS
from benchmarks.figures import Figure

_NEED_PHOTOS = (
    "hash_vs_imagehash",
    "hash_vs_imagededup",
    "hash_vs_limit",
    "hash_bits_mean",
    "pairs_cpu_vs_imagededup",
    "pairs_recall",
    "pairs_precision",
    *(f"recall_{kind}" for kind in (*KINDS, "all_at_once")),
    "false_merges_per_1000",
    "false_merges_all_at_once_per_1000",
)


def measure(*, quick: bool) -> dict[str, Figure]:
    """Measure hashing, neighbours, whole folders, and what is found of copies."""
    # here: some of these modules are also run by themselves
    from benchmarks.dedup.hashing import hash_figures
    from benchmarks.dedup.neighbours import neighbour_figures
    from benchmarks.dedup.pairs import pair_figures
    from benchmarks.dedup.recall import recall_figures, unseen_figures

    where = Path(os.environ.get("MEKIKI_TEST_DATA", "")).absolute()
    photos = sorted((where / "clothing10").glob("*/*.jpg"))
    more = sorted((where / "flowers12" / "train").glob("*/*.jpg"))
    figures = neighbour_figures(quick=quick)
    if not photos:
        note = (
            "set MEKIKI_TEST_DATA to the folder that holds clothing10/ and flowers12/"
        )
        return figures | dict.fromkeys(_NEED_PHOTOS, Figure(None, note=note))
    share = 4 if quick else 1
    with tempfile.TemporaryDirectory(prefix="mekiki-bench-") as folder:
        figures |= hash_figures(photos[:60], Path(folder))
    with tempfile.TemporaryDirectory(prefix="mekiki-bench-") as folder:
        figures |= pair_figures([*photos, *more], Path(folder), share=share)
    with tempfile.TemporaryDirectory(prefix="mekiki-bench-") as folder:
        chosen = photos[::share]
        together = 2 if quick else 1
        figures |= recall_figures(chosen, Path(folder), together=together)
    unseen = sorted((where / "strangers").rglob("*.jpg"))
    unseen += sorted((where / "flowers12" / "test").rglob("*.jpg"))
    with tempfile.TemporaryDirectory(prefix="mekiki-bench-") as folder:
        return figures | unseen_figures(unseen, Path(folder))
