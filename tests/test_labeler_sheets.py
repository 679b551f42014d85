"""The pages Progress and Settings: what they count, what they show, which keys go."""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeler.sheets.charts import draw_days, draw_figures, draw_paces, draw_work
from labeler.sheets.keymaps import (
    Action,
    KeyTable,
    Wrong,
    check_keys,
    key_table,
    own_keys,
    read_key,
    show_key,
)
from labeler.sheets.tallies import Day, Pace, Work, tally_days, tally_pace, tally_work
from labeler.words import LANGUAGES, all_words, translate


@dataclass(frozen=True)
class Photo:
    """As much of a photo as the tallies ask for."""

    label: str | None
    status: str
    scraped_as: tuple[str, ...]
    sha256: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Minute:
    """Words of a minute."""

    user: str
    minute: str
    words: int


def say(key: str, **params: object) -> str:
    return translate("en", key, **params)


def test_photos_are_counted_by_what_people_made_of_them():
    photos = [
        Photo("cat", "scraped", ("cat",)),
        Photo("cat", "conflict", ("cat", "dog")),
        Photo("cat", "labelled", ("cat",)),
        Photo("cat", "labelled", ("dog", "cat")),  # one of those it was found under
        Photo("cat", "labelled", ("dog",)),
        Photo("dog", "rejected", ("dog",)),
        Photo("dog", "unsure", ("dog",)),
        Photo(None, "scraped", ("dog",)),
    ]

    cat, dog, none = tally_work(photos, ["cat", "dog"], None)

    assert cat == Work(
        "cat", target=4, confirmed=2, relabelled=1, unsure=0, rejected=0, undecided=2
    )
    assert (cat.decided, cat.usable) == (3, 5)
    assert (dog.target, dog.rejected, dog.unsure, dog.undecided) == (6, 1, 1, 0)
    assert (none.name, none.target, none.undecided) == ("(none)", 0, 1)


def test_the_target_is_what_the_settings_want_where_photos_are_searched_for():
    rows = tally_work([Photo("cat", "scraped", ("cat",))], ["cat", "dog"], 300)

    assert [(row.name, row.target, row.usable) for row in rows] == [
        ("cat", 300, 1),
        ("dog", 300, 0),
    ]


def test_pace_is_the_median_of_the_minutes_in_which_something_was_said():
    minutes = [
        Minute("Ana", "2026-01-02T03:04", 30),
        Minute("Ana", "2026-01-02T03:05", 50),
        Minute("Ana", "2026-01-02T09:00", 240),  # a bulk
        Minute("Bo", "2026-01-02T03:04", 10),
    ]

    assert tally_pace(minutes) == [
        Pace("Ana", photos=320, minutes=3, per_minute=50.0),
        Pace("Bo", photos=10, minutes=1, per_minute=10.0),
    ]


def test_a_day_begins_at_the_readers_midnight():
    minutes = [
        Minute("Ana", "2026-01-01T14:59", 1),
        Minute("Ana", "2026-01-01T15:00", 2),  # midnight in Tokyo
        Minute("Bo", "2026-01-02T14:59", 4),
        Minute("Bo", "2025-11-02T14:59", 99),
    ]

    days = tally_days(minutes, date(2026, 1, 2), 3, ZoneInfo("Asia/Tokyo"))

    assert days == [
        Day(date(2025, 12, 31)),
        Day(date(2026, 1, 1), {"Ana": 1}),
        Day(date(2026, 1, 2), {"Ana": 2, "Bo": 4}),
    ]
    assert [day.photos for day in days] == [0, 1, 6]


def test_what_people_wrote_is_shown_as_they_wrote_it():
    evil = "<script>alert('1')</script> & \"co\""
    drawn = (
        draw_work([Work(evil, target=3, undecided=2)], say)
        + draw_paces([Pace(evil, 1, 1, 1.0)], say)
        + draw_days([Day(date(2026, 1, 2), {evil: 3})], say)
        + draw_figures([(evil, evil, evil)])
    )

    assert "<script" not in drawn
    assert drawn.count("&lt;script&gt;") == 6


def test_bars_share_one_scale_and_the_target_is_marked_on_it():
    drawn = draw_work(
        [Work("cat", target=200, confirmed=50, undecided=50), Work("dog", rejected=10)],
        say,
    )

    assert 'class="p-confirmed" style="width:25.000%"' in drawn
    assert 'class="p-rejected" style="width:5.000%"' in drawn
    assert drawn.count("left:100.000%") == 1
    assert "100 usable of 200 wanted" in drawn


def test_a_set_without_photos_or_words_is_drawn_too():
    assert "<tbody></tbody>" in draw_work([], say)
    assert "height:0.00rem" in draw_days([Day(date(2026, 1, 2))], say)


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("a", "A"),
        (" Q ", "Q"),
        ("\N{FULLWIDTH DIGIT ONE}", "1"),
        ("\N{FULLWIDTH LATIN SMALL LETTER Q}", "Q"),
        ("?", "?"),
        ("+", "+"),
        ("ctrl++", "Ctrl++"),
        ("shift+3", "Shift+3"),
        ("Shift + Ctrl + z", "Ctrl+Shift+Z"),
        ("cmd+z", "Ctrl+Z"),
        ("←", "ArrowLeft"),
        ("shift+right", "Shift+ArrowRight"),
        ("esc", "Escape"),
        ("pgdn", "PageDown"),
        ("space", "Space"),
        ("", ""),
        ("   ", ""),
        ("ab", None),
        ("é", None),
        ("愛", None),
        ("shift+?", None),
        ("hyper+a", None),
        ("+a", None),
    ],
)
def test_keys_are_read_as_people_write_them(typed, key):
    assert read_key(typed) == key


@given(st.text(max_size=12))
def test_whatever_is_typed_a_key_that_is_read_reads_as_itself(typed):
    key = read_key(typed)

    if key is not None:
        assert read_key(key) == key
        assert read_key(show_key(key)) == key


TABLE = KeyTable(
    (
        Action("reject", ("X",), "both", "key.reject"),
        Action("right", ("Space",), "one", "key.right"),
        Action("select", ("Space",), "grid", "key.select"),
        Action("undo", ("Backspace", "Ctrl+Z"), "both", "key.undo"),
        Action("apart", ("N",), "groups", "key.groups_apart"),
    ),
    frozenset({"C", "R"}),
)


@pytest.mark.parametrize(
    ("own", "wrong"),
    [
        ({}, []),
        ({"reject": "D"}, []),
        ({"reject": ""}, []),
        ({"reject": "N"}, []),  # means something on another page alone
        ({"right": "A", "select": "A"}, []),  # never both at once
        ({"reject": "C"}, [Wrong("reject", "settings.key_reserved", "C")]),
        ({"reject": "R"}, [Wrong("reject", "settings.key_reserved", "R")]),
        ({"reject": "Ctrl+W"}, [Wrong("reject", "settings.key_browser", "Ctrl+W")]),
        (
            {"reject": "Space"},
            [Wrong("reject", "settings.key_taken", "Space", "right")],
        ),
        (
            {"right": "Ctrl+Z"},
            [Wrong("right", "settings.key_taken", "Ctrl+Z", "undo")],
        ),
        (
            {"reject": "D", "right": "D"},
            [
                Wrong("reject", "settings.key_taken", "D", "right"),
                Wrong("right", "settings.key_taken", "D", "reject"),
            ],
        ),
        (
            {"reject": "Space", "right": "X"},
            [
                Wrong("reject", "settings.key_taken", "Space", "select"),
            ],
        ),
        ({"undo": "X", "reject": "Backspace"}, []),  # they change places
    ],
)
def test_no_key_means_two_things_in_one_place(own, wrong):
    assert check_keys(TABLE, own) == wrong


def test_only_what_differs_is_kept():
    wanted = {"reject": "X", "right": "", "select": "A", "undo": "Backspace"}

    assert own_keys(TABLE, wanted) == {"right": "", "select": "A"}


def test_the_shipped_keys_are_fine_and_read_as_themselves():
    table = key_table()

    assert table.reserved >= {"C", "R"}
    for action in table.actions:
        for key in action.keys:
            assert key not in table.reserved
            assert read_key(key) == key
            others = [
                other.id
                for other in table.actions
                if other is not action
                and key in other.keys
                and set(other.places) & set(action.places)
            ]
            assert others == [], key
        assert action.words in all_words()
    assert len({action.id for action in table.actions}) == len(table.actions)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("start", ["groups.", "reason.", "progress.", "settings."])
def test_every_word_is_there_in_every_language(lang, start):
    words = {key: said for key, said in all_words().items() if key.startswith(start)}

    assert words
    assert [key for key, said in words.items() if not said.get(lang)] == []
