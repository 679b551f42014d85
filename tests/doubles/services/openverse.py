"""Openverse, played: search, limits, keys and tokens, and its ways to refuse."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tests.doubles.services.items import LICENCES, item
from tests.doubles.services.keys import Key, Keys, Refused, bad_field
from tests.doubles.services.limits import Counter, Limit
from tests.doubles.services.server import Server
from tests.doubles.services.web import Asked, Record, Reply, json_reply, wait_first
from tests.doubles.services.world import Photo, World

DEPTH = 240  # works of one query that can be paged to
SOURCES = ("flickr", "wikimedia")
LICENCE_TYPES: dict[str, Callable[[str], bool]] = {
    "all": lambda _licence: True,
    "all-cc": lambda licence: licence not in ("cc0", "pdm"),
    "commercial": lambda licence: "nc" not in licence.split("-"),
    "modification": lambda licence: "nd" not in licence.split("-"),
}
ANONYMOUS = (Limit("anon_burst", 20, "min"), Limit("anon_sustained", 200, "day"))
REGISTERED = (
    Limit("oauth2_client_credentials_burst", 100, "min"),
    Limit("oauth2_client_credentials_sustained", 10_000, "day"),
)


class Openverse(Server):
    """The API below ``/v1/``.

    Args:
        record: Where it writes down what it was asked.
        world: The photos there are.
        url_of: Where the file of a photo lies.

    Attributes:
        limits: Of callers without a token (``anonymous``) and with one.
    """

    def __init__(
        self, record: Record, world: World, url_of: Callable[[Photo], str]
    ) -> None:
        self.world = world
        self.url_of = url_of
        self.limits: dict[str, Sequence[Limit]] = {
            "anonymous": ANONYMOUS,
            "registered": REGISTERED,
        }
        self.keys = Keys()
        self.old_error_shape = False
        self.says_retry_after = True  # on its 429
        self.caches = False  # whether repeated anonymous queries cost nothing
        self._counters: dict[str, Counter] = {}
        self._cached: dict[str, Reply] = {}
        super().__init__("openverse", record)

    @property
    def url(self) -> str:
        return f"{self.origin}/v1/"

    def answer(self, asked: Asked) -> Reply:
        views = {
            "/v1/images/": self._search,
            "/v1/images/stats/": self._stats,
            "/v1/rate_limit/": self._rate_limit,
            "/v1/auth_tokens/token/": self.keys.give_token,
            "/v1/auth_tokens/register/": self.keys.register,
        }
        if asked.path + "/" in views:
            return _with_slash(asked)
        try:
            with self.lock:
                if asked.path in views:
                    return views[asked.path](asked)
                return self._detail(asked)
        except Refused as refused:
            return refused.reply

    # Searching

    def _search(self, asked: Asked) -> Reply:
        if self.caches and "authorization" not in asked.headers:
            if asked.target in self._cached:
                hit = self._cached[asked.target]
                return replace(hit, headers={**hit.headers, "cf-cache-status": "HIT"})
            self._cached[asked.target] = reply = self._searched(asked)
            return reply
        return self._searched(asked)

    def _searched(self, asked: Asked) -> Reply:
        caller = self.keys.caller(asked)
        counter = self._counted(asked, caller)
        headers = counter.headers(asked.at)
        try:
            page, size = self._paging(asked, registered=caller is not None)
            works = self._works(asked.query, size)
        except Refused as refused:
            reply = refused.reply
            return replace(reply, headers={**headers, **reply.headers})
        answer = {
            "result_count": min(len(works), DEPTH),
            "page_count": min(-(-len(works) // size), DEPTH // size),
            "page_size": size,
            "page": page,
            "results": [
                item(photo, self.url, self.url_of(photo))
                for photo in works[(page - 1) * size : page * size]
            ],
        }
        return json_reply(answer, headers=headers)

    def _paging(self, asked: Asked, *, registered: bool) -> tuple[int, int]:
        most = 50 if registered else 20
        page = self._whole_number(asked, "page", 1)
        size = self._whole_number(asked, "page_size", 20)
        if size > most:
            self.record.violation(asked, f"page_size {size}, allowed are {most}")
            who = "authenticated" if registered else "anonymous"
            text = f"page_size may not exceed {most} for {who} requests"
            raise Refused(json_reply({"detail": text}, 401))
        if page * size > DEPTH:
            self.record.violation(asked, f"work {page * size}, the last is {DEPTH}")
            text = f"pagination depth may not exceed {DEPTH} works"
            raise Refused(json_reply({"detail": text}, 401))
        return page, size

    def _whole_number(self, asked: Asked, name: str, default: int) -> int:
        given = asked.query.get(name, str(default))
        if not given.isascii() or not given.isdigit():
            raise self._bad(name, "A valid integer is required.")
        if int(given) < 1:
            raise self._bad(name, "Ensure this value is greater than or equal to 1.")
        return int(given)

    def _works(self, query: Mapping[str, str], size: int) -> list[Photo]:
        if "q" in query and "tags" in query:
            raise self._bad("tags", "Cannot be used with `q`.")
        words = query.get("q") or query.get("tags") or query.get("title") or ""
        listed = [
            photo
            for photo in self.world.search(words[:200])
            if photo.site == "flickr" or photo.also_on_openverse
        ]
        for name, filtered in self._filters(query).items():
            if name in query:
                listed = [photo for photo in listed if filtered(photo)]
        for place, photo in reversed(list(enumerate(listed))):
            if photo.listed_twice:
                listed.insert(place + size, photo)
        return listed

    def _filters(self, query: Mapping[str, str]) -> dict[str, Callable[[Photo], bool]]:
        def several(name: str) -> list[str]:
            return query.get(name, "").lower().split(",")

        if "source" in query and "excluded_source" in query:
            text = "Cannot set both 'source' and 'excluded_source'."
            raise self._bad("excluded_source", text)
        if "license" in query and (wrong := set(several("license")) - set(LICENCES)):
            text = f"License '{min(wrong)}' does not exist."
            raise self._bad("license", text)
        types = several("license_type")
        if "license_type" in query and (wrong := set(types) - set(LICENCE_TYPES)):
            text = f"License type '{min(wrong)}' does not exist."
            raise self._bad("license_type", text)
        wanted = [one for one in several("source") if one in SOURCES]
        return {
            "license": lambda photo: photo.licence in several("license"),
            "license_type": lambda photo: all(
                LICENCE_TYPES[one](photo.licence) for one in types
            ),
            "source": lambda photo: not wanted or _source(photo) in wanted,
            "excluded_source": lambda photo: (
                _source(photo) not in several("excluded_source")
            ),
            "creator": lambda photo: (
                query["creator"].lower() in (photo.creator or "").lower()
            ),
            "category": lambda _photo: "photograph" in several("category"),
            "aspect_ratio": lambda photo: _shape(photo) in several("aspect_ratio"),
            "size": lambda photo: _size(photo) in several("size"),
            "extension": lambda photo: photo.filetype in several("extension"),
        }

    def _detail(self, asked: Asked) -> Reply:
        self._counted(asked, self.keys.caller(asked))
        for photo in self.world.photos:
            if asked.path == f"/v1/images/{photo.uuid}/":
                return json_reply(item(photo, self.url, self.url_of(photo)))
        return json_reply({"detail": "Not found."}, 404)

    def _stats(self, asked: Asked) -> Reply:
        self._counted(asked, self.keys.caller(asked))
        photos = self.world.photos
        return json_reply(
            [
                {
                    "source_name": source,
                    "display_name": source.title(),
                    "source_url": f"https://{source}.example",
                    "logo_url": None,
                    "media_count": sum(_source(photo) == source for photo in photos),
                }
                for source in SOURCES
            ]
        )

    # Limits and keys

    def _counter(self, caller: Key | None) -> Counter:
        standing = "registered" if caller and caller.verified else "anonymous"
        limits = tuple(self.limits[standing])
        who = caller.client_id if caller else ""
        counter = self._counters.setdefault(who, Counter(limits))
        counter.limits = limits
        return counter

    def _counted(self, asked: Asked, caller: Key | None) -> Counter:
        """Count a call in, or refuse it."""
        counter = self._counter(caller)
        exceeded = counter.take(asked.at)
        if exceeded is None:
            return counter
        self.record.violation(asked, f"call beyond {exceeded.rate}")
        wait = counter.wait(exceeded, asked.at)
        text = f"Request was throttled. Expected available in {wait:.0f} seconds."
        reply = json_reply({"detail": text}, 429, counter.headers(asked.at))
        if self.says_retry_after:
            reply = wait_first(reply, wait, asked.at)
        raise Refused(reply)

    def _rate_limit(self, asked: Asked) -> Reply:
        caller = self.keys.caller(asked)
        if caller is None:
            text = "Authentication credentials were not provided."
            return json_reply({"detail": text}, 401)
        counter = self._counter(caller)
        used = [one.number - counter.left(one, asked.at) for one in counter.limits]
        answer = {
            "requests_this_minute": used[0] or None,
            "requests_today": used[1] or None,
            "rate_limit_model": caller.model,
            "verified": caller.verified,
        }
        return json_reply(answer)

    def _bad(self, name: str, text: str) -> Refused:
        if not self.old_error_shape:
            return bad_field(name, text)
        shape = {"error": "InputError", "detail": text, "fields": [name]}
        return Refused(json_reply(shape, 400))


def _with_slash(asked: Asked) -> Reply:
    path, mark, query = asked.target.partition("?")
    return Reply(b"moved", 301, headers={"Location": f"{path}/{mark}{query}"})


def _shape(photo: Photo) -> str:
    if photo.width == photo.height:
        return "square"
    return "wide" if photo.width > photo.height else "tall"


def _size(photo: Photo) -> str:
    pixels = photo.width * photo.height
    return ("small", "medium", "large")[(pixels > 480 * 640) + (pixels > 1200 * 1600)]


def _source(photo: Photo) -> str:
    return "flickr" if photo.site == "flickr" else "wikimedia"
