"""The orders that curators go through, made once and kept while somebody walks them."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

HELD = 24  # orders; a hundred thousand photos take about 10 MB each


@dataclass(frozen=True)
class Line:
    """An order of photos, fixed while it is gone through."""

    name: str  # of this order, in this process
    queue: Hashable  # whose order it is
    shas: Sequence[str]
    place: dict[str, int]  # of each, from 0


class Stretch(NamedTuple):
    """A part of an order."""

    line: Line
    start: int  # the first place
    number: int  # of photos, at most


class Lines:
    """The newest order of each queue, and the older ones that are still walked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_name: OrderedDict[str, Line] = OrderedDict()
        self._newest: dict[Hashable, tuple[Hashable, str]] = {}

    def named(self, name: str, queue: Hashable) -> Line | None:
        """Return a queue's order that was given out before, if it is still held."""
        with self._lock:
            line = self._by_name.get(name)
            if line is None or line.queue != queue:
                return None
            self._by_name.move_to_end(name)
            return line

    def newest(self, queue: Hashable, stamp: Hashable) -> Line | None:
        """Return a queue's order, if it was made of the same facts."""
        known = self._newest.get(queue)
        if known is None or known[0] != stamp:
            return None
        return self.named(known[1], queue)

    def add(self, queue: Hashable, stamp: Hashable, shas: Sequence[str]) -> Line:
        """Keep a queue's new order, and give it a name."""
        place = {sha256: number for number, sha256 in enumerate(shas)}
        with self._lock:
            line = Line(secrets.token_hex(8), queue, shas, place)
            self._by_name[line.name] = line
            self._newest[queue] = (stamp, line.name)
            while len(self._by_name) > HELD:
                self._by_name.popitem(last=False)
        return line
