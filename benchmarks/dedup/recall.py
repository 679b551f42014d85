"""What is found of planted copies, and what is merged wrongly, beside imagededup.

Every kind of every photo is planted once. One kind at a time then lies beside all the
originals, and at last all kinds of all photos together. A copy is found where it ends
in its original's group. imagededup lists pairs, not groups: it gets those that its
pairs make when copies of copies are copies too.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.commands import measured
from benchmarks.dedup.groups import group_files
from benchmarks.dedup.peers import (
    NO_PEER,
    components,
    has_peer,
    imagededup,
)
from benchmarks.dedup.planted import KINDS, plant
from benchmarks.figures import Figure
from pipeline.images import decode_image

GOALS = dict.fromkeys(KINDS, 0.95) | {
    "resize": 0.99,
    "jpeg": 0.99,
    "brightness": 0.99,
    "greyscale": 0.99,
    "crop10": 0.9,
    "scribble": 0.9,
}


def recall_figures(
    photos: Sequence[Path], folder: Path, *, together: int
) -> dict[str, Figure]:
    """Plant copies of every kind of every photo, and count those that are found.

    Args:
        photos: The originals, of which none is a copy of another.
        folder: Where the copies are written.
        together: Every how manieth photo takes part when all kinds lie together.
    """
    copies = {kind: _plant(kind, photos, folder) for kind in KINDS}
    files = [*photos, *(copy for each in copies.values() for copy in each)]
    pairs = None
    if has_peer("imagededup"):
        pairs = imagededup("files", files, folder).pairs
    figures, joined = {}, 0
    for kind in KINDS:
        both = [*photos, *copies[kind]]
        groups = group_files(both, folder / "cache")
        theirs = None if pairs is None else _peer_groups(both, pairs)
        figures[f"recall_{kind}"] = Figure(
            _found(groups, len(photos)),
            goal=GOALS[kind],
            unit="share",
            peer=None if theirs is None else _found(theirs, len(photos)),
            note="" if theirs else NO_PEER,
        )
        joined = max(joined, _joined(groups, len(photos)))
    lost = None
    if pairs is not None:
        lost = _joined(_peer_groups(photos, pairs), len(photos))
    figures["false_merges_per_1000"] = _merges(joined, lost, len(photos), "worst kind")
    chosen = photos[::together]
    some = [*chosen, *(copy for each in copies.values() for copy in each[::together])]
    return figures | _together_figures(some, len(chosen), pairs, folder)


def unseen_figures(photos: Sequence[Path], folder: Path) -> dict[str, Figure]:
    """Do the same with photos on which no threshold was set, without a peer.

    Args:
        photos: Of which those are left out that have copies among themselves.
        folder: Where the copies are written.
    """
    groups = group_files(photos, folder / "cache")
    alone = [
        photo
        for photo, group in zip(photos, groups, strict=True)
        if groups.count(group) == 1
    ]
    figures = {}
    for kind in KINDS:
        both = [*alone, *_plant(kind, alone, folder)]
        found = _found(group_files(both, folder / "cache"), len(alone))
        note = f"of {len(alone)} photos on which nothing was set"
        figures[f"unseen_recall_{kind}"] = Figure(found, unit="share", note=note)
    return figures


def _together_figures(
    files: Sequence[Path],
    originals: int,
    pairs: Sequence[tuple[str, str]] | None,
    folder: Path,
) -> dict[str, Figure]:
    groups, peak_mib = _grouped_alone(files, folder)
    theirs = None if pairs is None else _peer_groups(files, pairs)
    lost = None if theirs is None else _joined(theirs, originals)
    return {
        "recall_all_at_once": Figure(
            _found(groups, originals),
            unit="share",
            peer=None if theirs is None else _found(theirs, originals),
            note=f"all kinds in one folder, {len(files):,} files",
        ),
        "false_merges_all_at_once_per_1000": _merges(
            _joined(groups, originals), lost, originals, "all kinds in one folder"
        ),
        "all_at_once_mib": Figure(
            peak_mib,
            unit="MiB",
            lower_is_better=True,
            note=f"the most memory of a process while {len(files):,} files are grouped",
        ),
    }


def _grouped_alone(files: Sequence[Path], folder: Path) -> tuple[list[int], float]:
    """Group files in a process of its own, from nothing; return its peak in MiB too."""
    listed, found = folder / "together.txt", folder / "together.json"
    listed.write_text("\n".join(map(str, files)), "utf-8")
    command = [sys.executable, "-m", "benchmarks.dedup.groups"]
    given = listed, folder / "together", found
    peak_mib = measured([*command, *given], folder).peak_mib
    return json.loads(found.read_text("utf-8")), peak_mib


def _plant(kind: str, photos: Sequence[Path], folder: Path) -> list[Path]:
    copies = []
    for photo in photos:
        copy = folder / f"{kind}-{photo.stem}.jpg"
        copy.write_bytes(plant(kind, decode_image(photo), photo.stem))
        copies.append(copy)
    return copies


def _peer_groups(files: Sequence[Path], pairs: Sequence[tuple[str, str]]) -> list[str]:
    groups = components(map(str, files), pairs)
    return [groups[str(file)] for file in files]


def _found(groups: Sequence[object], originals: int) -> float:
    """Return the share of copies that are in the group of their original.

    The originals come first, then their copies in the same order, kind after kind.
    """
    copies = groups[originals:]
    hits = sum(copy == groups[n % originals] for n, copy in enumerate(copies))
    return hits / len(copies)


def _joined(groups: Sequence[object], originals: int) -> int:
    """Count the originals that would be lost, if one of each group were kept."""
    return originals - len(set(groups[:originals]))


def _merges(ours: int, theirs: int | None, originals: int, which: str) -> Figure:
    return Figure(
        1000 * ours / originals,
        goal=1.0,
        unit="photos",
        peer=None if theirs is None else 1000 * theirs / originals,
        lower_is_better=True,
        note=f"of {originals:,} originals, {which}",
    )
