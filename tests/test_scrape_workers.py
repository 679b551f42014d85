import threading
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, islice
from typing import Any

import pytest

from pipeline.scrape.workers import work_through


def of(jobs: Mapping[str, Sequence[Any]]) -> Iterator[tuple[str, Any]]:
    return ((host, job) for host, own in jobs.items() for job in own)


def test_every_job_is_done_once():
    jobs = {"a": list(range(50)), "b": list(range(50, 60)), "c": list[int]()}

    assert sorted(work_through(of(jobs), lambda job: job, 4)) == list(range(60))


def test_no_jobs_are_no_work():
    assert list(work_through(of({}), lambda job: job, 4)) == []


def test_a_busy_host_does_not_keep_the_others_waiting():
    release = threading.Event()
    done: list[str] = []

    def work(job: str) -> str:
        if job.startswith("slow"):
            assert release.wait(10)
        return job

    jobs = {"slow": [f"slow{number}" for number in range(1500)], "quick": ["q1", "q2"]}
    for job in work_through(of(jobs), work, 2):
        done.append(job)
        if len(done) == 2:
            release.set()

    assert sorted(done[:2]) == ["q1", "q2"]
    assert len(done) == 1502


def test_jobs_are_drawn_as_they_are_needed():
    drawn = count()

    def endless() -> Iterator[tuple[str, int]]:
        for number in drawn:
            yield f"host{number % 50}", number

    results = work_through(endless(), lambda job: job, 2)
    assert len(list(islice(results, 10))) == 10
    results.close()

    assert next(drawn) < 7000


def test_a_host_is_never_given_more_jobs_at_a_time_than_it_may_have():
    busy, most, lock = [0], [0], threading.Lock()

    def work(job: int) -> int:
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        with lock:
            busy[0] -= 1
        return job

    assert len(list(work_through(of({"a": range(200)}), work, 3))) == 200
    assert most[0] <= 3


def test_what_a_job_raises_is_raised_and_no_further_job_begins():
    begun: list[int] = []

    def work(job: int) -> int:
        begun.append(job)
        if job == 3:
            raise KeyError("broken")
        return job

    with pytest.raises(KeyError, match="broken"):
        list(work_through(of({"a": range(1000)}), work, 1))

    assert begun == [0, 1, 2, 3]


def test_a_reader_that_stops_reading_stops_the_work():
    begun: list[int] = []
    may_begin = threading.Semaphore(1)

    def work(job: int) -> int:
        assert may_begin.acquire(timeout=10)
        begun.append(job)
        return job

    results = work_through(of({"a": range(1000)}), work, 1)
    next(results)
    results.close()
    may_begin.release(1000)

    assert len(begun) <= 2  # the second may have been taken before the end


def test_jobs_behind_many_of_a_busy_host_are_drawn_as_those_are_done():
    is_begun = threading.Event()

    def work(job: int) -> int:
        if job < 0:
            is_begun.set()
        elif job > 4600:
            assert is_begun.wait(10)
        return job

    jobs = of({"busy": range(6000), "other": [-1]})
    assert len(list(work_through(jobs, work, 4))) == 6001


def test_an_end_that_is_met_while_nothing_waits_is_the_end(monkeypatch):
    monkeypatch.setattr("pipeline.scrape.workers.AHEAD", 1)

    for _ in range(50):
        jobs = of({"a": range(20), "b": range(3)})
        assert len(list(work_through(jobs, lambda job: job, 4))) == 23


def test_who_reads_the_results_is_told_when_none_come():
    is_told = threading.Event()

    def work(job: int) -> int:
        assert is_told.wait(10)
        return job

    jobs = of({"a": range(3)})
    assert len(list(work_through(jobs, work, 4, idle=is_told.set))) == 3
