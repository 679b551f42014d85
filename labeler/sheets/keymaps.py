"""Which key does what: the table of ``component/keys.json``, and a curator's own keys.

A key is written as the browser's side writes it (``component/keys.js``): ``A``, ``3``,
``Shift+3``, ``Ctrl+Z``, ``Enter``, ``?``. Pure, but for reading the table.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).parents[1] / "component" / "keys.json"
SCOPES = {"both": ("one", "grid")}  # the others stand for themselves

_NAMES = (
    *("Space", "Enter", "Escape", "Backspace", "Delete", "PageUp", "PageDown"),
    *("Home", "End", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"),
)
_NAMED = {name.lower(): name for name in _NAMES}
_NAMED |= {"esc": "Escape", "pgup": "PageUp", "pgdn": "PageDown", "del": "Delete"}
_NAMED |= {"left": "ArrowLeft", "right": "ArrowRight"}
_NAMED |= {"up": "ArrowUp", "down": "ArrowDown"}
_NAMED |= {"←": "ArrowLeft", "→": "ArrowRight", "↑": "ArrowUp", "↓": "ArrowDown"}
_MARKS = {name: mark for mark, name in _NAMED.items() if mark in "←→↑↓"}
_HELD = {
    "ctrl": "Ctrl",
    "control": "Ctrl",
    "cmd": "Ctrl",
    "alt": "Alt",
    "shift": "Shift",
}
_BROWSERS = frozenset(  # what no page should take from the browser
    f"Ctrl+{key}" for key in ("C", "F", "L", "N", "P", "R", "S", "T", "V", "W", "X")
)


@dataclass(frozen=True)
class Action:
    """Something that a key does."""

    id: str
    keys: tuple[str, ...]
    scope: str  # both, one, grid, groups
    words: str  # the key of what it is called

    @property
    def places(self) -> tuple[str, ...]:
        """Where it does so."""
        return SCOPES.get(self.scope, (self.scope,))


@dataclass(frozen=True)
class KeyTable:
    """All actions, and the keys that are nobody's."""

    actions: tuple[Action, ...]
    reserved: frozenset[str]


@dataclass(frozen=True)
class Wrong:
    """Why a key can't be taken: words to say so, and what fills them in."""

    action: str
    words: str
    key: str
    other: str = ""  # the action that has it


@cache
def key_table() -> KeyTable:
    """Return the table as it is shipped."""
    read = json.loads(FILE.read_text(encoding="utf-8"))
    actions = tuple(
        Action(row["id"], tuple(row["keys"]), row["scope"], row["words"])
        for row in read["actions"]
    )
    return KeyTable(actions, frozenset(read["reserved"]))


def read_key(typed: str) -> str | None:
    """Return a key as it is written here, ``""`` for none; ``None``: it can't be one.

    Full-width letters, small ones and other names of the same key are understood.
    """
    text = unicodedata.normalize("NFKC", typed).strip()
    if not text:
        return ""
    *held, base = re.split(r"\s*\+\s*(?=.)", text)
    names = [_HELD.get(name.lower()) for name in held]
    key = _NAMED.get(base.lower()) or (base.upper() if len(base) == 1 else None)
    if key is None or None in names or not key.isprintable():
        return None
    if not key.isascii():
        return None
    if "Shift" in names and not (len(key) > 1 or re.fullmatch("[A-Z0-9]", key)):
        return None  # "?" is typed with Shift on one keyboard and without on another
    order = [name for name in ("Ctrl", "Alt", "Shift") if name in names]
    return "+".join([*order, key])


def show_key(key: str) -> str:
    """Return a key as people read it."""
    return "+".join(_MARKS.get(part, part) for part in key.split("+"))


def check_keys(table: KeyTable, own: Mapping[str, str]) -> list[Wrong]:
    """Find what is wrong with a curator's own keys.

    Args:
        table: As it is shipped.
        own: Keys by action, as ``read_key`` returns them; ``""`` for no key.
    """
    found = []
    for action in table.actions:
        key = own.get(action.id, "")
        if key and key in table.reserved:
            found.append(Wrong(action.id, "settings.key_reserved", key))
        elif key in _BROWSERS:
            found.append(Wrong(action.id, "settings.key_browser", key))
        elif key and (other := _taken(table, own, action, key)):
            found.append(Wrong(action.id, "settings.key_taken", key, other.id))
    return found


def own_keys(table: KeyTable, wanted: Mapping[str, str]) -> dict[str, str]:
    """Return what of a whole key map differs from the one that is shipped."""
    return {
        action.id: wanted[action.id]
        for action in table.actions
        if action.id in wanted and wanted[action.id] != first(action.keys)
    }


def first(keys: Sequence[str]) -> str:
    """Return the first key, ``""`` where there is none."""
    return keys[0] if keys else ""


def _taken(
    table: KeyTable, own: Mapping[str, str], mine: Action, key: str
) -> Action | None:
    """Return the other action that a curator gave the key, or left it with."""
    for action in table.actions:
        if action.id == mine.id or not set(action.places) & set(mine.places):
            continue
        keys = [own[action.id]] if action.id in own else list(action.keys)
        if key in keys:
            return action
    return None
