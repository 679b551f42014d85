"""What curators say at about the same time is written in one transaction.

A transaction costs the same whether it holds one word or twenty. So what comes while
one is written, or within ``GATHER_S`` after it, waits for the next one, which holds all
of it; what comes later is written at once (group commit).
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from pipeline.catalog.journal import Answer, Op
from pipeline.errors import MekikiError

GATHER_S = 0.08
AT_ONCE = 2000  # ops of one transaction; of a request that has more, all

Write = Callable[[Sequence[Op]], list[Answer]]


@dataclass(frozen=True)
class _Request:
    ops: Sequence[Op]
    answers: "asyncio.Future[list[Answer]]"

    def answer(self, answers: list[Answer]) -> None:
        """Hand over the answers, unless whoever asked has gone."""
        if not self.answers.done():
            self.answers.set_result(answers)

    def refuse(self, error: Exception) -> None:
        """Raise an error where the answers are awaited, unless that one has gone."""
        if not self.answers.done():
            self.answers.set_exception(error)


class Scribe:
    """Gathers the ops of requests; belongs to one event loop at a time.

    Args:
        write: Writes ops in one transaction, and answers in the same order; called in
            a thread, never twice at a time.
    """

    def __init__(self, write: Write) -> None:
        self._write = write
        self._waiting: list[_Request] = []
        self._writing: asyncio.Task[None] | None = None
        self._free_at = 0.0  # when the next transaction may begin

    async def say(self, ops: Sequence[Op]) -> list[Answer]:
        """Write ops and return their answers, in the same order.

        Raises:
            MekikiError: They could not be written; none of them was.
        """
        request = _Request(ops, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        return await request.answers

    async def _write_all(self) -> None:
        while self._waiting:
            await asyncio.sleep(max(0.0, self._free_at - time.monotonic()))
            requests = self._next()
            try:
                await self._write_some(requests)
            except MekikiError as error:  # the world's fault: all of them wait for it
                for request in requests:
                    request.refuse(error)
            except Exception:  # noqa: BLE001 - of one of them, which is told
                for request in requests:
                    await self._write_alone(request)
            self._free_at = time.monotonic() + GATHER_S

    def _next(self) -> list[_Request]:
        """Take the requests that go into the next transaction: one at least."""
        number = 0
        for end, request in enumerate(self._waiting):
            number += len(request.ops)
            if end and number > AT_ONCE:
                break
        else:
            end = len(self._waiting)
        taken, self._waiting = self._waiting[:end], self._waiting[end:]
        return taken

    async def _write_some(self, requests: Sequence[_Request]) -> None:
        ops = [op for request in requests for op in request.ops]
        answers = iter(await run_in_threadpool(self._write, ops))
        for request in requests:
            request.answer([next(answers) for _ in request.ops])

    async def _write_alone(self, request: _Request) -> None:
        try:
            await self._write_some([request])
        except Exception as error:  # noqa: BLE001 - raised by who asked
            request.refuse(error)
