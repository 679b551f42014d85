"""The panel beside the photo: what is known of it, and all that can be said of it.

Every button's key carries the photo's sha256 and version, so that a press, by mouse or
by key, can't reach a photo that was not on the screen.
"""

from collections.abc import Callable, Sequence
from html import escape
from typing import Literal

import streamlit as st

from labeler.desk import Desk, name_state, plain
from pipeline.catalog import Status
from pipeline.catalog.journal import Action
from pipeline.catalog.photos import Photo

# Keys of the categories, in the file's order. C and R are Streamlit's; X, Y and U say
# something else here.
CATEGORY_KEYS = "1234567890QWETASDFGHJKLZVBNMIOP"
MAX_LINK = 80  # characters of an address that are shown


def draw_panel(desk: Desk, photo: Photo) -> None:
    """Draw what is known of the photo, and everything that can be said of it."""
    draw_warning(desk)
    draw_state(photo)
    draw_answers(desk, photo)
    with st.container(horizontal=True, gap="xsmall"):
        _press(photo, "Back", desk.back, (photo,), shortcut="Left", weight="tertiary")
        _press(photo, "Skip", desk.skip, (photo,), shortcut="Right", weight="tertiary")
        draw_undo(desk, f"{photo.sha256}-{photo.version}")
    draw_saved(desk)
    draw_origin(photo)


def draw_answers(desk: Desk, photo: Photo) -> None:
    """Draw a button for every label the photo can get, and for getting none."""
    names = desk.settings.category_names
    settled = _settled_label(photo)
    if settled in names:
        _press(
            photo,
            f"Yes: {settled}",
            desk.say,
            (photo, Action.CONFIRM, settled),
            shortcut="Y",
            weight="primary",
        )
    with st.container(key="categories"):
        for number, name in enumerate(names):
            action = Action.CONFIRM if name == settled else Action.RELABEL
            _press(
                photo,
                name,
                desk.say,
                (photo, action, name),
                shortcut=CATEGORY_KEYS[number : number + 1],
                weight="primary" if _is_disputed(photo, name) else "secondary",
                icon=_mark(photo, name),
            )
    with st.container(horizontal=True, gap="xsmall"):
        _press(photo, "Not usable", desk.say, (photo, Action.REJECT), shortcut="X")
        _press(photo, "Unsure", desk.say, (photo, Action.UNSURE), shortcut="U")


def draw_state(photo: Photo) -> None:
    """Draw what is true of the photo, in a few words."""
    flags = f" · flagged: {plain(', '.join(photo.flags))}" if photo.flags else ""
    if photo.status is Status.CONFLICT:
        found = plain(_listed(photo.scraped_as))
        st.markdown(f":material/warning: **Conflict**: found under {found}{flags}")
    else:
        state = plain(name_state(photo.label, photo.status))
        st.markdown(f"Now: **{state}**{flags}")


def describe(photo: Photo) -> str:
    """Name the photo for those who can't see it."""
    found = _listed(photo.scraped_as) or "nothing"
    return f"found under {found}" + (f": {photo.title}" if photo.title else "")


def _listed(names: Sequence[str]) -> str:
    """Join names as a sentence does: "a, b and c"."""
    *before, last = names or ("",)
    return f"{', '.join(before)} and {last}" if before else last


def draw_origin(photo: Photo) -> None:
    """Draw where the photo came from; only web pages become links."""
    lines = [f"<b>{escape(photo.title)}</b>" if photo.title else ""]
    lines.append(escape(" · ".join(filter(None, (photo.author, photo.licence)))))
    for said, address in (("Page", photo.page), ("Photo", photo.origin)):
        lines.append(f"{said}: {_link(address)}" if address else "")
    if photo.copies:
        lines.append(f"Kept from {photo.copies + 1} copies of the same photo")
    body = "".join(f"<p>{line}</p>" for line in lines if line)
    st.html(f"<div class=origin>{body}</div>")


def draw_warning(desk: Desk) -> None:
    """Draw what went against the last press."""
    notice = desk.cursor.notice
    if notice is not None and notice.weight == "warning":
        st.warning(plain(notice.text), icon=":material/group:")
    if notice is not None and notice.weight == "error":
        st.error(plain(notice.text), icon=":material/error:")


def draw_saved(desk: Desk) -> None:
    """Draw what the last press did; below the buttons, which stay where they are."""
    notice = desk.cursor.notice
    if notice is not None and notice.weight == "saved":
        st.caption(f":material/check: {plain(notice.text)}")


def draw_undo(desk: Desk, key: str) -> None:
    """Draw the button that takes the curator's newest word back."""
    st.button(
        "Undo",
        key=f"undo-{key}",
        type="tertiary",
        shortcut=_shortcut("Backspace"),
        on_click=desk.undo,
    )


def _press(
    photo: Photo,
    text: str,
    on_click: Callable[..., None],
    args: tuple[object, ...],
    *,
    shortcut: str,
    weight: Literal["primary", "secondary", "tertiary"] = "secondary",
    icon: str | None = None,
) -> None:
    """Draw a button that can reach this photo, as it is now, and no other."""
    st.button(
        plain(text),
        key=f"{text}-{photo.sha256}-{photo.version}",
        type=weight,
        icon=icon,
        width="content" if weight == "tertiary" else "stretch",
        wrap=True,
        shortcut=_shortcut(shortcut),
        on_click=on_click,
        args=args,
    )


def _settled_label(photo: Photo) -> str | None:
    """Return the label the photo is held for, where there is one to confirm."""
    is_held = photo.status in {Status.SCRAPED, Status.LABELLED}
    return photo.label if is_held else None


def _is_disputed(photo: Photo, name: str) -> bool:
    return photo.status is Status.CONFLICT and name in photo.scraped_as


def _mark(photo: Photo, name: str) -> str | None:
    if _is_disputed(photo, name):
        return ":material/question_mark:"
    return ":material/check:" if name == _settled_label(photo) else None


def _shortcut(key: str) -> str | None:
    return key if key and st.session_state.get("keys", True) else None


def _link(address: str) -> str:
    """Return a link to a web page; anything else as plain text."""
    shown = escape(address if len(address) <= MAX_LINK else f"{address[:MAX_LINK]}…")
    if not address.lower().startswith(("http://", "https://")):
        return shown
    return f'<a href="{escape(address)}" target=_blank rel=noreferrer>{shown}</a>'
