"""What becomes of the rows of a file: words for the journal, or a reason why not.

Pure: everything the catalog knows comes in as values. A row ends in exactly one way
(``End``). A photo of which two rows say two things gets neither.

What a person said stands against a file that says otherwise, unless the file is known
to be newer: its version says that it was written with that word in view, or its time
that it was said later. What this user read in from files does not stand against the
user's other files.
"""

import datetime
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipeline.catalog import Status
from pipeline.catalog.journal import Action
from pipeline.catalog.opinions import IMPORT
from pipeline.catalog.sayings import Saying
from pipeline.catalog.tables import DECIDED
from pipeline.exchange.matching import Finder, Meant
from pipeline.exchange.rows import Row

_ACTIONS = {Status.REJECTED: Action.REJECT, Status.UNSURE: Action.UNSURE}


class End(StrEnum):
    """How a row ends."""

    SAID = "said"  # becomes a word in the journal
    SAME = "same"  # a person said the same before
    SILENT = "silent"  # says nothing that a person said
    AGAIN = "again"  # an earlier row of the file says the same of the photo
    BEFORE = "before"  # was read from this very file before, and changed since
    NEWER = "newer"  # a person said something else since the file was written
    NO_IMAGE = "no image"
    NO_CATEGORY = "no category"
    TWO_LABELS = "two labels"  # rows of one photo that say different things
    FAULTY = "faulty"  # the row itself can't be understood


@dataclass(frozen=True, slots=True)
class Present:
    """What is true now of a kept photo."""

    label: str | None
    status: Status
    version: int  # of its item
    saying: tuple[str, Saying] | None  # the image of its group spoken of last, and how


@dataclass(frozen=True, slots=True)
class Word:
    """What a row says of a kept photo, ready for the journal."""

    row: Row
    sha256: str
    action: Action
    label: str | None
    status: Status
    base_version: int
    replaces: bool  # what a person had said
    is_told: bool  # the journal has the row already; this is said anew


@dataclass(frozen=True, slots=True)
class Ended:
    """A row that becomes no word."""

    row: Row
    end: End
    detail: str = ""


@dataclass(frozen=True)
class Known:
    """What the catalog knows, as far as rows ask for it."""

    finder: Finder
    names: "Names"
    present: Mapping[str, Present]  # by the sha256 of kept photos
    scraped: Mapping[str, str]  # the category that every image was found under first
    told: Collection[int]  # the rows of this file that the journal has, by number
    read_before: Collection[int]  # of these, what was accepted and not taken back so


class Names:
    """The set's categories, found by how files write them."""

    def __init__(self, categories: Iterable[str]) -> None:
        self._exact = dict.fromkeys(categories)
        self._composed = {_composed(name): name for name in reversed(self._exact)}

    def find(self, written: str) -> str | None:
        """Return the category that is meant; a Mac's decomposed letters are joined."""
        if written in self._exact:
            return written
        return self._composed.get(_composed(written.strip()))


def decide(
    rows: Sequence[Row], known: Known, *, user: str, overwrite: bool
) -> tuple[list[Word], list[Ended]]:
    """Say what becomes of every row.

    Args:
        rows: Of one file.
        known: What is true now.
        user: Who reads it in.
        overwrite: Whether the file's word counts against a newer one of a person.

    Returns:
        The words in the order of the rows, and the rows that become none.
    """
    ended: list[Ended] = []
    by_photo: dict[str, list[_Claim]] = {}
    for row in rows:
        read = _read(row, known)
        if isinstance(read, Ended):
            ended.append(read)
        else:
            by_photo.setdefault(read.meant.kept, []).append(read)
    words: list[Word] = []
    for first, *others in by_photo.values():
        if any(other.says != first.says for other in others):
            ended += [
                Ended(claim.row, End.TWO_LABELS, _shown(*claim.says))
                for claim in (first, *others)
            ]
            continue
        ended += [Ended(other.row, End.AGAIN) for other in others]
        judged = _judge(first, known, user, overwrite=overwrite)
        if isinstance(judged, Word):
            words.append(judged)
        else:
            ended.append(judged)
    return words, ended


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a row says of a photo; only a labelled one has a label."""

    row: Row
    meant: Meant
    status: Status
    label: str | None = None

    @property
    def says(self) -> tuple[str | None, Status]:
        return self.label, self.status


def _read(row: Row, known: Known) -> Ended | _Claim:
    if row.fault:
        return Ended(row, End.FAULTY, row.fault)
    if row.status is None:
        return Ended(row, End.SILENT)
    meant = known.finder.find(row)
    if isinstance(meant, str):
        return Ended(row, End.NO_IMAGE, meant)
    if row.status in {Status.REJECTED, Status.UNSURE}:
        return _Claim(row, meant, row.status)
    label = known.names.find(row.label)
    if _is_as_scraped(row, label, meant, known):
        end = Ended(row, End.SILENT)
    elif label is None:
        end = Ended(row, End.NO_CATEGORY, repr(row.label))
    else:
        return _Claim(row, meant, Status.LABELLED, label)
    return end


def _is_as_scraped(row: Row, label: str | None, meant: Meant, known: Known) -> bool:
    """Say whether a label that no person gave is still the one that was scraped.

    In a bare row it may be a person's decision of a conflict.
    """
    if row.is_bare:
        if known.present[meant.kept].status is Status.CONFLICT:
            return False
    elif row.status is Status.LABELLED:
        return False
    scraped = known.scraped.get(meant.named)
    return not row.label.strip() or scraped in {row.label, label, None}


def _judge(claim: _Claim, known: Known, user: str, *, overwrite: bool) -> Word | Ended:
    row, now = claim.row, known.present[claim.meant.kept]
    is_same = now.status is claim.status
    if is_same and (claim.label is None or claim.label == now.label):
        return Ended(row, End.SAME)
    if not overwrite:
        if row.number in known.read_before:
            return Ended(row, End.BEFORE, _told(now))
        if _is_newer(row, claim.meant, now, user):
            return Ended(row, End.NEWER, _told(now))
    action = _ACTIONS.get(claim.status, Action.RELABEL)
    return Word(
        row,
        claim.meant.kept,
        Action.CONFIRM if claim.label and claim.label == now.label else action,
        claim.label,
        claim.status,
        now.version,
        replaces=now.status in DECIDED,
        is_told=row.number in known.told,
    )


def _is_newer(row: Row, meant: Meant, now: Present, user: str) -> bool:
    """Say whether a person may have spoken of the photo after the file was written."""
    if now.saying is None:
        return False
    spoken_of, saying = now.saying
    if saying.user == user and saying.client.startswith(IMPORT):
        return False
    if row.version is not None and spoken_of == meant.named:
        return saying.version > row.version
    then, since = _time(row.at), _time(saying.at)
    if then is not None and since is not None:
        return since > then
    return now.status in DECIDED


def _time(text: str) -> datetime.datetime | None:
    try:
        time = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=datetime.UTC)


def _told(now: Present) -> str:
    """Say what is true of a photo, and by whom."""
    what = _shown(now.label, now.status)
    return f"{what} by {now.saying[1].user}" if now.saying else what


def _shown(label: str | None, status: Status) -> str:
    return repr(label) if status is Status.LABELLED else str(status)


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)
