"""Who is at the page: a name that was typed, or a login that is on the team's list.

Without a team file whoever reaches the page may do everything: that is the person whose
machine it is. With one, the name in the address and ``MEKIKI_USER`` count for nothing.
"""

import html
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

import streamlit as st

from labeler.access import Curator, Role
from labeler.team import Team
from labeler.words import language_of, translate
from pipeline.catalog.curators import MAX_NAME, check_name, login_name

WIDTH = 460  # pixels of the card in the middle
PATIENCE_S = 5.0  # for a provider to say that it is there


@dataclass
class Door:
    """Whom to let in; the server sets the team before it listens."""

    team: Team | None = None


DOOR = Door()  # one a process, as the server is


def enter(name: str) -> Curator | None:
    """Return who is at the page; else draw what is needed of them, and ``None``."""
    if DOOR.team is not None:
        return _enter_team(name, DOOR.team)
    known = st.session_state.get("user", os.environ.get("MEKIKI_USER", ""))
    user = check_name(st.query_params.get("user", known))
    if user is not None:
        st.session_state["user"] = st.query_params["user"] = user  # on every page
        return Curator(user, Role.ADMIN)
    with st.container(key="who"), st.form("name", width=WIDTH):
        _ask_name(name)
    return None


def draw_leave(lang: str) -> None:
    """Draw the button by which somebody stops being who they are here."""
    if DOOR.team is not None:
        if st.button(translate(lang, "entrance.log-out"), icon=":material/logout:"):
            st.logout()
    elif st.button(translate(lang, "entrance.change"), icon=":material/person:"):
        # an empty name, not none: that would be MEKIKI_USER's
        st.session_state["user"] = st.query_params["user"] = ""
        st.rerun()


def _ask_name(name: str) -> None:
    """Ask who is labelling; the name goes into the address, so a reload keeps it."""
    lang = _language()
    st.subheader(translate(lang, "entrance.title", set=name))
    typed = st.text_input(translate(lang, "entrance.name"), login_name())
    of_address = st.query_params.get("user", "")
    _say(translate(lang, "entrance.name-why"))  # a caption would be too pale to read
    is_typed = st.form_submit_button(translate(lang, "entrance.start"), type="primary")
    user = check_name(typed) if is_typed else None
    if user is None:
        if is_typed or of_address:
            st.error(translate(lang, "entrance.name-wrong", most=MAX_NAME))
        return
    st.query_params["user"] = user
    st.rerun()


def _enter_team(name: str, team: Team) -> Curator | None:
    is_known = bool(st.user.get("is_logged_in"))
    address = team.identify(st.user.to_dict()) if is_known else ""
    curator = team.find(address)
    if curator is not None:
        return curator
    lang = _language()
    with st.container(key="who"), st.container(border=True, width=WIDTH):
        st.subheader(translate(lang, "entrance.title", set=name))
        if is_known:
            _turn_away(team, address, lang)
        elif _is_elsewhere(team):
            # the login would come back to the other address, and not count here
            _say(translate(lang, "entrance.elsewhere"))
            st.link_button(team.public_url, team.public_url)
        else:
            _say(translate(lang, "entrance.log-in-why"))
            if st.button(translate(lang, "entrance.log-in"), type="primary"):
                _log_in(team, lang)
    return None


def _log_in(team: Team, lang: str) -> None:
    """Send the browser to the provider, if that is there at all."""
    import httpx  # noqa: PLC0415 - only a team needs it

    try:
        httpx.get(team.oidc.server_metadata_url, timeout=PATIENCE_S).raise_for_status()
    except httpx.HTTPError as error:
        _say(translate(lang, "entrance.no-provider", reason=str(error)))
        _say_whom_to_ask(team, lang)
        return
    st.login()


def _turn_away(team: Team, address: str, lang: str) -> None:
    if address:
        _say(translate(lang, "entrance.unlisted", address=address))
    else:
        _say(translate(lang, "entrance.unproven", claim=team.oidc.claim))
    _say_whom_to_ask(team, lang)
    draw_leave(lang)


def _say_whom_to_ask(team: Team, lang: str) -> None:
    contact = team.contact or translate(lang, "entrance.ask-whom")
    _say(translate(lang, "entrance.ask", contact=contact))


def _is_elsewhere(team: Team) -> bool:
    """Whether the page was opened at another address than the team's."""
    here = urlsplit(st.context.url or team.public_url)
    return f"{here.scheme}://{here.netloc}" != team.public_url


def _say(text: str) -> None:
    """Draw a sentence as it is: an address may hold what Markdown would take."""
    st.html(f"<p>{html.escape(text)}</p>")


def _language() -> str:
    return language_of("", st.context.locale)
