"""Hosts of files, played: a photo site, Commons' originals and thumbnails, a shop."""

import re
from collections.abc import Callable
from urllib.parse import unquote

from protego import Protego

from tests.doubles.services.commons import LADDER
from tests.doubles.services.server import Server
from tests.doubles.services.web import Asked, Record, Reply
from tests.doubles.services.world import Photo, World

Files = Callable[[Asked], Reply]
ALLOW_ALL = "User-agent: *\nDisallow:\n"
FORBID_ALL = "User-agent: *\nDisallow: /\n"
FILE = re.compile(r"/wikipedia/commons/\w/\w\w/(?P<name>[^/]+)")
THUMB = re.compile(
    r"/wikipedia/commons/thumb/\w/\w\w/(?P<name>[^/]+)/(?P<width>\d+)px-(?P=name)"
)
GONE = Reply(b"nothing here", 404)


class Media(Server):
    """A host of files; what ``put`` says of a path comes before what ``files`` know."""

    def __init__(
        self,
        name: str,
        record: Record,
        files: Files,
        *,
        most_at_once: int | None = None,
        wants_contact: bool = True,
        refuses_strangers: bool = False,
    ) -> None:
        self.files = files
        self._put: dict[str, list[Reply]] = {}
        self._judge = Protego.parse(ALLOW_ALL)
        super().__init__(
            name,
            record,
            most_at_once=most_at_once,
            wants_contact=wants_contact,
            refuses_strangers=refuses_strangers,
        )
        self.set_robots(ALLOW_ALL)

    @property
    def url(self) -> str:
        return self.origin

    def put(self, path: str, *replies: Reply | bytes) -> str:
        """Answer ``path`` (no query) with these in turn, with the last ever after.

        Bytes stand for a JPEG. Returns the whole URL.
        """
        self._put[path] = [
            one if isinstance(one, Reply) else Reply(one, content_type="image/jpeg")
            for one in replies
        ]
        return self.origin + path

    def set_robots(
        self, rules: str = "", *, status: int = 200, moved_to: str = ""
    ) -> None:
        """Say what robots.txt answers, and by that what is forbidden (RFC 9309).

        Args:
            rules: Its text.
            status: Its status: with a 4xx all is allowed, with a 5xx all is forbidden.
            moved_to: A path where the text lies instead.
        """
        reply = Reply(rules.encode(), status)
        if moved_to:
            self.put(moved_to, reply)
            reply = Reply(b"moved", 301, headers={"Location": self.origin + moved_to})
        self.put("/robots.txt", reply)
        self.judge_by(FORBID_ALL if status >= 500 else rules if status < 400 else "")

    def judge_by(self, rules: str) -> None:
        """Forbid by ``rules``, whatever robots.txt itself answers."""
        self._judge = Protego.parse(rules)

    def held_back_by(self, asked: Asked) -> str:
        """Return the path: others may be asked for while one must wait."""
        return asked.path

    def answer(self, asked: Asked) -> Reply:
        known_as = asked.agent.partition("/")[0] or "*"
        rules = asked.path == "/robots.txt"
        if not rules and not self._judge.can_fetch(asked.target, known_as):
            self.record.violation(asked, "forbidden by robots.txt")
        if any(name.startswith("utm_") for name in asked.query):
            self.record.violation(asked, "tracking parameters")
        with self.lock:
            replies = self._put.get(asked.path)
            if replies:
                return replies.pop(0) if len(replies) > 1 else replies[0]
        return self.files(asked)


def photo_site_path(photo: Photo) -> str:
    """Return where the photo site keeps a photo."""
    return f"/65535/{photo.number}_{photo.uuid[:10]}_b.jpg"


class PhotoSite:
    """The files of a photo site, in one size each."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __call__(self, asked: Asked) -> Reply:
        number = asked.path.removeprefix("/65535/").partition("_")[0]
        photo = self.world.numbered(int(number)) if number.isdigit() else None
        if photo is None or photo.dead or photo_site_path(photo) != asked.path:
            return GONE
        return _jpeg(photo.jpeg())


class Wikimedia:
    """The files of Commons: originals, and thumbnails on the steps of the ladder."""

    def __init__(self, world: World, record: Record) -> None:
        self.world = world
        self.record = record

    def original(self, asked: Asked) -> Reply:
        photo = self._photo(FILE.fullmatch(asked.path))
        return _jpeg(photo.jpeg()) if photo else GONE

    def thumb(self, asked: Asked) -> Reply:
        match = THUMB.fullmatch(asked.path)
        photo = self._photo(match)
        if match is None or photo is None:
            return GONE
        width = int(match["width"])
        if width not in LADDER:
            self.record.violation(asked, "thumbnail of a width made by hand")
            text = b"Use thumbnail steps listed on https://w.wiki/GHai"
            return Reply(text, 400)
        if width >= photo.width:
            return Reply(b"the requested width is bigger than the file", 400)
        return _jpeg(photo.jpeg(width))

    def _photo(self, match: re.Match[str] | None) -> Photo | None:
        photo = self.world.named(unquote(match["name"])) if match else None
        return None if photo is None or photo.dead or photo.missing else photo


def _jpeg(body: bytes) -> Reply:
    return Reply(body, content_type="image/jpeg")
