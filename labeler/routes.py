"""Every route of a set's labeler: see ``labeler.api``."""

from starlette.routing import BaseRoute

from labeler.api import assets, cams, groups, photos, saying
from labeler.office import Office


def build_routes(office: Office) -> list[BaseRoute]:
    """Return every route of a set's labeler."""
    return [
        *assets.routes(),
        *photos.routes(office),
        *saying.routes(office),
        *groups.routes(office),
        *cams.routes(office),
    ]
