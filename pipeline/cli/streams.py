"""stdout and stderr that outlive their readers.

`mekiki status SET | head` and a closed terminal are no reason to stop, least of all in
the middle of long work: what nobody is there to read goes nowhere. As the streams
themselves see to it, a broken pipe that does come up is another one than theirs.
"""

import errno
import io
import sys
from collections.abc import Container
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_ANY = errno.errorcode  # every number there is


class _Outliving(io.FileIO):
    """Where a descriptor goes; after some errors of writing, nowhere."""

    def __init__(self, descriptor: int, passed_over: Container[int | None]) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._passed_over = passed_over

    def write(self, data: "Buffer", /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in self._passed_over:
                self._passed_over = _ANY  # once told, not again for what is buffered
                raise
            return memoryview(data).nbytes


def outlive_readers() -> None:
    """Make stdout and stderr such streams.

    Results that a full disk swallows remain an error; for what can't be said on stderr,
    there is no place to say so.
    """
    sys.stdout = outliving(sys.stdout)
    sys.stderr = outliving(sys.stderr, whatever_comes=True)


def outliving(stream: TextIO, *, whatever_comes: bool = False) -> TextIO:
    """Return a stream to where ``stream`` goes, which outlives its reader.

    One that is closed, or in memory, is returned as it is.

    Args:
        stream: Where it goes; nothing may be buffered in it.
        whatever_comes: Whether it outlives every other trouble too.
    """
    try:
        descriptor = stream.fileno()
        # A terminal that was closed is told as a fault of the device.
        left = {errno.EPIPE, errno.EIO} if stream.isatty() else {errno.EPIPE}
    except (AttributeError, OSError):
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(_Outliving(descriptor, _ANY if whatever_comes else left)),
        encoding=stream.encoding,
        errors=stream.errors,
        newline="\n",
        line_buffering=True,
    )
