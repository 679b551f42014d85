"""Much work spread over processes, one a core.

For work that spends its time in many short steps: threads would wait for each other
before each (Python runs one at a time). Decoding alone is long steps; threads do.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from types import ModuleType
from typing import Any, Protocol, TypeVar

from pipeline.errors import MekikiError
from pipeline.machine import usable_cores

_WORTHWHILE = 5.0  # seconds of work; starting the processes takes one or two

Item = TypeVar("Item")
Done = TypeVar("Done")


class Spread(Protocol):
    """Does a piece of work for every item; the results come in the items' order."""

    def __call__(
        self, work: Callable[[Item], Done], items: Iterable[Item]
    ) -> Iterator[Done]:
        """Begin with all of it; ``work`` is a function of a module, no closure."""


@contextmanager
def spread_over_cores(seconds: float) -> Iterator[Spread]:
    """Offer processes for work of so many seconds; none where that is soon done.

    Args:
        seconds: About how long all of it takes one core.

    Raises:
        MekikiError: A process was ended from outside.
    """
    cores = usable_cores()
    if cores == 1 or seconds < _WORTHWHILE:
        yield _in_turn
        return
    pool = ProcessPoolExecutor(cores, get_context("spawn"), _begin)
    others = active_children()

    def spread(work: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        with _main_set_aside():
            return pool.map(work, items)

    try:
        yield spread
    except BrokenProcessPool:
        raise MekikiError(
            "a process that shared the work was ended from outside, perhaps for want of"
            " memory; what was done is kept, run the same command again"
        ) from None
    except BaseException:  # nobody waits for what was begun
        for process in active_children():
            if process not in others:
                process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _main_set_aside() -> Iterator[None]:
    """Let processes start without running the caller's script once more in each.

    They would, for what it defines; ``work`` never is of it.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _in_turn(work: Callable[[Item], Done], items: Iterable[Item]) -> Iterator[Done]:
    return map(work, items)


def _begin() -> None:
    """Leave Ctrl-C to the process that started this one, and never outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
