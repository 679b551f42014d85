"""Words of several curators at once: written together, answered each by itself."""

import asyncio
import threading

import pytest

from labeler.scribe import AT_ONCE, Scribe
from pipeline.catalog.journal import Action, Op
from pipeline.errors import CatalogError

NOW = "2026-01-02T03:04:05+00:00"


def confirm(sha256: str, client: str, seq: int, version: int = 0) -> Op:
    return Op(sha256, Action.CONFIRM, "cat", version, client, client, seq)


@pytest.fixture
def many(folder, sqlite_catalog, add_photos):
    return add_photos(sqlite_catalog, folder, *(("cat", seed) for seed in range(6)))


class Journaled:
    """Writes into a journal, and remembers how much at a time."""

    def __init__(self, catalog) -> None:
        self.catalog = catalog
        self.sizes: list[int] = []
        self.has_begun = False
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def write(self, ops):
        self.has_begun = True
        self.may_go_on.wait()
        self.sizes.append(len(ops))
        return self.catalog.journal.apply(ops, NOW)


def test_what_comes_while_one_is_written_is_written_together(sqlite_catalog, many):
    journaled = Journaled(sqlite_catalog)
    scribe = Scribe(journaled.write)

    async def all_at_once():
        journaled.may_go_on.clear()
        first = asyncio.create_task(scribe.say([confirm(many[0], "tab 0", 1)]))
        while not journaled.has_begun:
            await asyncio.sleep(0)
        others = [
            asyncio.create_task(scribe.say([confirm(sha256, f"tab {place}", 1)]))
            for place, sha256 in enumerate(many[1:], 1)
        ]
        await asyncio.sleep(0)
        journaled.may_go_on.set()
        return await asyncio.gather(first, *others)

    answers = asyncio.run(all_at_once())

    assert journaled.sizes == [1, 5]
    assert [one.sha256 for [one] in answers] == many
    assert [one.client for [one] in answers] == [f"tab {n}" for n in range(6)]
    assert all(one.accepted for [one] in answers)


def test_of_two_who_speak_of_one_photo_at_once_the_second_is_told(sqlite_catalog, many):
    scribe = Scribe(Journaled(sqlite_catalog).write)

    async def both():
        return await asyncio.gather(
            *(scribe.say([confirm(many[0], client, 1)]) for client in ("ann", "bob"))
        )

    [first], [second] = asyncio.run(both())

    assert first.accepted
    assert not second.accepted
    assert (second.by, second.version) == ("ann", 1)


def test_each_gets_its_own_answers_however_many_it_sent(sqlite_catalog, many):
    scribe = Scribe(Journaled(sqlite_catalog).write)
    two = [confirm(many[0], "a", 1), confirm(many[1], "a", 2)]
    three = [confirm(many[seq], "b", seq) for seq in (2, 3, 4)]

    async def all_of_them():
        return await asyncio.gather(scribe.say(two), scribe.say([]), scribe.say(three))

    answers = asyncio.run(all_of_them())

    assert [[(one.client, one.seq) for one in some] for some in answers] == [
        [("a", 1), ("a", 2)],
        [],
        [("b", 2), ("b", 3), ("b", 4)],
    ]


def test_what_nobody_foresaw_stops_who_sent_it_and_no_other(sqlite_catalog, many):
    journal = sqlite_catalog.journal

    def write(ops):
        if any(op.client == "odd" for op in ops):
            raise ZeroDivisionError
        return journal.apply(ops, NOW)

    scribe = Scribe(write)

    async def all_of_them():
        said = [
            scribe.say([confirm(sha256, client, 1)])
            for sha256, client in zip(many, ("ann", "odd", "bob"), strict=False)
        ]
        return await asyncio.gather(*said, return_exceptions=True)

    [ann], odd, [bob] = asyncio.run(all_of_them())

    assert ann.accepted
    assert bob.accepted
    assert isinstance(odd, ZeroDivisionError)


def test_a_full_disk_is_told_to_all_who_wait_and_the_next_are_written(
    sqlite_catalog, many
):
    tries = []

    def write(ops):
        tries.append(len(ops))
        if len(tries) == 1:
            raise CatalogError("the disk is full")
        return sqlite_catalog.journal.apply(ops, NOW)

    scribe = Scribe(write)

    async def all_of_them():
        said = [scribe.say([confirm(sha256, "tab", 1)]) for sha256 in many[:3]]
        return await asyncio.gather(*said, return_exceptions=True)

    refused = asyncio.run(all_of_them())
    [answer] = asyncio.run(scribe.say([confirm(many[0], "tab", 1)]))

    assert [str(error) for error in refused] == ["the disk is full"] * 3
    assert answer.accepted
    assert tries == [3, 1]


def test_one_who_leaves_is_written_and_the_others_are_answered(sqlite_catalog, many):
    scribe = Scribe(Journaled(sqlite_catalog).write)

    async def one_leaves():
        gone = asyncio.create_task(scribe.say([confirm(many[0], "gone", 1)]))
        stays = asyncio.create_task(scribe.say([confirm(many[1], "stays", 1)]))
        await asyncio.sleep(0)
        gone.cancel()
        return await stays

    [answer] = asyncio.run(one_leaves())

    assert answer.accepted
    assert len(sqlite_catalog.journal.history()) == 2


def test_very_much_is_written_in_several_goes(many):
    sizes = []

    def write(ops):
        sizes.append(len(ops))
        return [None] * len(ops)

    scribe = Scribe(write)
    half = [confirm(many[0], "tab", seq) for seq in range(AT_ONCE // 2 + 1)]
    most = half * 3

    async def all_of_them():
        await asyncio.gather(*(scribe.say(ops) for ops in (half, half, most)))

    asyncio.run(all_of_them())

    assert sizes == [len(half), len(half), len(most)]
