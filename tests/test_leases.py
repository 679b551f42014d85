"""Leases: curators who sit at the same set get different photos."""

import threading

import pytest

from pipeline import catalog as catalogs

NOW, SOON, LATE = (f"2026-01-02T03:{minute}:00+00:00" for minute in ("00", "10", "20"))


@pytest.fixture
def shas(catalog, folder, add_photos):
    return add_photos(catalog, folder, *[("cat", seed) for seed in range(6)])


def claim(catalog, wanted, client, *, limit=2, now=NOW, until=SOON) -> list[str]:
    taken: list[str] = catalog.leases.claim(
        wanted, client, f"user of {client}", now, until, limit=limit
    )
    return taken


def test_the_first_ones_that_nobody_has_are_taken_in_the_order_wanted(catalog, shas):
    wanted = list(reversed(shas))

    assert claim(catalog, wanted, "a") == wanted[:2]
    assert claim(catalog, wanted, "b", limit=3) == wanted[2:5]
    assert claim(catalog, wanted, "c") == wanted[5:]
    assert claim(catalog, wanted, "d") == []
    assert catalog.leases.held(NOW)[wanted[2]] == ("b", "user of b")
    assert len(catalog.leases.held(NOW)) == 6


def test_what_one_has_already_is_taken_again_and_for_longer(catalog, shas):
    claim(catalog, shas, "a")

    assert claim(catalog, shas, "a", limit=3, until=LATE) == shas[:3]
    assert len(catalog.leases.held(SOON)) == 3


def test_a_lease_ends_by_itself_and_by_giving_back(catalog, shas):
    claim(catalog, shas, "a", limit=6)

    assert claim(catalog, shas, "b", now=SOON, until=LATE) == shas[:2]
    assert set(catalog.leases.held(SOON)) == set(shas[:2])
    catalog.leases.release("b")
    assert catalog.leases.held(NOW) == {}


def test_a_curator_who_is_still_there_keeps_what_they_have(catalog, shas):
    claim(catalog, shas, "a")
    claim(catalog, shas, "b")

    assert catalog.leases.renew("a", LATE, NOW) == 2
    assert set(catalog.leases.held(SOON)) == set(shas[:2])
    assert catalog.leases.renew("b", LATE, SOON) == 0


def test_a_photo_that_is_gone_is_not_taken_and_stops_nobody(catalog, shas):
    wanted = ["0" * 64, shas[0], "1" * 64, shas[1]]

    assert claim(catalog, wanted, "a") == shas[:2]
    assert claim(catalog, [], "a") == []


def test_a_takedown_ends_the_leases_of_the_photo(catalog, shas):
    claim(catalog, shas, "a")

    catalog.takedowns.erase([], [shas[0]], NOW)

    assert set(catalog.leases.held(NOW)) == {shas[1]}


def test_no_photo_is_held_by_two_when_many_threads_claim_at_once(catalog, folder, shas):
    taken: dict[str, list[str]] = {}

    def work(client: str) -> None:
        with catalogs.opened(folder) as mine:
            taken[client] = [
                sha256
                for _ in range(3)
                for sha256 in claim(mine, shas, client, limit=1)
            ]

    threads = [threading.Thread(target=work, args=(f"tab {n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    held = catalog.leases.held(NOW)
    assert set(held) == set(shas)
    for client, mine in taken.items():
        assert all(held[sha256][0] == client for sha256 in mine)
