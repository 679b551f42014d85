"""What curators can say of a photo, and the answer they get."""

from dataclasses import dataclass
from enum import StrEnum

from pipeline.catalog.tables import DECIDED, Status

MAX_NOTE = 2000  # letters
_MAX_NUMBER = 2**31 - 1  # what an integer column of PostgreSQL takes


class Action(StrEnum):
    """What a curator can say of a photo."""

    CONFIRM = "confirm"  # the label it has is right
    RELABEL = "relabel"
    REJECT = "reject"
    UNSURE = "unsure"
    SECOND = "second"  # what somebody else thinks, who did not see the label
    FLAG = "flag"  # a note for the reviewer
    UNDO = "undo"


WORDS = frozenset({Action.CONFIRM, Action.RELABEL, Action.REJECT, Action.UNSURE})
REMARKS = frozenset({Action.SECOND, Action.FLAG})  # they leave the photo as it is


@dataclass(frozen=True)
class Op:
    """One thing a curator said, and which version of the photo they were looking at.

    ``(client, seq)`` is its name: the same op may be sent any number of times.

    Raises:
        ValueError: What it needs is missing, or can't be kept.
    """

    sha256: str
    action: Action
    label: str | None  # of confirm, relabel, second; ignored by the others
    base_version: int  # ignored by second, flag and undo
    user: str
    client: str  # one browser tab, or one import
    seq: int  # counts up in a client
    batch: int | None = None  # the seq of the first op of a bulk
    shown_ms: int | None = None  # how long the photo was looked at
    note: str = ""
    status: Status | None = None  # of second: labelled, rejected or unsure
    undoes: tuple[str, int] | None = None  # of undo: client and seq of the word

    def __post_init__(self) -> None:
        named = self.action in {Action.CONFIRM, Action.RELABEL}
        named |= self.action is Action.SECOND and self.status is Status.LABELLED
        if named and not self.label:
            raise ValueError(f"{self.action} needs a label")
        if self.action is Action.SECOND and self.status not in DECIDED:
            raise ValueError(f"second needs one of {', '.join(sorted(DECIDED))}")
        if self.action is Action.UNDO and self.undoes is None:
            raise ValueError("undo needs the client and seq of what it takes back")
        if len(self.note) > MAX_NOTE:
            raise ValueError(f"a note has at most {MAX_NOTE} letters")
        numbers = [self.base_version, self.seq, self.batch, self.shown_ms]
        numbers.append(self.undoes[1] if self.undoes else None)
        if any(n is not None and not 0 <= n <= _MAX_NUMBER for n in numbers):
            raise ValueError(f"expected whole numbers in 0..{_MAX_NUMBER}: {numbers}")
        texts = [self.sha256, self.label or "", self.user, self.client, self.note]
        if "\0" in "".join([*texts, self.undoes[0] if self.undoes else ""]):
            raise ValueError("a text holds a NUL")


@dataclass(frozen=True)
class Answer:
    """What became of an op, and what is true of the photo now.

    An op that was not accepted and has no event (``event_id`` 0) was not recorded:
    the photo is gone (``status`` is ``None``), or the client had used that number for
    something else already.
    """

    client: str
    seq: int
    accepted: bool
    sha256: str
    label: str | None
    status: Status | None  # None: the photo is not in the catalog any more
    version: int
    by: str  # who said the newest word that changed it
    event_id: int
