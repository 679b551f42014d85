"""Parquet files with image bytes and labels, as data sets are published in.

The image column holds bytes, or structs with ``bytes`` in them; the label column names,
or numbers whose names are the source's ``classes``, else what the file itself says in
the way of Hugging Face (the metadata ``huggingface``, a feature with ``names``).

``train-00000-of-00002.parquet`` is of the train part, ``test-….parquet`` of the test
part, ``validation-….parquet`` of the train part too: mekiki draws its own validation
part. Where the file's name does not say, its folder's does (``train/0000.parquet``).
A file is read by batches of rows, so that memory stays flat.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.catalog import Part
from pipeline.errors import InputError
from pipeline.scrape.sources.folder import is_regular, list_files
from pipeline.scrape.sources.records import Record, label_name, part_named
from pipeline.settings import ParquetSource

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

_ROWS = 64  # read at a time: 64 photos of some megabytes fit into memory
_NO_LABEL = "no label"


def read_parquet(source: ParquetSource, max_bytes: int) -> Iterator[Record]:
    """Yield the rows of a file, or of the files in a folder, sorted.

    Args:
        source: Where they are, and what the columns are called.
        max_bytes: Of a photo no more than one byte beyond this is handed on.

    Raises:
        InputError: A file is missing, damaged, or lacks a column or names for its
            labels; or what reads parquet is not installed.
    """
    for path in _files(source.path):
        yield from _read_file(path, source, max_bytes)


def _files(path: Path) -> Sequence[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(
            f'{path} does not exist; [[source]] kind = "parquet" needs a file, or a'
            " folder of them"
        )
    ending = ".parquet"
    files = [file for file in list_files(path) if file.suffix.lower() == ending]
    files = [file for file in files if is_regular(file)]
    if not files:
        raise InputError(f"{path} holds no file that ends in {ending}")
    return files


def _read_file(path: Path, source: ParquetSource, max_bytes: int) -> Iterator[Record]:
    part = _part(path)
    with _opened(path) as file:
        schema = file.schema_arrow
        image = _image_column(schema, source.image, path)
        classes = _classes(schema, source, path)
        index = 0
        for batch in file.iter_batches(_ROWS, columns=[image, source.label]):
            photos, labels = batch.column(source.image), batch.column(source.label)
            for photo, label in zip(photos, labels, strict=True):
                data = photo.as_py()
                data = data.get("bytes") if isinstance(data, dict) else data
                yield Record(
                    _label(label.as_py(), classes, path),
                    f"{path}#{index}",
                    (data or b"")[: max_bytes + 1],
                    part,
                )
                index += 1


@contextmanager
def _opened(path: Path) -> Iterator["pyarrow.parquet.ParquetFile"]:
    """Open a parquet file; every way reading it can fail is an InputError."""
    try:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415 - of the extra
    except ImportError as error:
        raise InputError(
            '[[source]] kind = "parquet" needs the extra: pip install'
            " 'mekiki[parquet]'"
        ) from error
    try:
        with parquet.ParquetFile(path) as file:
            yield file
    except (ArrowException, OSError) as error:
        said = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise InputError(f"{path} can't be read as parquet: {said}") from error


def _part(path: Path) -> Part | None:
    word = re.split(r"[-_.]", path.name)[0]
    return part_named(word) or part_named(path.parent.name)


def _image_column(schema: "pyarrow.Schema", name: str, path: Path) -> str:
    """Return what to read of the column of the photos: their bytes alone."""
    kind = str(_field(schema, name, path).type)
    if kind in {"binary", "large_binary"}:
        return name
    if re.match(r"struct<(.*, )?bytes: (large_)?binary\b", kind):
        return f"{name}.bytes"
    raise InputError(
        f"the column {name} of {path} must hold the bytes of pictures, or structs with"
        f" bytes in them; it holds {kind}"
    )


def _field(schema: "pyarrow.Schema", name: str, path: Path) -> "pyarrow.Field":
    if name not in schema.names:
        raise InputError(
            f"{path} has no column {name} (there: {', '.join(schema.names)}); say in"
            " [[source]] which columns are image and label"
        )
    return schema.field(name)


def _classes(
    schema: "pyarrow.Schema", source: ParquetSource, path: Path
) -> Sequence[str]:
    """Return the names of labels that are numbers."""
    kind = str(_field(schema, source.label, path).type)
    classes = source.classes or _stated_classes(schema.metadata or {}, source.label)
    if "int" in kind and not classes:
        raise InputError(
            f"the labels of {path} are numbers without names; give [[source]]"
            ' classes = ["name of 0", "name of 1", ...]'
        )
    return classes


def _stated_classes(metadata: Mapping[bytes, bytes], label: str) -> Sequence[str]:
    """Return the names that the file gives, in the way of Hugging Face."""
    try:
        stated = json.loads(metadata[b"huggingface"])["info"]["features"][label]
        names = stated["names"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return ()
    return [str(name) for name in names] if isinstance(names, list) else ()


def _label(value: object, classes: Sequence[str], path: Path) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return label_name(value, classes)
    if value is None:
        return _NO_LABEL
    raise InputError(
        f"the labels of {path} must be names or numbers, got {str(value)[:80]!r}"
    )
