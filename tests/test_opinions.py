"""Second opinions, notes, and how much each curator said."""

from dataclasses import replace

import pytest

from pipeline.catalog import Status
from pipeline.catalog.journal import Action, Op
from pipeline.catalog.opinions import IMPORT, Minute, Said

NOW = "2026-01-02T03:04:05+00:00"


@pytest.fixture
def shas(catalog, folder, add_photos):
    return add_photos(catalog, folder, *[("cat", seed) for seed in range(4)])


class Talk:
    """Lets people say things of photos, one after the other."""

    def __init__(self, catalog):
        self.catalog = catalog
        self.seq = 0

    def say(self, sha256, user, action, label=None, at=NOW, **more) -> Op:
        self.seq += 1
        versions = {one.sha256: one.version for one in self.catalog.photos.entries()}
        op = Op(
            sha256,
            Action(action),
            label,
            versions[sha256],
            user,
            more.pop("client", f"tab of {user}"),
            self.seq,
            **more,
        )
        (answer,) = self.catalog.journal.apply([op], at)
        assert answer.accepted
        return op

    def second(self, sha256, user, label=None, status=Status.LABELLED) -> Op:
        return self.say(sha256, user, "second", label, status=status)

    def take_back(self, op: Op) -> None:
        self.say(op.sha256, op.user, "undo", undoes=(op.client, op.seq))


@pytest.fixture
def talk(catalog) -> Talk:
    return Talk(catalog)


def test_a_second_opinion_stands_beside_the_word_it_was_given_of(catalog, shas, talk):
    talk.say(shas[0], "ann", "relabel", "dog")
    talk.second(shas[0], "bob", "dog")
    talk.say(shas[1], "bob", "reject")
    talk.second(shas[1], "ann", "cat")
    talk.second(shas[2], "bob", "cat")  # of what nobody has decided: no pair
    talk.say(shas[0], "eve", "relabel", "cow")  # later: the pair stays as it was

    one, two = catalog.opinions.pairs()

    assert (one.sha256, one.agrees) == (shas[0], True)
    assert one.first == Said("ann", "dog", Status.LABELLED)
    assert one.second == Said("bob", "dog", Status.LABELLED)
    assert (two.agrees, two.first) == (False, Said("bob", None, Status.REJECTED))


def test_two_who_reject_agree_whatever_the_label_was(catalog, shas, talk):
    talk.say(shas[0], "ann", "reject")
    talk.second(shas[0], "bob", status=Status.REJECTED)

    assert [pair.agrees for pair in catalog.opinions.pairs()] == [True]
    assert catalog.opinions.disagreements() == []


def test_a_disagreement_is_open_until_somebody_decides(catalog, shas, talk):
    for sha256 in shas[:3]:
        talk.say(sha256, "ann", "confirm", "cat")
        talk.second(sha256, "bob", "dog")
    newest_first = [shas[2], shas[1], shas[0]]
    found = catalog.opinions.disagreements()
    assert [pair.sha256 for pair in found] == newest_first

    talk.say(shas[1], "eve", "confirm", "cat")

    found = catalog.opinions.disagreements()
    assert [pair.sha256 for pair in found] == [shas[2], shas[0]]
    assert len(catalog.opinions.pairs()) == 3


def test_an_opinion_that_is_taken_back_is_none(catalog, shas, talk):
    talk.say(shas[0], "ann", "confirm", "cat")
    talk.take_back(talk.second(shas[0], "bob", "dog"))

    assert catalog.opinions.disagreements() == []
    assert catalog.opinions.pairs() == []
    assert catalog.opinions.seconded() == set()


def test_where_the_first_word_is_taken_back_nothing_is_left_to_settle(
    catalog, shas, talk
):
    word = talk.say(shas[0], "ann", "confirm", "cat")
    talk.second(shas[0], "bob", "dog")
    talk.take_back(word)

    assert catalog.opinions.disagreements() == []


def test_a_note_is_open_until_somebody_else_decides(catalog, shas, talk):
    talk.say(shas[0], "ann", "flag", note="a copy of the other?")
    talk.say(shas[1], "ann", "flag", note="what is this?")
    talk.say(shas[0], "ann", "relabel", "dog")  # her own, after asking

    found = catalog.opinions.notes()
    assert [(note.sha256, note.user, note.text) for note in found] == [
        (shas[1], "ann", "what is this?"),
        (shas[0], "ann", "a copy of the other?"),
    ]

    talk.say(shas[0], "bob", "confirm", "dog")

    assert [note.sha256 for note in catalog.opinions.notes()] == [shas[1]]


def test_who_works_alone_settles_a_note_by_deciding_anew(catalog, shas, talk):
    talk.say(shas[0], "ann", "flag", note="later")
    talk.say(shas[0], "ann", "unsure")
    assert len(catalog.opinions.notes()) == 1

    talk.say(shas[0], "ann", "confirm", "cat")

    assert catalog.opinions.notes() == []


def test_a_note_that_is_taken_back_is_gone(catalog, shas, talk):
    talk.take_back(talk.say(shas[0], "ann", "flag", note="no"))

    assert catalog.opinions.notes() == []


def test_all_that_was_said_of_a_photo_is_told_in_order(catalog, shas, talk):
    talk.say(shas[0], "ann", "confirm", "cat")
    talk.take_back(talk.say(shas[0], "bob", "relabel", "cow"))
    talk.second(shas[0], "bob", "dog")
    talk.say(shas[0], "bob", "flag", note="hm")

    said = catalog.opinions.said_of(shas[:2])

    assert [(one.user, one.action, one.label, one.note) for one in said[shas[0]]] == [
        ("ann", Action.CONFIRM, "cat", ""),
        ("bob", Action.SECOND, "dog", ""),
        ("bob", Action.FLAG, None, "hm"),
    ]
    assert said[shas[1]] == []


def test_a_curator_judges_blind_what_others_decided_and_they_never_saw(
    catalog, shas, talk
):
    for sha256 in shas[:3]:
        talk.say(sha256, "ann", "confirm", "cat")
    talk.take_back(talk.say(shas[0], "bob", "relabel", "dog"))  # seen all the same
    talk.say(shas[2], "bob", "flag")  # does not say what it is

    assert catalog.opinions.without_second("ann") == []
    assert catalog.opinions.without_second("bob") == sorted(shas[1:3])
    assert catalog.opinions.without_second("eve") == sorted(shas[:3])

    talk.second(shas[1], "bob", "cat")

    assert catalog.opinions.without_second("bob") == [shas[2]]
    assert catalog.opinions.without_second("eve") == sorted([shas[0], shas[2]])


def test_words_are_counted_by_curator_and_minute_imports_left_out(catalog, shas, talk):
    for second in ("05", "41"):
        at = f"2026-01-02T03:04:{second}.250+00:00"
        talk.say(shas[0], "ann", "confirm", "cat", at, shown_ms=700)
    talk.say(shas[1], "ann", "reject", at="2026-01-02T03:05:00+00:00")
    talk.say(shas[1], "bob", "flag", at="2026-01-02T03:05:01+00:00")
    talk.say(shas[2], "bob", "confirm", "cat", client=f"{IMPORT}123")

    assert catalog.opinions.minutes() == [
        Minute("ann", "2026-01-02T03:04", 2, 1400),
        Minute("ann", "2026-01-02T03:05", 1, 0),
    ]


def test_a_refused_word_counts_for_nobody(catalog, shas, talk):
    word = talk.say(shas[0], "ann", "confirm", "cat")
    stale = replace(word, user="bob", client="tab of bob")
    assert not catalog.journal.apply([stale], NOW)[0].accepted

    assert [minute.user for minute in catalog.opinions.minutes()] == ["ann"]
    assert [one.user for one in catalog.opinions.said_of(shas)[shas[0]]] == ["ann"]
