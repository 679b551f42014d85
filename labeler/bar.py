"""The bar above the photo: how far the work is, which photos, who, and Done."""

from html import escape

import streamlit as st

from labeler.desk import Desk, plain
from labeler.ending import ENDING
from labeler.worklist import Progress, Queue, measure_progress
from pipeline.catalog.curators import MAX_NAME, check_name


def draw_bar(desk: Desk, progress: Progress) -> tuple[Queue, str | None]:
    """Draw how far the work is, and the choices; return the queue and its category."""
    share = progress.photos
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(key="progress", gap="xsmall"):
            st.markdown(
                f"**{plain(desk.folder.name)}** · {share.decided:,} of {share.total:,}"
                f" decided · {_doubt_left(progress)}"
            )
            st.progress(share.decided / max(share.total, 1))
        queue = Queue(
            st.selectbox(
                "Which photos",
                [str(queue) for queue in Queue],
                key="queue",
                bind="query-params",
                on_change=desk.start_over,
                label_visibility="collapsed",
                width=210,
            )
        )
        category = None
        if queue is Queue.CATEGORY:
            category = st.selectbox(
                "Which category",
                desk.settings.category_names,
                key="category",
                on_change=desk.start_over,
                label_visibility="collapsed",
                width=220,
            )
        with st.popover("Counts"):
            draw_counts(progress)
        with st.popover(plain(desk.user), icon=":material/person:"):
            draw_curator(desk)
        draw_done(desk)
    return queue, category


def draw_counts(progress: Progress) -> None:
    """Draw a table: what is decided of each category."""
    rows = "".join(
        f"<tr><td>{escape(label)}</td><td align=right>{share.decided:,}</td>"
        f"<td align=right>{share.total:,}</td></tr>"
        for label, share in progress.categories.items()
    )
    st.html(
        "<table class=counts><thead><tr><th align=left>Category</th><th>decided</th>"
        f"<th>photos</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def draw_curator(desk: Desk) -> None:
    """Draw the curator's name, to be changed, and the switch of the keys."""
    typed = st.text_input("Your name", desk.user, max_chars=MAX_NAME)
    user = check_name(typed)
    if user is None:
        st.error("A name of printable text, please, other than mekiki.")
    elif user != desk.user:
        st.query_params["user"] = user
        st.rerun()
    st.toggle("Keys on the keyboard", value=True, key="keys")


def draw_done(desk: Desk, *, place: str = "bar") -> None:
    """Draw the button that ends the labelling."""
    st.button(
        "Done",
        key=f"done-{place}",
        type="primary",
        width="content" if place == "bar" else "stretch",
        help="Ends the labeler, for everybody. Every label is saved already.",
        on_click=finish,
        args=(desk,),
    )


def finish(desk: Desk) -> None:
    """Ask the server to end; the page says so first."""
    decided = measure_progress(desk.photos()).photos.decided
    desk.cursor.decided = decided
    ENDING.ask(decided)


def _doubt_left(progress: Progress) -> str:
    doubts = [
        (progress.conflicts, "conflict", "conflicts"),
        (progress.flagged, "flagged", "flagged"),
    ]
    left = [f"{n:,} {one if n == 1 else more}" for n, one, more in doubts if n]
    return f"**{' and '.join(left)} left**" if left else "no doubtful ones left"
