"""What curators say, what others said meanwhile, and the end of the labeling."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from labeler.access import Curator, Role, guarded
from labeler.api.asked import Asked, BadRequestError, explained, json_body
from labeler.ending import ENDING
from labeler.office import Office, known
from labeler.scribe import Scribe
from pipeline.catalog import Status
from pipeline.catalog.journal import Action, Answer, Op

AT_ONCE = 2000  # ops of one request
RECALLED = 1000  # own words of one answer
_CLIENT = 64  # letters


def routes(office: Office) -> list[BaseRoute]:
    """Return the routes on which something is said."""
    scribe = Scribe(office.write)

    @guarded(Role.CURATOR)
    @explained
    async def ops(request: Request, curator: Curator) -> Response:
        body = await json_body(request)
        return JSONResponse(await _apply(office, scribe, body, curator))

    @guarded(Role.CURATOR)
    @explained
    async def changes(request: Request, curator: Curator) -> Response:
        asked = Asked(request)
        return JSONResponse(await run_in_threadpool(_changes, office, asked, curator))

    @guarded(Role.CURATOR)
    @explained
    async def mine(request: Request, curator: Curator) -> Response:
        limit = Asked(request).number("limit", 200, RECALLED)
        return JSONResponse(await run_in_threadpool(_mine, office, curator, limit))

    @guarded(Role.CURATOR)
    @explained
    async def release(request: Request, _curator: Curator) -> Response:
        body = await json_body(request)
        shas = body.get("shas")
        some = None if shas is None else [str(sha) for sha in shas]
        release = office.catalog.leases.release
        await run_in_threadpool(release, str(body.get("client")), some)
        return JSONResponse({})

    @guarded(Role.ADMIN)
    @explained
    async def done(request: Request, curator: Curator) -> Response:
        is_sure = (await json_body(request)).get("sure") is True
        others = [] if is_sure else office.presence.others(curator.name, office.now())
        if others:
            return JSONResponse({"others": others})
        await run_in_threadpool(office.shelf.follow)
        ENDING.ask(office.shelf.counts().photos.decided)
        return JSONResponse({})

    return [
        Route("/mekiki/api/ops", ops, methods=["POST"]),
        Route("/mekiki/api/changes", changes),
        Route("/mekiki/api/mine", mine),
        Route("/mekiki/api/release", release, methods=["POST"]),
        Route("/mekiki/api/done", done, methods=["POST"]),
    ]


async def _apply(
    office: Office, scribe: Scribe, body: Mapping[str, Any], curator: Curator
) -> dict[str, Any]:
    """Write what a page has sent; an op that makes no sense never stops the others."""
    sent = _sent(body)
    ops: list[Op] = []
    refused: list[dict[str, Any]] = []
    for client, told in sent:
        try:
            ops.append(_read_op(office, client, told, curator))
        except (IndexError, KeyError, TypeError, ValueError) as error:
            refused.append(_refuse(office, client, told, error))
    answers = await scribe.say(ops)
    event = office.shelf.event
    said = [_say_answer(office, answer) for answer in answers]
    return {"answers": said + refused, "event": event, "counts": office.counts()}


def _sent(body: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the ops of a request, each with its client.

    Raises:
        BadRequestError: It has another form.
    """
    groups = body.get("outbox")
    if not isinstance(groups, list):
        raise BadRequestError("expected outbox, a list of clients with their ops")
    sent = []
    for group in groups:
        client = group.get("client") if isinstance(group, dict) else None
        ops = group.get("ops") if isinstance(group, dict) else None
        if not isinstance(client, str) or not 0 < len(client) <= _CLIENT:
            raise BadRequestError(f"expected a client of 1 to {_CLIENT} letters")
        if not isinstance(ops, list) or not all(isinstance(op, dict) for op in ops):
            raise BadRequestError("expected ops, a list of objects")
        sent += [(client, op) for op in ops]
    if len(sent) > AT_ONCE:
        raise BadRequestError(f"more than {AT_ONCE:,} ops at once", status=413)
    return sent


def _read_op(
    office: Office, client: str, told: Mapping[str, Any], curator: Curator
) -> Op:
    """Return an op as the journal takes it.

    Raises:
        KeyError: Something is missing.
        TypeError: Something is of another type.
        ValueError: Something can't be; the label is no category of the set.
    """
    action, label = Action(told["action"]), told.get("label")
    undoes = told.get("undoes")
    is_named = action in {Action.CONFIRM, Action.RELABEL, Action.SECOND}
    if is_named and label is not None and label not in office.settings.category_names:
        raise ValueError(f"no category {label!r} in this set; reload the page")
    return Op(
        sha256=_text(told["sha256"]),
        action=action,
        label=_text(label) if is_named and label is not None else None,
        base_version=_number(told["base_version"]),
        user=curator.name,
        client=client,
        seq=_number(told["seq"]),
        batch=None if told.get("batch") is None else _number(told["batch"]),
        shown_ms=None if told.get("shown_ms") is None else _number(told["shown_ms"]),
        note=_text(told.get("note") or ""),
        status=Status(told["status"]) if told.get("status") else None,
        undoes=(_text(undoes[0]), _number(undoes[1])) if undoes else None,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r}")
    value.encode()  # half a letter, as JSON may hold, can't be kept
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"expected a whole number, got {value!r}")
    return value


def _say_answer(office: Office, answer: Answer) -> dict[str, Any]:
    """Tell what became of an op; of a photo, what is true of its group."""
    said = asdict(answer)
    entry = office.shelf.entry(answer.sha256)
    if entry is not None and answer.status is not None:
        said |= {"label": entry.label, "status": entry.status, "version": entry.version}
    return said


def _refuse(
    office: Office, client: str, told: Mapping[str, Any], error: Exception
) -> dict[str, Any]:
    sha256 = str(told.get("sha256")).encode(errors="replace").decode()
    entry = office.shelf.entry(sha256)
    return {
        "client": client,
        "seq": told.get("seq"),
        "accepted": False,
        "sha256": sha256,
        "label": entry.label if entry else None,
        "status": entry.status if entry else None,
        "version": entry.version if entry else 0,
        "by": "",
        "event_id": 0,
        "reason": str(error).encode(errors="replace").decode(),
    }


def _changes(office: Office, asked: Asked, curator: Curator) -> dict[str, Any]:
    """Tell what changed since an event, and hold the client's photos for longer."""
    office.renew(asked.text("client"), curator.name)
    event = office.shelf.follow()
    office.suggestions()
    since = asked.number("since", 0, 2**31)
    touched = office.shelf.changed(since) if since else []
    return {
        "event": event,
        "photos": None if touched is None else [office.say_photo(e) for e in touched],
        "counts": office.counts(),
        "learning": office.learning(),
    }


def _mine(office: Office, curator: Curator, limit: int) -> dict[str, Any]:
    """Tell what a curator said before: what undoing it takes, and the photos."""
    words = office.catalog.journal.mine(curator.name, limit=limit)
    shas: Sequence[str] = list(dict.fromkeys(word.sha256 for word in words))
    office.shelf.follow()
    return {
        "words": [asdict(word) for word in words],
        "photos": [office.say_photo(entry) for entry in known(office, shas)],
    }
