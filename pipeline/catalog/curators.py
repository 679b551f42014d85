"""Whoever says something of a photo: their name, as the catalog keeps it."""

import getpass

from pipeline.catalog.events import MACHINE

MAX_NAME = 60  # letters


def check_name(typed: str) -> str | None:
    """Return a curator's name as it is kept, or ``None`` if it can't be one."""
    name = " ".join(typed.split())
    if not name or not name.isprintable() or len(name) > MAX_NAME:
        return None
    return None if name.casefold() == MACHINE else name


def login_name() -> str:
    """Return the name this machine knows its user by; empty where it knows none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
