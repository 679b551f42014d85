"""Asking one address until it answers: the host's manners, and attempts.

Passing errors are tried again with doubling waits, or when the server says. No
connection of the host is held while an attempt is waited for.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from urllib3 import HTTPHeaderDict

from pipeline.web.answers import (
    STOPPED,
    FailedError,
    RefusedError,
    error_of_status,
)
from pipeline.web.exchange import DRAINED, Limit, Received, exchange
from pipeline.web.hosts import MAX_WAIT_S, Host
from pipeline.web.timing import Timing
from pipeline.web.transport import Request, Transport

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FIRST_WAIT_S = 1.0  # doubled with every further attempt


@dataclass(frozen=True)
class Terms:
    """On what terms an address is asked."""

    limit: Limit  # of a body that is wanted
    retries: int  # after errors that pass
    # Is told the headers; says why the answer is none for us, "" where it is.
    objection: Callable[[HTTPHeaderDict], str] = lambda _headers: ""


class Asker:
    """Asks addresses for one run; safe to use from several threads."""

    def __init__(self, transport: Transport, timeout_s: float, timing: Timing) -> None:
        self._transport = transport
        self._timeout_s = timeout_s
        self._clock, self._wall = timing.clock, timing.wall
        self._stopped = threading.Event()
        self._sleep = timing.sleep or self._stopped.wait

    def stop(self) -> None:
        """End waits now; nothing is asked any more."""
        self._stopped.set()

    def get(
        self, request: Request, host: Host, terms: Terms, delay_s: float
    ) -> Received:
        """Return a success, or where the address redirects to.

        Args:
            request: What is asked.
            host: Of whom.
            terms: How.
            delay_s: Between the starts of two requests, as the site wishes.

        Raises:
            RefusedError: It is not to be had, for good.
            FailedError: It is not to be had now.
        """
        for attempt in range(terms.retries + 1):
            with host.slot():
                self._await_turn(host, delay_s)
                outcome = self._try(request, host, terms)
            if isinstance(outcome, Received):
                return outcome
            wait_s = outcome.retry_after_s
            if wait_s is None:
                wait_s = _FIRST_WAIT_S * 2**attempt
            is_last = attempt == terms.retries or wait_s > MAX_WAIT_S
            host.missed(outcome, for_good=is_last)
            host_asks = outcome.status == 429 or outcome.retry_after_s is not None
            if host_asks:
                host.rest(self._clock() + wait_s, outcome)
            if is_last:
                raise outcome
            if not host_asks:
                self.wait(wait_s)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def exchange(
        self,
        request: Request,
        host: Host,
        limit_of: Callable[[int, HTTPHeaderDict], Limit],
    ) -> Received:
        """Ask once, whatever the host's manners; see ``exchange``."""
        budgets = [gate.budget for gate in host.gates if gate.budget is not None]

        def note_bytes(num_bytes: int) -> None:
            if budgets:
                now = self._clock()
                self.wait(max(one.spend(num_bytes, now) for one in budgets))
            elif self._stopped.is_set():
                raise FailedError(STOPPED)

        return exchange(self._transport, request, self._timeout_s, limit_of, note_bytes)

    def _await_turn(self, host: Host, delay_s: float) -> None:
        while (wait_s := host.turn(self._clock(), delay_s)) > 0:
            self.wait(wait_s)
        self.wait(0)

    def wait(self, seconds: float) -> None:
        """Wait; a stop ends it, and raises."""
        if seconds > 0:
            self._sleep(seconds)
        if self._stopped.is_set():
            raise FailedError(STOPPED)

    def _try(
        self, request: Request, host: Host, terms: Terms
    ) -> Received | FailedError:
        """Ask once; a failure that passes is returned, a refusal raised."""
        started = answered = self._clock()

        def limit_of(status: int, headers: HTTPHeaderDict) -> Limit:
            nonlocal answered
            answered = self._clock()
            if not (200 <= status < 300 or status in REDIRECTS):
                return DRAINED
            if reason := terms.objection(headers):
                content_type = headers.get("Content-Type")
                raise RefusedError(reason, status=status, content_type=content_type)
            return terms.limit if status < 300 else DRAINED

        try:
            reply = self.exchange(request, host, limit_of)
            if not 200 <= reply.status < 300 and redirect_of(reply) is None:
                raise error_of_status(reply.status, reply.headers, self._wall())
        except FailedError as error:
            if error.reason == STOPPED:
                raise
            host.struggled(error, started, self._clock())
            return error
        except RefusedError as error:
            if error.status is not None:
                host.answered()
            raise
        host.did_well(answered - started)
        return reply


def redirect_of(reply: Received) -> str | None:
    """Return where an answer sends us on to, if it does."""
    location = reply.headers.get("Location")
    if reply.status not in REDIRECTS or not location:
        return None
    # Sent as bytes, most often UTF-8, and read as Latin-1.
    return location.encode("latin-1", "replace").decode("utf-8", "replace")
