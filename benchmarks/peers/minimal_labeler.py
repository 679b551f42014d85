"""A first labeler: ``streamlit run minimal_labeler.py -- FOLDER OUT.db LABEL...``.

A photo by ``st.image``, a button with a key for each label, and a row in SQLite for
each press; the next photo is counted in the session.
"""

import sqlite3
import sys
from pathlib import Path

import streamlit as st

FOLDER, OUT, *LABELS = sys.argv[1:]


def save(photo: str, label: str) -> None:
    """Write down what a photo is, and go on to the next."""
    with sqlite3.connect(OUT) as database:
        database.execute("PRAGMA synchronous=FULL")
        database.execute(
            "INSERT INTO label (photo, label) VALUES (?, ?)", (photo, label)
        )
    st.session_state.place += 1


@st.cache_data
def list_photos() -> list[str]:
    """List the photos, and make the table they are written down in."""
    with sqlite3.connect(OUT) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute(
            "CREATE TABLE IF NOT EXISTS label"
            " (id INTEGER PRIMARY KEY, photo TEXT NOT NULL, label TEXT NOT NULL)"
        )
    return sorted(str(file) for file in Path(FOLDER).glob("*.jpg"))


st.session_state.setdefault("place", 0)
photos = list_photos()
photo = photos[st.session_state.place % len(photos)]
left, right = st.columns([3, 1])
with left:
    st.image(photo)
with right:
    for number, name in enumerate(LABELS, start=1):
        st.button(name, shortcut=str(number), on_click=save, args=(photo, name))
    st.caption(f"{st.session_state.place} of {len(photos)}")
