"""Wikimedia Commons' Action API, played: searching, continuing, and its errors, which
come with HTTP 200."""

from collections.abc import Callable, Mapping
from urllib.parse import quote

import numpy as np

from tests.doubles.services.extmetadata import extmetadata
from tests.doubles.services.limits import Counter, Limit
from tests.doubles.services.server import Server
from tests.doubles.services.web import Asked, Record, Reply, json_reply, wait_first
from tests.doubles.services.world import Photo, World

LADDER = (20, 40, 60, 120, 250, 330, 500, 960, 1280, 1920, 3840)  # widths of thumbnails
LAST_OFFSET = 10_000  # where a search ends
UPLOADED = "2015-03-04T05:06:07Z"
# Of each second, a tenth is left to the clocks of client and server.
BURST = (5, 0.9)
Page = dict[str, object]


def maxlag(seconds: float = 5) -> Callable[[float], Reply]:
    """Return the error of a lagged database: HTTP 200, ask again in ``seconds``."""
    info = f"Waiting for db1234: {seconds + 2:.0f} seconds lagged."
    reply = api_error("maxlag", info)
    return lambda now: wait_first(reply, seconds, now)


def api_error(code: str, info: str = "It did not work.") -> Reply:
    """Return another error of the API: HTTP 200 as well."""
    value = {"error": {"code": code, "info": info, "docref": "See the manual."}}
    return json_reply(value, headers={"MediaWiki-API-Error": code})


class Commons(Server):
    """The API at ``/w/api.php``: one call at a time, to whoever says who asks.

    Args:
        record: Where it writes down what it was asked.
        world: The photos there are.
        upload: Where originals lie.
        thumbs: Where thumbnails lie.
        per_minute: Calls it answers in a minute.
    """

    def __init__(
        self, record: Record, world: World, upload: str, thumbs: str, per_minute: int
    ) -> None:
        self.world = world
        self.upload = upload
        self.thumbs = thumbs
        self.limits = (Limit("api", per_minute, "min"),)
        self.at_most_in_a_second: int | None = BURST[0]
        self.transforms = 50  # scaled images a request
        self.old_format = False  # answers in format version 1, whatever is asked for
        self.imageinfos: int | None = None  # pages described a request, where not None
        self._counter = Counter(self.limits)
        self._recent: list[float] = []
        super().__init__("commons", record, most_at_once=1, refuses_strangers=True)

    @property
    def url(self) -> str:
        return f"{self.origin}/w/api.php"

    def original_url(self, photo: Photo) -> str:
        """Return where the file itself lies, without what tracks."""
        name = quote(photo.name, safe="(),!:;@")
        return f"{self.upload}/wikipedia/commons/{photo.folder}/{name}"

    def thumb_url(self, photo: Photo, width: int) -> str | None:
        """Return where it lies at ``width`` or a step above; ``None``: too small."""
        step = next((step for step in LADDER if step >= width), None)
        if step is None or step >= photo.width:
            return None
        name = quote(photo.name, safe="(),!:;@")
        folder = f"{self.thumbs}/wikipedia/commons/thumb/{photo.folder}"
        return f"{folder}/{name}/{step}px-{name}"

    def answer(self, asked: Asked) -> Reply:
        if asked.path != "/w/api.php":
            return Reply(b"no such page", 404)
        with self.lock:
            refusal = self._refusal(asked)
        if refusal is not None:
            return refusal
        if asked.query.get("format") != "json":
            return Reply(b"<pre>{}</pre>", content_type="text/html; charset=utf-8")
        if asked.query.get("action") != "query":
            return api_error("badvalue", 'Unrecognized value for parameter "action".')
        query = asked.query | ({"formatversion": "1"} if self.old_format else {})
        if query.get("generator") == "search":
            return json_reply(self._search(query))
        return json_reply(self._named_pages(query))

    def _refusal(self, asked: Asked) -> Reply | None:
        self._counter.limits = self.limits
        self._recent = [at for at in self._recent if at > asked.at - BURST[1]]
        self._recent.append(asked.at)
        most = self.at_most_in_a_second
        if most is not None and len(self._recent) > most:
            self.record.violation(asked, f"{len(self._recent)} calls in a second")
        exceeded = self._counter.take(asked.at)
        if exceeded is None:
            return None
        self.record.violation(asked, f"call beyond {exceeded.rate}")
        wait = self._counter.wait(exceeded, asked.at)
        return wait_first(Reply(b"too many requests", 429), wait, asked.at)

    def _search(self, query: Mapping[str, str]) -> Page:
        offset = int(query.get("gsroffset", "0"))
        limit = min(int(query.get("gsrlimit", "10")), 500)
        found = [
            photo
            for photo in self.world.search(query.get("gsrsearch", ""))
            if photo.site == "commons"
        ]
        shown = found[offset : offset + limit]
        if not shown:
            return {"batchcomplete": _flag(query)}
        pages = [
            {**self._page(photo, query), "index": offset + place + 1}
            for place, photo in enumerate(shown)
        ]
        described = [place for place, page in enumerate(pages) if "missing" not in page]
        first, last = self._described(shown, query)
        for turn, place in enumerate(described):
            if not first <= place < last:
                pages[place].pop("imageinfo", None)
            elif turn >= self.transforms:
                _take_thumbs_off(pages[place])
        answer: Page = {}
        more = min(offset + limit, LAST_OFFSET)
        if last < len(shown):
            after = f"{shown[last].name}|{UPLOADED}"
            back = {"gsroffset": offset} if offset else {}
            answer["continue"] = {
                "iicontinue": after,
                **back,
                "continue": "gsroffset||",
            }
        else:
            answer["batchcomplete"] = _flag(query)
            if more < min(len(found), LAST_OFFSET):
                answer["continue"] = {"gsroffset": more, "continue": "gsroffset||"}
        return answer | {"query": {"pages": _listed(pages, query, seed=offset)}}

    def _described(
        self, shown: list[Photo], query: Mapping[str, str]
    ) -> tuple[int, int]:
        """Return the first of the pages with imageinfo, and the first after them."""
        if self.imageinfos is None:
            return 0, len(shown)
        names = [photo.name for photo in shown]
        start = query.get("iicontinue", "").partition("|")[0]
        first = names.index(start) if start in names else 0
        return first, min(first + self.imageinfos, len(shown))

    def _named_pages(self, query: Mapping[str, str]) -> Page:
        pages: list[Page] = []
        if "pageids" in query:
            for number in query["pageids"].split("|"):
                photo = self.world.numbered(int(number))
                known = photo is not None and photo.site == "commons"
                gone: Page = {"pageid": int(number), "missing": _flag(query)}
                pages.append(self._page(photo, query) if photo and known else gone)
        elif "titles" in query:
            for title in query["titles"].split("|"):
                photo = self.world.named(title)
                gone = {"ns": 6, "title": title, "missing": _flag(query)}
                pages.append(self._page(photo, query) if photo else gone)
        answer: Page = {"batchcomplete": _flag(query)}
        if pages:
            answer["query"] = {"pages": _listed(pages, query, seed=0)}
        return answer

    def _page(self, photo: Photo, query: Mapping[str, str]) -> Page:
        title = f"File:{photo.name.replace('_', ' ')}"
        page: Page = {"pageid": photo.number, "ns": 6, "title": title}
        if photo.missing:
            return page | {"missing": _flag(query), "imagerepository": ""}
        page["imagerepository"] = "local"
        if "imageinfo" in query.get("prop", "").split("|"):
            page["imageinfo"] = [self._imageinfo(photo, query)]
        return page

    def _imageinfo(self, photo: Photo, query: Mapping[str, str]) -> Page:
        props = query.get("iiprop", "timestamp|user").split("|")
        info: Page = {}
        if "timestamp" in props:
            info["timestamp"] = UPLOADED
        if "user" in props:
            info["user"] = "Uploader"
        if "size" in props:
            size = {"size": photo.size, "width": photo.width}
            info |= {**size, "height": photo.height}
        if "url" in props:
            info |= self._urls(photo, int(query.get("iiurlwidth", "-1")))
        if "sha1" in props:
            info["sha1"] = photo.sha1
        if "mime" in props:
            info["mime"] = "image/jpeg"
        if "extmetadata" in props:
            wanted = query.get("iiextmetadatafilter", "")
            info["extmetadata"] = extmetadata(
                photo, wanted.split("|") if wanted else []
            )
        return info

    def _urls(self, photo: Photo, width: int) -> Page:
        original = self.original_url(photo)
        urls: Page = {}
        if width > 0:
            thumb = self.thumb_url(photo, width)
            shown = width if thumb else photo.width
            urls = {
                "thumburl": _tracked(thumb or original, "thumbnail"),
                "thumbwidth": shown,
                "thumbheight": round(shown * photo.height / photo.width),
                "responsiveUrls": {
                    times: _tracked(larger, "thumbnail")
                    for times in ("1.5", "2")
                    if (larger := self.thumb_url(photo, int(float(times) * width)))
                },
            }
        about = "https://commons.wikimedia.org/w"
        return urls | {
            "url": _tracked(original, "original"),
            "descriptionurl": f"{about}iki/File:{quote(photo.name)}",
            "descriptionshorturl": f"{about}/index.php?curid={photo.number}",
        }


def _tracked(url: str, content: str) -> str:
    source = "utm_source=commons.wikimedia.org&utm_campaign=imageinfo"
    return f"{url}?{source}&utm_content={content}"


def _take_thumbs_off(page: Page) -> None:
    infos = page.get("imageinfo")
    if not isinstance(infos, list):
        return
    for name in ("thumburl", "thumbwidth", "thumbheight", "responsiveUrls"):
        infos[0].pop(name, None)


def _flag(query: Mapping[str, str]) -> bool | str:
    return True if query.get("formatversion") == "2" else ""


def _listed(pages: list[Page], query: Mapping[str, str], *, seed: int) -> object:
    """Put pages in the order of no one's rank: a list, or in old times an object."""
    shuffled = [
        pages[place] for place in np.random.default_rng(seed).permutation(len(pages))
    ]
    if query.get("formatversion") == "2":
        return shuffled
    return {str(page.get("pageid", -1 - i)): page for i, page in enumerate(shuffled)}
