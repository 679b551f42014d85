"""Threads that work through jobs, so many of one host at a time.

Where one job raises, or nobody reads the results any more, no further job begins.

The threads are daemons: what hangs in a connection can't keep the program from ending.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Generic, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

MAX_THREADS = 32


def work_through(
    jobs: Mapping[str, Sequence[Job]], work: Callable[[Job], Result], per_host: int
) -> Generator[Result, None, None]:
    """Yield the result of every job as it is done; what one raises is raised here.

    Args:
        jobs: By host; the jobs of a host are begun in their order.
        work: Called in a thread.
        per_host: How many jobs of one host are worked on at a time.
    """
    total = sum(map(len, jobs.values()))
    waiting = _Waiting(jobs, per_host)
    results: queue.SimpleQueue[Result | BaseException] = queue.SimpleQueue()

    def keep_working() -> None:
        while (taken := waiting.take()) is not None:
            host, job = taken
            try:
                results.put(work(job))
            except BaseException as error:  # noqa: BLE001 - raised by the reader
                waiting.stop()
                results.put(error)
            waiting.give_back(host)

    for _ in range(min(MAX_THREADS, per_host * len(jobs), total)):
        threading.Thread(target=keep_working, daemon=True).start()
    try:
        for _ in range(total):
            result = results.get()
            if isinstance(result, BaseException):
                raise result
            yield result
    finally:
        waiting.stop()


class _Waiting(Generic[Job]):
    """The jobs not begun, by host."""

    def __init__(self, jobs: Mapping[str, Sequence[Job]], per_host: int) -> None:
        self._jobs = {host: deque(own) for host, own in jobs.items() if own}
        self._hosts = deque(self._jobs)  # the next to be looked at first
        self._room = dict.fromkeys(self._jobs, per_host)
        self._changed = threading.Condition()

    def take(self) -> tuple[str, Job] | None:
        """Take a job of a host that has room; wait for one; ``None`` at the end."""
        with self._changed:
            while self._hosts:
                for host in tuple(self._hosts):
                    self._hosts.rotate(-1)
                    if self._room[host]:
                        return host, self._begin(host)
                self._changed.wait()
        return None

    def _begin(self, host: str) -> Job:
        self._room[host] -= 1
        job = self._jobs[host].popleft()
        if not self._jobs[host]:
            self._hosts.remove(host)
        return job

    def give_back(self, host: str) -> None:
        """Note that a job of ``host`` is done."""
        with self._changed:
            self._room[host] += 1
            self._changed.notify_all()

    def stop(self) -> None:
        """Let no job begin any more."""
        with self._changed:
            self._hosts.clear()
            self._changed.notify_all()
