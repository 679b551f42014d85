import pytest

from pipeline.web.rates import DAY_S, EDGE_S, Rate, Window, read_limits, read_rate


@pytest.mark.parametrize(
    ("written", "rate"),
    [
        ("20/min", Rate(20, 60)),
        ("100/min", Rate(100, 60)),
        ("5/hour", Rate(5, 3600)),
        ("200/day", Rate(200, DAY_S)),
        ("10000/day", Rate(10_000, DAY_S)),
        ("3/s", Rate(3, 1)),
        (" 20/MIN ", Rate(20, 60)),
        ("20/5min", Rate(20, 300)),
        ("0/day", Rate(0, DAY_S)),
        ("20/0min", None),
        ("20", None),
        ("20/fortnight", None),
        ("-3/min", None),
        ("many/min", None),
        ("9" * 40 + "/min", None),
        ("", None),
    ],
)
def test_a_limit_is_read_as_openverse_writes_it(written, rate):
    assert read_rate(written) == rate


def test_limits_are_found_whatever_their_scopes_are_called():
    headers = {
        "X-RateLimit-Limit-anon_burst": "20/min",
        "X-RateLimit-Available-anon_burst": "19",
        "x-ratelimit-limit-oauth2_client_credentials_sustained": "10000/day",
        "X-RATELIMIT-AVAILABLE-OAUTH2_CLIENT_CREDENTIALS_SUSTAINED": " 7 ",
        "X-RateLimit-Limit-anon_thumbnail": "150/min",
        "X-RateLimit-Available-anon_thumbnail": "soon",
        "X-RateLimit-Limit-odd": "as you like",
        "X-RateLimit-Available-alone": "3",
        "Content-Type": "application/json",
    }

    assert list(read_limits(headers)) == [
        (Rate(20, 60), 19),
        (Rate(10_000, DAY_S), 7),
        (Rate(150, 60), None),
    ]


@pytest.mark.parametrize("header", [{"Age": "12"}, {"CF-Cache-Status": "HIT"}], ids=str)
def test_what_comes_out_of_a_cache_says_nothing_of_our_limits(header):
    headers = {"X-RateLimit-Limit-anon_burst": "20/min"}

    assert list(read_limits(headers | header)) == []
    assert list(read_limits(headers | {"cf-cache-status": "MISS"})) != []


def test_a_window_that_is_full_grants_a_call_when_its_oldest_has_left():
    window = Window(Rate(3, 60))

    assert window.free_at([10, 20], 30) == 30
    assert window.free_at([10, 20, 30], 30) == 70 + EDGE_S
    assert window.free_at([1, 10, 20, 30], 40) == 70 + EDGE_S
    assert window.left([10, 20, 30], 71) == 1


def test_what_others_took_counts_from_when_we_heard_of_it():
    window = Window(Rate(5, 60))

    window.obey(Rate(5, 60), 1, [100], 110)

    assert window.left([100], 110) == 1
    assert window.free_at([100, 111], 112) == 100 + 60 + EDGE_S
    assert window.left([100, 111], 165) == 1
    assert window.left([100, 111], 175) == 5


def test_more_left_than_we_counted_is_not_believed():
    window = Window(Rate(5, 60))

    window.obey(Rate(5, 60), 4, [100, 101, 102], 110)

    assert window.left([100, 101, 102], 110) == 2


def test_of_two_limits_for_one_window_the_lower_counts_until_it_is_told_no_more():
    window = Window(Rate(20, 60))

    for first, second in ((100, 5), (5, 100)):
        window.obey(Rate(first, 60), None, [], 1000)
        window.obey(Rate(second, 60), None, [], 1000)
        assert window.rate == Rate(5, 60)

    window.obey(Rate(100, 60), None, [], 1059)
    assert window.rate == Rate(5, 60)
    window.obey(Rate(100, 60), None, [], 1061)
    assert window.rate == Rate(100, 60)


def test_a_limit_that_was_assumed_is_replaced_at_once():
    window = Window(Rate(20, 60))

    window.obey(Rate(100, 60), None, [], 1000.0)

    assert window.rate == Rate(100, 60)


def test_an_absurd_number_taken_by_others_is_only_a_number():
    window = Window(Rate(20, 60))

    window.obey(Rate(999_999_999, 60), 0, [], 1000.0)

    assert window.left([], 1000.0) == 0
    assert window.others == [(1000.0, 999_999_999)]
    window.forget(2000.0)
    assert window.others == []
