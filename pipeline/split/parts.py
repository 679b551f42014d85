"""Groups of photos → train, val and test: the rules of ``split``, pure.

A group is given a part, never a photo by itself: that is what keeps copies on one side.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import islice

from pipeline.catalog import Part

STRICTNESS = (Part.TEST, Part.VAL, Part.TRAIN)  # the strictest first


def split_by_group(
    labels: Mapping[int, str],
    before: Mapping[int, Part],
    names: Mapping[int, str],
    *,
    official: Mapping[int, Part] | None = None,
    val: float,
    test: float = 0.0,
    seed: int = 0,
) -> dict[int, Part]:
    """Give every group a part.

    Args:
        labels: The category of each group.
        before: The parts that groups have already; they stay, but for train where
            more must be held back.
        names: What stays the same of a group when others come: its photo's sha256.
        official: The parts that the data itself says, test or train.
        val: A share of each category below 1, else photos a category.
        test: Likewise; 0 for no test part.
        seed: Which of the groups are drawn.
    """
    categories: dict[str, list[int]] = defaultdict(list)
    for group, label in labels.items():
        categories[label].append(group)
    in_test, in_train = _official(official or {}, labels)
    parts: dict[int, Part] = dict.fromkeys(in_test, Part.TEST)
    for groups in categories.values():
        rest = [group for group in groups if group not in in_test]
        drawn = sorted(rest, key=lambda group: _draw(seed, names[group]))
        for_test = [group for group in drawn if group not in in_train]
        wanted = held_back(len(for_test), val, test)
        if len(for_test) < len(drawn):
            wanted[Part.VAL] = held_back(len(drawn), val, 0)[Part.VAL]
        parts |= _split_category(drawn, before, wanted, set(for_test))
    return parts


def _official(
    said: Mapping[int, Part], labels: Mapping[int, str]
) -> tuple[set[int], set[int]]:
    """Return the groups that are test for good, and those that never become test.

    Where nothing is officially test, what is officially train is like any other photo.
    """
    if Part.TEST not in said.values():
        return set(), set()
    in_test = {group for group in labels if said.get(group) is Part.TEST}
    in_train = {group for group in labels if said.get(group) is Part.TRAIN}
    return in_test, in_train


def held_back(photos: int, val: float, test: float) -> dict[Part, int]:
    """Return how many of a category's photos go to val and to test."""
    wanted = {Part.VAL: _wanted(photos, val), Part.TEST: _wanted(photos, test)}
    wanted[Part.VAL] = max(1, wanted[Part.VAL])
    by_count = val >= 1 or test >= 1
    # one at least is trained on
    most = photos // 2 if by_count else max(0, photos - 1)
    total = sum(wanted.values())
    if total > most:
        for part, number in wanted.items():
            wanted[part] = math.floor(number * most / total)
        wanted[Part.VAL] = most - wanted[Part.TEST]
        if wanted[Part.VAL] == 0 and most > 0:
            wanted = {Part.VAL: 1, Part.TEST: most - 1}
    return wanted


def parts_of_groups(
    parts: Mapping[str, Part], group_of: Mapping[str, int]
) -> dict[int, Part]:
    """Return the strictest part that each group's images are in."""
    found: dict[int, Part] = {}
    for sha256, part in parts.items():
        group = group_of.get(sha256)
        if group is not None:
            both = (part, found.get(group, part))
            found[group] = min(both, key=STRICTNESS.index)
    return found


def remembered_parts(
    parts: Mapping[int, Part],
    before: Mapping[str, Part],
    group_of: Mapping[str, int],
) -> dict[str, Part]:
    """Return the part of every image, by sha256, to be remembered until the next time.

    Every image of a group has its group's part, also one that is not trained (a copy,
    rejected, ...): should it be parted from the group, it goes on where it was.

    Args:
        parts: From ``split_by_group``.
        before: The parts of images until now; what is in no group keeps its own.
        group_of: The group of each image.
    """
    by_group = {**parts_of_groups(before, group_of), **parts}
    alone = {sha256: part for sha256, part in before.items() if sha256 not in group_of}
    return alone | {
        sha256: by_group[group]
        for sha256, group in group_of.items()
        if group in by_group
    }


def _split_category(
    drawn: Sequence[int],
    before: Mapping[int, Part],
    wanted: Mapping[Part, int],
    for_test: Collection[int],
) -> dict[int, Part]:
    """Give one category's groups their parts, in the order drawn.

    ``for_test`` are those that may be drawn for the test part.
    """
    parts = {group: before[group] for group in drawn if group in before}
    for part in (Part.TEST, Part.VAL):
        missing = wanted[part] - sum(there is part for there in parts.values())
        free = [group for group in drawn if group not in parts]
        trained = [group for group in drawn if parts.get(group) is Part.TRAIN]
        # the last to be trained on stays, so that the category can be learnt at all
        can_go = max(0, len(free) + len(trained) - 1)
        can_go = max(0, min(missing, can_go))
        fit = (g for g in free + trained if part is Part.VAL or g in for_test)
        for group in islice(fit, can_go):
            parts[group] = part
    return {group: parts.get(group, Part.TRAIN) for group in drawn}


def _wanted(photos: int, asked: float) -> int:
    return int(asked) if asked >= 1 else round(asked * photos)


def _draw(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()
