"""What handing labels out or taking them in came to, in lines for people."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.catalog import Status
from pipeline.errors import InputError
from pipeline.exchange.deciding import End, Ended, Word
from pipeline.exchange.rows import Form, Sheet

_SHOWN = 5  # rows that are named of each kind
_NO_CHANGE = {  # how rows end that change nothing, and need nothing done about them
    End.SAME: "said the same before",
    End.AGAIN: "said again in the file",
    End.SILENT: "without a person's word",
    End.BEFORE: "read before and changed since: left as they are",
}
_USELESS = (End.NO_IMAGE, End.NO_CATEGORY, End.FAULTY)
_NOT_TAKEN = {  # how rows end that somebody may want to do something about
    End.NEWER: "newer word of a person against it, which stays without --overwrite",
    End.NO_IMAGE: "photo that the set does not have",
    End.NO_CATEGORY: "category that is not in categories.toml",
    End.TWO_LABELS: "label that differs from another row's of the same photo",
    End.FAULTY: "mistake",
}


@dataclass(frozen=True)
class Written:
    """What was handed out."""

    form: Form
    out: Path
    counts: Mapping[Status, int]
    missing: int  # photos that are not in the store any more
    config: Path | None  # of a Label Studio project

    @property
    def lines(self) -> list[str]:
        """The counts, and what else there is to know."""
        told = ", ".join(
            f"{self.counts[status]:,} {status}"
            for status in Status
            if self.counts.get(status)
        )
        number = sum(self.counts.values())
        photos = _number(number, "photo")
        lines = [f"labels of {photos} in {self.out} as {self.form}: {told}"]
        if self.config:
            lines.append(f"the project's labeling configuration: {self.config}")
        if self.missing:
            lines.append(f"{_number(self.missing, 'photo')} not found in the store")
        return lines


@dataclass(frozen=True)
class ReadSummary:
    """What became of the rows of a file."""

    set_name: str
    sheet: Sheet
    user: str
    is_dry_run: bool
    words: Sequence[Word]
    ended: Sequence[Ended]

    @property
    def counts(self) -> Mapping[End, int]:
        """The rows by how they ended."""
        counts = Counter(one.end for one in self.ended)
        counts[End.SAID] = len(self.words)
        return counts

    @property
    def replaced(self) -> int:
        """Words that took the place of another word of a person."""
        return sum(word.replaces for word in self.words)

    @property
    def lines(self) -> list[str]:
        """The counts in a line, and one for each kind of row that was not taken."""
        counts = self.counts
        parts = [self._said]
        parts += [
            f"{counts[end]:,} {how}" for end, how in _NO_CHANGE.items() if counts[end]
        ]
        lines = [
            f"{self.sheet.name} ({self.sheet.form}),"
            f" {_number(len(self.sheet.rows), 'row')}: {'; '.join(parts)}"
        ]
        if self.replaced:
            may = "would take" if self.is_dry_run else "took"
            lines.append(
                f"{self.replaced:,} of them {may} the place of what a person had said"
            )
        lines += [f"not taken: {line}" for line in _not_taken(self.ended, _NOT_TAKEN)]
        if self.words and not self.is_dry_run:
            lines.append(
                f"to take it back: mekiki labels {self.set_name} --take-back FILE, the"
                " file as it is"
            )
        return lines

    @property
    def _said(self) -> str:
        if not self.words:
            return "nothing new"
        by_status = Counter(word.status for word in self.words)
        told = ", ".join(
            f"{by_status[status]:,} {status}" for status in Status if by_status[status]
        )
        may = "would be taken" if self.is_dry_run else "taken"
        return f"{len(self.words):,} {may} over as {self.user} ({told})"


@dataclass(frozen=True)
class TakenBack:
    """What taking a file back came to."""

    name: str
    undone: int
    kept: int  # words that somebody changed since
    before: int  # words that were taken back before

    @property
    def lines(self) -> list[str]:
        """The counts."""
        parts = [f"{self.name}: {_number(self.undone, 'word')} taken back"]
        if self.kept:
            parts.append(f"{self.kept:,} changed since by a person, left as they are")
        if self.before:
            parts.append(f"{self.before:,} taken back before")
        return ["; ".join(parts)]


def refuse_useless(sheet: Sheet, ended: Sequence[Ended]) -> None:
    """Refuse a file of which no row can be used.

    Raises:
        InputError: So it is; the line says why.
    """
    if not sheet.rows:
        raise InputError(f"{sheet.name} has no rows")
    if sum(one.end in _USELESS for one in ended) == len(sheet.rows):
        told = "; ".join(_not_taken(ended, _USELESS))
        raise InputError(f"{sheet.name} has no row that can be used: {told}")


def _not_taken(ended: Sequence[Ended], ends: Iterable[End]) -> Iterator[str]:
    for end in ends:
        some = [one for one in ended if one.end is end]
        if some:
            rows = _number(len(some), "row") + (" has" if len(some) == 1 else " have")
            yield f"{rows} a {_NOT_TAKEN[end]}: {_which(some)}"


def _which(some: Sequence[Ended]) -> str:
    told = []
    for one in some[:_SHOWN]:
        where = one.row.where if one.row.where.isprintable() else repr(one.row.where)
        told.append(f"{where}: {one.detail}" if one.detail else where)
    more = [f"and {len(some) - _SHOWN:,} more"] if len(some) > _SHOWN else []
    return "; ".join([*told, *more])


def _number(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")
