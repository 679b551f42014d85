"""How long work is shown: a bar with an ETA on a terminal, elsewhere lines in a log.

A stage takes ``progress: Progress`` and says::

    with progress("hashing photos", len(photos)) as advance:
        for photo in photos:
            ...
            advance(1)
"""

import datetime
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

EVERY_S = 30.0  # seconds between lines

Advance = Callable[[int], None]


class Progress(Protocol):
    """Announce work of ``total`` steps (``None``: not known beforehand)."""

    def __call__(
        self, description: str, total: int | None
    ) -> AbstractContextManager[Advance]:
        """Return a context whose value is called with the steps just done."""


@contextmanager
def silent(description: str, total: int | None) -> Iterator[Advance]:
    """Show nothing."""
    yield lambda _: None


def lines(
    write: Callable[[str], None], clock: Callable[[], float] = time.monotonic
) -> Progress:
    """Return a ``Progress`` that writes a line every ``EVERY_S``, as logs want it."""

    @contextmanager
    def show(description: str, total: int | None) -> Iterator[Advance]:
        begun = told = clock()
        done = 0

        def advance(steps: int) -> None:
            nonlocal done, told
            done += steps
            now = clock()
            if now - told >= EVERY_S:
                told = now
                write(f"{description}: {_how_far(done, total, now - begun)}")

        yield advance

    return show


def terminal(console: Console) -> Progress:
    """Return a ``Progress`` that draws bars on ``console``."""

    @contextmanager
    def show(description: str, total: int | None) -> Iterator[Advance]:
        bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        with bar:
            task = bar.add_task(description, total=total)
            yield lambda steps: bar.advance(task, steps)

    return show


def _how_far(done: int, total: int | None, seconds: float) -> str:
    if not total:
        return f"{done:,}"
    if not 0 < done <= total:
        return f"{done:,} of {total:,}"
    left = datetime.timedelta(seconds=round(seconds / done * (total - done)))
    return f"{done:,} of {total:,}, about {left} left"
