"""The records of a WARC (ISO 28500) that may have been cut, and where they end."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from warcio.archiveiterator import WARCIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecord, ArcWarcRecordLoader
from warcio.statusandheaders import StatusAndHeadersParserException

from pipeline.errors import InputError

_GZIP = b"\x1f\x8b"  # how compressed data begins (RFC 1952)


def whole_records(file: IO[bytes]) -> Iterator[tuple[int, ArcWarcRecord]]:
    """Yield records and where they begin, up to one that was cut.

    Records that hold nothing are left out.

    Args:
        file: A WARC, at its beginning; its records are uncompressed, or compressed one
            by one.

    Raises:
        ArchiveLoadFailed: There is something that is no record.
    """
    records = WARCIterator(file, no_record_parse=True)
    try:
        for record in records:
            if record.length is None or _size(record) < record.length:
                return
            if record.length:  # 0 also stands for a header cut in its length
                yield records.get_record_offset(), record
    except ArchiveLoadFailed as error:
        if not _is_cut_first_line(error):
            raise


def _size(record: ArcWarcRecord) -> int:
    """Read a record to its end, and count its bytes."""
    size = 0
    while chunk := record.raw_stream.read(1 << 20):
        size += len(chunk)
    return size


def _is_cut_first_line(error: ArchiveLoadFailed) -> bool:
    """Tell a record that was cut in its first line from what is none."""
    cause = error.__context__
    return isinstance(cause, StatusAndHeadersParserException) and any(
        version.startswith(cause.statusline)
        for version in ArcWarcRecordLoader.WARC_TYPES
    )


def how_to_go_on(file: Path) -> tuple[bool, int]:
    """Tell how to go on with a file, and where.

    Returns:
        Whether it is compressed, as it was begun or else as its name says; and the
        bytes of its whole records, after which a killed run may have left a part.

    Raises:
        InputError: The file holds something else than a recording.
        OSError: It can't be read.
    """
    size = file.stat().st_size if file.exists() else 0
    if size == 0:
        return file.name.endswith(".gz"), 0
    last = None
    with file.open("rb") as opened:
        is_compressed = opened.read(len(_GZIP)) == _GZIP
        opened.seek(0)
        try:
            for record in whole_records(opened):
                last = record
        except ArchiveLoadFailed:
            last = None
        if last is not None:
            offset, about = last
            opened.seek(offset)
            end = _end(opened, about.length, is_compressed)
            return is_compressed, offset if end is None or end > size else end
    raise InputError(
        f"expected a WARC recording or a new file, but {file} is there with {size}"
        " bytes that begin with no whole WARC record; choose another name"
    )


def _end(file: IO[bytes], length: int, is_compressed: bool) -> int | None:
    """Return where the record ends that begins where a file stands.

    ``None``, or an end that is not there, where the last few bytes of it are lacking.
    """
    if is_compressed:
        stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
        while not stream.eof and (chunk := file.read(1 << 20)):
            stream.decompress(chunk)
        return file.tell() - len(stream.unused_data) if stream.eof else None
    while file.readline().strip():
        pass
    return file.tell() + length + len(b"\r\n\r\n")
