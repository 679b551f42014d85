"""The labeler's page, run without a browser: who is let in, and what is mounted."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("streamlit", reason="the labeler needs the ui extra")

from streamlit.testing.v1 import AppTest

from labeler.access import ACCESS, Curator, Role
from labeler.ending import GRACE_S, Ending, farewell
from labeler.office import Office, open_office
from labeler.words import LANGUAGES, all_words, language_of, translate
from pipeline.home import SetFolder
from tests.doubles.planting import Planted, plant, write_categories

LABELER = Path(__file__).parents[1] / "labeler"


@pytest.fixture
def office(folder: SetFolder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    write_categories(folder, ["cat", "dog", "桜"])
    plant(folder, [Planted("cat", 1), Planted("dog", 2)])
    monkeypatch.setenv("MEKIKI_SET", folder.name)
    monkeypatch.delenv("MEKIKI_USER", raising=False)
    monkeypatch.setattr(ACCESS, "set_name", folder.name)
    office = open_office(folder)
    yield office
    office.close()


def show(**params: str) -> AppTest:
    page = AppTest.from_file(str(LABELER / "app.py"), default_timeout=30)
    for key, value in params.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def mounted(page: AppTest) -> dict[str, Any]:
    """Return what the component was given."""
    [component] = page.get("bidi_component")
    data: dict[str, Any] = json.loads(component.proto.json)
    return data


def test_the_name_is_asked_for_once_and_goes_with_every_label(office: Office):
    page = show()
    assert not page.get("bidi_component")
    page.text_input[0].set_value("  Hana   Ito ")
    page.button[0].click().run()

    data = mounted(page)
    assert data["user"] == "Hana Ito"
    assert page.query_params["user"] == "Hana Ito"
    assert ACCESS.check(data["token"]) == Curator("Hana Ito", Role.ADMIN)


@pytest.mark.parametrize("name", ["mekiki", " ", "Hana" * 20], ids=repr)
def test_a_name_that_can_not_stand_in_the_journal_is_asked_for_anew(office, name):
    page = show()
    page.text_input[0].set_value(name)
    page.button[0].click().run()

    assert not page.get("bidi_component")
    assert "1 to 60 printable letters" in page.error[0].value


def test_a_name_in_the_address_that_can_not_stand_in_the_journal_is_told(office):
    page = show(user="Hana" * 20)

    assert "1 to 60 printable letters" in page.error[0].value
    assert not show(user="").error


def test_the_component_is_told_the_set_and_the_curators_own_settings(office: Office):
    office.catalog.preferences.write("Hana", {"lang": "ja", "keymap": {"reject": "D"}})
    data = mounted(show(user="Hana"))

    assert data["view"] == "label"
    assert data["set"] == "things"
    assert data["categories"] == ["cat", "dog", "桜"]
    assert data["lang"] == "ja"
    assert data["preferences"]["keymap"] == {"reject": "D"}
    assert data["may_end"] is True


def test_every_word_is_said_in_both_languages_with_the_same_blanks():
    for key, said in all_words().items():
        assert set(said) == set(LANGUAGES), key
        blanks = [
            {part.split("}")[0].split("|")[0] for part in text.split("{")[1:]}
            for text in said.values()
        ]
        assert blanks[0] >= blanks[1] or blanks[1] >= blanks[0], key


def test_words_are_counted_as_each_language_does():
    assert translate("en", "bar.conflicts", n=1) == "1 conflict"
    assert translate("en", "bar.conflicts", n=1200) == "1,200 conflicts"
    assert translate("ja", "bar.conflicts", n=2) == "矛盾 2"


@pytest.mark.parametrize(
    ("wanted", "locale", "spoken"),
    [("", "ja-JP", "ja"), ("", "de-AT", "en"), ("en", "ja", "en"), ("fr", None, "en")],
)
def test_the_chosen_language_comes_before_the_browsers(wanted, locale, spoken):
    assert language_of(wanted, locale) == spoken


def test_no_key_means_two_things_and_streamlits_own_are_left_alone():
    table = json.loads((LABELER / "component" / "keys.json").read_text("utf-8"))
    for mode in ("one", "grid", "groups"):
        scopes = {mode} | ({"both"} if mode != "groups" else set())
        keys = [
            key
            for action in table["actions"]
            if action["scope"] in scopes
            for key in action["keys"]
        ]
        assert len(keys) == len(set(keys)), mode
        assert not set(table["reserved"]) & set(keys)
    words = all_words()
    assert all(action["words"] in words for action in table["actions"])


def test_every_word_that_the_component_says_is_there():
    spoken = set[str]()
    for file in (LABELER / "component").glob("*.js"):
        text = file.read_text("utf-8")
        spoken |= set(re.findall(r"[^\w]t\(\"([a-z_.-]+\.[a-z_.-]+)\"", text))
    assert spoken <= set(all_words())


def test_the_server_ends_when_the_last_page_was_seen_or_after_a_while():
    now = [100.0]
    late = Ending(clock=lambda: now[0])
    before = late.is_due
    late.ask(3)
    now.append(now.pop() + GRACE_S + 1)
    assert (before, late.is_due) == (False, True)
    seen = Ending(clock=lambda: 0.0)
    seen.ask(1)
    seen.see()
    assert seen.is_due
    assert farewell(1) == "Done. 1 photo decided; you can close this tab."
