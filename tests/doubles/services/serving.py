"""Openverse, Wikimedia Commons, their media hosts and a shop on loopback, for tests.

    with serve_services(World.for_queries({"Fender Jaguar": 30})) as services:
        ...  # services.openverse.url, services.commons.url
        assert services.violations == []

Each is a server on a port of its own. None of them sleeps: windows of limits, tokens
and Retry-After go by the clock that is handed in. What a client did wrong by the rules
that the services publish is in ``services.violations``, all it asked in ``log``.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.doubles.services.commons import Commons
from tests.doubles.services.limits import Limit
from tests.doubles.services.media import (
    GONE,
    Files,
    Media,
    PhotoSite,
    Wikimedia,
    photo_site_path,
)
from tests.doubles.services.openverse import ANONYMOUS, REGISTERED, Openverse
from tests.doubles.services.server import Server
from tests.doubles.services.web import Clock, Logged, Record
from tests.doubles.services.world import Photo, World

Kind = TypeVar("Kind", bound=Server)


@dataclass(frozen=True)
class Services:
    """All servers, and what they wrote down."""

    world: World
    record: Record
    openverse: Openverse
    commons: Commons
    photo_site: Media  # where most of Openverse's works lie
    upload: Media  # Commons' originals
    thumbs: Media  # Commons' thumbnails
    shop: Media  # has what it is given by ``put``

    @property
    def log(self) -> list[Logged]:
        return self.record.log

    @property
    def violations(self) -> list[str]:
        return self.record.violations

    @property
    def openverse_url(self) -> str:
        return self.openverse.url

    @property
    def commons_url(self) -> str:
        return self.commons.url

    def file_url(self, photo: Photo) -> str:
        """Return where the whole file of a photo lies."""
        return self.openverse.url_of(photo)

    def media_asked(self) -> list[str]:
        """List the URLs asked of the media hosts, robots.txt and its kin left out."""
        hosts = {one.name: one for one in (self.photo_site, self.upload, self.thumbs)}
        return [
            hosts[one.server].url + one.target
            for one in self.log
            if one.server in hosts and one.path != "/robots.txt"
            if not one.path.startswith("/.well-known/")
        ]


@contextmanager
def serve_services(
    world: World,
    *,
    clock: Clock = time.time,
    anonymous: Sequence[Limit] = ANONYMOUS,
    registered: Sequence[Limit] = REGISTERED,
    commons_per_minute: int = 200,
) -> Iterator[Services]:
    """Run all services on free ports of loopback.

    Args:
        world: The photos there are; may grow while they run.
        clock: Seconds since 1970, as time.time; moved by the test where it likes.
        anonymous: Openverse's limits of callers without a token.
        registered: Those of callers with one.
        commons_per_minute: Calls that the API of Commons answers in a minute.

    Raises:
        BaseException: At the end, the first mistake of the double itself.
    """
    record = Record(clock)
    wikimedia = Wikimedia(world, record)
    with _stopped_together() as running:

        def run(server: Kind) -> Kind:
            running.append(server)
            return server

        def media(name: str, files: Files, **rules: Any) -> Media:
            return run(Media(name, record, files, **rules))

        strict = {"most_at_once": 2, "refuses_strangers": True}
        photo_site = media("photo site", PhotoSite(world))
        upload = media("upload", wikimedia.original, **strict)
        thumbs = media("thumbs", wikimedia.thumb, **strict)
        shop = media("shop", lambda _asked: GONE, wants_contact=False)
        commons = run(
            Commons(record, world, upload.url, thumbs.url, commons_per_minute)
        )

        def file_url(photo: Photo) -> str:
            if photo.site == "commons":
                return commons.original_url(photo)
            return photo_site.url + photo_site_path(photo)

        openverse = run(Openverse(record, world, file_url))
        openverse.limits = {"anonymous": anonymous, "registered": registered}
        yield Services(
            world, record, openverse, commons, photo_site, upload, thumbs, shop
        )
    if record.errors:
        raise record.errors[0]


@contextmanager
def _stopped_together() -> Iterator[list[Server]]:
    running: list[Server] = []
    try:
        yield running
    finally:
        with ThreadPoolExecutor(len(running) or 1) as threads:
            list(threads.map(Server.stop, running))
