import os
import signal
import subprocess
import sys
import threading

import pytest

from pipeline.errors import MekikiError
from pipeline.machine import usable_cores
from pipeline.processes import spread_over_cores

LONG, SHORT = 60.0, 0.1  # seconds of work, announced

several_cores = pytest.mark.skipif(usable_cores() < 2, reason="needs two cores")

WAITING = """
import os, sys
from pipeline.processes import spread_over_cores
from tests.test_processes import pid_of

with spread_over_cores(60.0) as spread:
    print(*spread(pid_of, range(50)), flush=True)
    sys.stdin.read()
"""


def pid_of(number: int) -> int:
    return os.getpid()


def squared(number: int) -> int:
    return number * number


def refuse(number: int) -> int:
    raise MekikiError(f"{number} is refused")


def end(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def never_done(number: int) -> int:
    threading.Event().wait()
    return number


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("seconds", [SHORT, LONG])
def test_results_come_in_the_order_of_the_items(seconds):
    with spread_over_cores(seconds) as spread:
        assert list(spread(squared, range(40))) == [n * n for n in range(40)]
        assert list(spread(squared, [7])) == [49]


def test_what_is_soon_done_starts_no_process():
    with spread_over_cores(SHORT) as spread:
        assert set(spread(pid_of, range(5))) == {os.getpid()}


@several_cores
def test_much_work_is_done_by_other_processes():
    with spread_over_cores(LONG) as spread:
        assert os.getpid() not in set(spread(pid_of, range(5)))


@pytest.mark.parametrize("seconds", [SHORT, LONG])
def test_what_goes_wrong_in_a_process_is_told(seconds):
    with (
        pytest.raises(MekikiError, match="3 is refused"),
        spread_over_cores(seconds) as spread,
    ):
        list(spread(refuse, [3]))


@several_cores
def test_process_that_was_killed_is_told():
    with (
        pytest.raises(MekikiError, match="ended from outside"),
        spread_over_cores(LONG) as spread,
    ):
        list(spread(end, [1]))


@several_cores
def test_interruption_ends_what_was_begun():
    pids: set[int] = set()

    def work_until_interrupted() -> None:
        with spread_over_cores(LONG) as spread:
            pids.update(spread(pid_of, range(5)))
            spread(never_done, range(50))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work_until_interrupted()
    assert pids
    assert not any(map(is_alive, pids))


@several_cores
def test_the_script_that_spreads_work_runs_only_once(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        """
from operator import neg
from pipeline.processes import spread_over_cores
print("begun")
with spread_over_cores(60.0) as spread:
    print(*spread(neg, [1, 2, 3]))
""",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("begun\n-1 -2 -3\n", "")


@several_cores
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_processes_end_with_the_one_that_was_killed():
    order = [sys.executable, "-c", WAITING]
    pipe = subprocess.PIPE
    with subprocess.Popen(order, stdin=pipe, stdout=pipe, text=True) as started:
        assert started.stdout is not None
        pids = {int(pid) for pid in started.stdout.readline().split()}
        assert pids
        assert all(map(is_alive, pids))
        started.kill()
        started.wait()
        while any(map(is_alive, pids)):
            os.sched_yield()
