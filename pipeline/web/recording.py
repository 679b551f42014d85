"""Writing down what a run is answered, byte for byte, so that it can be repeated.

The file is a WARC (ISO 28500): one ``response`` for every answer, with its body as it
came (transfer coding undone), one ``metadata`` for every request that had none, with
the reason. A body that nobody read on, or that broke off, ends where reading ended, and
says so. What a killed run leaves is whole up to the last record.

A file named ``.gz`` has each record compressed by itself, another has none compressed.
Recording into a file that is there goes on at its end, as it began, whatever its name;
a file that is no such recording is left alone, and so is one that another process
records into.

No request is written, so no key and no token that goes with it; of answers, cookies are
left out. A POST exchanges a key for a token: its answer is not written at all, but for
its status and when to ask again, with a made-up token where there was one.
"""

import io
import json
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.exceptions import HTTPError
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from pipeline.errors import InputError
from pipeline.locking import take_lock
from pipeline.web.answers import FetchError
from pipeline.web.contact import user_agent
from pipeline.web.exchange import explained
from pipeline.web.keys import without_token
from pipeline.web.transport import Request, Transport
from pipeline.web.warc import how_to_go_on

METHOD = "Mekiki-Method"  # our own fields of a record
FAILURE = "Mekiki-Failure"  # how reading the body ended, as JSON
_DROPPED = ("set-cookie", "transfer-encoding")
_OF_EXCHANGE = ("content-type", "date", "retry-after")  # kept of a POST's answer


def as_json(error: FetchError) -> str:
    """Return a failure as it is recorded."""
    return json.dumps({"kind": type(error).__name__, "reason": error.reason})


class RecordingTransport:
    """Sends through another transport, and writes down what comes back.

    Args:
        inner: Sends.
        file: Takes the records; is created, or added to.
        wall: The time, in seconds since 1970.

    Raises:
        InputError: The file can't be written, holds something else, or is in use.
    """

    def __init__(
        self, inner: Transport, file: Path, wall: Callable[[], float] = time.time
    ) -> None:
        self._inner = inner
        self._wall = wall
        self._lock = threading.Lock()
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._out: IO[bytes] = file.open("ab")
            with _closed_on_error(self._out):
                _hold(self._out, file)
                is_compressed, whole = how_to_go_on(file)
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
        headers = [
            (name, value)
            for name, value in response.headers.iteritems()
            if name.lower() not in _DROPPED
        ]
        if request.method == "POST":
            body = without_token(_decoded(response.headers, body))
            headers = [one for one in headers if one[0].lower() in _OF_EXCHANGE]
            headers.append(("Content-Length", str(len(body))))
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


@contextmanager
def _closed_on_error(file: IO[bytes]) -> Iterator[None]:
    """Close a file where something goes wrong with it."""
    try:
        yield
    except BaseException:
        file.close()
        raise


def _hold(opened: IO[bytes], file: Path) -> None:
    """Keep other processes from recording into a file until it is closed.

    What is no file keeps nothing, and may be written to by many.
    """
    if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
        return
    try:
        take_lock(opened.fileno(), file, "record")
    except BlockingIOError as error:
        raise InputError(
            f"{file} is in use: another process records into it; wait until that is"
            " done, or record into another file"
        ) from error
    opened.seek(0, os.SEEK_END)  # it may have grown until now


def _decoded(headers: HTTPHeaderDict, body: bytes) -> bytes:
    """Undo a body's content coding; nothing is returned where that is broken."""
    coding = {"Content-Encoding": headers.get("Content-Encoding", "")}
    response = HTTPResponse(io.BytesIO(body), coding, preload_content=False)
    try:
        return response.read(decode_content=True)
    except HTTPError:
        return b""
