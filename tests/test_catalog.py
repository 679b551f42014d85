"""The catalog on SQLite and PostgreSQL: who owns bytes, what is trained, migrations."""

import sqlite3
from collections import Counter
from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from pipeline import catalog as catalogs
from pipeline.catalog import Outcome, Part, Status
from pipeline.catalog.candidates import Candidates
from pipeline.catalog.endings import Ending
from pipeline.catalog.engine import drop_database, open_database
from pipeline.catalog.finding import Found, PageRead
from pipeline.catalog.journal import Action, Op
from pipeline.catalog.photos import Grouping
from pipeline.catalog.tables import METADATA
from pipeline.catalog.training import Prediction, RunPhoto
from pipeline.errors import CatalogError
from pipeline.home import set_folder
from pipeline.images import ImageFacts

NOW = "2026-01-02T03:04:05+00:00"


def facts(letter: str) -> ImageFacts:
    return ImageFacts(letter * 64, "JPEG", "jpg", 100, 80, 1234)


def found(category: str, origin: str) -> Found:
    return Found("urls", category, origin)


def stored(number: int, letter: str) -> Ending:
    return Ending(number, Outcome.STORED, facts=facts(letter))


def group(catalog, *members: tuple[str, int, bool]) -> None:
    catalog.photos.write_groupings(
        Grouping(letter * 64, group_id, kept, "" if kept else "resized", "0" * 16, ())
        for letter, group_id, kept in members
    )
    catalog.journal.mark_conflicts(catalog.photos.categories_of_groups(), NOW)


def test_candidates_are_numbered_in_the_order_they_were_found(catalog):
    catalog.candidates.add([found("cat", "b"), found("cat", "a")], NOW)
    new = catalog.candidates.add(
        [found("cat", "a"), found("dog", "a"), found("cat", "c"), found("cat", "c")],
        NOW,
    )

    assert new == 2
    pending = catalog.candidates.pending()
    assert [(row.id, row.category, row.origin) for row in pending] == [
        (1, "cat", "b"),
        (2, "cat", "a"),
        (3, "dog", "a"),
        (4, "cat", "c"),
    ]


def test_what_is_due_comes_by_origin_and_once_whatever_ends_meanwhile(catalog):
    many = [found("cat", f"{n}") for n in range(1500)]
    catalog.candidates.add([*many, found("dog", "0"), found("dog", "1400")], NOW)

    came = []
    for group in catalog.candidates.due_by_origin(("urls",), ("cat", "dog")):
        came.append([row.id for row in group])
        if group[0].id % 2:
            ended = [Ending(row.id, Outcome.FAILED, "no answer") for row in group]
            catalog.candidates.finish(ended, NOW)

    alone = [[n] for n in range(1, 1501)]
    alone[0], alone[1400] = [1, 1501], [1401, 1502]
    assert came == alone


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_the_lowest_candidate_owns_the_bytes_whatever_came_first(catalog, order):
    catalog.candidates.add([found("cat", name) for name in "abc"], NOW)

    for number in order:
        catalog.candidates.finish([stored(number, "f")], NOW)

    (image,) = catalog.photos.stored()
    assert (image.candidate_id, image.origin) == (1, "a")
    assert catalog.candidates.counts() == {
        "stored": {"": 1},
        "known": {"same bytes as another candidate": 2},
    }


@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.sampled_from("abc!?")), min_size=1, max_size=14
    ),
    st.data(),
)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_endings_together_come_to_what_they_come_to_one_by_one(tmp_path, met, data):
    endings = [
        Ending(number, Outcome.FAILED if letter == "!" else Outcome.REFUSED, letter)
        if letter in "!?"
        else stored(number, letter)
        for number, letter in met
    ]
    size = data.draw(st.integers(2, 14))
    batches = [endings[start : start + size] for start in range(0, len(met), size)]
    ended = []
    for way in (batches, [[ending] for ending in endings]):
        folder = set_folder(tmp_path, f"set{len(list(tmp_path.glob('*/*')))}")
        with catalogs.opened(folder) as catalog:
            catalog.candidates.add([found("cat", str(n)) for n in range(6)], NOW)
            for batch in way:
                catalog.candidates.finish(batch, NOW)
            owners = [(i.sha256, i.candidate_id) for i in catalog.photos.stored()]
            ended.append((owners, catalog.candidates.counts()))

    assert ended[0] == ended[1]


def test_more_endings_than_one_question_holds_are_recorded(catalog):
    catalog.candidates.add([found("cat", str(n)) for n in range(1200)], NOW)
    endings = [
        Ending(n, Outcome.STORED, facts=replace(facts("a"), sha256=f"{n // 2:064}"))
        for n in range(1200, 0, -1)
    ]

    outcomes = catalog.candidates.finish(endings, NOW)

    assert Counter(outcomes) == {Outcome.STORED: 601, Outcome.KNOWN: 599}
    assert [i.candidate_id for i in catalog.photos.stored()][:3] == [1, 2, 4]


def test_candidates_are_recorded_together_with_how_they_ended(catalog):
    catalog.candidates.add([found("cat", "b")], NOW)
    ended = [
        (found("cat", "a"), Ending(0, Outcome.STORED, facts=facts("f"))),
        (found("cat", "b"), Ending(0, Outcome.STORED, facts=facts("f"))),
        (found("dog", "c"), Ending(0, Outcome.FAILED, "timed out")),
    ]

    assert catalog.candidates.add_ended(ended, NOW) == 2
    assert catalog.candidates.add_ended(ended, NOW) == 0

    assert [image.origin for image in catalog.photos.stored()] == ["b"]
    assert catalog.candidates.ended(["a", "b", "c", "d"]) == {
        ("cat", "a"),
        ("cat", "b"),
    }


def test_what_another_run_has_stored_meanwhile_stays_stored(catalog):
    catalog.candidates.add([found("cat", "a")], NOW)
    catalog.candidates.finish([stored(1, "a")], NOW)

    late = [stored(1, "b"), Ending(1, Outcome.FAILED, "timed out")]
    outcomes = [catalog.candidates.finish([ending], NOW) for ending in late]

    assert outcomes == [[Outcome.STORED], [Outcome.STORED]]
    assert [row.sha256 for row in catalog.photos.stored()] == ["a" * 64]
    assert catalog.candidates.counts() == {"stored": {"": 1}}
    assert catalog.journal.start_items(NOW) == 1


def test_photos_in_the_store_are_counted_once_each(catalog):
    catalog.candidates.add(
        [found("cat", "a"), found("cat", "b"), found("dog", "c")], NOW
    )
    catalog.candidates.finish([stored(n, "a") for n in (1, 2, 3)], NOW)

    assert catalog.candidates.stored_per_category() == {"cat": 1, "dog": 1}


def test_what_servers_say_is_recorded_whatever_it_holds(catalog):
    catalog.candidates.add([found("cat", "a")], NOW)
    ending = Ending(1, Outcome.REFUSED, "broken\0image", content_type="a\0b")
    catalog.candidates.finish([ending], NOW)

    assert catalog.candidates.counts() == {"refused": {"broken image": 1}}


def test_what_failed_in_passing_is_tried_again_and_what_was_refused_is_not(catalog):
    catalog.candidates.add([found("cat", name) for name in "abc"], NOW)
    catalog.candidates.finish(
        [Ending(1, Outcome.FAILED, "HTTP 503"), Ending(2, Outcome.REFUSED, "HTTP 404")],
        NOW,
    )

    assert [row.id for row in catalog.candidates.pending()] == [1, 3]


def test_a_page_is_recorded_together_with_what_it_shows(catalog):
    page = PageRead("pages", "cat", "http://s/1", Outcome.FAILED, "timed out")
    catalog.candidates.add_page(page, [], NOW)
    read = PageRead("pages", "cat", "http://s/1", Outcome.STORED, "", "http://s/2")
    catalog.candidates.add_page(read, [found("cat", "x")], NOW)

    assert catalog.candidates.pages() == {("cat", "http://s/1"): read}
    assert len(catalog.candidates.pending()) == 1


def test_every_stored_image_gets_one_item_labelled_as_it_was_found(catalog):
    catalog.candidates.add([found("cat", "a"), found("dog", "b")], NOW)
    catalog.candidates.finish([stored(2, "b"), stored(1, "a")], NOW)

    assert catalog.journal.start_items(NOW) == 2
    assert catalog.journal.start_items(NOW) == 0
    assert catalog.photos.item_counts() == {"scraped": 2}


@pytest.fixture
def three(catalog):
    """Three images: a and b are copies found as cat, c is a dog."""
    catalog.candidates.add(
        [found("cat", "a"), found("cat", "b"), found("dog", "c")], NOW
    )
    catalog.candidates.finish([stored(1, "a"), stored(2, "b"), stored(3, "c")], NOW)
    catalog.journal.start_items(NOW)
    group(catalog, ("a", 1, True), ("b", 1, False), ("c", 3, True))
    return catalog


def test_one_photo_a_group_is_trained(three):
    assert [(photo.label, photo.copies) for photo in three.photos.trained()] == [
        ("cat", 1),
        ("dog", 0),
    ]


def test_a_group_takes_the_newest_human_label_on_any_of_its_members(three):
    three.journal.apply([Op("b" * 64, Action.RELABEL, "dog", 0, "ann", "t", 1)], NOW)
    three.journal.apply([Op("a" * 64, Action.RELABEL, "cat", 0, "ann", "t", 2)], NOW)
    three.journal.apply([Op("b" * 64, Action.RELABEL, "dog", 1, "ann", "t", 3)], NOW)

    labels = {photo.sha256[0]: photo.label for photo in three.photos.trained()}
    assert labels == {"a": "dog", "c": "dog"}


@pytest.mark.parametrize("action", [Action.REJECT, Action.UNSURE])
def test_what_a_person_rejects_or_is_unsure_of_is_not_trained(three, action):
    three.journal.apply([Op("c" * 64, action, None, 0, "ann", "t", 1)], NOW)

    assert [photo.label for photo in three.photos.trained()] == ["cat"]


def test_a_group_of_two_categories_is_a_conflict_until_a_person_decides(catalog):
    catalog.candidates.add([found("cat", "a"), found("dog", "a")], NOW)
    catalog.candidates.finish([stored(1, "a"), stored(2, "a")], NOW)
    catalog.journal.start_items(NOW)
    group(catalog, ("a", 1, True))

    (photo,) = catalog.photos.photos()
    assert photo.status is Status.CONFLICT
    assert photo.scraped_as == ("cat", "dog")
    assert catalog.photos.trained() == []

    op = Op(photo.sha256, Action.CONFIRM, "dog", photo.version, "ann", "t", 1)
    assert catalog.journal.apply([op], NOW)[0].accepted
    group(catalog, ("a", 1, True))  # deduplicated again: the person's word stands
    assert [photo.label for photo in catalog.photos.trained()] == ["dog"]


def test_a_word_taken_back_leaves_the_conflict_that_arose_meanwhile(catalog):
    catalog.candidates.add([found("cat", "a")], NOW)
    catalog.candidates.finish([stored(1, "a")], NOW)
    catalog.journal.start_items(NOW)
    group(catalog, ("a", 1, True))
    catalog.journal.apply([Op("a" * 64, Action.CONFIRM, "cat", 0, "ann", "t", 1)], NOW)
    catalog.candidates.add([found("dog", "b")], NOW)
    catalog.candidates.finish([stored(2, "a")], NOW)
    group(catalog, ("a", 1, True))

    undo = Op("a" * 64, Action.UNDO, None, 1, "ann", "t", 2, undoes=("t", 1))
    assert catalog.journal.apply([undo], NOW)[0].accepted

    assert [photo.status for photo in catalog.photos.photos()] == [Status.CONFLICT]
    assert catalog.photos.trained() == []


def test_a_group_that_a_person_decided_is_no_conflict_any_more(catalog):
    catalog.candidates.add([found("cat", "a"), found("dog", "b")], NOW)
    catalog.candidates.finish([stored(1, "a"), stored(2, "b")], NOW)
    catalog.journal.start_items(NOW)
    group(catalog, ("a", 1, True), ("b", 1, False))
    categories = catalog.photos.categories_of_groups()
    assert catalog.journal.mark_conflicts(categories, NOW) == 1

    catalog.journal.apply([Op("a" * 64, Action.CONFIRM, "cat", 1, "ann", "t", 1)], NOW)

    assert catalog.journal.mark_conflicts(categories, NOW) == 0


def test_a_conflict_ends_where_the_groups_are_told_apart(catalog):
    catalog.candidates.add([found("cat", "a"), found("dog", "b")], NOW)
    catalog.candidates.finish([stored(1, "a"), stored(2, "b")], NOW)
    catalog.journal.start_items(NOW)
    group(catalog, ("a", 1, True), ("b", 1, False))
    assert catalog.photos.item_counts() == {"conflict": 2}

    group(catalog, ("a", 1, True), ("b", 2, True))

    assert catalog.photos.item_counts() == {"scraped": 2}


def test_a_flagged_photo_is_trained_only_when_a_person_confirmed_it(three):
    three.photos.write_groupings(
        Grouping(letter * 64, number, True, "", "0" * 16, ("blank",))
        for number, letter in enumerate("abc", start=1)
    )
    assert three.photos.trained() == []

    three.journal.apply([Op("c" * 64, Action.CONFIRM, "dog", 0, "ann", "t", 1)], NOW)

    assert [photo.label for photo in three.photos.trained()] == ["dog"]


def test_splits_runs_and_predictions_come_back_as_written(three):
    parts = {"a" * 64: Part.TRAIN, "c" * 64: Part.VAL}
    three.training.write_split(parts)
    photos = [
        RunPhoto("a" * 64, "cat", Part.TRAIN),
        RunPhoto("c" * 64, "dog", Part.VAL),
    ]
    three.training.start_run("r1", "f" * 64, photos, NOW)
    said = Prediction("c" * 64, "cat", 0.75)
    three.training.finish_run("r1", [said], NOW)

    assert three.training.split() == parts
    assert three.training.run_photos("r1") == photos
    assert three.training.predictions("r1") == {"c" * 64: said}
    assert [(run.name, run.finished_at) for run in three.training.runs()] == [
        ("r1", NOW)
    ]


def test_the_migrations_make_the_tables_that_the_code_reads(
    folder, any_database, request
):
    url = None
    if any_database == "postgresql":
        url = request.getfixturevalue("postgresql_url")
    database = open_database(folder, url)
    with database.read() as connection:
        context = MigrationContext.configure(connection)
        differences = compare_metadata(context, METADATA)
    database.close()
    catalogs.drop(folder)

    assert differences == []


@pytest.fixture
def database(folder, any_database, request):
    url = None
    if any_database == "postgresql":
        url = request.getfixturevalue("postgresql_url")
    opened = open_database(folder, url)
    yield opened
    opened.close()
    catalogs.drop(folder)


def test_all_that_is_read_together_is_of_one_moment(database):
    count = text("SELECT count(*) FROM candidate")
    with database.read() as connection:
        before = connection.scalar(count)
        Candidates(database).add([found("cat", "a")], NOW)
        meanwhile = connection.scalar(count)

    with database.read() as connection:
        assert (before, meanwhile, connection.scalar(count)) == (0, 0, 1)


@pytest.mark.xdist_group("postgresql")
def test_a_connection_that_the_server_has_closed_is_replaced(folder, postgresql_url):
    """It may have been started anew since the last question."""
    database = open_database(folder, postgresql_url)
    with database.read() as first, database.read() as second:
        mine = first.scalar(text("SELECT pg_backend_pid()"))
        other = second.scalar(text("SELECT pg_backend_pid()"))
    with database.write() as connection:
        used = connection.scalar(text("SELECT pg_backend_pid()"))
        assert used in {mine, other}  # a new one for each question takes long
        left = mine if used == other else other
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": left})

    with database.read() as one, database.read() as more:
        answers = [one.scalar(text("SELECT 1")), more.scalar(text("SELECT 2"))]
    database.close()
    drop_database(folder, postgresql_url)

    assert answers == [1, 2]


def test_what_the_server_can_not_do_now_is_one_clear_line(database, any_database):
    trouble = {
        "sqlite": ["PRAGMA max_page_count = 1", "CREATE TABLE more (a)"],
        "postgresql": ["SET LOCAL statement_timeout = 1", "SELECT pg_sleep(9)"],
    }[any_database]

    def try_in(transaction):
        with transaction as connection:
            for statement in trouble:
                connection.execute(text(statement))

    for opened in (database.read, database.write):
        with pytest.raises(CatalogError, match="can't be used"):
            try_in(opened())


def test_two_sets_of_a_server_are_kept_apart(catalog, folder):
    other = type(folder)(folder.home, "others")
    other.folder.mkdir()
    with catalogs.opened(other) as second:
        second.candidates.add([found("cat", "a")], NOW)

        assert catalog.candidates.pending() == []
    catalogs.drop(other)


def test_sqlite_keeps_labels_through_a_power_cut(sqlite_catalog, folder):
    database = open_database(folder, None)
    with database.read() as connection:
        pragmas = [
            connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    database.close()

    assert pragmas == ["wal", 2, 1]


def test_a_catalog_of_a_newer_mekiki_is_left_alone_with_a_clear_word(folder):
    with catalogs.opened(folder):
        pass
    with sqlite3.connect(folder.catalog_file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    with pytest.raises(CatalogError, match="written by a newer mekiki"):
        catalogs.opened(folder).__enter__()


def test_a_file_that_is_no_database_is_told_so(folder):
    folder.catalog_file.write_bytes(b"not a database at all" * 100)

    with pytest.raises(CatalogError, match=r"catalog\.db can't be used: .*database"):
        catalogs.opened(folder).__enter__()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://127.0.0.1:1/nowhere", "can't be used: "),
        ("mysql://127.0.0.1/x", "must be a postgresql:// address"),
        ("nonsense", "must be a postgresql:// address"),
    ],
)
def test_a_database_that_can_not_be_reached_is_one_clear_line(
    folder, monkeypatch, url, told
):
    monkeypatch.setenv("MEKIKI_DATABASE_URL", url)

    with pytest.raises(CatalogError, match=told) as caught:
        catalogs.opened(folder).__enter__()

    assert "\n" not in str(caught.value)
