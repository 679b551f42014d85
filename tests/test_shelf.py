"""The photos in memory: at all times as the catalog has them, whoever changed it."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from labeler.shelf import FRESH_S, REMEMBERED, Shelf
from labeler.worklist import Share, Tally
from pipeline import catalog as catalogs
from pipeline.catalog import Outcome, Status
from pipeline.catalog.endings import Ending
from pipeline.catalog.finding import Found
from pipeline.catalog.groups import Saying
from pipeline.catalog.journal import Action, Op
from pipeline.catalog.photos import Grouping
from pipeline.images import ImageFacts

NOW = "2026-01-02T03:04:05+00:00"
LETTERS = "abcdef"


def sha(letter: str) -> str:
    return letter * 64


def scrape(catalog, category: str, letter: str) -> None:
    """Meet an image once more, under a category."""
    origin = f"/{category}/{letter}"
    catalog.candidates.add([Found("urls", category, origin)], NOW)
    (met,) = [one for one in catalog.candidates.pending() if one.origin == origin]
    facts = ImageFacts(sha(letter), "JPEG", "jpg", 100, 80, 1234)
    catalog.candidates.finish([Ending(met.id, Outcome.STORED, facts=facts)], NOW)


def group(catalog, *groups: str) -> None:
    """Group all images: "ab" keeps a, whose copy is b."""
    numbers = {image.sha256: image.candidate_id for image in catalog.photos.stored()}
    catalog.photos.write_groupings(
        Grouping(
            sha(letter),
            min(numbers[sha(one)] for one in letters),
            letter == letters[0],
            "",
            "0" * 16,
            ("tiny",) if letter == "f" else (),
        )
        for letters in groups
        for letter in letters
    )
    catalog.journal.mark_conflicts(catalog.photos.categories_of_groups(), NOW)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def six(catalog):
    """Six images; b is a copy of a, and d, found as a dog, a copy of c, a cat."""
    for letter in LETTERS:
        scrape(catalog, "dog" if letter in "def" else "cat", letter)
    catalog.journal.start_items(NOW)
    group(catalog, "ab", "cd", "e", "f")
    return catalog


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shelf(six, clock) -> Shelf:
    shelf = Shelf(six, clock)
    shelf.follow()
    return shelf


def word(shelf: Shelf, letter: str, label: str, seq: int, user: str = "ann") -> Op:
    entry = shelf.entry(sha(letter))
    assert entry is not None
    return Op(
        entry.sha256, Action.RELABEL, label, entry.version, user, f"tab of {user}", seq
    )


def undo(op: Op, seq: int) -> Op:
    return Op(
        op.sha256,
        Action.UNDO,
        None,
        0,
        op.user,
        op.client,
        seq,
        undoes=(op.client, op.seq),
    )


def assert_as_in(catalog, shelf: Shelf) -> None:
    entries = catalog.photos.entries()
    assert list(shelf.entries()) == entries
    assert [shelf.entry(entry.sha256) for entry in entries] == entries
    anew = Tally()
    for entry in entries:
        anew.add(entry)
    assert shelf.counts() == anew.counts()


def letters(entries) -> str:
    return "".join(entry.sha256[0] for entry in entries)


def test_entries_tell_of_the_kept_images_what_the_queues_need(six):
    a, c, e, f = six.photos.entries()

    assert (a.sha256, a.extension, a.copies, a.scraped_as) == (
        sha("a"),
        "jpg",
        1,
        ("cat",),
    )
    assert (c.status, c.scraped_as, c.copies) == (Status.CONFLICT, ("cat", "dog"), 1)
    assert (e.label, e.status, e.copies, e.flags) == ("dog", Status.SCRAPED, 0, ())
    assert f.flags == ("tiny",)


def test_entries_of_some_images_are_those_of_their_groups(six):
    assert letters(six.photos.entries([sha("b"), sha("e"), "0" * 64])) == "ae"
    assert six.photos.entries([]) == []


def test_entries_are_the_photos_without_their_origin(six):
    six.journal.apply([Op(sha("d"), Action.CONFIRM, "dog", 1, "ann", "tab", 1)], NOW)

    for entry, photo in zip(six.photos.entries(), six.photos.photos(), strict=True):
        assert six.photos.photo(entry.sha256) == photo
        for name in entry.__slots__:
            assert getattr(entry, name) == getattr(photo, name)


def test_one_photo_is_found_by_any_image_of_its_group(six):
    photo = six.photos.photo(sha("d"))

    assert photo is not None
    assert (photo.sha256, photo.origin) == (sha("c"), "/cat/c")
    assert six.photos.photo("0" * 64) is None


def test_where_images_come_from_is_told_of_copies_too(six):
    about = six.photos.about([sha("b"), sha("e"), "0" * 64])

    assert {name[0]: one.origin for name, one in about.items()} == {
        "b": "/cat/b",
        "e": "/dog/e",
    }


def test_a_shelf_holds_all_photos_once_it_has_followed(six, clock):
    shelf = Shelf(six, clock)
    assert (list(shelf.entries()), shelf.event) == ([], -1)

    assert shelf.follow() == six.journal.newest_event() == shelf.event

    assert_as_in(six, shelf)
    assert shelf.entry(sha("b")) is None
    assert shelf.counts().photos == Share(0, 4)


def test_words_undone_ones_and_many_at_once_are_followed(six, shelf):
    before = shelf.event
    first = word(shelf, "a", "dog", 1)
    six.journal.apply([first, word(shelf, "e", "cow", 2)], NOW)
    six.journal.apply([undo(first, 3)], NOW)
    six.journal.apply([word(shelf, "c", "cat", 1, "bob")], NOW)

    assert shelf.follow() == before + 4

    assert_as_in(six, shelf)
    changed = shelf.changed(before)
    assert changed is not None
    assert sorted(letters(changed)) == ["a", "c", "e"]
    assert shelf.epoch == 1


def test_a_page_is_told_what_changed_since_it_asked_last(six, shelf):
    six.journal.apply([word(shelf, "a", "dog", 1)], NOW)
    first = shelf.follow()
    six.journal.apply([word(shelf, "e", "cow", 2)], NOW)
    newest = shelf.follow()

    assert letters(shelf.changed(first) or []) == "e"
    assert shelf.changed(newest) == []
    assert shelf.changed(-1) is None
    assert shelf.changed(newest + 7) is None


def test_a_page_that_asks_too_late_is_told_to_read_everything(six, shelf, monkeypatch):
    assert REMEMBERED > 2
    monkeypatch.setattr("labeler.shelf.REMEMBERED", 2)
    before = shelf.event
    for seq, letter in enumerate("ace", start=1):
        six.journal.apply([word(shelf, letter, "cow", seq)], NOW)
        shelf.follow()

    assert shelf.changed(before) is None
    assert letters(shelf.changed(before + 1) or []) == "ec"


def test_a_word_on_a_copy_shows_on_the_photo_that_is_kept(six, shelf):
    copy = Op(sha("d"), Action.RELABEL, "cow", 1, "ann", "tab", 1)
    assert six.journal.apply([copy], NOW)[0].accepted

    shelf.follow()

    entry = shelf.entry(sha("c"))
    assert entry is not None
    assert (entry.label, entry.status) == ("cow", Status.LABELLED)
    assert_as_in(six, shelf)


def test_a_new_grouping_shows_at_once(six, shelf):
    before = shelf.event
    group(six, "ba", "c", "d", "ef")

    assert shelf.follow() > before

    assert_as_in(six, shelf)
    assert letters(shelf.entries()) == "bcde"
    assert shelf.changed(before) is None
    assert shelf.epoch == 2


def test_a_group_that_was_told_apart_shows_at_once(six, shelf):
    before = shelf.event
    was = six.groups.around([sha("c")])
    apart = [
        replace(copy.grouping, group_id=copy.image.candidate_id, kept=True)
        for copy in was.copies
    ]
    assert six.groups.rewrite(was, apart, Saying(), "ann", NOW) is not None

    shelf.follow()

    assert letters(shelf.entries()) == "acdef"
    assert_as_in(six, shelf)
    assert shelf.changed(before) is None
    assert shelf.epoch == 2


def test_another_photo_of_a_group_is_kept(six, shelf):
    six.journal.apply([word(shelf, "a", "cow", 1)], NOW)
    was = six.groups.around([sha("a")])
    other = [replace(one.grouping, kept=not one.grouping.kept) for one in was.copies]
    assert six.groups.rewrite(was, other, Saying(), "ann", NOW) is not None

    shelf.follow()

    assert letters(shelf.entries()) == "bcef"
    assert shelf.entries()[0].label == "cow"
    assert_as_in(six, shelf)


def test_what_was_taken_down_is_gone_at_once(six, shelf):
    six.takedowns.erase([], [sha("e"), sha("a")], NOW)

    shelf.follow()

    assert letters(shelf.entries()) == "bcf"
    assert_as_in(six, shelf)


def test_a_category_that_a_photo_is_met_under_shows_after_a_while(six, shelf, clock):
    scrape(six, "cow", "e")
    shelf.follow()
    assert shelf.counts().conflicts == 1
    clock.now += FRESH_S

    shelf.follow()

    assert shelf.counts().conflicts == 2
    assert_as_in(six, shelf)
    epoch = shelf.epoch
    clock.now += FRESH_S
    shelf.follow()
    assert shelf.epoch == epoch


def test_a_conflict_that_is_flagged_counts_as_a_conflict_only(six, shelf):
    group(six, "ab", "cf", "d", "e")  # now c shares its group with f, a dog
    shelf.follow()
    group(six, "ab", "fc", "d", "e")
    shelf.follow()

    assert shelf.counts().conflicts == 1
    assert shelf.counts().flagged == 0


def test_the_shelf_shows_at_all_times_what_the_catalog_holds(six, clock):
    """Two curators, both undoing, bulks, opinions, dedup, and looks now and then."""
    shelf = Shelf(six, clock)
    rng = np.random.default_rng(7)
    said: list[Op] = []

    def op(seq: int) -> Op:
        letter = LETTERS[int(rng.integers(6))]
        user = ("Hana", "Kenji")[int(rng.integers(2))]
        entry = shelf.entry(sha(letter))
        version = entry.version if entry else int(rng.integers(3))
        action = list(Action)[int(rng.integers(len(Action)))]
        label = ("cat", "dog", "cow")[int(rng.integers(3))]
        if action is Action.UNDO and said:
            back = said[-1 - int(rng.integers(min(3, len(said))))]
            named = (back.client, back.seq)
            return Op(
                back.sha256, action, None, 0, user, f"tab of {user}", seq, undoes=named
            )
        if action is Action.UNDO:
            action = Action.CONFIRM
        status = Status.LABELLED
        return Op(
            sha(letter),
            action,
            label,
            version,
            user,
            f"tab of {user}",
            seq,
            status=status,
        )

    for turn in range(60):
        if rng.integers(8) == 0:
            group(six, *(("ab", "cd", "e", "f"), ("ba", "cf", "de"))[turn % 2])
        ops = [op(turn * 10 + number) for number in range(int(rng.integers(4)))]
        six.journal.apply(ops, NOW)
        said += ops
        if rng.integers(3):  # else the next look finds more
            shelf.follow()
            assert_as_in(six, shelf)


def test_curators_of_one_process_follow_at_once(folder, six):
    """Four threads label and look; afterwards the shelf is what the catalog holds."""
    with catalogs.opened(folder) as mine:
        shelf = Shelf(mine)
        shelf.follow()
        failures = list[BaseException]()

        def work(number: int) -> None:
            try:
                for seq in range(8):
                    entry = shelf.entry(sha("ace"[seq % 3]))
                    assert entry is not None
                    op = Op(
                        entry.sha256,
                        Action.RELABEL,
                        f"{number}",
                        entry.version,
                        f"{number}",
                        f"tab {number}",
                        seq,
                    )
                    mine.journal.apply([op], NOW)
                    shelf.follow()
                    shelf.counts()
                    shelf.changed(0)
            except BaseException as error:
                failures.append(error)
                raise

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert failures == []
        assert_as_in(six, shelf)
