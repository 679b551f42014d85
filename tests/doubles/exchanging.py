"""A set of photos whose labels go out and come in, as tests of the formats need it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.catalog import Catalog, Status
from pipeline.catalog.journal import Action, Op
from pipeline.exchange import Form, read_labels, take_back, write_labels
from pipeline.exchange.deciding import End
from pipeline.exchange.telling import ReadSummary, TakenBack, Written
from pipeline.home import SetFolder
from pipeline.images import encode_jpeg
from pipeline.progress import Progress, silent
from pipeline.settings import load_settings
from tests.conftest import NOW, draw_photo

LATER = "2026-03-04T05:06:07+00:00"
# Names that a format, a folder or a spreadsheet may stumble over.
CATEGORIES = (
    "cat",
    "dog",
    "猫, 大きい",
    'say "hi"',
    "a/b\\c",
    ".hidden",
    "=1+1",
    "'@x",
    "CAT",
    "100 % <b>&amp;</b>",
    "ガギグゲゴ" * 40,
)
AddPhotos = Callable[..., list[str]]


class Shelf:
    """A set of its own, with one photo for each thing that is said of it."""

    def __init__(self, folder: SetFolder, catalog: Catalog, add: AddPhotos) -> None:
        self.folder, self.catalog = folder, catalog
        self._add = add
        folder.folder.mkdir(parents=True, exist_ok=True)
        folder.settings_file.write_text(
            "".join(f"[[category]]\nname = {json.dumps(n)}\n" for n in CATEGORIES),
            encoding="utf-8",
        )

    def add(self, *photos: tuple[str, int]) -> list[str]:
        """Add photos by category and seed; return each one's sha256."""
        return self._add(self.catalog, self.folder, *photos)

    def say(
        self,
        sha256: str,
        label: str | None = None,
        *,
        action: Action = Action.RELABEL,
        user: str = "ann",
        note: str = "",
        now: str = NOW,
    ) -> None:
        """Have a person say something of a photo as it is now."""
        entry = self.catalog.photos.photo(sha256)
        assert entry is not None
        client = f"tab of {user}"
        number = self.catalog.journal.next_seq(client)
        op = Op(
            entry.sha256, action, label, entry.version, user, client, number, note=note
        )
        (answer,) = self.catalog.journal.apply([op], now)
        assert answer.accepted

    def undo(self, sha256: str) -> None:
        """Have a person take back the newest word on a photo."""
        (word, *_) = (
            word
            for user in ("ann", "bob")
            for word in self.catalog.journal.mine(user, limit=99)
            if word.sha256 == sha256
        )
        name = (word.client, word.seq)
        number = self.catalog.journal.next_seq("undoing")
        op = Op(sha256, Action.UNDO, None, 0, "ann", "undoing", number, undoes=name)
        (answer,) = self.catalog.journal.apply([op], LATER)
        assert answer.accepted

    def states(self) -> dict[str, tuple[str | None, Status]]:
        """Return what is true of each kept photo; the label of labelled ones alone."""
        return {
            photo.sha256: (
                photo.label if photo.status is not Status.REJECTED else None,
                photo.status,
            )
            for photo in self.catalog.photos.photos()
        }

    def write(
        self,
        out: Path,
        form: Form | None = None,
        *,
        only_decided: bool = False,
        progress: Progress = silent,
    ) -> Written:
        """Hand the labels out."""
        return write_labels(
            *(self.folder, load_settings(self.folder.settings_file), self.catalog),
            out,
            form=form,
            only_decided=only_decided,
            as_copies=False,
            progress=progress,
        )

    def read(
        self,
        path: Path,
        *,
        user: str = "bob",
        overwrite: bool = False,
        dry_run: bool = False,
        progress: Progress = silent,
        now: Callable[[], str] = lambda: LATER,
    ) -> ReadSummary:
        """Take labels in."""
        return read_labels(
            *(self.folder, load_settings(self.folder.settings_file), self.catalog),
            path,
            form=None,
            user=user,
            overwrite=overwrite,
            dry_run=dry_run,
            progress=progress,
            now=now,
        )

    def take_back(self, path: Path, *, user: str = "bob") -> TakenBack:
        """Undo what was read from a file."""
        return take_back(
            *(self.folder, self.catalog),
            path,
            form=None,
            user=user,
            progress=silent,
            now=lambda: LATER,
        )


def ends(summary: ReadSummary) -> dict[End, int]:
    """Return how rows ended, without what did not happen."""
    return {end: number for end, number in summary.counts.items() if number}


@contextmanager
def cut(description: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Interrupt, as a person would, at the first step (a ``Progress``)."""

    def advance(_steps: int) -> None:
        raise KeyboardInterrupt

    yield advance


def photo_bytes(seed: int) -> bytes:
    """Return the file that ``add`` stores for a seed."""
    return encode_jpeg(draw_photo(seed, 96, 96))
