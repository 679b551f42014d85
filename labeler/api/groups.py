"""Routes of the Groups page: groups of copies, and what curators say of them.

    GET  groups?from=&before=&n=   groups in order, conflicts first, then larger ones
    POST groups/apart              {"group", "shas"}: these are not the same as the rest
    POST groups/keep               {"group", "sha256"}: this one is to be kept
    POST groups/undo               {"undo"}: take back what an answer named so

A group comes with a stamp, and is sent back with it: what is said of a group that
somebody changed meanwhile is refused, and the answer shows what it is now.
"""

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from labeler.access import Curator, Role, guarded
from labeler.api.asked import BadRequestError, explained, json_body
from pipeline.catalog import Catalog
from pipeline.catalog.choices import Choice
from pipeline.catalog.groups import Copy, Rank, Said, Vicinity
from pipeline.dedup.regroup import (
    Group,
    OvertakenError,
    Regrouped,
    Regrouping,
    stamp_of,
)
from pipeline.errors import MekikiError
from pipeline.home import SetFolder
from pipeline.settings import SetSettings

PATH = "/mekiki/api/groups"
PER_PAGE = 20  # groups
MOST = 100  # groups a page

Json = dict[str, Any]


class Place(Protocol):
    """What lies behind these routes."""

    @property
    def folder(self) -> SetFolder:
        """The set."""

    @property
    def settings(self) -> SetSettings:
        """Of the set."""

    @property
    def catalog(self) -> Catalog:
        """Of the set, open."""

    @property
    def now(self) -> Callable[[], datetime]:
        """What tells the time, in UTC."""


def routes(place: Place) -> list[Route]:
    """Return the routes of the Groups page."""
    return [
        Route(PATH, _endpoint(place, Role.OPERATOR, _page), methods=["GET"]),
        Route(f"{PATH}/apart", _endpoint(place, Role.CURATOR, _part), methods=["POST"]),
        Route(f"{PATH}/keep", _endpoint(place, Role.CURATOR, _keep), methods=["POST"]),
        Route(f"{PATH}/undo", _endpoint(place, Role.CURATOR, _undo), methods=["POST"]),
    ]


Answering = Callable[[Place, Json, str], Json]


def _endpoint(
    place: Place, least: Role, answering: Answering
) -> Callable[[Request], Awaitable[Response]]:
    """Answer with what ``answering`` makes of the question, in a thread of its own."""

    @guarded(least)
    @explained
    async def endpoint(request: Request, curator: Curator) -> Response:
        asked = await _asked(request)
        try:
            answer = await run_in_threadpool(answering, place, asked, curator.name)
        except (KeyError, TypeError, ValueError) as error:
            raise BadRequestError(f"not understood: {error!r}") from error
        except MekikiError as error:
            return JSONResponse({"error": str(error)}, 409)
        return JSONResponse(answer)

    return endpoint


async def _asked(request: Request) -> Json:
    if request.method == "GET":
        return dict(request.query_params)
    return await json_body(request)


def _page(place: Place, asked: Json, _user: str) -> Json:
    """List groups from a place on, or those before it."""
    ranks = place.catalog.groups.ranks()
    count = min(max(int(asked.get("n", PER_PAGE)), 1), MOST)
    if "before" in asked:
        start = max(bisect_left(ranks, _rank(asked["before"])) - count, 0)
    elif "from" in asked:
        start = bisect_left(ranks, _rank(asked["from"]))
        if start == len(ranks):  # what stood there is no more: the last page
            start = max(len(ranks) - count, 0)
    else:
        start = 0
    shown = ranks[start : start + count]
    after = ranks[start + count : start + count + 1]
    found = place.catalog.groups.read([rank.group_id for rank in shown])
    return {
        "groups": _groups(place, found, [rank.group_id for rank in shown]),
        "first": start + 1,
        "total": len(ranks),
        "conflicts": sum(not rank.is_settled for rank in ranks),
        "from": _key(shown[0]) if shown else None,
        "next": _key(after[0]) if after else None,
        "has_previous": start > 0,
    }


def _part(place: Place, asked: Json, user: str) -> Json:
    group, shas = _group(asked["group"]), [str(sha256) for sha256 in asked["shas"]]
    return _told(place, group, lambda it: it.part(group, shas, user))


def _keep(place: Place, asked: Json, user: str) -> Json:
    group, sha256 = _group(asked["group"]), str(asked["sha256"])
    return _told(place, group, lambda it: it.keep(group, sha256, user))


def _undo(place: Place, asked: Json, user: str) -> Json:
    named = asked["undo"]
    pairs = tuple((str(first), str(second)) for first, second in named["partings"])
    choice = None if named["choice"] is None else Choice(**named["choice"])
    shas = {sha256 for pair in pairs for sha256 in pair}
    shas |= {choice.sha256} if choice else set()
    said = Said(pairs, choice)
    about = Group(tuple(shas), "")
    return _told(place, about, lambda it: it.undo(said, user))


def _told(place: Place, group: Group, say: Callable[[Regrouping], Regrouped]) -> Json:
    """Say something of a group; return the groups its images are in now."""
    it = Regrouping(
        place.folder,
        place.settings,
        place.catalog,
        lambda: place.now().isoformat(),
    )
    try:
        told = say(it)
    except OvertakenError:
        now = place.catalog.groups.around(group.sha256s)
        said = [(one.at, one.user) for one in now.partings]
        said += [(one.at, one.user) for one in now.choices]
        by = max(said)[1] if said else None
        refused = {"refused": True, "by": by, "undo": None}
        return refused | {"groups": _groups(place, now, _in_order(now))}
    undo = {
        "partings": told.said.partings,
        "choice": vars(told.said.choice) if told.said.choice else None,
    }
    is_new = bool(told.said.partings or told.said.choice)
    return {
        "refused": False,
        "by": None,
        "undo": undo if is_new else None,
        "groups": _groups(place, told.now, _in_order(told.now)),
    }


def _in_order(found: Vicinity) -> list[int]:
    sizes = {number: len(copies) for number, copies in found.groups.items()}
    return sorted(sizes, key=lambda number: (-sizes[number], number))


def _groups(place: Place, found: Vicinity, order: Sequence[int]) -> list[Json]:
    by_number = found.groups
    kept = [copies[0].image.sha256 for copies in by_number.values()]
    states = {one.group_id: one for one in place.catalog.photos.entries(kept)}
    chosen = {choice.sha256: choice for choice in found.choices}
    return [
        {
            "id": number,
            "stamp": stamp_of(by_number[number]),
            "label": states[number].label,
            "status": states[number].status,
            "scraped_as": states[number].scraped_as,
            "photos": [_photo(copy, chosen) for copy in by_number[number]],
        }
        for number in order
        if number in by_number and number in states
    ]


def _photo(copy: Copy, chosen: dict[str, Choice]) -> Json:
    image, choice = copy.image, chosen.get(copy.image.sha256)
    return {
        "sha256": image.sha256,
        "kept": copy.grouping.kept,
        "reason": copy.grouping.reason,
        "chosen_by": choice.user if choice else None,
        "categories": copy.categories,
        "width": image.width,
        "height": image.height,
        "bytes": image.size,
        "format": image.format,
        "source": copy.source,
        "origin": image.origin,
        "page": copy.page,
    }


def _group(asked: Json) -> Group:
    return Group(tuple(str(one) for one in asked["shas"]), str(asked["stamp"]))


def _key(rank: Rank) -> str:
    """Return a rank as it stands in an address."""
    return f"{rank.is_settled:d}.{-rank.negative_size}.{rank.group_id}"


def _rank(key: str) -> Rank:
    is_settled, size, group_id = (int(part) for part in key.split("."))
    return Rank(bool(is_settled), -size, group_id)
