"""The page: who is here, where they can go, and what stands there.

Label, Groups and Review are views of one component (``component/``), which talks to our
own routes (``api/``); Progress and Settings are drawn here in Python.
"""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from labeler.access import Curator, Role
from labeler.entrance import enter
from labeler.mounting import mount
from labeler.office import Office, current_office
from labeler.words import language_of, translate
from pipeline.errors import MekikiError

STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding: 3.5rem 1rem 0.5rem; max-width: none; }
[data-testid="stHeader"] { height: 3.2rem; min-height: 3.2rem; }
[data-testid="stMain"]:has(.mekiki-root) { overflow: hidden; }
.st-key-who { margin-top: 12vh; align-items: center; }
</style>"""


def draw_page() -> None:
    """Draw the page for this moment."""
    name = os.environ["MEKIKI_SET"]
    st.set_page_config(f"{name} · mekiki", page_icon="🔎", layout="wide")
    st.html(STYLE)
    curator = enter(name)
    if curator is None:
        return
    office = current_office()
    try:
        preferences = dict(office.catalog.preferences.read(curator.name))
    except MekikiError as error:
        st.error(str(error))
        return
    lang = language_of(str(preferences.get("lang", "")), st.context.locale)
    pages = _pages(office, curator, lang, preferences)
    st.navigation(pages, position="top").run()


def _pages(
    office: Office, curator: Curator, lang: str, preferences: dict[str, Any]
) -> list[Any]:
    first = "label" if curator.role.may(Role.CURATOR) else "progress"

    def page(name: str, icon: str, draw: Callable[[], None]) -> Any:
        title = translate(lang, f"nav.{name}")
        is_first = name == first
        return st.Page(
            draw,
            title=title,
            icon=f":material/{icon}:",
            url_path=None if is_first else name,
            default=is_first,
        )

    def view(name: str) -> Callable[[], None]:
        return partial(mount, name, office, curator, lang, preferences)

    pages = []
    if curator.role.may(Role.CURATOR):
        pages.append(page("label", "label", view("label")))
        pages.append(page("groups", "filter_none", view("groups")))
    if curator.role.may(Role.REVIEWER):
        pages.append(page("review", "rate_review", view("review")))

    def progress() -> None:
        from labeler.sheets.progress import draw_progress  # noqa: PLC0415 - not yet wanted

        draw_progress(office, lang)

    def settings() -> None:
        from labeler.sheets.settings import draw_settings  # noqa: PLC0415 - as above

        draw_settings(office, curator, lang)

    pages.append(page("progress", "monitoring", progress))
    pages.append(page("settings", "tune", settings))
    return pages


draw_page()
