"""The page: one photo at a time, and what the curator says of it.

Read it from top to bottom as the page is; the bar above the photo and the panel beside
it have modules of their own. What is said is written by callbacks (``desk``), which
photo comes next is decided in ``worklist``; the page draws what the catalog holds.
"""

import os
from pathlib import Path

import streamlit as st

from labeler.bar import draw_bar, draw_done
from labeler.desk import Cursor, Desk, open_desk, plain
from labeler.ending import farewell
from labeler.panel import (
    describe,
    draw_panel,
    draw_saved,
    draw_undo,
    draw_warning,
)
from labeler.worklist import Progress, Queue, measure_progress, order_photos
from pipeline.catalog.curators import MAX_NAME, check_name, login_name
from pipeline.catalog.photos import Photo
from pipeline.errors import ImageError, MekikiError

SMALL_SCALE = 3  # a photo is shown at most this many times its size

# Holding a key down must not label photo after photo, and Done leads to the last page.
GUARD = """<script>
if (!window.mekikiGuard) {
  window.mekikiGuard = true;
  window.addEventListener("keydown", (event) => {
    const field = event.composedPath()[0];
    const typing = field.matches && field.matches("input, textarea");
    if (event.repeat && !typing) event.stopImmediatePropagation();
  }, true);
}
</script>"""
LEAVE = '<script>window.location.replace("/mekiki/done");</script>'


def draw_page() -> None:
    """Draw the page for this moment."""
    name = os.environ["MEKIKI_SET"]
    st.set_page_config(f"{name} · mekiki", page_icon="🔎", layout="wide")
    st.html(Path(__file__).with_name("style.css"))
    with st.container(key="guard"):
        st.html(GUARD, unsafe_allow_javascript=True)
    cursor: Cursor = st.session_state.setdefault("cursor", Cursor())
    if cursor.decided is not None:
        draw_farewell(cursor.decided)
        return
    user = check_name(st.query_params.get("user", os.environ.get("MEKIKI_USER", "")))
    if user is None:
        ask_name(name)
        return
    try:
        desk = open_desk(Path(os.environ["MEKIKI_HOME"]), name, cursor, user)
    except MekikiError as error:
        st.error(plain(str(error)))
        return
    draw_desk(desk)


def ask_name(set_name: str) -> None:
    """Ask who is labelling; the name goes into the address, so a reload keeps it."""
    with st.container(key="who"), st.form("name", width=460):
        st.subheader(f"Label {plain(set_name)}")
        typed = st.text_input("Your name", login_name(), max_chars=MAX_NAME)
        st.caption("It stands beside every label you give.")
        if not st.form_submit_button("Start", type="primary"):
            return
        user = check_name(typed)
        if user is None:
            st.error("A name of printable text, please, other than mekiki.")
            return
    st.query_params["user"] = user
    st.rerun()


def draw_desk(desk: Desk) -> None:
    """Draw the bar, then the next photo and what can be said of it."""
    photos = desk.photos()
    progress = measure_progress(photos, desk.settings.category_names)
    with st.container(key="bar"):
        queue, category = draw_bar(desk, progress)
    if not photos:
        draw_empty(desk)
        return
    mine = desk.mine() if queue is Queue.MINE else ()
    line = order_photos(
        photos, queue, category=category, mine=mine, passed=desk.cursor.passed
    )
    pinned = [photo for photo in photos if photo.sha256 == desk.cursor.pinned]
    if not pinned and not line:
        draw_finished(desk, queue, progress)
        return
    photo = (pinned or line)[0]
    left, right = st.columns([0.68, 0.32])
    desk.show(photo)
    # the photo before its answers: no press may come before it can be seen
    with left, st.container(key=f"photo-{photo.sha256}"):
        draw_photo(desk, photo)
    with right, st.container(key="panel"):
        draw_panel(desk, photo)
    fetch_ahead(desk, [one for one in line if one is not photo])


def draw_photo(desk: Desk, photo: Photo) -> None:
    """Draw the photo, whole, or the reason why it can't be shown."""
    try:
        picture, height = desk.picture(photo)
    except ImageError as error:
        st.warning(f"This photo can't be shown: {plain(str(error))}.")
        return
    st.html(f"<style>:root {{ --photo-height: {height * SMALL_SCALE}px; }}</style>")
    alt = f"The photo to decide on, {describe(photo)}"
    st.image(picture, alt=alt, width="stretch")


def fetch_ahead(desk: Desk, line: list[Photo]) -> None:
    """Scale the photo that comes next while the curator looks at this one."""
    for photo in line[:1]:
        try:
            desk.picture(photo)
        except ImageError:
            continue  # told when it is its turn


def draw_empty(desk: Desk) -> None:
    """Say what to run where there is nothing to label."""
    draw_warning(desk)
    name = desk.folder.name
    stored = len(desk.catalog.photos.stored())
    if stored:
        st.info(
            f"{stored:,} photos are stored, but copies among them have not been looked"
            f" for yet. Run `mekiki dedup {name}`, then reload this page."
        )
    else:
        st.info(f"No photos yet. Run `mekiki scrape {name}`, then reload this page.")


def draw_finished(desk: Desk, queue: Queue, progress: Progress) -> None:
    """Say that a queue has come to its end, and how to go on."""
    with st.container(key="finished"), st.container(width=560):
        if progress.photos.left == 0:
            st.success("Every photo is decided.", icon=":material/check_circle:")
        elif queue is Queue.MINE:
            st.info("You have not decided any photo yet.")
        else:
            st.success(
                f"Nothing left under “{queue}”; undecided elsewhere:"
                f" {progress.photos.left:,}. Those keep the label they were scraped"
                " with.",
                icon=":material/check_circle:",
            )
        draw_saved(desk)
        draw_done(desk, place="finished")
        st.markdown(
            "`make` goes on by itself after Done; otherwise the next command is"
            f" `mekiki train {desk.folder.name}`."
        )
        draw_undo(desk, "finished")


def draw_farewell(decided: int) -> None:
    """Draw the last thing this page says, and send the browser to the plain one."""
    st.success(farewell(decided))
    st.html(LEAVE, unsafe_allow_javascript=True)


draw_page()
