"""The page Progress: how far the photos are, how fast it goes, how sure the labels are.

What it shows comes from the photos that the office holds in memory and from two counts
over the journal; nothing is drawn photo by photo.
"""

from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from labeler.office import Office
from labeler.sheets.charts import (
    NOTHING,
    Say,
    draw_days,
    draw_figures,
    draw_paces,
    draw_work,
    plain,
)
from labeler.sheets.tallies import Work, tally_days, tally_pace, tally_work
from labeler.words import translate
from pipeline.errors import MekikiError
from pipeline.metrics import kappa
from pipeline.settings import SetSettings
from pipeline.settings.sources import SEARCHES

DAYS = 14
STYLE = Path(__file__).with_name("sheets.css")

Figure = tuple[str, str, str]  # name, value, what it means


def draw_progress(office: Office, lang: str) -> None:
    """Draw the page."""
    say: Say = partial(translate, lang)
    st.html(STYLE)
    st.title(say("progress.title"), anchor=False)
    try:
        office.shelf.follow()
        minutes = office.catalog.opinions.minutes()
        agreement = _agreement(office, say)
    except MekikiError as error:
        st.error(str(error))
        return
    settings = office.settings
    work = tally_work(
        office.shelf.entries(), settings.category_names, _target(settings)
    )
    paces = tally_pace(minutes)
    zone = _zone()
    days = tally_days(minutes, datetime.now(zone).date(), DAYS, zone)
    figures = [
        _decided(work, say),
        agreement,
        _wrong(office, say),
        _learning(office, say),
    ]
    st.html(_page(draw_figures(figures)))
    if reason := str(office.learning()["reason"]):
        st.info(plain(f"{say('progress.learning')}: {reason}"))
    if paces:
        curators, daily = st.columns(2)
        with curators:
            st.subheader(say("progress.paces"), anchor=False)
            st.html(_page(draw_paces(paces, say)))
        with daily:
            st.subheader(say("progress.days", n=DAYS), anchor=False)
            st.html(_page(draw_days(days, say)))
    else:
        st.info(say("progress.no_paces"))
    st.subheader(say("progress.categories"), anchor=False)
    st.html(_page(draw_work(work, say)))


def _page(pieces: str) -> str:
    return f'<div class="p-page">{pieces}</div>'


def _target(settings: SetSettings) -> int | None:
    """Return the photos wanted a category; ``None`` where all there are, are."""
    is_searched = any(source.kind in SEARCHES for source in settings.source)
    return settings.scrape.per_category if is_searched else None


def _zone() -> tzinfo:
    """Return the reader's time zone, as far as their browser says it."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _decided(work: list[Work], say: Say) -> Figure:
    decided = sum(row.decided for row in work)
    total = decided + sum(row.undecided for row in work)
    about = say(
        "progress.decided_about",
        **{
            part: sum(getattr(row, part) for row in work)
            for part in ("confirmed", "relabelled", "unsure", "rejected")
        },
    )
    value = say("progress.decided_value", decided=decided, total=total)
    return say("progress.decided"), value, about


def _agreement(office: Office, say: Say) -> Figure:
    pairs = office.catalog.opinions.pairs()
    name = say("progress.agreement")
    if not pairs:
        return name, NOTHING, say("progress.agreement_none")
    share = sum(pair.agrees for pair in pairs) / len(pairs)
    said = [(pair.first[1:], pair.second[1:]) for pair in pairs]
    found = kappa(said)
    told = NOTHING if found is None else f"{found:.2f}"
    return name, f"{share:.0%}", say("progress.agreement_of", n=len(pairs), kappa=told)


def _wrong(office: Office, say: Say) -> Figure:
    suggestions = office.suggestions()
    name = say("progress.wrong")
    if suggestions is None or suggestions.wrong is None:
        return name, NOTHING, say("progress.wrong_none")
    number, low, high = suggestions.wrong
    return name, f"{number:,}", say("progress.wrong_of", low=low, high=high)


def _learning(office: Office, say: Say) -> Figure:
    state = office.learning()
    name = str(state["state"])
    about = say(f"progress.learning_{name}", done=state["done"], total=state["total"])
    return say("progress.learning"), say(f"progress.state_{name}"), about
