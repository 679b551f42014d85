"""Labels go out and come in: nothing said twice, nothing overwritten unseen."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pipeline import catalog as catalogs
from pipeline import exchange
from pipeline.catalog import Status
from pipeline.catalog.journal import Action
from pipeline.catalog.photos import Grouping
from pipeline.errors import InputError
from pipeline.exchange import Form
from pipeline.exchange.deciding import End
from pipeline.home import set_folder
from tests.doubles.exchanging import CATEGORIES, Shelf, cut, ends

OUTS = {
    Form.CSV: "labels.csv",
    Form.LABEL_STUDIO: "tasks.json",
    Form.TREE: "tree",
    Form.MANIFEST: "manifest",
}


@pytest.fixture
def shelf(folder, catalog, add_photos) -> Shelf:
    return Shelf(folder, catalog, add_photos)


@pytest.fixture
def other(tmp_path, any_database, add_photos) -> Iterator[Shelf]:
    """A second set, on the same kind of database."""
    folder = set_folder(tmp_path / "elsewhere", "others")
    with catalogs.opened(folder) as catalog:
        yield Shelf(folder, catalog, add_photos)
    catalogs.drop(folder)


@pytest.fixture
def photo(shelf: Shelf) -> str:
    (sha256,) = shelf.add(("cat", 1))
    return sha256


def csv(tmp_path, text: str, name: str = "in.csv"):
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("form", Form)
def test_what_people_said_comes_into_another_set_of_the_same_photos(
    form, shelf, other, tmp_path
):
    scraped = [("cat", seed) for seed in range(len(CATEGORIES) + 3)]
    disputed = [("cat", 90), ("dog", 90)]
    shas = shelf.add(*scraped, *disputed)
    other.add(*scraped, *disputed)
    for sha256, category in zip(shas, CATEGORIES, strict=False):
        shelf.say(sha256, category)
    shelf.say(shas[len(CATEGORIES)], action=Action.REJECT)
    shelf.say(shas[len(CATEGORIES) + 1], action=Action.UNSURE)

    out = tmp_path / OUTS[form]
    written = shelf.write(out, form)
    summary = other.read(out)

    assert sum(written.counts.values()) == len(scraped) + 1
    assert other.states() == shelf.states()
    assert other.states()[shas[-1]][1] is Status.CONFLICT
    assert ends(summary) == {End.SAID: len(CATEGORIES) + 2, End.SILENT: 2}
    assert {happened.user for happened in other.catalog.journal.history()} == {"bob"}


@pytest.mark.parametrize("form", Form)
def test_a_file_is_read_once_however_often_it_is_read(form, shelf, other, tmp_path):
    scraped = [("cat", seed) for seed in range(4)]
    first, *_ = shelf.add(*scraped)
    other.add(*scraped)
    shelf.say(first, "dog")
    out = tmp_path / OUTS[form]
    shelf.write(out, form)
    other.read(out)
    said = other.catalog.journal.history()

    again = other.read(out)

    assert ends(again) == {End.SAME: 1, End.SILENT: 3}
    assert other.catalog.journal.history() == said
    assert "nothing new" in again.lines[0]


@pytest.mark.parametrize("form", Form)
def test_a_set_reads_its_own_file_and_nothing_is_new(form, shelf, tmp_path):
    first, second, third = shelf.add(("cat", 1), ("cat", 2), ("dog", 3))
    shelf.say(first, "cat")
    shelf.say(second, action=Action.REJECT)
    shelf.say(third, action=Action.UNSURE)
    out = tmp_path / OUTS[form]
    shelf.write(out, form)

    assert ends(shelf.read(out)) == {End.SAME: 3}


@pytest.mark.parametrize("form", Form)
def test_only_what_people_decided_is_handed_out_where_asked(form, shelf, tmp_path):
    first, *_ = shelf.add(("cat", 1), ("cat", 2), ("cat", 3), ("dog", 3))
    shelf.say(first, "dog")
    out = tmp_path / OUTS[form]

    written = shelf.write(out, form, only_decided=True)

    assert written.counts == {Status.LABELLED: 1}
    assert len(shelf.read(out).sheet.rows) == 1


def test_notes_go_out_and_come_in(shelf, other, tmp_path):
    (sha256,) = shelf.add(("cat", 1))
    other.add(("cat", 1))
    note = '=odd, "really"\nsee 猫'
    shelf.say(sha256, "dog", note=note)
    shelf.write(tmp_path / "labels.csv")

    other.read(tmp_path / "labels.csv")

    assert other.catalog.sayings.newest()[sha256].note == note


def test_a_note_that_no_database_takes_is_made_one_that_it_does(shelf, photo, tmp_path):
    file = tmp_path / "in.csv"
    text = f"sha256,label,note\n{photo},dog,a\0b\ud800c{'d' * 5000}\n"
    file.write_bytes(b"\xff\xfe" + text.encode("utf-16-le", "surrogatepass"))

    assert ends(shelf.read(file)) == {End.SAID: 1}
    note = shelf.catalog.sayings.newest()[photo].note
    assert note.startswith("ab?cd")
    assert len(note) == 2000


@pytest.mark.parametrize(
    "named",
    ["/photos/cat/1.jpg", "cat/1.jpg", "1.jpg", "{sha256}.jpg", "x\\cat\\1.jpg"],
)
def test_a_photo_is_known_by_what_a_hand_calls_it(named, shelf, photo, tmp_path):
    shelf.add(("cat", 2), ("dog", 3))
    file = csv(tmp_path, f"image,label\n{named.format(sha256=photo)},dog\n")

    assert ends(shelf.read(file)) == {End.SAID: 1}
    assert shelf.states()[photo] == ("dog", Status.LABELLED)


@pytest.mark.parametrize("column", ["sha256", "origin"])
def test_a_sha256_or_an_origin_is_enough(column, shelf, photo, tmp_path):
    named = {"sha256": photo.upper(), "origin": "/photos/cat/1.jpg"}[column]

    assert ends(shelf.read(csv(tmp_path, f"{column},label\n{named},cat\n"))) == {
        End.SAID: 1
    }
    assert shelf.states()[photo] == ("cat", Status.LABELLED)


def test_a_row_that_can_not_be_used_is_named_and_the_others_are_taken(shelf, tmp_path):
    one, two, three = shelf.add(("cat", 1), ("cat", 2), ("cat", 3))
    rows = [
        f"{one},dog,",
        f"{'0' * 64},dog,",
        f"{two},cow,",
        f"{three},dog,",
        f"{three},cat,labelled",
        f"{two},dog,maybe",
        f"{one},dog,",
    ]
    summary = shelf.read(csv(tmp_path, "\n".join(["sha256,label,status", *rows])))

    assert ends(summary) == {
        End.SAID: 1,
        End.NO_IMAGE: 1,
        End.NO_CATEGORY: 1,
        End.TWO_LABELS: 2,
        End.FAULTY: 1,
        End.AGAIN: 1,
    }
    assert shelf.states()[three] == ("cat", Status.SCRAPED)
    told = "\n".join(summary.lines)
    assert "7 rows: 1 taken over as bob (1 labelled); 1 said again in the file" in told
    assert "not in categories.toml: row 4: 'cow'" in told
    assert f"the set does not have: row 3: sha256 {'0' * 12}" in told
    assert "row 5: 'dog'; row 6: 'cat'" in told
    assert "status must be one of" in told


def test_trying_it_dry_tells_the_same_and_changes_nothing(shelf, photo, tmp_path):
    file = csv(tmp_path, f"sha256,label\n{photo},dog\n")

    dry = shelf.read(file, dry_run=True)

    assert "1 would be taken over as bob (1 labelled)" in dry.lines[0]
    assert shelf.catalog.journal.history() == []
    assert ends(shelf.read(file)) == ends(dry)


def test_a_word_that_is_newer_than_the_file_stays_and_is_told(shelf, tmp_path):
    first, second = shelf.add(("cat", 1), ("cat", 2))
    out = tmp_path / "labels.csv"
    shelf.write(out)
    shelf.say(first, "dog")
    edited = out.read_text(encoding="utf-8-sig").replace(",cat,scraped", ",CAT,")
    out.write_text(edited, encoding="utf-8")

    summary = shelf.read(out)

    assert ends(summary) == {End.NEWER: 1, End.SAID: 1}
    assert shelf.states()[first] == ("dog", Status.LABELLED)
    assert shelf.states()[second] == ("CAT", Status.LABELLED)
    assert "which stays without --overwrite: row 2: 'dog' by ann" in summary.lines[1]


def test_overwriting_takes_the_files_word(shelf, photo, tmp_path):
    file = csv(tmp_path, f"sha256,label,version\n{photo},CAT,0\n")
    shelf.say(photo, "dog")
    assert ends(shelf.read(file)) == {End.NEWER: 1}

    summary = shelf.read(file, overwrite=True)

    assert ends(summary) == {End.SAID: 1}
    assert "1 of them took the place of what a person had said" in summary.lines[1]
    assert shelf.states()[photo] == ("CAT", Status.LABELLED)


def test_a_label_that_was_in_view_when_it_was_changed_is_replaced(
    shelf, photo, tmp_path
):
    shelf.say(photo, "dog")
    out = tmp_path / "labels.csv"
    shelf.write(out)
    text = out.read_text(encoding="utf-8-sig").replace(",dog,", ",CAT,")
    out.write_text(text, encoding="utf-8")

    assert ends(shelf.read(out)) == {End.SAID: 1}
    assert shelf.states()[photo] == ("CAT", Status.LABELLED)


@pytest.mark.parametrize(
    ("said_at", "end"),
    [("2026-01-01T00:00:00Z", End.NEWER), ("2026-02-02T12:00:00.5+09:00", End.SAID)],
    ids=["before", "after"],
)
def test_without_a_version_the_time_tells_which_word_is_newer(
    said_at, end, shelf, photo, tmp_path
):
    shelf.say(photo, "dog")
    file = csv(tmp_path, f"sha256,label,at\n{photo},cat,{said_at}\n")

    assert ends(shelf.read(file)) == {end: 1}


def test_a_file_without_version_or_time_replaces_no_word_of_a_person(
    shelf, photo, tmp_path
):
    shelf.say(photo, "dog")

    assert ends(shelf.read(csv(tmp_path, f"sha256,label\n{photo},cat\n"))) == {
        End.NEWER: 1
    }


def test_the_same_users_files_follow_each_other(shelf, photo, tmp_path):
    shelf.read(csv(tmp_path, f"sha256,label,version\n{photo},dog,0\n"))
    second = csv(tmp_path, f"sha256,label,version\n{photo},CAT,0\n", "second.csv")

    assert ends(shelf.read(second, user="eve")) == {End.NEWER: 1}
    assert ends(shelf.read(second)) == {End.SAID: 1}


def test_what_a_person_changed_after_the_file_was_read_stays(shelf, photo, tmp_path):
    file = csv(tmp_path, f"sha256,label\n{photo},dog\n")
    shelf.read(file)
    shelf.say(photo, "CAT")

    assert ends(shelf.read(file)) == {End.BEFORE: 1}
    assert ends(shelf.read(file, overwrite=True)) == {End.SAID: 1}
    shelf.say(photo, "CAT")
    assert ends(shelf.read(file, overwrite=True)) == {End.SAID: 1}


def test_what_a_person_undid_is_not_said_again(shelf, photo, tmp_path):
    file = csv(tmp_path, f"sha256,label\n{photo},dog\n")
    shelf.read(file)
    shelf.undo(photo)

    assert ends(shelf.read(file)) == {End.BEFORE: 1}
    assert shelf.states()[photo] == ("cat", Status.SCRAPED)


def test_reading_that_was_cut_short_goes_on(shelf, tmp_path, monkeypatch):
    monkeypatch.setattr(exchange, "_AT_ONCE", 2)
    shas = shelf.add(*[("cat", seed) for seed in range(5)])
    file = csv(tmp_path, "\n".join(["sha256,label", *(f"{s},dog" for s in shas)]))

    with pytest.raises(KeyboardInterrupt):
        shelf.read(file, progress=cut)
    again = shelf.read(file)

    assert ends(again) == {End.SAME: 2, End.SAID: 3}
    assert set(shelf.states().values()) == {("dog", Status.LABELLED)}
    assert len(shelf.catalog.journal.history()) == 5


def test_a_curator_who_comes_in_between_is_not_overwritten(shelf, photo, tmp_path):
    file = csv(tmp_path, f"sha256,label\n{photo},dog\n")

    @contextmanager
    def meanwhile(description: str, total: int | None):
        shelf.say(photo, "CAT")
        yield lambda _: None

    summary = shelf.read(file, progress=meanwhile)

    assert ends(summary) == {End.NEWER: 1}
    assert "row 2: 'CAT' by ann" in summary.lines[1]
    assert shelf.states()[photo] == ("CAT", Status.LABELLED)
    assert ends(shelf.read(file, overwrite=True)) == {End.SAID: 1}


def test_what_was_read_is_taken_back_but_where_somebody_spoke_since(shelf, tmp_path):
    one, two, three = shelf.add(("cat", 1), ("cat", 2), ("cat", 3))
    shelf.say(one, "CAT")
    file = csv(
        tmp_path, f"sha256,label,version\n{one},dog,1\n{two},dog,0\n{three},dog,0\n"
    )
    shelf.read(file)
    shelf.say(three, action=Action.REJECT)

    back = shelf.take_back(file)

    assert (back.undone, back.kept, back.before) == (2, 1, 0)
    assert shelf.states() == {
        one: ("CAT", Status.LABELLED),
        two: ("cat", Status.SCRAPED),
        three: (None, Status.REJECTED),
    }
    again = shelf.take_back(file)
    assert (again.undone, again.kept, again.before) == (0, 1, 2)


def test_a_file_that_was_taken_back_can_be_read_again(shelf, photo, tmp_path):
    file = csv(tmp_path, f"sha256,label\n{photo},dog\n")
    shelf.read(file)
    shelf.take_back(file)

    assert ends(shelf.read(file)) == {End.SAID: 1}
    assert shelf.take_back(file).undone == 1
    assert shelf.states()[photo] == ("cat", Status.SCRAPED)


def test_a_file_that_was_never_read_can_not_be_taken_back(shelf, photo, tmp_path):
    file = csv(tmp_path, f"sha256,label\n{photo},dog\n")

    with pytest.raises(InputError, match=r"no word of in\.csv is in the journal"):
        shelf.take_back(file)


def test_a_copy_speaks_for_the_photo_that_is_kept(shelf, tmp_path):
    kept, copy, alone = shelf.add(("cat", 1), ("cat", 2), ("cat", 3))
    shelf.catalog.photos.write_groupings(
        Grouping(sha256, group, sha256 != copy, "", "0" * 16, ())
        for sha256, group in ((kept, 1), (copy, 1), (alone, 3))
    )

    assert ends(shelf.read(csv(tmp_path, f"sha256,label\n{copy},dog\n"))) == {
        End.SAID: 1
    }
    assert shelf.states() == {
        kept: ("dog", Status.LABELLED),
        alone: ("cat", Status.SCRAPED),
    }
    both = csv(tmp_path, f"sha256,label\n{copy},dog\n{kept},cat\n", "both.csv")
    assert ends(shelf.read(both, overwrite=True)) == {End.TWO_LABELS: 2}


def test_rows_of_what_was_scraped_say_nothing_of_what_people_said_since(
    shelf, photo, tmp_path
):
    out = tmp_path / "labels.csv"
    shelf.write(out)
    shelf.say(photo, "dog")

    assert ends(shelf.read(out)) == {End.SILENT: 1}


def test_a_set_without_photos_is_one_clear_line(shelf, tmp_path):
    with pytest.raises(InputError, match="has no photos yet"):
        shelf.write(tmp_path / "labels.csv")


def test_a_file_of_another_set_is_refused_whole(shelf, photo, tmp_path):
    file = csv(tmp_path, f"sha256,label\n{'0' * 64},dog\n{'1' * 64},dog\n")

    with pytest.raises(
        InputError, match="no row that can be used: 2 rows have a photo"
    ):
        shelf.read(file)
