"""How long work is shown: a bar with an ETA on a terminal, silence elsewhere.

A stage takes ``progress: Progress`` and says::

    with progress("hashing photos", len(photos)) as advance:
        for photo in photos:
            ...
            advance(1)
"""

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

Advance = Callable[[int], None]


class Progress(Protocol):
    """Announce work of ``total`` steps (``None``: not known beforehand)."""

    def __call__(
        self, description: str, total: int | None
    ) -> AbstractContextManager[Advance]:
        """Return a context whose value is called with the steps just done."""


@contextmanager
def silent(description: str, total: int | None) -> Iterator[Advance]:
    """Show nothing: for tests, and where stderr is no terminal."""
    yield lambda _: None


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
