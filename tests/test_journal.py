"""What curators say: nothing overwritten unseen, nothing lost, all of it undoable."""

import threading

import pytest

from pipeline import catalog as catalogs
from pipeline.catalog import Status
from pipeline.catalog.journal import Action, Op
from pipeline.errors import CatalogError

NOW = "2026-01-02T03:04:05+00:00"


@pytest.fixture
def photo(catalog, folder, add_photos):
    (sha256,) = add_photos(catalog, folder, ("cat", 1))
    return sha256


def relabel(sha256: str, label: str, base: int, user: str = "ann", seq: int = 1) -> Op:
    return Op(sha256, Action.RELABEL, label, base, user, f"tab of {user}", seq)


def test_a_label_is_what_the_photo_is_from_then_on(catalog, photo):
    answer = catalog.journal.apply(relabel(photo, "dog", 0), NOW)

    assert (answer.accepted, answer.label, answer.version) == (True, "dog", 1)
    assert answer.by == "ann"
    (now,) = catalog.photos.photos()
    assert (now.label, now.status, now.version) == ("dog", Status.LABELLED, 1)


def test_an_op_sent_twice_changes_nothing_and_gets_the_same_answer(catalog, photo):
    first = catalog.journal.apply(relabel(photo, "dog", 0), NOW)
    again = catalog.journal.apply(relabel(photo, "dog", 0), NOW)

    assert again == first
    assert len(catalog.journal.history()) == 1


def test_a_curator_who_saw_an_older_version_is_told_and_overwrites_nothing(
    catalog, photo
):
    catalog.journal.apply(relabel(photo, "dog", 0, "ann"), NOW)
    answer = catalog.journal.apply(relabel(photo, "cat", 0, "bob"), NOW)

    assert not answer.accepted
    assert (answer.label, answer.by, answer.version) == ("dog", "ann", 1)
    refused, accepted = catalog.journal.history()
    assert (refused.user, refused.accepted) == ("bob", False)
    assert (accepted.user, accepted.accepted) == ("ann", True)


def test_undo_takes_back_one_word_after_the_other(catalog, photo):
    catalog.journal.apply(relabel(photo, "dog", 0, seq=1), NOW)
    catalog.journal.apply(relabel(photo, "cow", 1, seq=2), NOW)

    answers = [catalog.journal.undo("ann", "tab of ann", seq, NOW) for seq in (3, 4, 5)]

    assert [(a.accepted, a.label, a.status) if a else None for a in answers] == [
        (True, "dog", Status.LABELLED),
        (True, "cat", Status.SCRAPED),
        None,
    ]


def test_undo_does_not_touch_what_somebody_said_since(catalog, photo):
    catalog.journal.apply(relabel(photo, "dog", 0, "ann"), NOW)
    catalog.journal.apply(relabel(photo, "cow", 1, "bob"), NOW)

    answer = catalog.journal.undo("ann", "tab of ann", 2, NOW)

    assert answer is not None
    assert (answer.accepted, answer.label, answer.by) == (False, "cow", "bob")


def test_undo_goes_on_past_a_word_that_somebody_changed(catalog, folder, add_photos):
    first, second = add_photos(catalog, folder, ("cat", 1), ("cat", 2))
    catalog.journal.apply(relabel(first, "dog", 0, "ann", 1), NOW)
    catalog.journal.apply(relabel(second, "dog", 0, "ann", 2), NOW)
    catalog.journal.apply(relabel(second, "cow", 1, "bob", 1), NOW)

    answers = [catalog.journal.undo("ann", "tab of ann", seq, NOW) for seq in (3, 4, 5)]

    assert [(a.sha256, a.accepted) if a else None for a in answers] == [
        (second, False),
        (first, True),
        None,
    ]


def test_an_undo_sent_twice_takes_back_one_word(catalog, photo):
    catalog.journal.apply(relabel(photo, "dog", 0, seq=1), NOW)
    catalog.journal.apply(relabel(photo, "cow", 1, seq=2), NOW)

    catalog.journal.undo("ann", "tab of ann", 3, NOW)
    again = catalog.journal.undo("ann", "tab of ann", 3, NOW)

    assert again is not None
    assert again.label == "dog"


def test_of_many_curators_at_once_exactly_one_wins_each_version(catalog, folder, photo):
    """Twelve threads, each with a catalog of its own, speak of version 0."""
    accepted = []

    def speak(number: int) -> None:
        with catalogs.opened(folder) as mine:
            op = relabel(photo, "dog", 0, f"curator {number}")
            accepted.append(mine.journal.apply(op, NOW).accepted)

    threads = [threading.Thread(target=speak, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(accepted) == [False] * 11 + [True]
    assert len(catalog.journal.history()) == 12
    assert catalog.photos.photos()[0].version == 1


def test_of_a_photo_that_is_not_there_any_more_nothing_can_be_said(catalog):
    with pytest.raises(CatalogError, match="no item"):
        catalog.journal.apply(relabel("0" * 64, "dog", 0), NOW)
