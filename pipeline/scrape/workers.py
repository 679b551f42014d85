"""Threads that work through jobs, so many of one host at a time.

Jobs are drawn as they are needed, so that few of them are held in memory: ``AHEAD``
wait, and where all these are of busy hosts, up to ``MAX_WAITING``, so that a slow host
does not hold up the others.

Where one job raises, or nobody reads the results any more, no further job begins.

The threads are daemons: what hangs in a connection can't keep the program from ending.
"""

import ctypes
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from typing import Generic, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

MAX_THREADS = 32
_M_ARENA_MAX = -8  # of mallopt, as malloc.h has it
AHEAD = 500  # jobs that wait, as a rule
MAX_WAITING = 2000
MAX_RESULTS = 200  # that wait for the reader; then the threads do
IDLE_S = 1.0
_LOOK_S = 0.1  # how often a waiting thread looks whether anybody still reads


def work_through(
    jobs: Iterable[tuple[str, Job]],
    work: Callable[[Job], Result],
    per_host: int,
    *,
    idle: Callable[[], None] = lambda: None,
) -> Generator[Result, None, None]:
    """Yield the result of every job as it is done; what one raises is raised here.

    Args:
        jobs: With the host of each; the jobs of a host are begun in their order. They
            are drawn by the threads, one thread at a time.
        work: Called in a thread.
        per_host: How many jobs of one host are worked on at a time.
        idle: Called where no result came for ``IDLE_S``, as long as none comes.
    """
    _share_memory()
    waiting = _Waiting(iter(jobs), per_host)
    results: queue.Queue[Result | BaseException | None] = queue.Queue(MAX_RESULTS)

    def hand_on(result: Result | BaseException | None) -> None:
        while not waiting.is_over:
            with suppress(queue.Full):
                results.put(result, timeout=_LOOK_S)
                return

    def keep_working() -> None:
        try:
            taken = waiting.take()
            while taken is not None:
                host, job = taken
                hand_on(work(job))
                taken = waiting.take(after=host)
        except BaseException as error:  # noqa: BLE001 - raised by the reader
            waiting.stop()
            hand_on(error)
        hand_on(None)

    running = min(MAX_THREADS, waiting.useful_threads())
    for _ in range(running):
        threading.Thread(target=keep_working, daemon=True).start()
    try:
        while running:
            try:
                result = results.get(timeout=IDLE_S)
            except queue.Empty:
                idle()
                continue
            if isinstance(result, BaseException):
                raise result
            if result is None:
                running -= 1
            else:
                yield result
    finally:
        waiting.stop()
        waiting.is_over = True


def _share_memory() -> None:
    """Let all threads take memory from two pools, where the C library is glibc.

    Else each has its own, and pictures that come and go leave every one full of holes:
    55 MiB more at 20,000 photos than at 200, against 20 with two.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 2)


class _Waiting(Generic[Job]):
    """The jobs not begun, by host."""

    def __init__(self, jobs: Iterator[tuple[str, Job]], per_host: int) -> None:
        self._more: Iterator[tuple[str, Job]] | None = jobs
        self._jobs: dict[str, deque[Job]] = {}
        self._hosts = deque[str]()  # that have jobs waiting; the next to be looked at
        self._busy: dict[str, int] = {}  # jobs begun and not done, by host
        self._per_host = per_host
        self._number = 0  # of jobs that wait
        self.is_over = False  # nobody reads the results any more
        self._changed = threading.Condition()
        with self._changed:
            self._draw(AHEAD)

    def useful_threads(self) -> int:
        """Return how many threads can have something to do."""
        if self._more is not None:
            return MAX_THREADS
        return min(self._number, self._per_host * len(self._hosts))

    def take(self, after: str | None = None) -> tuple[str, Job] | None:
        """Take a job of a host that has room; wait for one; ``None`` at the end.

        Args:
            after: The host of the job that the thread is done with. Another thread is
                woken only where this one leaves it something to do.
        """
        with self._changed:
            if after is not None:
                self._busy[after] -= 1
            while True:
                self._draw(AHEAD)
                for host in tuple(self._hosts):
                    self._hosts.rotate(-1)
                    if self._has_room(host):
                        if host != after:
                            self._changed.notify()
                        return host, self._begin(host)
                if self._more is None and not self._hosts:
                    self._changed.notify_all()
                    return None
                if self._more is None or self._number >= MAX_WAITING:
                    self._changed.wait()
                else:
                    self._draw(self._number + AHEAD)  # all that wait are of busy hosts

    def _draw(self, number: int) -> None:
        """Draw jobs until so many wait, or there are no more."""
        while self._more is not None and self._number < number:
            drawn = next(self._more, None)
            if drawn is None:
                self._more = None
                return
            host, job = drawn
            if not self._jobs.get(host):
                self._jobs[host] = deque()
                self._hosts.append(host)
            self._jobs[host].append(job)
            self._number += 1
            if self._has_room(host):
                self._changed.notify()

    def _has_room(self, host: str) -> bool:
        return self._busy.get(host, 0) < self._per_host

    def _begin(self, host: str) -> Job:
        self._busy[host] = self._busy.get(host, 0) + 1
        self._number -= 1
        job = self._jobs[host].popleft()
        if not self._jobs[host]:
            self._hosts.remove(host)
        if self._more is None:
            if not self._hosts:
                self._changed.notify_all()  # there is nothing more to wait for
        elif self._number == MAX_WAITING - 1:
            self._changed.notify()  # others may be drawn again
        return job

    def stop(self) -> None:
        """Let no job begin any more."""
        with self._changed:
            self._hosts.clear()
            self._more = None
            self._changed.notify_all()
