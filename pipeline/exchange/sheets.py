"""Which format a file is in, and the file read."""

import hashlib
from pathlib import Path

from pipeline.errors import InputError
from pipeline.exchange.fiftyone import LABELS, Reading, read_manifest, read_tree
from pipeline.exchange.label_studio import read_tasks
from pipeline.exchange.rows import Form, Row, Sheet
from pipeline.exchange.table import read_table

_BEGINNING = 4096  # bytes in which a list of FiftyOne's names its first parts


def form_to_write(out: Path) -> Form:
    """Say in which format a file of such a name is written."""
    if out.name.lower() == LABELS:
        return Form.MANIFEST
    ending = out.suffix.lower()
    if ending == ".csv":
        return Form.CSV
    if ending == ".json":
        return Form.LABEL_STUDIO
    if ending:
        raise InputError(
            f"what {out.name} is to be can't be told from its name: add --format with"
            f" one of {', '.join(Form)}"
        )
    return Form.TREE


def form_of(path: Path) -> Form:
    """Say in which format a file or a folder is.

    Raises:
        InputError: It is not there, or can't be read.
    """
    if path.is_dir():
        return Form.MANIFEST if (path / LABELS).is_file() else Form.TREE
    try:
        with path.open("rb") as file:
            start = file.read(_BEGINNING).removeprefix(b"\xef\xbb\xbf").lstrip()
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from error
    if start.startswith(b"["):
        return Form.LABEL_STUDIO
    if start.startswith(b"{"):
        is_list = b'"classes"' in start or b'"labels"' in start
        return Form.MANIFEST if is_list else Form.LABEL_STUDIO
    return Form.CSV


def read_sheet(path: Path, form: Form | None, reading: Reading) -> Sheet:
    """Read a file or a folder of labels.

    Args:
        path: The file or the folder.
        form: Its format; ``None``: what it looks like.
        reading: What reading photos needs.

    Raises:
        InputError: It is not there, in another format, or broken.
    """
    looks = form_of(path)
    form = form or looks
    is_folder = path.is_dir()
    if is_folder and form not in {Form.TREE, Form.MANIFEST}:
        raise InputError(f"{path} is a folder; a {form} is a file")
    if not is_folder and form is Form.TREE:
        raise InputError(f"{path} is a file; a {form} is a folder")
    if form is Form.TREE:
        rows, content = read_tree(path, reading)
    elif form is Form.MANIFEST:
        rows, content = read_manifest(path / LABELS if is_folder else path, reading)
    else:
        rows, content = _read_file(path, form)
    digest = hashlib.sha256(f"{form} {content}".encode()).hexdigest()[:16]
    return Sheet(form, path.name or str(path), rows, digest)


def _read_file(file: Path, form: Form) -> tuple[list[Row], str]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} can't be read: {error.strerror}") from error
    read = read_table if form is Form.CSV else read_tasks
    return read(data, str(file)), hashlib.sha256(data).hexdigest()
