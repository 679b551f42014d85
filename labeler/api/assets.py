"""The component's files, under an address that changes with them: held for good.

They come by a route of ours because Streamlit's own search for a package's assets finds
none where the distribution is no package of that name, as with an editable install.
"""

import hashlib
import json
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from labeler.words import all_words

FOLDER = Path(__file__).parents[1] / "component"
TYPES = {".js": "text/javascript", ".css": "text/css", ".json": "application/json"}
WORDS = "words.json"  # all of them, in one file


def address() -> str:
    """Return where the files lie, ending in ``/``."""
    return f"/mekiki/assets/{_digest()}/"


def routes() -> list[BaseRoute]:
    """Return the route of the files."""
    return [Route("/mekiki/assets/{digest}/{name}", _file)]


async def _file(request: Request) -> Response:
    found = _files().get(request.path_params["name"])
    if found is None:
        return PlainTextResponse("no such file", 404)
    body, media_type = found
    is_current = request.path_params["digest"] == _digest()
    age = "public, max-age=31536000, immutable" if is_current else "no-store"
    return Response(body, media_type=media_type, headers={"Cache-Control": age})


@cache
def _files() -> dict[str, tuple[bytes, str]]:
    files = {
        file.name: (file.read_bytes(), TYPES[file.suffix])
        for file in FOLDER.iterdir()
        if file.suffix in TYPES
    }
    words = json.dumps(all_words(), ensure_ascii=False).encode()
    return files | {WORDS: (words, TYPES[".json"])}


@cache
def _digest() -> str:
    digest = hashlib.sha256()
    for name, (body, _) in sorted(_files().items()):
        digest.update(name.encode() + b"\0" + body)
    return digest.hexdigest()[:16]
