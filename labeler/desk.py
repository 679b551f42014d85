"""What lies behind the page: the open catalog, the curator's cursor, what a press does.

A press is bound to what was on the screen: the widget's key and the op both carry the
photo's sha256 and version. The callback writes it to the catalog, and only then moves
the cursor. The cursor holds nothing that would be missed: a reload starts a new one.
"""

import base64
import os
import re
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
import streamlit as st
from PIL import Image

from labeler.shelf import Shelf
from pipeline.catalog import Catalog, Status, opened
from pipeline.catalog.engine import DATABASE_URL
from pipeline.catalog.journal import Action, Answer, Op
from pipeline.catalog.photos import Photo
from pipeline.errors import CatalogError, MekikiError
from pipeline.home import SetFolder, existing_set
from pipeline.images import ImageStore, decode_image, encode_jpeg
from pipeline.settings import SetSettings, load_settings

SHOWN_SIDE = 1024  # pixels of the longer side
HISTORY = 5000  # of the journal's newest lines that "decided by me" looks at
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^=])")

Weight = Literal["saved", "warning", "error"]


@dataclass(frozen=True)
class Notice:
    """What the last press led to."""

    weight: Weight
    text: str


@dataclass
class Cursor:
    """Where a curator is, in one browser tab."""

    client: str = field(default_factory=lambda: uuid.uuid4().hex)
    passed: list[str] = field(default_factory=list)  # sha256, in order of passing
    pinned: str | None = None  # shown first, whatever the queue
    notice: Notice | None = None
    shown: tuple[str, int] | None = None  # sha256 and version on the screen
    decided: int | None = None  # photos, once Done was pressed


@dataclass(frozen=True)
class Desk:
    """A set, its catalog, and the curator who sits before it."""

    folder: SetFolder
    settings: SetSettings
    catalog: Catalog
    shelf: Shelf
    cursor: Cursor
    user: str
    opened_file: tuple[int, int] | None  # which catalog this is
    now: Callable[[], str] = lambda: datetime.now(UTC).isoformat()

    def photos(self) -> list[Photo]:
        """List the photos as they are now; not to be modified."""
        return self.shelf.photos()

    def mine(self) -> list[str]:
        """List what this curator decided, newest first, by sha256."""
        return [
            happened.sha256
            for happened in self.catalog.journal.history(limit=HISTORY)
            if happened.user == self.user and happened.accepted
        ]

    def picture(self, photo: Photo) -> tuple[str, int]:
        """Return the photo as a ``data:`` address, and its height in pixels.

        It comes with the page's own message, so no button is there before it, and is
        a JPEG of at most ``SHOWN_SIDE`` pixels a side.

        Raises:
            ImageError: It can't be decoded.
        """
        store = ImageStore(self.folder.images)
        return _scale(store.path(photo.sha256, photo.extension))

    def show(self, photo: Photo) -> None:
        """Note which photo the page is about to draw: presses on it count."""
        self.cursor.shown = (photo.sha256, photo.version)

    def say(self, photo: Photo, action: Action, label: str | None = None) -> None:
        """Write what the curator said of the photo they saw, and go on.

        A press on a photo that this tab has left already is dropped: it came before
        the browser could show what the one before it led to.
        """
        if not self._is_shown(photo):
            return
        wanted = _told(photo, action, label)
        try:
            self._check_catalog()
            answer = self.catalog.journal.apply(
                Op(
                    sha256=photo.sha256,
                    action=action,
                    label=label,
                    base_version=photo.version,
                    user=self.user,
                    client=self.cursor.client,
                    seq=self.catalog.journal.next_seq(self.cursor.client),
                ),
                self.now(),
            )
        except MekikiError as error:
            self._stay(photo.sha256, Notice("error", f"Not saved: {error}"))
            return
        if answer.accepted:
            self._pass(photo.sha256, Notice("saved", f"Saved: {name_state(*wanted)}"))
        elif (answer.label, answer.status) == wanted:
            self._pass(photo.sha256, None)  # two of one mind
        else:
            self._stay(answer.sha256, _overtaken(answer))

    def undo(self) -> None:
        """Take back the curator's newest word that stands, and show its photo."""
        journal, client = self.catalog.journal, self.cursor.client
        try:
            self._check_catalog()
            answer = journal.undo(
                self.user, client, journal.next_seq(client), self.now()
            )
        except MekikiError as error:
            self.cursor.notice = Notice("error", f"Not undone: {error}")
            return
        if answer is None:
            self.cursor.notice = Notice("saved", "There is nothing left to undo.")
        elif answer.accepted:
            state = name_state(answer.label, answer.status)
            self._stay(answer.sha256, Notice("saved", f"Taken back. Now: {state}"))
        else:
            self._stay(answer.sha256, _overtaken(answer))

    def skip(self, photo: Photo) -> None:
        """Leave the photo for later."""
        if self._is_shown(photo):
            self._pass(photo.sha256, None)

    def back(self, photo: Photo) -> None:
        """Show again the photo that was passed before this one."""
        passed = [sha256 for sha256 in self.cursor.passed if sha256 != photo.sha256]
        if passed and self._is_shown(photo):
            self._stay(passed[-1], None)

    def start_over(self) -> None:
        """Forget what was passed: another queue begins."""
        self.cursor.passed.clear()
        self.cursor.pinned = None
        self.cursor.notice = None

    def _check_catalog(self) -> None:
        """Refuse to write where nobody would find it: into a deleted file."""
        if _file_identity(self.folder) != self.opened_file:
            raise CatalogError(
                f"{self.folder.catalog_file} was deleted or replaced meanwhile;"
                " reload this page"
            )

    def _is_shown(self, photo: Photo) -> bool:
        return self.cursor.shown == (photo.sha256, photo.version)

    def _pass(self, sha256: str, notice: Notice | None) -> None:
        self._forget(sha256)
        self.cursor.passed.append(sha256)
        self.cursor.pinned = self.cursor.shown = None
        self.cursor.notice = notice

    def _stay(self, sha256: str, notice: Notice | None) -> None:
        self._forget(sha256)
        self.cursor.pinned, self.cursor.shown = sha256, None
        self.cursor.notice = notice

    def _forget(self, sha256: str) -> None:
        self.cursor.passed[:] = [one for one in self.cursor.passed if one != sha256]


def open_desk(home: Path, name: str, cursor: Cursor, user: str) -> Desk:
    """Open a set for a curator.

    Raises:
        MekikiError: There is no such set, its file is wrong, or its catalog can't be
            opened.
    """
    folder = existing_set(home, name)
    settings = load_settings(folder.settings_file)
    if not (os.environ.get(DATABASE_URL) or folder.catalog_file.exists()):
        with opened(folder):
            pass  # it was deleted: made anew, not gone on with unseen
    opened_file = _file_identity(folder)
    catalog, shelf, _ = _open_catalog(folder, opened_file)
    return Desk(folder, settings, catalog, shelf, cursor, user, opened_file)


def plain(text: str) -> str:
    """Return text so that Streamlit's Markdown shows it as it is."""
    return _MARKDOWN.sub(r"\\\1", text)


def name_state(label: str | None, status: Status) -> str:
    """Say in words what is true of a photo."""
    match status:
        case Status.LABELLED:
            return str(label)
        case Status.REJECTED:
            return "not usable"
        case Status.UNSURE:
            return "unsure"
        case Status.CONFLICT:
            return "in conflict"
        case Status.SCRAPED:
            return f"{label}, as scraped"


def _told(photo: Photo, action: Action, label: str | None) -> tuple[str | None, Status]:
    """Return the label and status that an accepted op leads to."""
    if action is Action.REJECT:
        return photo.label, Status.REJECTED
    if action is Action.UNSURE:
        return photo.label, Status.UNSURE
    return label, Status.LABELLED


def _overtaken(answer: Answer) -> Notice:
    state = name_state(answer.label, answer.status)
    return Notice(
        "warning",
        f"{answer.by} has meanwhile labelled this as: {state}. Your press changed"
        " nothing; press again if you see it otherwise, or Skip.",
    )


def _file_identity(folder: SetFolder) -> tuple[int, int] | None:
    """Tell the catalog's file from one in its place; ``None`` where there is none."""
    try:
        file = folder.catalog_file.stat()
    except FileNotFoundError:
        return None
    return file.st_dev, file.st_ino


@st.cache_resource(show_spinner=False, on_release=lambda opening: opening[2].close())
def _open_catalog(
    folder: SetFolder, opened_file: tuple[int, int] | None
) -> tuple[Catalog, Shelf, ExitStack]:
    """Open the catalog once a process, for all curators; another file anew."""
    stack = ExitStack()
    catalog = stack.enter_context(opened(folder))
    return catalog, Shelf(catalog), stack


@st.cache_data(show_spinner=False, max_entries=64)
def _scale(file: Path) -> tuple[str, int]:
    pixels = decode_image(file, min_side=SHOWN_SIDE)
    image = Image.fromarray(pixels)
    image.thumbnail((SHOWN_SIDE, SHOWN_SIDE), reducing_gap=2.0)
    jpeg = base64.b64encode(encode_jpeg(np.asarray(image))).decode("ascii")
    return f"data:image/jpeg;base64,{jpeg}", image.height
