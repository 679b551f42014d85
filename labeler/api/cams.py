"""What the newest finished run looks at in a photo, as a picture to lay over it."""

import asyncio
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from labeler.access import Curator, Role, guarded
from labeler.api.asked import BadRequestError, explained
from labeler.api.photos import GONE
from labeler.heating import Heated, Heater, NothingToShowError
from labeler.office import Office


def routes(office: Office) -> list[BaseRoute]:
    """Return the route of heatmaps; what answers it ends with the office."""
    heater = Heater(office.folder)
    office.stack.callback(heater.stop)

    @guarded(Role.CURATOR)
    @explained
    async def cam(request: Request, _curator: Curator) -> Response:
        sha256 = request.path_params["sha256"]
        answer = heater.thread.submit(_look, office, heater, sha256)
        heated = await asyncio.wrap_future(answer)
        return JSONResponse(asdict(heated))

    return [Route("/mekiki/api/cam/{sha256}", cam)]


def _look(office: Office, heater: Heater, sha256: str) -> Heated:
    [stored] = office.stored([sha256])
    if stored is None:
        raise BadRequestError(GONE, status=404)
    try:
        return heater.ask(stored.sha256, stored.extension)
    except NothingToShowError as error:
        raise BadRequestError(str(error), status=409) from error
