import itertools

import pytest

from pipeline.web.pacing import FIRST_PENALTY_S, MAX_DELAY_S, Pace


def struggle(pace: Pace, times: int, start: float = 0.0) -> float:
    """Let so many requests fail, one after the other; return the delay then."""
    for number in range(times):
        at = start + number
        pace.note_bad(pace.delay_s(0.0, 8), at, at)
    return pace.delay_s(0.0, 8)


def test_it_starts_at_what_the_site_wishes():
    assert Pace().delay_s(0.0, 8) == 0.0
    assert Pace().delay_s(7.0, 8) == 7.0


@pytest.mark.parametrize(("latency_s", "connections"), [(0.1, 16), (2.0, 1), (0.02, 8)])
def test_a_healthy_host_is_asked_evenly_and_never_held_up(latency_s, connections):
    pace = Pace()
    for _ in range(200):
        pace.note_good(latency_s)

    freely = latency_s / connections  # between two starts, all connections busy
    assert pace.delay_s(0.0, connections) == pytest.approx(freely / 2, rel=0.01)


def test_one_slow_answer_is_not_taken_for_a_slow_host():
    pace = Pace()
    for _ in range(50):
        pace.note_good(0.1)
    pace.note_good(0.7)

    assert pace.delay_s(0.0, 8) < 0.1 / 8


def test_every_struggle_doubles_the_delay_up_to_a_minute():
    pace = Pace()
    delays = [struggle(pace, 1, start=float(number)) for number in range(10)]

    assert delays[:4] == [FIRST_PENALTY_S, 1.0, 2.0, 4.0]
    assert delays[-1] == MAX_DELAY_S


def test_a_wished_delay_is_doubled_too():
    pace = Pace()
    pace.note_bad(pace.delay_s(7.0, 8), 0.0, 0.1)

    assert pace.delay_s(7.0, 8) == 14.0


def test_requests_that_fail_side_by_side_double_it_once():
    pace = Pace()
    for number in range(16):
        pace.note_bad(pace.delay_s(0.0, 16), 0.0, 0.1 + number / 1000)

    assert pace.delay_s(0.0, 16) == FIRST_PENALTY_S


def test_good_answers_make_it_sink_slowly_to_what_it_was():
    pace = Pace()
    delays = [struggle(pace, 4)]
    for _ in range(100):
        pace.note_good(0.0)
        delays.append(pace.delay_s(0.5, 8))

    assert all(later <= sooner for sooner, later in itertools.pairwise(delays))
    assert delays[1] > delays[0] / 2
    assert delays[-1] == 0.5


def test_nothing_that_is_wished_for_goes_beyond_a_minute():
    assert Pace().delay_s(1e9, 1) == MAX_DELAY_S
