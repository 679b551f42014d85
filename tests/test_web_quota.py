"""No window ever holds more calls than are granted, over runs and processes too."""

import gc
import json
import logging
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.web.answers import FailedError
from pipeline.web.quota import MAX_WAIT_S, Quota, QuotaSpentError
from pipeline.web.rates import DAY_S, EDGE_S, Rate
from tests.doubles.fetching import WALL_AT_START, Time

ROOT = Path(__file__).parent.parent
MINUTE, DAY = Rate(20, 60), Rate(200, DAY_S)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "quotas" / "openverse.json"


@pytest.fixture
def open_quota(time: Time) -> Callable[..., Quota]:
    def opened(*rates: Rate, file: Path | None = None, spacing_s: float = 0.0) -> Quota:
        return Quota(
            "openverse", rates, file, time.timing, time.sleep, spacing_s=spacing_s
        )

    return opened


def take(quota: Quota, calls: int, time: Time) -> list[float]:
    """Take calls; return when each was granted."""
    moments = []
    for _ in range(calls):
        quota.take()
        moments.append(time.now)
    return moments


def told(scope: str, limit: str, left: int | None = None) -> dict[str, str]:
    headers = {f"X-RateLimit-Limit-{scope}": limit}
    if left is not None:
        headers[f"X-RateLimit-Available-{scope}"] = str(left)
    return headers


# Windows that are waited for


def test_a_burst_is_granted_at_once_and_then_as_many_a_minute(open_quota, time):
    moments = take(open_quota(MINUTE), 60, time)

    assert moments[:20] == [0.0] * 20
    assert all(b - a >= 60 for a, b in zip(moments, moments[20:], strict=False))
    assert moments[-1] < 125


def test_calls_are_spaced_where_a_service_wants_that(open_quota, time):
    moments = take(open_quota(spacing_s=0.25), 9, time)

    assert moments == [pytest.approx(0.25 * number) for number in range(9)]


def test_calls_of_many_threads_are_granted_like_those_of_one(open_quota, time):
    quota = open_quota(Rate(4, 60))
    moments: list[float] = []

    def work() -> None:
        for _ in range(4):
            quota.take()
            moments.append(time.wall())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(moments) == 16
    # 16 calls, 4 a minute: three full minutes lie between the first and the last.
    assert max(moments) - min(moments) >= 180


def test_a_stopped_run_ends_the_wait_and_takes_no_call(time):
    def stopped(_seconds: float) -> None:
        raise FailedError("stopped")

    quota = Quota("openverse", [Rate(1, 60)], None, time.timing, stopped)
    quota.take()

    with pytest.raises(FailedError, match="stopped"):
        quota.take()


# What the service says


def test_limits_that_are_told_replace_those_assumed(open_quota, time):
    quota = open_quota(MINUTE, DAY)

    quota.obey(told("anon_burst", "100/min") | told("anon_sustained", "10000/day"))

    assert quota.per_day == 10_000
    assert take(quota, 100, time) == [0.0] * 100


def test_a_lower_limit_holds_from_the_next_call_on(open_quota, time):
    quota = open_quota(MINUTE)
    take(quota, 10, time)

    quota.obey(told("anon_burst", "5/min"))

    assert take(quota, 1, time)[0] >= 60


def test_a_limit_for_a_window_of_another_length_is_kept_beside(open_quota, time):
    quota = open_quota(MINUTE)

    quota.obey(told("anon_second", "2/second"))

    moments = take(quota, 6, time)
    assert all(b - a >= 1 for a, b in zip(moments, moments[2:], strict=False))
    assert moments[-1] < 3


def test_a_limit_that_is_not_told_any_more_ends_a_window_later(open_quota, time, file):
    quota = open_quota(MINUTE, DAY, file=file)
    quota.obey(told("anon_burst", "5/hour") | told("anon_sustained", "100/day"))
    usual = told("anon_burst", "20/min") | told("anon_sustained", "200/day")
    take(quota, 5, time)
    quota.obey(usual)

    with pytest.raises(QuotaSpentError):  # who knows which answer is right
        quota.take()
    time.sleep(3601)
    quota.obey(usual)

    assert take(quota, 10, time) == [time.now] * 10
    assert quota.per_day == 100
    time.sleep(DAY_S + 1)
    quota.obey(usual)
    assert open_quota(MINUTE, DAY, file=file).per_day == 200


def test_fewer_left_than_we_counted_are_all_that_we_take(open_quota, time):
    quota = open_quota(MINUTE)
    quota.take()

    quota.obey(told("anon_burst", "20/min", left=2))

    moments = take(quota, 3, time)
    assert moments[:2] == [0.0, 0.0]
    assert moments[2] >= 60


def test_what_others_take_of_a_minute_costs_nothing_of_the_day(open_quota):
    quota = open_quota(MINUTE, DAY)

    for _ in range(30):
        quota.take()
        quota.obey(told("anon_burst", "20/min", left=5))

    assert quota.left_today == 170


def test_what_others_take_of_a_day_is_not_waited_for_by_the_minute(open_quota, time):
    quota = open_quota(MINUTE, DAY)
    quota.take()

    quota.obey(told("anon_sustained", "200/day", left=100))

    assert quota.left_today == 100
    assert take(quota, 10, time) == [0.0] * 10


def test_a_counter_that_stands_still_slows_nothing(open_quota, time):
    """Openverse's was seen to."""
    quota = open_quota(MINUTE)

    for _ in range(20):
        quota.take()
        quota.obey(told("anon_burst", "20/min", left=19))

    assert time.now == 0


def test_a_service_that_grants_nothing_is_asked_again_a_window_later(open_quota, time):
    quota = open_quota(MINUTE)

    quota.obey(told("anon_burst", "0/min"))

    assert take(quota, 1, time) == [60]


# Quotas that end the run


def test_a_quota_of_a_day_ends_the_run_with_the_time_to_go_on_at(open_quota, time):
    quota = open_quota(MINUTE, DAY)
    take(quota, 200, time)

    with pytest.raises(QuotaSpentError) as spent:
        quota.take()

    assert spent.value.reason == "openverse: daily quota of 200 calls is used"
    assert spent.value.until == pytest.approx(WALL_AT_START + DAY_S, abs=1)
    assert quota.left_today == 0
    assert time.now < 10 * 60

    time.now = spent.value.until - WALL_AT_START
    quota.take()


def test_of_a_day_a_call_that_comes_free_in_minutes_is_waited_for(open_quota, time):
    quota = open_quota(Rate(2, DAY_S))
    take(quota, 1, time)
    time.now = DAY_S - MAX_WAIT_S / 2
    take(quota, 1, time)

    assert take(quota, 1, time) == [pytest.approx(DAY_S, abs=1)]


@pytest.mark.parametrize(
    ("rate", "reason"),
    [
        ("1/hour", "openverse: hourly quota of 1 calls is used"),
        ("1/12hour", "openverse: 12-hour quota of 1 calls is used"),
        ("1/day", "openverse: daily quota of 1 calls is used"),
    ],
)
def test_the_reason_names_the_quota(open_quota, rate, reason):
    quota = open_quota()
    quota.obey(told("any", rate))
    quota.take()

    with pytest.raises(QuotaSpentError) as spent:
        quota.take()

    assert spent.value.reason == reason


def test_a_service_that_wants_a_short_rest_gets_it(open_quota, time):
    quota = open_quota(MINUTE)

    quota.hold(42)
    quota.hold(17)

    assert take(quota, 2, time) == [42, 42]


def test_a_service_that_wants_a_long_rest_ends_the_run(open_quota, time, file):
    quota = open_quota(MINUTE, DAY, file=file)

    quota.hold(7200)

    for later in (quota, open_quota(MINUTE, DAY, file=file)):
        assert later.left_today == 0
        with pytest.raises(QuotaSpentError, match="wants to be left alone") as spent:
            later.take()
        assert spent.value.until == WALL_AT_START + 7200
    time.now = 7200
    quota.take()


def test_nobody_is_left_alone_for_longer_than_a_day(open_quota, time):
    quota = open_quota(MINUTE)
    quota.hold(1e12)

    with pytest.raises(QuotaSpentError) as spent:
        quota.take()

    assert spent.value.until == WALL_AT_START + DAY_S


def test_a_service_without_a_quota_by_the_day_has_none_to_tell(open_quota):
    quota = open_quota(MINUTE)

    assert quota.per_day is None
    assert quota.left_today is None


# Over runs, sets and processes


def test_the_next_run_goes_on_with_what_this_one_left(open_quota, time, file):
    take(open_quota(MINUTE, DAY, file=file), 150, time)

    again = open_quota(MINUTE, DAY, file=file)

    assert again.left_today == 50
    take(again, 50, time)
    with pytest.raises(QuotaSpentError):
        again.take()


def test_what_the_service_said_is_known_to_the_next_run(open_quota, file):
    open_quota(MINUTE, DAY, file=file).obey(told("anon_sustained", "6/day", left=4))

    again = open_quota(MINUTE, DAY, file=file)

    assert (again.per_day, again.left_today) == (6, 4)


def test_what_was_only_assumed_is_not_kept(open_quota, file):
    open_quota(MINUTE, DAY, file=file).take()

    assert open_quota(MINUTE, Rate(500, DAY_S), file=file).per_day == 500


def test_two_sets_at_a_time_share_the_calls(open_quota, time, file):
    sets = [open_quota(Rate(6, DAY_S), file=file) for _ in range(2)]

    for quota in sets * 3:
        quota.take()

    for quota in sets:
        with pytest.raises(QuotaSpentError):
            quota.take()


TAKE_ALL = """
import sys
from pathlib import Path
from pipeline.web.quota import Quota, QuotaSpentError
from pipeline.web.rates import DAY_S, EDGE_S, Rate
from pipeline.web.timing import Timing

timing = Timing(wall=lambda: float(sys.argv[2]))
quota = Quota("openverse", [Rate(50, DAY_S)], Path(sys.argv[1]), timing, lambda _: None)
calls = 0
try:
    while True:
        quota.take()
        calls += 1
except QuotaSpentError:
    print(calls)
"""


def test_processes_beside_each_other_share_the_calls(file):
    order = [sys.executable, "-c", TAKE_ALL, str(file), str(WALL_AT_START)]
    workers = [
        subprocess.Popen(order, stdout=subprocess.PIPE, cwd=ROOT) for _ in range(2)
    ]

    assert sum(int(worker.communicate()[0]) for worker in workers) == 50


def test_calls_that_count_no_more_are_forgotten(open_quota, time, file):
    quota = open_quota(MINUTE, file=file)

    take(quota, 200, time)

    assert len(json.loads(file.read_text())["calls"]) <= 20


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"calls": "soon", "held_until": 0, "windows": []}',
        b'{"calls": [NaN], "held_until": 0, "windows": []}',
        b'{"calls": [], "held_until": null, "windows": []}',
        b'{"calls": [1], "held_until": 0, "windows": [{"calls": Infinity}]}',
        b'{"calls": [1], "held_until": 0, "windows": [{"calls": Infinity,'
        b' "per_s": 60, "said_at": 1, "others": []}]}',
        b'{"calls": [1], "held_until": 0, "windows": [{"calls": 5,'
        b' "per_s": 0, "said_at": 1, "others": []}]}',
    ],
    ids=lambda content: content[:60].decode("latin-1"),
)
def test_a_damaged_file_is_begun_anew_and_said_so(
    open_quota, time, file, content, caplog
):
    file.parent.mkdir()
    file.write_bytes(content)
    gc.collect()  # what other tests left can't be finalized at the depth of "[[[..."

    with caplog.at_level(logging.WARNING):
        take(open_quota(MINUTE, DAY, file=file), 3, time)

    assert f"{file} is not what was kept there" in caplog.text
    assert open_quota(MINUTE, DAY, file=file).left_today == 197


def test_a_clock_that_was_years_ahead_costs_a_day_at_most(open_quota, time, file):
    time.now = 5 * 365 * DAY_S
    quota = open_quota(Rate(1, DAY_S), file=file)
    quota.take()
    quota.hold(DAY_S)
    time.now = 0

    with pytest.raises(QuotaSpentError) as spent:
        open_quota(Rate(1, DAY_S), file=file).take()
    assert spent.value.until == pytest.approx(WALL_AT_START + DAY_S, abs=1)

    time.now = DAY_S + 1
    open_quota(Rate(1, DAY_S), file=file).take()


# Whatever is called and told, in whatever order

_LENGTHS = {"min": 60.0, "day": DAY_S}
_STEPS = st.lists(
    st.one_of(
        st.just(("call",)),
        st.just(("restart",)),
        st.tuples(st.just("wait"), st.sampled_from([0.5, 30.0, 61.0, 40_000.0])),
        st.tuples(
            st.just("told"),
            st.sampled_from(sorted(_LENGTHS)),
            st.integers(1, 6),
            st.none() | st.integers(0, 8),
        ),
    ),
    max_size=60,
)


@given(_STEPS)
def test_no_window_ever_holds_more_calls_than_were_granted_for_it(steps):
    """Whoever asks, however often it is begun anew, whatever the answers tell."""
    time = Time()
    calls: list[float] = []
    assumed = {"min": 3, "day": 5}
    # When told, the limit; what is not told again holds for one more window.
    limits = {unit: [(-DAY_S, calls)] for unit, calls in assumed.items()}
    lefts: list[tuple[float, float, int, int]] = []  # when, how long, left, our calls

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "quota.json"

        def opened() -> Quota:
            rates = [Rate(assumed[unit], _LENGTHS[unit]) for unit in assumed]
            return Quota("openverse", rates, file, time.timing, time.sleep)

        quota = opened()
        for step in steps:
            match step:
                case ("restart",):
                    before = quota.left_today
                    quota = opened()
                    assert quota.left_today == before
                case ("wait", seconds):
                    time.now += seconds
                case ("told", unit, limit, left):
                    limits[unit].append((time.now, limit))
                    for other, per_s in _LENGTHS.items():
                        since, last = limits[other][-1]
                        is_old = other != unit and time.now - since > per_s
                        if is_old and last != assumed[other]:
                            limits[other].append((time.now, assumed[other]))
                    if left is not None:
                        lefts.append((time.now, _LENGTHS[unit], left, len(calls)))
                    quota.obey(told(f"any_{unit}", f"{limit}/{unit}", left))
                case ("call",):
                    try:
                        quota.take()
                    except QuotaSpentError:
                        continue
                    calls.append(time.now)
                    for unit, per_s in _LENGTHS.items():
                        since = time.now - per_s
                        latest = limits[unit][-1][1]
                        recent = [n for at, n in limits[unit] if at > since]
                        inside = [at for at in calls if at > since]
                        assert len(inside) <= min(recent, default=latest)
                    for at, per_s, left, count in lefts:
                        if time.now < at + per_s:
                            # What we took before leaves the window, and is free again.
                            gone = [c for c in calls[:count] if c <= time.now - per_s]
                            counted = [c for c in gone if c > at - per_s - EDGE_S]
                            assert len(calls) - count <= left + len(counted)


@given(st.lists(st.sampled_from([0.0, 1.0, 7.0, 33.0, 60.0]), max_size=40))
def test_no_call_waits_for_longer_than_it_must(pauses):
    """A slow, obvious version agrees: a call is granted when the window has room."""
    time = Time()
    quota = Quota("openverse", [Rate(3, 60)], None, time.timing, time.sleep)
    calls: list[float] = []

    for pause in pauses:
        time.now += pause
        asked = time.now
        quota.take()
        calls.append(time.now)
        room_at = calls[-4] + 60 + EDGE_S if len(calls) > 3 else 0.0
        assert time.now == pytest.approx(max(asked, room_at), abs=1e-3)
