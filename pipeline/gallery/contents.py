"""Findings → what of them is shown, and of how many: pure, and small for any set.

A group of copies is shown under the rarest of its reasons: a set with thousands of
recompressed photos and five mirrored ones is doubtful in the five.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.catalog.photos import SHOWN_FLAGS, Grouping, Photo, StoredImage
from pipeline.catalog.tables import Status

_OPEN = Status.CONFLICT
MAX_CONFLICTS = 100  # groups
MAX_GROUPS = 40  # of each reason
MAX_MEMBERS = 8  # images of a group
MAX_FLAGGED = 48  # photos of each flag, the surest first
WHAT_IT_IS = {
    "blank": "Nearly one colour: a wall, an empty page, a failed upload.",
    "blurry": "Out of focus, moved, or enlarged.",
    "dark": "Hardly any light, even where it is brightest.",
    "extreme_aspect": "More than five times as long as wide: a banner, a strip.",
    "greyscale": "Without colour, where most of its category has some.",
    "placeholder": "A card for a missing photo, a logo; one picture for many things.",
    "tiny": "Too small to tell much.",
    "unreadable": "The file can't be decoded (any more); the next dedup tries again.",
}


@dataclass(frozen=True)
class Shown:
    """An image on the page."""

    image: StoredImage
    kept: bool
    reason: str  # why it is a copy; "" of the one kept
    scores: Mapping[str, float]


@dataclass(frozen=True)
class Group:
    """Images of one photo."""

    number: int
    members: tuple[Shown, ...]  # the one kept first
    size: int  # with those that are not shown
    categories: tuple[str, ...]  # it was found under
    status: str  # what is true of it now, in words; "" where nothing need be said


@dataclass(frozen=True)
class Section:
    """Things of one kind, the first of them."""

    anchor: str
    name: str
    about: str
    total: int
    groups: tuple[Group, ...] = ()
    photos: tuple[Shown, ...] = ()


@dataclass(frozen=True)
class Contents:
    """All that the page shows."""

    images: int
    groups: int
    copies: int
    conflicts: Section  # found under several categories, the open ones first
    num_open: int  # of the conflicts
    copied: tuple[Section, ...]  # by reason, the rarest first
    flagged: tuple[Section, ...]  # by flag
    num_flagged: int


def choose_contents(
    images: Sequence[StoredImage],
    groupings: Sequence[Grouping],
    photos: Sequence[Photo],
) -> Contents:
    """Choose what to show of a set."""
    findings = _Findings(images, groupings, photos)
    rows, members = findings.rows, findings.members
    several = [photo for photo in findings.said.values() if len(photo.scraped_as) > 1]
    several.sort(key=lambda photo: (photo.status is not _OPEN, photo.group_id))
    flags = Counter(flag for row in rows for flag in row.flags)
    return Contents(
        images=len(rows),
        groups=len(members),
        copies=sum(not row.kept for row in rows),
        conflicts=findings.section(
            "conflicts", [photo.group_id for photo in several], MAX_CONFLICTS
        ),
        num_open=sum(photo.status is _OPEN for photo in several),
        copied=tuple(
            findings.section(reason, numbers, MAX_GROUPS)
            for reason, numbers in _by_rarest_reason(members)
        ),
        flagged=tuple(
            findings.flagged(flag, number) for flag, number in sorted(flags.items())
        ),
        num_flagged=sum(bool(row.flags) for row in rows),
    )


class _Findings:
    """What dedup found, by what it is looked up by."""

    def __init__(
        self,
        images: Sequence[StoredImage],
        groupings: Sequence[Grouping],
        photos: Sequence[Photo],
    ) -> None:
        self.facts = {image.sha256: image for image in images}
        self.rows = [row for row in groupings if row.sha256 in self.facts]
        self.members: dict[int, list[Grouping]] = {}
        for row in self.rows:
            self.members.setdefault(row.group_id, []).append(row)
        self.said = {p.group_id: p for p in photos if p.group_id in self.members}

    def section(self, name: str, numbers: Sequence[int], most: int) -> Section:
        """Show the first groups of one kind."""
        chosen = tuple(self._group(number) for number in numbers[:most])
        return Section(_anchor(name), name, "", len(numbers), groups=chosen)

    def flagged(self, flag: str, total: int) -> Section:
        """Show the photos that carry a flag for the surest."""
        photos = tuple(self._shown(row) for row in _surest(self.rows, flag))
        about = f"{WHAT_IT_IS.get(flag, '')} {_effect(flag)}".strip()
        return Section(
            _anchor(f"flag-{flag}"), flag.replace("_", " "), about, total, photos=photos
        )

    def _group(self, number: int) -> Group:
        inside = sorted(self.members[number], key=lambda row: not row.kept)
        members = tuple(self._shown(row) for row in inside[:MAX_MEMBERS])
        photo = self.said.get(number)
        if photo is None:
            return Group(number, members, len(inside), (), "")
        return Group(number, members, len(inside), photo.scraped_as, _status(photo))

    def _shown(self, row: Grouping) -> Shown:
        return Shown(self.facts[row.sha256], row.kept, row.reason, row.scores)


def _anchor(name: str) -> str:
    """Return a name as an address within the page: no spaces."""
    return "-".join(name.replace("_", " ").split())


def _by_rarest_reason(
    members: Mapping[int, Sequence[Grouping]],
) -> list[tuple[str, list[int]]]:
    """Put each group with copies under its rarest reason; large groups come first."""
    reasons = {
        number: {row.reason for row in inside if row.reason}
        for number, inside in members.items()
    }
    common = Counter(reason for found in reasons.values() for reason in found)
    sections: dict[str, list[int]] = {}
    for number, found in reasons.items():
        if found:
            rarest = min(found, key=lambda reason: (common[reason], reason))
            sections.setdefault(rarest, []).append(number)
    for numbers in sections.values():
        numbers.sort(key=lambda number: (-len(members[number]), number))
    return sorted(sections.items(), key=lambda item: (common[item[0]], item[0]))


def _surest(rows: Iterable[Grouping], flag: str) -> list[Grouping]:
    flagged = [row for row in rows if flag in row.flags]
    flagged.sort(key=lambda row: -row.scores.get(flag, 1.0))  # stable: then by id
    return flagged[:MAX_FLAGGED]


def _effect(flag: str) -> str:
    if flag in SHOWN_FLAGS:
        return "Trained all the same."
    return "Not trained until a person confirms it."


def _status(photo: Photo) -> str:
    """Say what is true of a group now, as far as it is worth saying."""
    match photo.status:
        case Status.LABELLED:
            return f"labelled {photo.label}"
        case Status.REJECTED | Status.UNSURE:
            return str(photo.status)
        case Status.CONFLICT:
            return "waits for a person"
        case Status.SCRAPED:
            return ""
