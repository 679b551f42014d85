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
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from urllib3 import HTTPHeaderDict, HTTPResponse
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from pipeline.errors import InputError
from pipeline.web.answers import FetchError
from pipeline.web.contact import user_agent
from pipeline.web.exchange import explained
from pipeline.web.transport import Request, Transport
from pipeline.web.warc import how_to_go_on

METHOD = "Mekiki-Method"  # our own fields of a record
FAILURE = "Mekiki-Failure"  # how reading the body ended, as JSON
_DROPPED = ("set-cookie", "transfer-encoding")
_TOKEN = re.compile(rb'("access_token"\s*:\s*)"[^"]*"')


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
            is_compressed, whole = how_to_go_on(file)
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
