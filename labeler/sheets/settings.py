"""The page Settings and help: which key does what, and how the page is to be.

What a curator sets is kept in the catalog under their name (``catalog.preferences``),
and is theirs on every machine. Each change is saved as it is made, save the keys: those
are looked at together, for no key may mean two things in one place.
"""

from collections.abc import Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from labeler.access import Curator
from labeler.entrance import draw_leave
from labeler.office import Office
from labeler.sheets.charts import NOTHING, Say, plain
from labeler.sheets.keymaps import (
    Action,
    Wrong,
    check_keys,
    first,
    key_table,
    own_keys,
    read_key,
    show_key,
)
from labeler.words import LANGUAGES, translate
from pipeline.errors import MekikiError

AS_BROWSER = ""  # the language, where none is chosen
SIZES = (0, 96, 128, 160, 200, 256)  # pixels of a tile; 0: as large as fits
LABEL = "label-"
STYLE = Path(__file__).with_name("sheets.css")
PLACES = ("both", "one", "grid", "groups")


class Settings:
    """What a curator set, and how it is written down."""

    def __init__(self, office: Office, user: str, say: Say) -> None:
        self._preferences = office.catalog.preferences
        self._user = user
        self.say = say
        self.wishes: dict[str, Any] = dict(self._preferences.read(user))

    @property
    def keymap(self) -> dict[str, str]:
        """The curator's own keys, by action."""
        kept = self.wishes.get("keymap")
        return dict(kept) if isinstance(kept, dict) else {}

    def save(self, **changed: object) -> None:
        """Write what was changed over what is kept, whoever changed the rest."""
        kept = dict(self._preferences.read(self._user))
        self._preferences.write(self._user, {**kept, **changed})

    def save_widget(self, name: str) -> None:
        """Write what the widget of a setting says now."""
        self.save(**{name: st.session_state[f"settings-{name}"]})


def draw_settings(office: Office, curator: Curator, lang: str) -> None:
    """Draw the page."""
    say: Say = partial(translate, lang)
    st.title(say("settings.title"), anchor=False)
    try:
        settings = Settings(office, curator.name, say)
    except MekikiError as error:
        st.error(str(error))
        return
    st.markdown(plain(say("settings.whose", user=curator.name)))
    names = office.settings.category_names
    with st.container(key="settings", width=620):
        _draw_wishes(settings)
        draw_leave(lang)
    st.subheader(say("settings.help"), anchor=False)
    st.html(STYLE)
    st.html(_help(settings, names))
    st.subheader(say("settings.keys_own"), anchor=False)
    _draw_keys(settings, names)


def _draw_wishes(settings: Settings) -> None:
    say, wishes = settings.say, settings.wishes
    languages = [AS_BROWSER, *LANGUAGES]
    lang = wishes.get("lang", AS_BROWSER)
    st.radio(
        say("settings.language"),
        languages,
        index=languages.index(lang) if lang in languages else 0,
        format_func=lambda one: LANGUAGES.get(one) or say("settings.as_browser"),
        horizontal=True,
        key="settings-lang",
        on_change=settings.save_widget,
        args=("lang",),
    )
    st.toggle(
        say("settings.keys"),
        value=wishes.get("keys") is not False,
        help=say("settings.keys_why"),
        key="settings-keys",
        on_change=settings.save_widget,
        args=("keys",),
    )
    thumb = wishes.get("thumb", 0)
    st.selectbox(
        say("settings.thumb"),
        SIZES,
        index=SIZES.index(thumb) if thumb in SIZES else 0,
        format_func=lambda one: (
            say("settings.pixels", n=one) if one else say("settings.as_fits")
        ),
        key="settings-thumb",
        on_change=settings.save_widget,
        args=("thumb",),
    )


def _draw_keys(settings: Settings, names: Sequence[str]) -> None:
    """Draw the form in which keys are changed, all at once."""
    say, own = settings.say, settings.keymap
    st.markdown(plain(say("settings.keys_how")))
    wrong: list[Wrong] = st.session_state.pop("settings-wrong", [])
    with st.form("settings-keymap", enter_to_submit=False):
        for title, actions in _sections(names):
            st.markdown(f"**{say(title)}**")
            columns = st.columns(3)
            for number, action in enumerate(actions):
                field = f"key-{action.id}"
                key = own.get(action.id, first(action.keys))
                st.session_state.setdefault(field, key)
                columns[number % len(columns)].text_input(
                    _told_apart(action, say, names),
                    placeholder=say("settings.no_key"),
                    max_chars=30,
                    key=field,
                )
        # beside the buttons, where whoever pressed one looks
        if st.session_state.pop("settings-saved", False):
            st.success(say("settings.saved"), icon=":material/check_circle:")
        for one in wrong:
            st.error(_explained(one, say, names), icon=":material/error:")
        save, reset = st.columns([0.25, 0.75])
        save.form_submit_button(
            say("settings.save"),
            type="primary",
            on_click=_save_keys,
            args=(settings, names),
        )
        reset.form_submit_button(
            say("settings.reset"), on_click=_reset_keys, args=(settings,)
        )


def _save_keys(settings: Settings, names: Sequence[str]) -> None:
    table, wrong = key_table(), list[Wrong]()
    wanted: dict[str, str] = {}
    for action in _shown(names):
        typed = str(st.session_state[f"key-{action.id}"])
        key = read_key(typed)
        if key is None:
            wrong.append(Wrong(action.id, "settings.key_none", typed))
        else:
            wanted[action.id] = key
    own = own_keys(table, wanted)
    wrong += check_keys(table, own)
    st.session_state["settings-wrong"] = wrong
    if not wrong:
        settings.save(keymap=own)
        for which, key in wanted.items():  # as it was understood
            st.session_state[f"key-{which}"] = key
        st.session_state["settings-saved"] = True


def _reset_keys(settings: Settings) -> None:
    settings.save(keymap={})
    for action in key_table().actions:
        st.session_state[f"key-{action.id}"] = first(action.keys)
    st.session_state["settings-saved"] = True


def _explained(wrong: Wrong, say: Say, names: Sequence[str]) -> str:
    actions = {action.id: action for action in key_table().actions}

    def called(which: str) -> str:
        return _told_apart(actions[which], say, names) if which in actions else ""

    return plain(
        say(
            wrong.words,
            typed=show_key(wrong.key),
            action=called(wrong.action),
            other=called(wrong.other),
        )
    )


def _help(settings: Settings, names: Sequence[str]) -> str:
    """Return the key map as tables, one for each place."""
    say, own = settings.say, settings.keymap
    tables = []
    for title, actions in _sections(names):
        rows: dict[str, list[str]] = {}
        for action in actions:
            keys = [own[action.id]] if action.id in own else list(action.keys)
            called = _called(action, say, names)
            rows[called] = rows.get(called, []) + [show_key(key) for key in keys if key]
        body = "".join(
            f"<tr><td>{_keys(keys)}</td><th scope='row'>{escape(called)}</th></tr>"
            for called, keys in rows.items()
        )
        caption = escape(say(title))
        tables.append(
            f'<table class="s-keys"><caption>{caption}</caption>'
            f"<tbody>{body}</tbody></table>"
        )
    return f'<div class="s-tables">{"".join(tables)}</div>'


def _sections(names: Sequence[str]) -> list[tuple[str, list[Action]]]:
    """Return the actions by what they are about, each with the words of its title."""
    shown = [
        action
        for action in key_table().actions
        if not action.id.startswith(LABEL)
        or int(action.id.removeprefix(LABEL)) <= len(names)
    ]
    labels = [action for action in shown if action.id.startswith(LABEL)]
    others = [action for action in shown if not action.id.startswith(LABEL)]
    return [
        ("settings.labels", labels),
        *(
            (f"settings.scope_{place}", [one for one in others if one.scope == place])
            for place in PLACES
        ),
    ]


def _keys(keys: Sequence[str]) -> str:
    return "".join(f"<kbd>{escape(key)}</kbd>" for key in keys) or NOTHING


def _shown(names: Sequence[str]) -> list[Action]:
    """List the actions that there are: of labels, one for each category."""
    return [action for _, actions in _sections(names) for action in actions]


def _called(action: Action, say: Say, names: Sequence[str]) -> str:
    if action.id.startswith(LABEL):
        return names[int(action.id.removeprefix(LABEL)) - 1]
    return say(action.words)


def _told_apart(action: Action, say: Say, names: Sequence[str]) -> str:
    """Return what an action is called; its usual key, too, where others are alike."""
    called = _called(action, say, names)
    titles = [(one.scope, one.words) for one in key_table().actions]
    if titles.count((action.scope, action.words)) == 1 or action.id.startswith(LABEL):
        return called
    return f"{called} ({show_key(first(action.keys))})"
