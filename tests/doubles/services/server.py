"""One server of the double: what every one of them does, whatever it plays."""

import re
import threading
from collections import deque
from collections.abc import Callable

from tests.doubles.services.sockets import Listener
from tests.doubles.services.web import Asked, Logged, Record, Reply, Trouble, too_many

# A client's name and version, then whom to write to.
TRUTHFUL_AGENT = re.compile(r"(?!Mozilla)[^\s/]+/\S+ \([^)]*(@|https?://)[^)]*\)")


class Server:
    """A server on a port of its own.

    Args:
        name: What the log calls it.
        record: Where it writes down what it was asked.
        most_at_once: Requests it answers at a time; more is a violation and a 429.
        wants_contact: Whether a User-Agent that names nobody is a violation.
        refuses_strangers: Whether it is answered with 403 as well.
    """

    def __init__(
        self,
        name: str,
        record: Record,
        *,
        most_at_once: int | None = None,
        wants_contact: bool = True,
        refuses_strangers: bool = False,
    ) -> None:
        self.name = name
        self.record = record
        self.most_at_once = most_at_once
        self.wants_contact = wants_contact
        self.refuses_strangers = refuses_strangers
        # Called with each request before it is answered, in that request's thread:
        # may wait, or move a clock.
        self.before: Callable[[Asked], None] = lambda _asked: None
        self.lock = threading.RLock()
        self._coming: deque[Trouble | None] = deque()
        self._not_before: dict[str, float] = {}
        self._listener = Listener(self)
        self.origin = f"http://127.0.0.1:{self._listener.server_address[1]}"
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()

    def answer(self, asked: Asked) -> Reply:
        """Answer a request that met no trouble."""
        raise NotImplementedError

    def held_back_by(self, asked: Asked) -> str:
        """Return what a Retry-After holds back: here, every request to this server."""
        return ""

    def answers_next(self, *troubles: Trouble | Reply | None) -> None:
        """Play these on the coming requests, one each; ``None`` answers as usual."""
        for trouble in troubles:
            self._coming.append(
                _always(trouble) if isinstance(trouble, Reply) else trouble
            )

    def asked(self, path: str = "") -> list[Logged]:
        """List what this server was asked, of one path where one is given."""
        mine = [one for one in self.record.log if one.server == self.name]
        return [one for one in mine if path in ("", one.path)]

    @property
    def most_seen_at_once(self) -> int:
        """The most requests that waited for their answers at one time."""
        return self._listener.connections.most_waiting

    @property
    def most_connections(self) -> int:
        """The most connections that were open at one time, idle ones too."""
        return self._listener.connections.most_open

    def respond(self, asked: Asked, at_once: int) -> Reply:
        """Answer one of ``at_once`` requests, and write down what was wrong with it."""
        self._judge_manners(asked)
        self.before(asked)
        reply = self._reply(asked, at_once)
        if reply.retry_at is not None:
            self._not_before[self.held_back_by(asked)] = reply.retry_at
        self.record.add(asked, 0 if reply.reset else reply.status)
        return reply

    def stop(self) -> None:
        """Close the port and hang up on everybody."""
        self._listener.shutdown()
        self._thread.join()
        self._listener.server_close()
        self._listener.connections.close_all()

    def _judge_manners(self, asked: Asked) -> None:
        if self.wants_contact and not TRUTHFUL_AGENT.match(asked.agent):
            self.record.violation(asked, f"generic User-Agent {asked.agent!r}")
        early = self._not_before.get(self.held_back_by(asked), asked.at) - asked.at
        if early > 0:
            self.record.violation(asked, f"{early:.2f} s before Retry-After was over")

    def _reply(self, asked: Asked, at_once: int) -> Reply:
        if self.most_at_once is not None and at_once > self.most_at_once:
            self.record.violation(asked, f"{at_once} requests at a time")
            return too_many(1, body=b"too many connections")(self.record.clock())
        if self.refuses_strangers and not TRUTHFUL_AGENT.match(asked.agent):
            return Reply(b"please set a User-Agent and respect our robot policy", 403)
        with self.lock:
            trouble = self._coming.popleft() if self._coming else None
        if trouble is not None:
            return trouble(self.record.clock())
        return self.answer(asked)


def _always(reply: Reply) -> Trouble:
    return lambda _now: reply
