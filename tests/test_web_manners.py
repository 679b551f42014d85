import pytest

from pipeline.web.manners import WIKIMEDIA_MEDIA, ByteBudget, manner_of_host

RATE = 25e6 / 8  # bytes a second


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("upload.wikimedia.org", WIKIMEDIA_MEDIA),
        ("thumb.wikimedia.org", WIKIMEDIA_MEDIA),
        ("wikimedia.org", WIKIMEDIA_MEDIA),
        ("notwikimedia.org", None),
        ("wikimedia.org.shop.net", None),
        ("photos.museum.net", None),
    ],
)
def test_wikimedias_hosts_are_known_by_their_name(host, expected):
    assert manner_of_host(host) is expected


def test_wikimedia_is_asked_over_two_connections_for_25_mbit_a_second():
    assert WIKIMEDIA_MEDIA.connections == 2
    assert WIKIMEDIA_MEDIA.bytes_per_s == RATE


@pytest.mark.parametrize("idle_s", [0.0, 0.4, 30.0])
def test_no_ten_seconds_bring_more_bytes_than_their_share(idle_s):
    budget, now = ByteBudget(RATE), 0.0
    came: list[tuple[float, int]] = []
    for number in range(4000):
        wait_s = budget.spend(64_000, now)
        came.append((now, 64_000))
        now += wait_s
        if number % 500 == 499:
            now += idle_s

    for start in range(int(now)):
        inside = sum(size for at, size in came if start <= at < start + 10)
        assert inside <= 10 * RATE + 2 * 64_000  # the read that overdraws it


def test_bytes_that_keep_to_the_rate_never_wait():
    budget = ByteBudget(RATE)

    assert all(
        budget.spend(int(RATE * 0.08), number * 0.1) == 0.0 for number in range(200)
    )


def test_a_clock_that_steps_back_gains_nothing():
    budget = ByteBudget(1000.0)
    budget.spend(1000, 10.0)

    assert budget.spend(900, 5.0) == pytest.approx(1.0)
