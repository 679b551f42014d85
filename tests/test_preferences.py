"""Preferences: what a curator set is there the next time, for them alone."""

import pytest


def test_what_a_curator_set_is_theirs_alone_and_the_newest_holds(catalog):
    wishes = {"keymap": {"undo": "KeyZ"}, "keys": False, "lang": "日本語", "thumb": 160}
    catalog.preferences.write("Hana", {"lang": "en"})
    catalog.preferences.write("Hana", wishes)
    catalog.preferences.write("Kenji", {"lang": "ja"})

    assert catalog.preferences.read("Hana") == wishes
    assert catalog.preferences.read("Kenji") == {"lang": "ja"}
    assert catalog.preferences.read("somebody else") == {}


def test_what_json_cannot_say_is_refused_and_changes_nothing(catalog):
    catalog.preferences.write("Hana", {"lang": "en"})

    with pytest.raises(TypeError):
        catalog.preferences.write("Hana", {"lang": object()})

    assert catalog.preferences.read("Hana") == {"lang": "en"}
