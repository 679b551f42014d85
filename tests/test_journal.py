"""What curators say: nothing overwritten unseen, nothing lost, all of it undoable."""

import threading
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import catalog as catalogs
from pipeline.catalog import Status
from pipeline.catalog.journal import MANY, Action, Answer, Op
from pipeline.catalog.photos import Grouping

NOW = "2026-01-02T03:04:05+00:00"


@pytest.fixture
def photo(catalog, folder, add_photos):
    (sha256,) = add_photos(catalog, folder, ("cat", 1))
    return sha256


@pytest.fixture
def pair(catalog, folder, add_photos):
    return add_photos(catalog, folder, ("cat", 1), ("cat", 2))


def relabel(sha256: str, label: str, base: int, user: str = "ann", seq: int = 1) -> Op:
    return Op(sha256, Action.RELABEL, label, base, user, f"tab of {user}", seq)


def undo(word: Op, seq: int, user: str = "ann") -> Op:
    return Op(
        word.sha256,
        Action.UNDO,
        None,
        0,
        user,
        f"tab of {user}",
        seq,
        undoes=(word.client, word.seq),
    )


def second(sha256: str, label: str, user: str = "bob", seq: int = 1) -> Op:
    return Op(
        sha256,
        Action.SECOND,
        label,
        0,
        user,
        f"tab of {user}",
        seq,
        status=Status.LABELLED,
    )


def flag(sha256: str, note: str, user: str = "bob", seq: int = 1) -> Op:
    return Op(sha256, Action.FLAG, None, 0, user, f"tab of {user}", seq, note=note)


def say(catalog, *ops: Op) -> list[Answer]:
    """Say things one after the other, each in a call of its own."""
    return [catalog.journal.apply([op], NOW)[0] for op in ops]


def told(answers: list[Answer]) -> list[tuple[bool, str | None, Status | None]]:
    return [(one.accepted, one.label, one.status) for one in answers]


def test_a_label_is_what_the_photo_is_from_then_on(catalog, photo):
    (answer,) = say(catalog, relabel(photo, "dog", 0))

    assert (answer.accepted, answer.label, answer.version) == (True, "dog", 1)
    assert (answer.client, answer.seq, answer.by) == ("tab of ann", 1, "ann")
    (now,) = catalog.photos.photos()
    assert (now.label, now.status, now.version) == ("dog", Status.LABELLED, 1)


def test_an_op_sent_twice_changes_nothing_and_gets_the_same_answer(catalog, photo):
    first, again = say(catalog, relabel(photo, "dog", 0), relabel(photo, "dog", 0))

    assert again == first
    assert len(catalog.journal.history()) == 1


def test_an_op_sent_twice_in_one_call_is_taken_once(catalog, photo):
    op = relabel(photo, "dog", 0)

    first, again = catalog.journal.apply([op, op], NOW)

    assert again == first
    assert catalog.photos.photos()[0].version == 1


def test_a_refused_op_sent_again_is_refused_again(catalog, photo):
    stale = relabel(photo, "cow", 0, "bob")
    say(catalog, relabel(photo, "dog", 0), stale)
    say(catalog, undo(relabel(photo, "dog", 0), 2))

    (again,) = say(catalog, replace(stale, base_version=2))

    assert not again.accepted
    assert (again.label, again.version) == ("cat", 2)


def test_a_curator_who_saw_an_older_version_is_told_and_overwrites_nothing(
    catalog, photo
):
    _, answer = say(
        catalog, relabel(photo, "dog", 0, "ann"), relabel(photo, "cat", 0, "bob")
    )

    assert not answer.accepted
    assert (answer.label, answer.by, answer.version) == ("dog", "ann", 1)
    refused, accepted = catalog.journal.history()
    assert (refused.user, refused.accepted) == ("bob", False)
    assert (accepted.user, accepted.accepted) == ("ann", True)


def test_two_words_on_one_photo_in_one_call_work_one_after_the_other(catalog, photo):
    first, other = relabel(photo, "dog", 0, seq=1), relabel(photo, "cow", 1, seq=2)
    late = relabel(photo, "cat", 1, "bob")

    answers = catalog.journal.apply([first, other, undo(other, 3), late], NOW)

    assert told(answers) == [
        (True, "dog", Status.LABELLED),
        (True, "cow", Status.LABELLED),
        (True, "dog", Status.LABELLED),
        (False, "dog", Status.LABELLED),
    ]
    assert [answer.version for answer in answers] == [1, 2, 3, 3]
    assert [one.event_id for one in catalog.journal.history()] == [
        answer.event_id for answer in reversed(answers)
    ]


def test_a_bulk_is_written_whole_and_answered_in_the_order_given(
    catalog, folder, add_photos
):
    shas = add_photos(catalog, folder, *[("cat", seed) for seed in range(6)])
    say(catalog, relabel(shas[4], "cow", 0, "bob"))
    ops = [
        replace(relabel(sha256, "dog", 0, seq=number), batch=1, shown_ms=40)
        for number, sha256 in enumerate(reversed(shas), start=1)
    ]

    answers = catalog.journal.apply(ops, NOW)

    assert [answer.seq for answer in answers] == [1, 2, 3, 4, 5, 6]
    assert [answer.accepted for answer in answers] == [True, False, *[True] * 4]
    assert (answers[1].label, answers[1].by) == ("cow", "bob")
    assert {word.batch for word in catalog.journal.mine("ann", limit=9)} == {1}


def test_a_photo_that_is_gone_does_not_stop_the_others(catalog, photo):
    gone = relabel("0" * 64, "dog", 0, seq=1)

    answers = catalog.journal.apply([gone, relabel(photo, "dog", 0, seq=2)], NOW)

    assert told(answers) == [(False, None, None), (True, "dog", Status.LABELLED)]
    assert answers[0].event_id == 0
    assert say(catalog, gone) == answers[:1]


def test_another_op_under_a_used_number_is_not_called_a_repetition(catalog, pair):
    """A browser that copies a tab copies what the tab calls itself."""
    mine, other = relabel(pair[0], "dog", 0), relabel(pair[1], "cow", 0)

    _, lost, changed = say(catalog, mine, other, relabel(pair[0], "cow", 0))

    assert (lost.accepted, lost.event_id, lost.label) == (False, 0, "cat")
    assert (changed.accepted, changed.event_id, changed.label) == (False, 0, "dog")
    assert len(catalog.journal.history()) == 1


def test_undo_takes_back_one_word_after_the_other(catalog, photo):
    one, two = relabel(photo, "dog", 0, seq=1), relabel(photo, "cow", 1, seq=2)
    say(catalog, one, two)

    answers = say(catalog, undo(two, 3), undo(one, 4), undo(one, 5), undo(two, 6))

    assert told(answers) == [
        (True, "dog", Status.LABELLED),
        (True, "cat", Status.SCRAPED),
        (False, "cat", Status.SCRAPED),
        (False, "cat", Status.SCRAPED),
    ]


def test_a_word_below_a_standing_one_is_not_taken_back(catalog, photo):
    one, two = relabel(photo, "dog", 0, seq=1), relabel(photo, "cow", 1, seq=2)
    say(catalog, one, two)

    assert told(say(catalog, undo(one, 3))) == [(False, "cow", Status.LABELLED)]


def test_undo_does_not_touch_what_somebody_said_since(catalog, photo):
    word = relabel(photo, "dog", 0, "ann")
    say(catalog, word, relabel(photo, "cow", 1, "bob"))

    (answer,) = say(catalog, undo(word, 2))

    assert (answer.accepted, answer.label, answer.by) == (False, "cow", "bob")


def test_a_word_can_be_said_again_after_it_was_taken_back(catalog, photo):
    word = relabel(photo, "dog", 0)
    say(catalog, word, undo(word, 2))

    again, gone = say(catalog, relabel(photo, "dog", 2, seq=3), undo(word, 4))

    assert (again.accepted, again.version) == (True, 3)
    assert not gone.accepted


def test_an_undo_sent_twice_takes_back_one_word(catalog, photo):
    one, two = relabel(photo, "dog", 0, seq=1), relabel(photo, "cow", 1, seq=2)
    say(catalog, one, two)

    first, again = say(catalog, undo(two, 3), undo(two, 3))

    assert again == first
    assert again.label == "dog"


@pytest.mark.parametrize(
    "undoes",
    [("tab of ann", 9), ("scrape", 1), ("tab of ann", 2), ("tab of bob", 1)],
    ids=["nothing", "what the machine did", "of another photo", "a refused word"],
)
def test_what_is_no_standing_word_of_the_photo_is_not_taken_back(catalog, pair, undoes):
    say(
        catalog,
        relabel(pair[0], "dog", 0, seq=1),
        relabel(pair[1], "dog", 0, seq=2),
        relabel(pair[0], "cow", 0, "bob", seq=1),
    )

    (answer,) = say(
        catalog, replace(undo(relabel(pair[0], "dog", 0), 3), undoes=undoes)
    )

    assert (answer.accepted, answer.label) == (False, "dog")
    assert answer.event_id > 0


def test_what_the_machine_set_is_not_taken_back(catalog, photo):
    catalog.journal.mark_conflicts({1: ("cat", "dog")}, NOW)
    marking = Op(
        photo, Action.UNDO, None, 1, "ann", "tab of ann", 1, undoes=("dedup", 1)
    )

    assert told(say(catalog, marking)) == [(False, "cat", Status.CONFLICT)]


def test_a_bulk_is_undone_in_one_call(catalog, folder, add_photos):
    shas = add_photos(catalog, folder, *[("cat", seed) for seed in range(4)])
    words = [relabel(sha256, "dog", 0, seq=n) for n, sha256 in enumerate(shas)]
    catalog.journal.apply(words, NOW)
    say(catalog, relabel(shas[2], "cow", 1, "bob", 7))

    answers = catalog.journal.apply(
        [undo(word, 10 + n) for n, word in enumerate(words)], NOW
    )

    assert [answer.label for answer in answers] == ["cat", "cat", "cow", "cat"]
    assert [answer.accepted for answer in answers] == [True, True, False, True]


def test_a_second_opinion_and_a_flag_leave_the_photo_as_it_is(catalog, photo):
    say(catalog, relabel(photo, "dog", 0))
    before = catalog.photos.photos()

    answers = say(catalog, second(photo, "cow"), flag(photo, "a strange one", seq=2))

    assert told(answers) == [(True, "dog", Status.LABELLED)] * 2
    assert {answer.by for answer in answers} == {"ann"}
    assert catalog.photos.photos() == before
    assert told(say(catalog, relabel(photo, "cow", 1, seq=2)))[0][0]


def test_a_second_opinion_and_a_flag_are_taken_back_whatever_was_said_since(
    catalog, photo
):
    opinion, note = second(photo, "cow", seq=1), flag(photo, "look", seq=2)
    say(catalog, opinion, note, relabel(photo, "dog", 0))

    answers = say(
        catalog,
        undo(opinion, 3, "bob"),
        undo(note, 4, "bob"),
        undo(note, 5, "bob"),
    )

    assert [answer.accepted for answer in answers] == [True, True, False]
    assert {answer.label for answer in answers} == {"dog"}
    assert {answer.version for answer in answers} == {1}
    assert catalog.journal.mine("bob", limit=9) == []


def test_a_remark_does_not_keep_the_word_before_it_from_being_undone(catalog, photo):
    word = relabel(photo, "dog", 0)
    say(catalog, word, second(photo, "cow"), flag(photo, "look", seq=2))

    assert told(say(catalog, undo(word, 2))) == [(True, "cat", Status.SCRAPED)]


def test_a_remark_taken_back_does_not_make_a_label_newer(catalog, folder, pair):
    """Of a group's labels the newest holds; a flag is none, nor is its undo."""
    note = flag(pair[1], "look", seq=2)
    say(
        catalog,
        relabel(pair[1], "cow", 0, "bob", 1),
        note,
        relabel(pair[0], "dog", 0),
        undo(note, 3, "bob"),
    )

    catalog.photos.write_groupings(
        Grouping(sha256, 1, sha256 == pair[0], "", "0" * 16, ()) for sha256 in pair
    )

    assert [photo.label for photo in catalog.photos.photos()] == ["dog"]


def test_mine_lists_what_stands_of_ones_own_words_newest_first(catalog, pair):
    one = relabel(pair[0], "dog", 0, seq=1)
    two = relabel(pair[1], "dog", 0, seq=2)
    three = relabel(pair[1], "cow", 1, seq=3)
    note = flag(pair[0], "look", "ann", seq=5)
    say(catalog, one, two, three, undo(two, 4), undo(three, 6), note)
    say(catalog, relabel(pair[0], "cow", 0, "ann", 7), relabel(pair[1], "x", 3, "bob"))

    words = catalog.journal.mine("ann", limit=9)

    assert [(word.seq, word.action) for word in words] == [
        (5, Action.FLAG),
        (2, Action.RELABEL),
        (1, Action.RELABEL),
    ]
    told_of = words[1]
    assert (told_of.old_label, told_of.old_status) == ("cat", Status.SCRAPED)
    assert (told_of.new_label, told_of.new_status) == ("dog", Status.LABELLED)
    assert (told_of.sha256, told_of.client, told_of.version) == (pair[1], two.client, 1)
    assert words[0].new_status is None
    assert catalog.journal.mine("ann", limit=1) == words[:1]


def test_who_follows_the_journal_learns_of_every_photo_touched(catalog, pair):
    start = catalog.journal.newest_event()
    assert catalog.journal.touched(start)[:3] == (start, [], False)

    say(catalog, relabel(pair[1], "dog", 0, seq=1), relabel(pair[0], "dog", 0, seq=2))
    say(catalog, relabel(pair[1], "cow", 1, seq=3))

    newest = catalog.journal.newest_event()
    assert newest == start + 3
    assert catalog.journal.touched(start)[:3] == (newest, [pair[1], pair[0]], False)
    assert catalog.journal.touched(newest - 1)[:3] == (newest, [pair[1]], False)
    assert catalog.journal.touched(newest + 5).more


def test_who_follows_the_journal_learns_that_groups_changed(catalog, pair):
    before = catalog.journal.newest_event()

    catalog.photos.write_groupings(
        Grouping(sha256, 1, sha256 == pair[0], "", "0" * 16, ()) for sha256 in pair
    )

    newest, _, more, _ = catalog.journal.touched(before)
    assert more
    assert newest > before
    assert not catalog.journal.touched(newest).more
    say(catalog, relabel(pair[0], "dog", 0))
    assert catalog.journal.touched(newest)[:3] == (newest + 1, [pair[0]], False)


def test_who_follows_the_journal_is_spared_a_very_long_list(catalog, photo):
    start = catalog.journal.newest_event()
    catalog.journal.apply([flag(photo, "", "bob", seq) for seq in range(MANY + 1)], NOW)

    assert catalog.journal.touched(start)[:3] == (start + MANY + 1, [], True)


def test_a_takedown_gives_no_number_of_the_journal_a_second_time(catalog, pair):
    (answer,) = say(catalog, relabel(pair[1], "dog", 0, seq=1))
    catalog.takedowns.erase([], [pair[1]], NOW)

    erased = catalog.journal.touched(answer.event_id)
    (later,) = say(catalog, relabel(pair[0], "dog", 0, seq=2))

    assert erased.more
    assert later.event_id > erased.newest > answer.event_id
    (gone,) = say(catalog, relabel(pair[1], "dog", 0, seq=1))
    assert (gone.accepted, gone.status) == (False, None)


@pytest.mark.parametrize(
    "change",
    [
        {"label": None},
        {"label": ""},
        {"action": Action.SECOND},
        {"action": Action.SECOND, "status": Status.CONFLICT},
        {"action": Action.SECOND, "status": Status.LABELLED, "label": None},
        {"action": Action.UNDO},
        {"base_version": -1},
        {"seq": 2**31},
        {"shown_ms": -5},
        {"batch": 2**40},
        {"note": "x" * 2001},
        {"note": "nul \0"},
        {"client": "\0"},
        {"action": Action.UNDO, "undoes": ("tab", 2**31)},
    ],
    ids=str,
)
def test_an_op_that_lacks_something_or_cannot_be_kept_is_refused(change):
    with pytest.raises(ValueError, match=r"needs|expected|note|NUL"):
        replace(relabel("0" * 64, "dog", 0), **change)


def test_of_many_curators_at_once_exactly_one_wins_each_version(catalog, folder, photo):
    """Twelve threads, each with a catalog of its own, speak of version 0."""
    accepted = []

    def speak(number: int) -> None:
        with catalogs.opened(folder) as mine:
            op = relabel(photo, "dog", 0, f"curator {number}")
            accepted.append(mine.journal.apply([op], NOW)[0].accepted)

    threads = [threading.Thread(target=speak, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(accepted) == [False] * 11 + [True]
    assert len(catalog.journal.history()) == 12
    assert catalog.photos.photos()[0].version == 1


@pytest.fixture
def four(sqlite_catalog, folder, add_photos):
    return add_photos(sqlite_catalog, folder, *[("cat", seed) for seed in range(4)])


PRESSES = st.lists(
    st.tuples(
        st.integers(0, 1),  # which photo
        st.sampled_from(list(Action)),
        st.sampled_from(["dog", "cow"]),
        st.integers(0, 4),  # versions behind: mostly none
        st.integers(0, 12),  # the seq that an undo names
        st.booleans(),  # sent twice
    ),
    max_size=12,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(presses=PRESSES)
def test_ops_said_at_once_end_as_those_said_one_by_one(sqlite_catalog, four, presses):
    """Two photos hear in one call what two others hear in a call for each op."""
    client = f"tab {sqlite_catalog.journal.newest_event()}"

    def ops(offset: int) -> list[Op]:
        versions = {one.sha256: one.version for one in sqlite_catalog.photos.photos()}
        made = []
        for seq, (which, action, label, behind, named, twice) in enumerate(presses):
            sha256 = four[which + offset]
            op = Op(
                sha256,
                action,
                label,
                max(0, versions[sha256] - max(0, behind - 3)),
                "ann",
                f"{client}-{offset}",
                seq,
                status=Status.LABELLED,
                undoes=(f"{client}-{offset}", named),
            )
            made += [op, op] if twice else [op]
            versions[sha256] += action not in {Action.SECOND, Action.FLAG}
        return made

    at_once = sqlite_catalog.journal.apply(ops(0), NOW)
    one_by_one = say(sqlite_catalog, *ops(2))

    def facts(answers: list[Answer]) -> list[tuple[object, ...]]:
        return [(a.seq, a.accepted, a.label, a.status, a.version) for a in answers]

    assert facts(at_once) == facts(one_by_one)
    photos = {one.sha256: one for one in sqlite_catalog.photos.photos()}
    for mine, other in zip(four[:2], four[2:], strict=True):
        same = (photos[mine].label, photos[mine].status, photos[mine].version)
        assert same == (
            photos[other].label,
            photos[other].status,
            photos[other].version,
        )
        undone = sqlite_catalog.opinions.said_of([mine, other])
        assert [(o.action, o.label) for o in undone[mine]] == [
            (o.action, o.label) for o in undone[other]
        ]
