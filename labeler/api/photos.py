"""What comes next, a page of photos, their pictures, and where one comes from."""

import re
from dataclasses import asdict
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from labeler.access import Curator, Role, guarded
from labeler.api.asked import Asked, BadRequestError, explained, json_body
from labeler.lines import Stretch
from labeler.office import WALKED, Office, known, line_key
from labeler.pictures import Picture
from labeler.worklist import Queue
from pipeline.catalog.entries import Entry
from pipeline.errors import ImageError

AT_ONCE = 240  # photos of one answer
AT_LEAST, SHARE = 5, 4  # photos given at once: all of 5, else a quarter of the queue
GONE = "there is no such photo (any more)"
SHA256 = re.compile(r"[0-9a-f]{64}")
REVIEWED = frozenset({Queue.DISAGREE, Queue.NOTED, Queue.SECOND})  # by reviewers


def routes(office: Office) -> list[BaseRoute]:
    """Return the routes that show photos."""

    @guarded(Role.CURATOR)
    @explained
    async def queue(request: Request, curator: Curator) -> Response:
        return JSONResponse(
            await run_in_threadpool(_queue, office, Asked(request), curator)
        )

    @guarded(Role.CURATOR)
    @explained
    async def page(request: Request, curator: Curator) -> Response:
        return JSONResponse(
            await run_in_threadpool(_page, office, Asked(request), curator)
        )

    @guarded(Role.CURATOR)
    @explained
    async def pack(request: Request, _curator: Curator) -> Response:
        shas = (await json_body(request)).get("shas")
        if not isinstance(shas, list) or len(shas) > AT_ONCE:
            raise BadRequestError(f"expected shas, a list of at most {AT_ONCE}")
        body = await run_in_threadpool(_pack, office, [_sha(sha) for sha in shas])
        return Response(body, media_type="application/octet-stream")

    @guarded(Role.CURATOR)
    @explained
    async def image(request: Request, _curator: Curator) -> Response:
        sha256, is_full = request.path_params["sha256"], "full" in request.query_params
        try:
            picture = await run_in_threadpool(_picture, office, sha256, full=is_full)
        except ImageError as error:
            return JSONResponse({"error": f"this photo can't be shown: {error}"}, 404)
        return Response(picture.data, media_type=picture.media_type)

    @guarded(Role.CURATOR)
    @explained
    async def about(request: Request, _curator: Curator) -> Response:
        sha256 = request.path_params["sha256"]
        found = await run_in_threadpool(office.catalog.photos.about, [sha256])
        if sha256 not in found:
            raise BadRequestError(GONE, status=404)
        return JSONResponse(asdict(found[sha256]))

    return [
        Route("/mekiki/api/queue", queue),
        Route("/mekiki/api/page", page),
        Route("/mekiki/api/pack", pack, methods=["POST"]),
        Route("/mekiki/api/image/{sha256}", image),
        Route("/mekiki/api/about/{sha256}", about),
    ]


def _allowed(queue: Queue, curator: Curator) -> Queue:
    if queue in REVIEWED and not curator.role.may(Role.REVIEWER):
        raise BadRequestError("this takes the role reviewer", status=403)
    return queue


def _sha(value: object) -> str:
    """Return a sha256, or what is none's."""
    is_one = isinstance(value, str) and SHA256.fullmatch(value) is not None
    return str(value) if is_one else ""


def _pack(office: Office, shas: list[str]) -> bytes:
    return office.pictures.pack(office.stored(shas))


def _picture(office: Office, sha256: str, *, full: bool) -> Picture:
    [stored] = office.stored([sha256])
    if stored is None:
        raise BadRequestError(GONE, status=404)
    return office.pictures.full(stored) if full else office.pictures.large(stored)


def _queue(office: Office, asked: Asked, curator: Curator) -> dict[str, Any]:
    """Give out the next photos for one at a time; ``at`` comes first where it is open.

    The newest order counts: after another one than the client has walked so far, it
    begins at the top, and the client knows what it has already.
    """
    queue = _allowed(asked.queue(), curator)
    category = asked.category(office, queue)
    line = None
    if queue in WALKED:  # gone through to its end, whatever is said meanwhile
        key = line_key(queue, category, curator.name)
        line = office.lines.named(asked.text("line"), key)
    line = line or office.line(queue, category, curator.name)
    after, at = asked.text("after"), asked.text("at")
    is_same = asked.text("line") in {line.name, ""}
    start = line.place.get(after, -1) + 1 if after and is_same else 0
    if queue in WALKED and at in line.place:
        start = line.place[at]
    number = asked.number("n", 50, AT_ONCE)
    if queue not in WALKED:  # where few are left, others want some, too
        number = min(number, max(AT_LEAST, len(line.shas) // SHARE))
    found = _take(office, asked, curator, Stretch(line, start, number))
    if queue not in WALKED and at in line.place:
        # the client was there before, and may be again if it is open
        wanted = _take(office, asked, curator, Stretch(line, line.place[at], 1))
        if [one.sha256 for one in wanted] == [at]:
            found = [*wanted, *(one for one in found if one.sha256 != at)]
    return _answer(office, found, queue) | {"line": line.name}


def _page(office: Office, asked: Asked, curator: Curator) -> dict[str, Any]:
    """Give out a page: the next after a photo, those before one, or the last."""
    queue = _allowed(asked.queue(), curator)
    category = asked.category(office, queue)
    key = line_key(queue, category, curator.name)
    line = office.lines.named(asked.text("line"), key)
    line = line or office.line(queue, category, curator.name)
    number = asked.number("n", 60, AT_ONCE)
    after, before, at = asked.text("after"), asked.text("before"), asked.text("at")
    if before in line.place:
        end = line.place[before]
        found = known(office, line.shas[max(end - number, 0) : end])
    else:
        start = line.place.get(after, -1) + 1
        if asked.text("last"):
            start = max(len(line.shas) - number, 0)
        elif at in line.place:
            start = line.place[at]
        found = _take(office, asked, curator, Stretch(line, start, number))
    first = line.place[found[0].sha256] if found else 0
    place = {"line": line.name, "first": first, "total": len(line.shas)}
    return _answer(office, found, queue, about=False) | place


def _take(
    office: Office, asked: Asked, curator: Curator, stretch: Stretch
) -> list[Entry]:
    queue = asked.queue()
    if queue in WALKED or queue is Queue.SECOND:  # of which each has their own order
        line, start, number = stretch
        return known(office, line.shas[start : start + number])
    who = (asked.text("client") or curator.name, curator.name)
    return office.claim(stretch, who)


def _answer(
    office: Office, entries: list[Entry], queue: Queue, *, about: bool = True
) -> dict[str, Any]:
    is_blind = queue is Queue.SECOND
    photos = [office.say_photo(entry, blind=is_blind) for entry in entries]
    if about and not is_blind:
        found = office.catalog.photos.about([entry.sha256 for entry in entries])
        for photo in photos:
            if (told := found.get(photo["sha256"])) is not None:
                photo["about"] = asdict(told)
    if queue in {Queue.DISAGREE, Queue.NOTED}:
        opinions = office.opinions([entry.sha256 for entry in entries])
        for photo in photos:
            photo["opinions"] = opinions.get(photo["sha256"], [])
    return {"photos": photos}
