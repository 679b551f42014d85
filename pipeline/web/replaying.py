"""Answering from a recording instead of the network.

The k-th request of a method and URL gets the k-th recorded answer, and the last one
from then on; what was never asked fails, with that reason. Nothing waits: the clocks of
a replay go on by themselves. See ``recording`` for the format.
"""

import io
import json
import threading
from datetime import UTC, datetime
from pathlib import Path

from urllib3 import HTTPHeaderDict, HTTPResponse
from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecord

from pipeline.errors import InputError
from pipeline.web.answers import (
    BROKEN_OFF,
    FailedError,
    FetchError,
    RefusedError,
    UnreachableError,
)
from pipeline.web.recording import FAILURE, METHOD
from pipeline.web.timing import Timing
from pipeline.web.transport import Request
from pipeline.web.warc import whole_records

NOT_RECORDED = "not in the recording"
_KINDS = {kind.__name__: kind for kind in (FailedError, RefusedError, UnreachableError)}


class ReplayTransport:
    """Answers from a file; safe to use from several threads.

    Raises:
        InputError: The file can't be read, or is no recording.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._places: dict[tuple[str, str], list[int]] = {}  # offsets, in order
        self._lock = threading.Lock()
        self._begun = 0.0  # when it was recorded, in seconds since 1970
        try:
            with file.open("rb") as opened:
                for offset, record in whole_records(opened):
                    self._index(offset, record)
        except OSError as error:
            raise InputError(f"{file} can't be read: {error.strerror}") from error
        except ArchiveLoadFailed as error:
            raise InputError(
                f"{file} is no recording (WARC): expected records, either uncompressed"
                " or each compressed by itself"
            ) from error
        if not self._places:
            raise InputError(f"{file} is no recording: no answer is in it")

    def timing(self) -> Timing:
        """Return clocks that begin when the recording did, and a wait that is none."""
        clock = _Clock(self._begun)
        return Timing(clock.now, clock.now, clock.sleep)

    def send(self, request: Request, timeout_s: float) -> HTTPResponse:
        """Return the next recorded answer to a request.

        Raises:
            FetchError: What the request ended in when it was recorded; or there is no
                answer in the file.
        """
        with self._lock:
            places = self._places.get((request.method, request.url), [])
            if not places:
                raise FailedError(NOT_RECORDED)
            offset = places.pop(0) if len(places) > 1 else places[0]
        with self._file.open("rb") as file:
            file.seek(offset)
            record = next(ArchiveIterator(file))
            body = record.raw_stream.read()  # content coding left on
        if record.rec_type == "metadata":
            raise _failure(body.decode("utf-8", "replace"))
        return _response(record, body, request.method)

    def close(self) -> None:
        """Do nothing: there are no connections."""

    def _index(self, offset: int, record: ArcWarcRecord) -> None:
        headers = record.rec_headers
        if record.rec_type not in {"response", "metadata"}:
            return
        date = headers.get_header("WARC-Date") or ""
        try:
            moment = _seconds(date)
        except ValueError as error:
            raise InputError(
                f"{self._file} is no recording: expected the date of a record as"
                f" 2026-01-31T23:59:59Z (WARC-Date), got {date[:40]!r}"
            ) from error
        self._begun = self._begun or moment
        method = headers.get_header(METHOD) or "GET"
        url = headers.get_header("WARC-Target-URI")
        self._places.setdefault((method, url), []).append(offset)


class _Clock:
    """A clock that goes on only by waiting."""

    def __init__(self, begun: float) -> None:
        self._now = begun
        self._lock = threading.Lock()

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds


class _BrokenOff(io.BytesIO):
    """A body that ends as it did when it was recorded."""

    def __init__(self, body: bytes, error: FetchError) -> None:
        super().__init__(body)
        self._error = error

    def read1(self, size: int | None = -1, /) -> bytes:
        chunk = super().read1(size)
        if not chunk:
            raise self._error
        return chunk


def _seconds(written: str) -> float:
    """Return a record's date (ISO 8601, UTC) in seconds since 1970."""
    moment = datetime.fromisoformat(written)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _response(record: ArcWarcRecord, body: bytes, method: str) -> HTTPResponse:
    failure = record.rec_headers.get_header(FAILURE)
    stream = _BrokenOff(body, _failure(failure)) if failure else io.BytesIO(body)
    line = record.http_headers.statusline.partition(" ")
    return HTTPResponse(
        body=stream,
        headers=HTTPHeaderDict(record.http_headers.headers),
        status=int(line[0]),
        reason=line[2],
        preload_content=False,
        request_method=method,
        # what was not read to its end when it was recorded is not missed now
        enforce_content_length=record.rec_headers.get_header("WARC-Truncated") is None,
    )


def _failure(written: str) -> FetchError:
    try:
        said = json.loads(written)
        return _KINDS[said["kind"]](str(said["reason"]))
    except (ValueError, KeyError, TypeError):
        return FailedError(BROKEN_OFF)
