"""Learning in the background, beside the labeler: a process of its own.

It looks at the photos that were not looked at yet, then asks the catalog every
``ASK_S`` whether anything was said, and learns anew when that is worth it. What it
learned lies in the cache (``kept``). One process a set and machine learns; another one
waits until that has ended.
"""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np

from pipeline.catalog import Catalog
from pipeline.catalog.entries import Entry
from pipeline.errors import WeightsError
from pipeline.home import SetFolder
from pipeline.locking import take_lock
from pipeline.settings import SetSettings
from pipeline.suggest.kept import (
    KeptFeatures,
    Learned,
    Learning,
    LearnState,
    read_features,
    write_state,
    write_suggestions,
)
from pipeline.suggest.learn import Estimator, Known, Verdict, is_enough, learn
from pipeline.suggest.looking import tag_of, why_no_network
from pipeline.suggest.space import Features
from pipeline.suggest.watching import Watched, known_of

ASK_S = 2.0  # seconds between two questions
AGAIN_S = 10.0  # seconds after which anything new is learned from
MORE = 0.05  # so much more was said: learned from at once
AT_LEAST = 3  # labels
REST = 3.0  # times as long as learning took, until it is done again
FEWEST = 20  # photos: fewer are labelled before a network is loaded
WAITING = (
    "suggestions come with the first labels: a few in each of two categories,"
    " or photos scraped under two categories"
)

Look = Callable[[Callable[[int, int], None]], None]  # told how many of how many
Wait = Callable[[float], bool]  # seconds → whether it is time to end


@dataclass
class Learner:
    """A set that is learned from while it is labelled.

    Attributes:
        folder: The set.
        settings: Its categories and backbone.
        catalog: Where people's words are.
        look: Looks at all photos and keeps their features, in a process of its own:
            TensorFlow takes half a gigabyte, and is needed for that alone.
        estimate: Says how many labels are wrong.
        utc_now: The time, as it is written down.
        clock: Seconds.
    """

    folder: SetFolder
    settings: SetSettings
    catalog: Catalog
    look: Look
    estimate: Estimator
    utc_now: Callable[[], str]
    clock: Callable[[], float] = time.monotonic
    _pace: "Pace" = field(init=False)
    _kept: KeptFeatures | None = None

    def __post_init__(self) -> None:
        """Start the clock."""
        self._pace = Pace(self.clock)

    def run(self, wait: Wait) -> None:
        """Learn until it is time to end.

        Raises:
            MekikiError: No network can be had, the catalog can't be read, ...
        """
        with ExitStack() as stack:
            while not self._take_place(stack):
                if wait(ASK_S):
                    return
            self.tell(LearnState(Learning.STARTING))
            watched = Watched(self.catalog)
            while True:
                self._pace.note(watched.follow())
                if self._pace.is_due():
                    self._learn(watched.entries)
                if wait(ASK_S):
                    return

    def tell(self, state: LearnState) -> None:
        """Write down where it stands."""
        write_state(self.folder, state)

    def _learn(self, entries: Sequence[Entry]) -> None:
        names = self.settings.category_names
        if len(entries) < FEWEST:
            reason = f"suggestions begin at {FEWEST} photos; there are {len(entries)}"
            self.tell(LearnState(Learning.WAITING, reason=reason))
            self._pace.learned(0, 0.0)
            return
        seen, features = self._look(entries)
        known = known_of(seen, features, names)
        if not is_enough(known):
            self.tell(
                LearnState(
                    Learning.WAITING, reason=WAITING, labels_used=known.labels_used
                )
            )
            self._pace.learned(known.labels_used, 0.0)
            return
        began = self.clock()
        verdict = learn(known, np.random.default_rng(0), self.estimate)
        write_suggestions(
            self.folder, learned_of(seen, names, known, verdict), self.utc_now()
        )
        self._pace.learned(known.labels_used, self.clock() - began)
        self.tell(LearnState(Learning.READY, labels_used=known.labels_used))

    def _look(self, entries: Sequence[Entry]) -> tuple[list[Entry], Features]:
        """Return the photos that can be looked at, and their features.

        Raises:
            MekikiError: No network can be had.
        """
        tag = tag_of(self.folder, self.settings.train)
        if not self._has_seen(entries, tag):
            self._kept = read_features(self.folder, tag)
        if not self._has_seen(entries, tag):
            if why := why_no_network(self.folder, self.settings.train):
                raise WeightsError(why)
            self.tell(LearnState(Learning.LOOKING, 0, len(entries)))
            self.look(self._tell_how_far)
            self._kept = read_features(self.folder, tag)
        if self._kept is None:
            return [], np.zeros((0, 1), np.float32)
        places = {sha256: row for row, sha256 in enumerate(self._kept.sha256s)}
        there = [entry for entry in entries if entry.sha256 in places]
        return there, self._kept.rows[[places[entry.sha256] for entry in there]]

    def _has_seen(self, entries: Sequence[Entry], tag: str) -> bool:
        if self._kept is None or self._kept.tag != tag:
            return False
        met = {*self._kept.sha256s, *self._kept.broken}
        return all(entry.sha256 in met for entry in entries)

    def _tell_how_far(self, done: int, total: int) -> None:
        self.tell(LearnState(Learning.LOOKING, done, total))

    def _take_place(self, stack: ExitStack) -> bool:
        """Become the one that learns, if nobody else is."""
        file = self.folder.cache / "learning.lock"
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            take_lock(handle, file, "keep the set")
        except BlockingIOError:
            os.close(handle)
            return False
        stack.callback(os.close, handle)
        return True


@dataclass
class Pace:
    """When to learn anew: not for each label, and not all the time."""

    clock: Callable[[], float]
    _new: int = 0
    _labels: int = -1  # -1: nothing was learned yet
    _at: float = 0.0
    _took: float = 0.0

    def note(self, changed: int) -> None:
        """Take down that something is new of so many photos."""
        self._new += changed

    def is_due(self) -> bool:
        """Whether it is time."""
        if self._labels < 0:
            return True
        passed = self.clock() - self._at
        if self._new == 0 or passed < REST * self._took:
            return False
        return passed >= AGAIN_S or self._new >= max(AT_LEAST, MORE * self._labels)

    def learned(self, labels: int, took: float) -> None:
        """Take down that it was done: from how many labels, in how many seconds."""
        self._new, self._labels, self._at, self._took = 0, labels, self.clock(), took


def learned_of(
    entries: Sequence[Entry], names: Sequence[str], known: Known, verdict: Verdict
) -> Learned:
    """Return what is kept of a verdict on photos."""
    return Learned(
        sha256s=[entry.sha256 for entry in entries],
        names=names,
        places=verdict.pred_probs.argmax(axis=1),
        confidence=verdict.pred_probs.max(axis=1).astype(np.float64),
        doubt=verdict.doubt,
        helpful=verdict.helpful,
        wrong=verdict.wrong,
    )
