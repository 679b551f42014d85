"""A slow line: a proxy on loopback that delivers every byte late, and can be cut.

A connection costs a round trip before its first byte goes, as one over a network does.
While the line is cut, bytes and connections wait, as packets that are sent again and
again would; ``hang_up`` ends the connections there are, as a router does that is
switched off.
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress

_CHUNK = 65536
_GONE = (OSError, asyncio.IncompleteReadError)


class Line:
    """The line to a server on loopback; use ``slow_line``."""

    def __init__(self, target: int, delay_s: float) -> None:
        self._target = target  # port
        self._delay_s = delay_s  # each way
        self._loop = asyncio.new_event_loop()
        self._is_whole = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    @property
    def url(self) -> str:
        """Where the server is to be had over this line."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Let nothing through until ``mend``."""
        self._loop.call_soon_threadsafe(self._is_whole.clear)

    def mend(self) -> None:
        """Let everything through again, what has waited first."""
        self._loop.call_soon_threadsafe(self._is_whole.set)

    def hang_up(self) -> None:
        """End all connections."""
        self._loop.call_soon_threadsafe(self._drop)

    def run(self, ready: threading.Event) -> None:
        """Serve until ``stop``."""
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        ready.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def stop(self) -> None:
        """End all connections and stop serving."""
        self.hang_up()
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _listen(self) -> None:
        self._is_whole.set()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]

    def _drop(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        ends = [writer]
        self._writers.add(writer)
        try:
            await asyncio.sleep(2 * self._delay_s)
            await self._is_whole.wait()
            theirs, onward = await asyncio.open_connection("127.0.0.1", self._target)
            ends.append(onward)
            self._writers.add(onward)
            await self._both(
                self._carry(reader, onward),
                self._carry(theirs, writer),
            )
        except (*_GONE, asyncio.CancelledError):
            pass  # the server is down, the browser has gone, or it is over
        finally:
            for end in ends:
                self._writers.discard(end)
                end.close()

    @staticmethod
    async def _both(*ways: Coroutine[None, None, None]) -> None:
        """Carry both ways; the end of one is the end of the other."""
        tasks = [asyncio.ensure_future(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError, *_GONE):
                    await task

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Deliver what is read, in order, each chunk late by the delay."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            while True:
                due, chunk = await waiting.get()
                await asyncio.sleep(due - self._loop.time())
                await self._is_whole.wait()
                if not chunk:
                    return
                writer.write(chunk)
                await writer.drain()

        delivering = asyncio.ensure_future(deliver())
        try:
            chunk = b"-"
            while chunk:
                chunk = await reader.read(_CHUNK)
                waiting.put_nowait((self._loop.time() + self._delay_s, chunk))
            await delivering
        finally:
            delivering.cancel()


@contextmanager
def slow_line(target: int, round_trip_s: float) -> Iterator[Line]:
    """Lead a slow line to a port of this machine."""
    line = Line(target, round_trip_s / 2)
    ready = threading.Event()
    thread = threading.Thread(target=line.run, args=[ready], daemon=True)
    thread.start()
    ready.wait()
    try:
        yield line
    finally:
        line.stop()
        thread.join()
