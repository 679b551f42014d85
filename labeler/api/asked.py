"""What a request asks for, read with care; what is wrong with it, said in a line."""

import functools
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from labeler.access import Curator
from labeler.office import Office
from labeler.worklist import Queue
from pipeline.errors import MekikiError

MAX_BODY = 4_000_000  # bytes
MAX_DIGITS = 12
Endpoint = Callable[[Request, Curator], Awaitable[Response]]


class BadRequestError(MekikiError):
    """A request that can't be answered; the text says what was expected."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


class Asked:
    """The parameters of a request."""

    def __init__(self, request: Request) -> None:
        self._params = request.query_params

    def text(self, name: str) -> str:
        """Return a parameter; empty where there is none."""
        return self._params.get(name, "")

    def number(self, name: str, usual: int, most: int) -> int:
        """Return a whole number from 1, or 0 for ``usual`` 0, up to ``most``.

        Raises:
            BadRequestError: It is none.
        """
        text = self._params.get(name)
        if text is None:
            return usual
        is_number = text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS
        if not is_number or int(text) > most:
            raise BadRequestError(f"{name} must be a number up to {most:,}: {text!r}")
        return int(text) or usual

    def queue(self) -> Queue:
        """Return which photos are asked for.

        Raises:
            BadRequestError: There is no such queue.
        """
        name = self.text("queue")
        if name not in set(Queue):
            raise BadRequestError(f"queue must be one of {', '.join(Queue)}: {name!r}")
        return Queue(name)

    def category(self, office: Office, queue: Queue) -> str | None:
        """Return the category of a queue that has one.

        Raises:
            BadRequestError: It is none of the set's.
        """
        if queue is not Queue.CATEGORY:
            return None
        name = self.text("category")
        if name not in office.settings.category_names:
            raise BadRequestError(f"no category {name!r} in this set; reload the page")
        return name


async def json_body(request: Request) -> dict[str, Any]:
    """Return a request's JSON object.

    Raises:
        BadRequestError: It is none, or very long.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise BadRequestError(f"more than {MAX_BODY:,} bytes", status=413)
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequestError("expected JSON") from error
    if not isinstance(value, dict):
        raise BadRequestError("expected a JSON object")
    return value


def explained(endpoint: Endpoint) -> Endpoint:
    """Answer with a line what went wrong, and never with a page or a traceback."""

    @functools.wraps(endpoint)
    async def tried(request: Request, curator: Curator) -> Response:
        try:
            return await endpoint(request, curator)
        except BadRequestError as error:
            return JSONResponse({"error": str(error)}, error.status)
        except MekikiError as error:  # the disk is full, the database is gone, ...
            return JSONResponse({"error": str(error)}, 503)

    return tried
