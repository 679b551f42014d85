"""Labels out of a set and into it, in formats that others read and write.

Out: one row for each kept photo, whatever its status. In: every row that says something
new of a photo becomes a word in the journal, under the name of who reads it in; all
others are counted by how they ended, and change nothing. Whatever the format, rows are
the same (``rows``), and so is what becomes of them (``deciding``).

A word's name in the journal is made of the file's content and the row's number: reading
a file again, also one whose reading was cut short, says nothing twice.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.catalog import Catalog, Status
from pipeline.catalog.journal import Action, Op
from pipeline.catalog.ops import MAX_NOTE
from pipeline.catalog.sayings import TAKING_BACK
from pipeline.errors import InputError
from pipeline.exchange.deciding import End, Ended, Word, decide
from pipeline.exchange.fiftyone import Reading, write_manifest, write_tree
from pipeline.exchange.label_studio import write_tasks
from pipeline.exchange.rows import Form, Sheet
from pipeline.exchange.rows import Handed as Handed
from pipeline.exchange.sheets import form_to_write, read_sheet
from pipeline.exchange.standing import client_of, handed_out, known_now, read_standing
from pipeline.exchange.table import write_table
from pipeline.exchange.telling import ReadSummary, TakenBack, Written, refuse_useless
from pipeline.home import SetFolder
from pipeline.images import ImageStore
from pipeline.progress import Progress
from pipeline.settings import SetSettings

__all__ = ["Form", "read_labels", "take_back", "write_labels"]

_AT_ONCE = 500  # words of one transaction; curators wait for it to end


def write_labels(
    folder: SetFolder,
    settings: SetSettings,
    catalog: Catalog,
    out: Path,
    *,
    form: Form | None,
    only_decided: bool,
    as_copies: bool,
    progress: Progress,
) -> Written:
    """Hand the labels of a set out.

    Args:
        folder: The set.
        settings: Of the set.
        catalog: Of the set.
        out: A file, or a folder that is not there yet.
        form: The format; ``None``: what the name of ``out`` says.
        only_decided: Leave out what no person has decided.
        as_copies: Copy photos where they would be linked.
        progress: How the work is shown.

    Raises:
        InputError: There is nothing to hand out, or ``out`` can't be written.
    """
    form = form or form_to_write(out)
    standing = read_standing(folder, catalog)
    photos = handed_out(folder, standing, only_decided=only_decided)
    if not photos:
        raise InputError(f"nobody has decided about a photo of {folder.name} yet")
    categories = [category.name for category in settings.category]
    missing: Sequence[Path] = ()
    config = None
    if form is Form.CSV:
        write_table(out, photos)
    elif form is Form.LABEL_STUDIO:
        config = write_tasks(out, photos, categories, folder.folder.absolute())
    elif form is Form.TREE:
        missing = write_tree(
            out, photos, folder.name, as_copies=as_copies, progress=progress
        )
    else:
        missing = write_manifest(
            out, photos, categories, as_copies=as_copies, progress=progress
        )
    counts = Counter(photo.status for photo in photos)
    return Written(form, out, counts, len(missing), config)


def read_labels(
    folder: SetFolder,
    settings: SetSettings,
    catalog: Catalog,
    path: Path,
    *,
    form: Form | None,
    user: str,
    overwrite: bool,
    dry_run: bool,
    progress: Progress,
    now: Callable[[], str],
) -> ReadSummary:
    """Take the labels of a file into a set.

    Every row is looked at before the first word is said. A word that a curator comes
    before, while this goes on, is not said: it is counted as one that is newer.

    Args:
        folder: The set.
        settings: Of the set.
        catalog: Of the set.
        path: A file or a folder.
        form: Its format; ``None``: what it looks like.
        user: Who says what the file says.
        overwrite: Whether the file counts against newer words of people.
        dry_run: Say what would become of the rows, and change nothing.
        progress: How the work is shown.
        now: The time, as the catalog keeps it.

    Raises:
        InputError: The file can't be read, no row of it can be used, or the set has
            no photos.
    """
    reading = Reading(ImageStore(folder.images), progress)
    sheet = read_sheet(path, form, reading)
    standing = read_standing(folder, catalog)
    known = known_now(catalog, settings, standing, sheet)
    words, ended = decide(sheet.rows, known, user=user, overwrite=overwrite)
    refuse_useless(sheet, ended)
    if not dry_run:
        words, late = _say(catalog, sheet, words, user=user, progress=progress, now=now)
        ended += late
    ended.sort(key=lambda one: one.row.number)
    return ReadSummary(folder.name, sheet, user, dry_run, words, ended)


def take_back(
    folder: SetFolder,
    catalog: Catalog,
    path: Path,
    *,
    form: Form | None,
    user: str,
    progress: Progress,
    now: Callable[[], str],
) -> TakenBack:
    """Undo what was read from a file, but where somebody said something since.

    The file must be as it was when it was read.

    Raises:
        InputError: It can't be read, or nothing was read from it.
    """
    sheet = read_sheet(path, form, Reading(ImageStore(folder.images), progress))
    client = client_of(sheet)
    spoken = [word for word in catalog.sayings.spoken(client) if word.accepted]
    if not spoken:
        raise InputError(
            f"no word of {sheet.name} is in the journal of {folder.name}: it was never"
            " read, or it was changed since"
        )
    standing = [word for word in spoken if not word.is_undone]
    undoing = f"{TAKING_BACK}{sheet.digest}"
    first = catalog.journal.next_seq(undoing)
    ops = [
        Op(
            word.sha256,
            Action.UNDO,
            None,
            0,
            user,
            undoing,
            number,
            undoes=(word.client, word.seq),
        )
        for number, word in enumerate(standing, start=first)
    ]
    undone = 0
    with progress("taking back", len(ops)) as advance:
        for start in range(0, len(ops), _AT_ONCE):
            some = ops[start : start + _AT_ONCE]
            undone += sum(one.accepted for one in catalog.journal.apply(some, now()))
            advance(len(some))
    return TakenBack(sheet.name, undone, len(ops) - undone, len(spoken) - len(ops))


def _say(
    catalog: Catalog,
    sheet: Sheet,
    words: Sequence[Word],
    *,
    user: str,
    progress: Progress,
    now: Callable[[], str],
) -> tuple[list[Word], list[Ended]]:
    """Write words to the journal; return those that hold, and what the others met."""
    said: list[Word] = []
    late: list[Ended] = []
    with progress("writing labels", len(words)) as advance:
        for start in range(0, len(words), _AT_ONCE):
            some = words[start : start + _AT_ONCE]
            ops = [_op(sheet, word, user) for word in some]
            answers = catalog.journal.apply(ops, now())
            for word, answer in zip(some, answers, strict=True):
                if answer.accepted:
                    said.append(word)
                elif answer.status is None:
                    gone = f"{word.sha256[:12]}, taken down meanwhile"
                    late.append(Ended(word.row, End.NO_IMAGE, gone))
                else:
                    what = repr(answer.label)
                    if answer.status is not Status.LABELLED:
                        what = str(answer.status)
                    late.append(Ended(word.row, End.NEWER, f"{what} by {answer.by}"))
            advance(len(some))
    return said, late


def _op(sheet: Sheet, word: Word, user: str) -> Op:
    version = word.base_version if word.is_told else None
    note = word.row.note.replace("\0", "").encode("utf-8", "replace").decode()
    return Op(
        word.sha256,
        word.action,
        word.label,
        word.base_version,
        user,
        client_of(sheet, version),
        word.row.number,
        note=note[:MAX_NOTE],
    )
