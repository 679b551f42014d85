"""Which photo comes next, and how far the work is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeler.worklist import Queue, Share, Tally, order


@dataclass(frozen=True)
class Item:
    sha256: str
    label: str | None = "A"
    status: str = "scraped"
    flags: tuple[str, ...] = ()
    scraped_as: tuple[str, ...] = ()


@dataclass(frozen=True)
class Suggestion:
    label: str
    confidence: float
    doubt: float = 0.0


@dataclass(frozen=True)
class Suggestions:
    found: Mapping[str, Suggestion]
    helpful: Sequence[str] = ()

    def get(self, sha256: str) -> Suggestion | None:
        return self.found.get(sha256)


PHOTOS = [
    Item("a1"),
    Item("a2", flags=("tiny",)),
    Item("a3"),
    Item("b1", "B", "labelled"),
    Item("b2", "B", "conflict", scraped_as=("B", "A")),
    Item("b3", "B"),
    Item("b4", "B", "rejected", flags=("blank",)),
    Item("b5", "B"),
    Item("b6", "B", "conflict", ("tiny",), ("B", "C")),
    Item("c1", "C", "unsure"),
    Item("c2", "C"),
]
SUGGESTIONS = Suggestions(
    {
        "a1": Suggestion("B", 0.9, 0.8),
        "a3": Suggestion("A", 0.4),
        "b2": Suggestion("B", 0.3),
        "b3": Suggestion("A", 0.95, 0.9),
        "b4": Suggestion("C", 0.1, 0.9),
        "b5": Suggestion("B", 0.7),
    },
    helpful=["c2", "b4", "b5", "gone", "a1"],
)
DOUBTFUL = "b2 b6 a2 a1 c2 a3 b3 b5"
OPEN = (
    Queue.DOUBTFUL,
    Queue.UNSURE,
    Queue.CATEGORY,
    Queue.RANDOM,
    Queue.FLAGGED,
    Queue.HELPFUL,
)


def names(queue: Queue, **how: object) -> str:
    return " ".join(order(PHOTOS, queue, **how))  # type: ignore[arg-type]


def test_conflicts_come_first_then_flagged_photos_then_the_categories_in_turn():
    assert names(Queue.DOUBTFUL) == DOUBTFUL


def test_contradicted_labels_come_worst_first_and_then_what_helps_most():
    line = names(Queue.DOUBTFUL, suggestions=SUGGESTIONS)

    assert line == "b2 b6 a2 b3 a1 c2 b5 a3"


def test_what_the_machine_is_least_sure_of_comes_first_what_it_never_saw_last():
    line = names(Queue.UNSURE, suggestions=SUGGESTIONS)

    assert line == "b2 a3 b5 a1 b3 b6 a2 c2"


def test_what_helps_the_machine_most_comes_first_then_the_doubtful_ones():
    line = names(Queue.HELPFUL, suggestions=SUGGESTIONS)

    assert line == "c2 b5 a1 b2 b6 a2 b3 a3"


@pytest.mark.parametrize("queue", [Queue.UNSURE, Queue.HELPFUL])
def test_without_suggestions_the_doubtful_ones_come_first(queue):
    assert names(queue) == DOUBTFUL


def test_deciding_photo_after_photo_visits_the_categories_in_turn():
    photos = [Item(f"{label}{n}", label) for label in "ABC" for n in range(3)]
    seen = []
    while line := order(photos, Queue.DOUBTFUL):
        seen.append(line[0])
        place = next(n for n, one in enumerate(photos) if one.sha256 == line[0])
        photos[place] = replace(photos[place], status="labelled")

    assert " ".join(seen) == "A0 B0 C0 A1 B1 C1 A2 B2 C2"


@pytest.mark.parametrize("queue", OPEN)
def test_decided_photos_are_in_no_queue_of_open_ones(queue):
    line = order(PHOTOS, queue, category="B", suggestions=SUGGESTIONS)

    assert not {"b1", "b4", "c1"} & set(line)
    assert len(line) == len(set(line))


def test_all_keeps_the_order_of_finding_decided_ones_too():
    assert names(Queue.ALL) == "a1 a2 a3 b1 b2 b3 b4 b5 b6 c1 c2"


def test_the_flagged_queue_holds_flagged_photos_alone():
    assert names(Queue.FLAGGED) == "a2 b6"


def test_a_category_holds_what_was_found_under_it_or_is_held_for_it():
    assert names(Queue.CATEGORY, category="A") == "a1 a2 a3 b2"


@pytest.mark.parametrize("queue", [Queue.MINE, Queue.DISAGREE])
def test_what_the_journal_names_comes_in_its_order_once_each(queue):
    chosen = ["c1", "b1", "c1", "a1", "gone"]

    assert names(queue, chosen=chosen) == "c1 b1 a1"


def test_notes_come_before_what_somebody_could_not_tell():
    assert names(Queue.NOTED, chosen=["b3"]) == "b3 c1"
    assert names(Queue.NOTED, chosen=["c1", "b3"]) == "c1 b3"


def test_each_seed_has_its_own_random_order_and_keeps_it():
    first, again, other = (names(Queue.RANDOM, seed=seed) for seed in (7, 7, 8))

    assert first == again != other
    assert sorted(first.split()) == sorted(DOUBTFUL.split())


def test_a_photo_that_goes_leaves_the_random_order_of_the_others():
    line = names(Queue.RANDOM, seed=7).split()
    photos = [photo for photo in PHOTOS if photo.sha256 != "a3"]

    left = order(photos, Queue.RANDOM, seed=7)

    assert left == [sha256 for sha256 in line if sha256 != "a3"]


def test_what_is_judged_blind_comes_in_an_order_that_tells_nothing():
    chosen = [photo.sha256 for photo in PHOTOS]

    line = order(PHOTOS, Queue.SECOND, chosen=[*chosen, "gone"], seed=3)

    assert sorted(line) == sorted(chosen)
    assert line != chosen


def test_no_photos_make_an_empty_line():
    assert all(order([], queue) == [] for queue in Queue)


def test_decided_and_doubtful_photos_are_counted():
    tally = Tally()
    for photo in PHOTOS:
        tally.add(photo)

    counts = tally.counts()

    assert counts.photos == Share(decided=3, total=11)
    assert counts.photos.left == 8
    assert (counts.conflicts, counts.flagged) == (2, 1)
    assert counts.categories == {"A": Share(0, 3), "B": Share(2, 6), "C": Share(1, 2)}


def test_photos_without_a_label_are_counted_as_such():
    tally = Tally()
    tally.add(Item("x", None))

    assert tally.counts().categories == {"(none)": Share(0, 1)}


ITEMS = st.builds(
    Item,
    st.just("x"),
    st.sampled_from(["A", "B", None]),
    st.sampled_from(["scraped", "conflict", "labelled", "rejected", "unsure"]),
    st.sampled_from([(), ("tiny",)]),
)


@given(st.lists(ITEMS), st.lists(ITEMS))
def test_counting_step_by_step_ends_as_counting_anew(stay, go):
    kept_up, anew = Tally(), Tally()
    for item in [*stay, *go]:
        kept_up.add(item)
    for item in go:
        kept_up.add(item, -1)
    for item in stay:
        anew.add(item)

    assert kept_up.counts() == anew.counts()
