"""Writing down what a run is answered, byte for byte, so that it can be repeated.

The file is a WARC (ISO 28500): one ``response`` for every answer, with its body as it
came (transfer coding undone), one ``metadata`` for every request that had none, with
the reason. A body that nobody read on, or that broke off, ends where reading ended, and
says so. What a killed run leaves is whole up to the last record.

A file named ``.gz`` has each record compressed by itself, another has none compressed.
Recording into a file that is there goes on at its end, as it began, whatever its name;
a file that is no such recording is left alone.

No request is written, so no key; cookies and tokens are left out of the answers.
"""

import io
import json
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from urllib3 import HTTPHeaderDict, HTTPResponse
from warcio.archiveiterator import WARCIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecord, ArcWarcRecordLoader
from warcio.statusandheaders import StatusAndHeaders, StatusAndHeadersParserException
from warcio.warcwriter import WARCWriter

from pipeline.errors import InputError
from pipeline.web.answers import FetchError
from pipeline.web.contact import user_agent
from pipeline.web.exchange import explained
from pipeline.web.transport import Request, Transport

METHOD = "Mekiki-Method"  # our own fields of a record
FAILURE = "Mekiki-Failure"  # how reading the body ended, as JSON
_GZIP = b"\x1f\x8b"  # how compressed data begins (RFC 1952)
_DROPPED = ("set-cookie", "transfer-encoding")
_TOKEN = re.compile(rb'("access_token"\s*:\s*)"[^"]*"')


def as_json(error: FetchError) -> str:
    """Return a failure as it is recorded."""
    return json.dumps({"kind": type(error).__name__, "reason": error.reason})


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


def _begun(file: Path) -> tuple[bool, int]:
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


class RecordingTransport:
    """Sends through another transport, and writes down what comes back.

    Args:
        inner: Sends.
        file: Takes the records; is created, or added to.
        wall: The time, in seconds since 1970.

    Raises:
        InputError: The file can't be written, or holds something else.
    """

    def __init__(
        self, inner: Transport, file: Path, wall: Callable[[], float] = time.time
    ) -> None:
        self._inner = inner
        self._wall = wall
        self._lock = threading.Lock()
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            is_compressed, whole = _begun(file)
            self._out: IO[bytes] = file.open("ab")
            if whole < self._out.tell():
                self._out.truncate(whole)
        except OSError as error:
            raise InputError(f"{file} can't be written: {error.strerror}") from error
        self._writer = WARCWriter(self._out, gzip=is_compressed)
        if self._out.tell() == 0:
            about = {"software": user_agent(""), "format": "WARC File Format 1.0"}
            self._write(self._writer.create_warcinfo_record(file.name, about))

    def send(self, request: Request, timeout_s: float) -> HTTPResponse:
        """Send a request; the answer is recorded as it is read."""
        try:
            with explained():
                response = self._inner.send(request, timeout_s)
        except FetchError as error:
            self._note(request, error)
            raise
        headers = HTTPHeaderDict(
            (name, value)
            for name, value in response.headers.iteritems()
            if name.lower() not in _DROPPED
        )
        tee = _Tee(response, lambda body, end: self._keep(request, response, body, end))
        return HTTPResponse(
            body=tee,
            headers=headers,
            status=response.status,
            version=response.version,
            reason=response.reason,
            preload_content=False,
            request_method=request.method,
        )

    def close(self) -> None:
        """Give the connections back, and close the file."""
        self._inner.close()
        with self._lock, suppress(OSError):  # a full disk was told of when it was met
            self._out.close()

    def _keep(
        self,
        request: Request,
        response: HTTPResponse,
        body: bytes,
        end: FetchError | bool,
    ) -> None:
        """Write an answer; ``end`` says whether its body is whole, or what broke it."""
        fields = self._fields(request)
        if end is not True:
            fields["WARC-Truncated"] = "disconnect" if end else "length"
        if isinstance(end, FetchError):
            fields[FAILURE] = as_json(end)
        if request.method == "POST":
            body = _TOKEN.sub(rb'\1"recorded"', body)
        headers = [
            (name, str(len(body)) if _is_new_length(name, request) else value)
            for name, value in response.headers.iteritems()
            if name.lower() not in _DROPPED
        ]
        status = f"{response.status} {response.reason or ''}".strip()
        self._write(
            self._writer.create_warc_record(
                request.url,
                "response",
                payload=io.BytesIO(body),
                length=len(body),
                http_headers=StatusAndHeaders(status, headers, "HTTP/1.1"),
                warc_headers_dict=fields,
            )
        )

    def _note(self, request: Request, error: FetchError) -> None:
        """Write that a request had no answer."""
        said = as_json(error).encode()
        self._write(
            self._writer.create_warc_record(
                request.url,
                "metadata",
                payload=io.BytesIO(said),
                length=len(said),
                warc_content_type="application/json",
                warc_headers_dict=self._fields(request),
            )
        )

    def _fields(self, request: Request) -> dict[str, str]:
        moment = datetime.fromtimestamp(self._wall(), UTC)
        return {
            "WARC-Date": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            METHOD: request.method,
        }

    def _write(self, record: object) -> None:
        with self._lock:
            if not self._out.closed:
                try:
                    self._writer.write_record(record)
                    self._out.flush()
                except OSError as error:
                    with suppress(OSError):
                        self._out.close()
                    raise InputError(
                        f"{self._out.name} can't be written: {error.strerror}"
                    ) from error


class _Tee(io.RawIOBase):
    """A body on its way to the reader, kept as it passes.

    ``ended`` is told the bytes read, and whether that was all of it (``True``), not all
    (``False``), or what broke it off.
    """

    def __init__(
        self,
        response: HTTPResponse,
        ended: Callable[[bytes, FetchError | bool], None],
    ) -> None:
        self._response = response
        self._ended = ended
        self._chunks: list[bytes] = []
        self._end: FetchError | bool = False
        self._is_done = False

    def readable(self) -> bool:
        return True

    def read1(self, size: int = -1) -> bytes:
        """Read what there is, at most ``size`` bytes."""
        try:
            with explained():
                chunk = self._response.read1(size, decode_content=False)
        except FetchError as error:
            self._end = error
            raise
        self._chunks.append(chunk)
        if not chunk:
            self._end = True
        return chunk

    def read(self, size: int = -1) -> bytes:
        """Read at most ``size`` bytes."""
        return self.read1(size)

    def close(self) -> None:
        """Hand on what was read, once."""
        super().close()
        if self._is_done:
            return
        self._is_done = True
        self._response.close()
        self._response.release_conn()
        body = b"".join(self._chunks)
        announced = self._response.headers.get("Content-Length")
        is_whole = self._end is False and announced == str(len(body))
        self._ended(body, is_whole or self._end)


def _is_new_length(name: str, request: Request) -> bool:
    """Tell the header that a token left out makes wrong."""
    return name.lower() == "content-length" and request.method == "POST"
