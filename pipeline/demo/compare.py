"""What the stages found, held against what was planted in the shop."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.demo.shop import Shop
from pipeline.home import SetFolder


@dataclass(frozen=True)
class Duplicates:
    """Planted copies, and what became of them."""

    planted: int
    found: int  # in one group with their original
    missed: int
    wrongly_merged: int  # pictures in a group with one they are no copy of


@dataclass(frozen=True)
class WrongTags:
    """Products with a wrong tag, and what the check said."""

    planted: int
    found: int  # called a mismatch
    missed: int
    false_alarms: int  # rightly tagged ones called a mismatch
    checked: int  # rows with a usable photo, wrong ones included


@dataclass(frozen=True)
class DemoResult:
    """What ``demo.json`` holds."""

    seed: int
    duplicates: Duplicates
    wrong_tags: WrongTags
    val_accuracy: float
    forbidden_fetched: int
    seconds: Mapping[str, float]


def compare_groups(shop: Shop, groups: Mapping[str, frozenset[int]]) -> Duplicates:
    """Hold the groups that dedup made against the copies that were planted.

    Args:
        shop: What was planted.
        groups: Every file that was scraped, and the groups it is in: one, unless two
            sizes of it were fetched and not found to be copies.
    """
    root = {photo.file: photo.copy_of or photo.file for photo in shop.photos}
    none: frozenset[int] = frozenset()
    found = sum(
        len(groups.get(photo.file, none) | groups.get(root[photo.file], none)) == 1
        and photo.file in groups
        and root[photo.file] in groups
        for photo in shop.copies
    )
    members: dict[int, set[str]] = {}
    for file, its_groups in groups.items():
        for group in its_groups:
            members.setdefault(group, set()).add(file)
    merged = sum(
        len(files)
        for files in members.values()
        if len({root.get(file, file) for file in files}) > 1
    )
    planted = len(shop.copies)
    return Duplicates(planted, found, planted - found, merged)


def compare_verdicts(shop: Shop, verdicts: Sequence[str]) -> WrongTags:
    """Hold the check's verdicts, one a product, against the tags that were planted."""
    told = [
        (product.tag != product.shape, verdict == "mismatch")
        for product, verdict in zip(shop.products, verdicts, strict=True)
        if product.is_usable and product.tag in shop.categories
    ]
    planted = sum(wrong for wrong, _ in told)
    found = sum(wrong and alarm for wrong, alarm in told)
    return WrongTags(
        planted=planted,
        found=found,
        missed=planted - found,
        false_alarms=sum(alarm and not wrong for wrong, alarm in told),
        checked=len(told),
    )


def last_screen(
    result: DemoResult, folder: SetFolder, report: Path, verdicts: Path
) -> Iterable[str]:
    """Say what was found against what was planted, and where to look."""
    copies, tags = result.duplicates, result.wrong_tags
    right = tags.checked - tags.planted
    rows = [
        ("copies planted", f"{copies.planted}", f"{copies.found} found"),
        ("photos merged wrongly", "0", f"{copies.wrongly_merged}"),
        ("wrong tags planted", f"{tags.planted}", f"{tags.found} found"),
        ("right tags", f"{right}", f"{tags.false_alarms} called wrong"),
        ("forbidden photos fetched", "0", f"{result.forbidden_fetched}"),
        ("validation accuracy", "", f"{result.val_accuracy:.1%}"),
        ("seconds in all", "", f"{result.seconds['total']:.0f}"),
    ]
    yield ""
    yield f"{'':26}{'planted':>8}   found"
    yield from (f"{name:26}{planted:>8}   {found}" for name, planted, found in rows)
    yield ""
    yield f"the report      {report}"
    yield f"the verdicts    {verdicts}"
    yield f"the labeler     mekiki --home {folder.home} label {folder.name}"
