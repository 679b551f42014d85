"""Which photo comes next, and how far the work is."""

from dataclasses import dataclass, replace

from labeler.worklist import Queue, Share, measure_progress, order_photos


@dataclass(frozen=True)
class Item:
    sha256: str
    label: str | None = "A"
    status: str = "scraped"
    flags: tuple[str, ...] = ()
    scraped_as: tuple[str, ...] = ()


def names(items: list[Item]) -> str:
    return " ".join(item.sha256 for item in items)


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


def test_conflicts_come_first_then_flagged_photos_then_the_categories_in_turn():
    assert names(order_photos(PHOTOS, Queue.DOUBTFUL)) == "b2 b6 a2 a1 c2 a3 b3 b5"


def test_deciding_photo_after_photo_visits_the_categories_in_turn():
    photos = [Item(f"{label}{n}", label) for label in "ABC" for n in range(3)]
    seen = []
    while line := order_photos(photos, Queue.DOUBTFUL):
        seen.append(line[0].sha256)
        photos[photos.index(line[0])] = replace(line[0], status="labelled")

    assert " ".join(seen) == "A0 B0 C0 A1 B1 C1 A2 B2 C2"


def test_decided_photos_are_in_no_queue_of_open_ones():
    decided = {"b1", "b4", "c1"}

    for queue in (Queue.DOUBTFUL, Queue.FLAGGED, Queue.CATEGORY, Queue.SCRAPED):
        line = order_photos(PHOTOS, queue, category="B")

        assert not decided & {photo.sha256 for photo in line}


def test_the_scraped_queue_keeps_the_order_of_finding():
    assert names(order_photos(PHOTOS, Queue.SCRAPED)) == "a1 a2 a3 b2 b3 b5 b6 c2"


def test_the_flagged_queue_holds_flagged_photos_alone():
    assert names(order_photos(PHOTOS, Queue.FLAGGED)) == "a2 b6"


def test_a_category_holds_what_was_found_under_it_or_is_held_for_it():
    line = order_photos(PHOTOS, Queue.CATEGORY, category="A")

    assert names(line) == "a1 a2 a3 b2"


def test_mine_are_in_the_order_of_deciding_newest_first_and_once_each():
    mine = ["c1", "b1", "c1", "a1", "gone"]  # a1 was undone, "gone" is a copy now

    assert names(order_photos(PHOTOS, Queue.MINE, mine=mine)) == "c1 b1"


def test_skipped_photos_come_last_in_the_order_of_skipping():
    line = order_photos(PHOTOS, Queue.SCRAPED, passed=["b3", "a1"])

    assert names(line) == "a2 a3 b2 b5 b6 c2 b3 a1"


def test_skipping_everything_comes_round_to_the_first():
    passed = [photo.sha256 for photo in PHOTOS]

    line = order_photos(PHOTOS, Queue.SCRAPED, passed=passed)

    assert line == order_photos(PHOTOS, Queue.SCRAPED)


def test_no_photos_make_an_empty_line():
    assert all(order_photos([], queue) == [] for queue in Queue)


def test_progress_counts_decided_and_doubtful_photos():
    progress = measure_progress(PHOTOS, ["A", "B", "C", "D"])

    assert progress.photos == Share(decided=3, total=11)
    assert progress.photos.left == 8
    assert (progress.conflicts, progress.flagged) == (2, 1)
    assert dict(progress.categories) == {
        "A": Share(0, 3),
        "B": Share(2, 6),
        "C": Share(1, 2),
        "D": Share(0, 0),
    }


def test_labels_that_are_no_category_any_more_are_counted_after_the_categories():
    progress = measure_progress([Item("x", None), Item("y", "Old")], ["A"])

    assert list(progress.categories) == ["A", "(none)", "Old"]
