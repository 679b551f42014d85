"""The photos that the double's services know, drawn from a seed.

A photo lies on a photo site that Openverse searches, or on Commons; one of Commons can
be known to Openverse too, under an id of its own.
"""

import hashlib
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Literal

import cv2
import numpy as np

Site = Literal["flickr", "commons"]
# Licences that a training set may take: slug and version, in the turn they are given.
OPEN_LICENCES = (("by", "2.0"), ("by-sa", "4.0"), ("cc0", "1.0"), ("pdm", "1.0"))
CREATORS = ("Ana Ruiz", "Bo Ek", "中村 さくら", "D'Arcy & Sons", "Émile Ö.", "f_ox")


@dataclass(frozen=True)
class Photo:
    """One photo, and what the services say of it, true or not."""

    number: int  # on Commons the pageid
    title: str
    site: Site = "flickr"
    tags: tuple[str, ...] = ()
    creator: str | None = "Ana Ruiz"
    licence: str = "by"  # a slug of Openverse's, or "fair-use", "gfdl"
    licence_version: str = "2.0"
    width: int = 160
    height: int = 120
    seed: int = 0  # of the world
    # Faults
    filetype: str = "jpg"  # what Openverse says
    dead: bool = False  # the file is gone: 404
    listed_twice: bool = False  # Openverse shows it again on the page after
    also_on_openverse: bool = False  # of Commons: under another id
    missing: bool = False  # of Commons: found, yet gone
    copy_of: int | None = None  # the file is that of the photo with this number
    # What Commons says in extmetadata and Openverse in its fields, instead of what is
    # true; an ellipsis leaves a name out.
    extmetadata: Mapping[str, object] = field(default_factory=dict)
    fields: Mapping[str, object] = field(default_factory=dict)

    @property
    def uuid(self) -> str:
        """Its id at Openverse."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.seed}/{self.number}"))

    @property
    def name(self) -> str:
        """The file's name on Commons."""
        plain = re.sub(r"<[^>]*>|[#<>\[\]|{}/]", "", self.title)
        return f"{plain} ({self.number}).jpg".replace(" ", "_")

    @property
    def folder(self) -> str:
        digest = hashlib.md5(self.name.encode(), usedforsecurity=False).hexdigest()
        return f"{digest[0]}/{digest[:2]}"

    @cached_property
    def text(self) -> str:
        """What a search looks through, in lower case."""
        return " | ".join(_plain(text) for text in (self.title, *self.tags))

    def jpeg(self, width: int | None = None) -> bytes:
        """Return the file, at a smaller ``width`` where one is given."""
        height = self.height
        if width is not None:
            height = max(1, round(width * self.height / self.width))
        number = self.number if self.copy_of is None else self.copy_of
        return _draw(self.seed, number, width or self.width, height)

    @cached_property
    def size(self) -> int:
        """Its length in bytes."""
        return len(self.jpeg())

    @cached_property
    def sha1(self) -> str:
        return hashlib.sha1(self.jpeg(), usedforsecurity=False).hexdigest()


class World:
    """All photos, in the order in which a search finds them."""

    def __init__(self, photos: Iterable[Photo] = ()) -> None:
        self._photos: dict[int, Photo] = {}
        self._found: dict[str, list[Photo]] = {}
        self._by_name: dict[str, Photo] = {}
        self.add(*photos)

    @classmethod
    def for_queries(
        cls,
        queries: Mapping[str, int],
        *,
        seed: int = 0,
        sites: Iterable[Site] = ("flickr", "commons"),
        shared_every: int = 0,
    ) -> "World":
        """Make so many photos for each query on each of the sites.

        Those on the photo site are 160 pixels wide, those on Commons 640; all their
        licences are open ones, and all their files are sound. Every so manieth of
        Commons is on Openverse too.
        """
        photos: list[Photo] = []
        for site in sites:
            for query, number in queries.items():
                for turn in range(number):
                    shared = site == "commons" and shared_every > 0
                    photo = replace(
                        _ordinary(query, turn, site),
                        number=len(photos) + 1,
                        seed=seed,
                        also_on_openverse=shared and turn % shared_every == 0,
                    )
                    photos.append(photo)
        return cls(photos)

    @property
    def photos(self) -> list[Photo]:
        return list(self._photos.values())

    def add(self, *photos: Photo) -> None:
        """Add photos; one with a number that is known takes its place."""
        for photo in photos:
            self._photos[photo.number] = photo
        self._found = {}
        self._by_name = {photo.name: photo for photo in self._photos.values()}

    def numbered(self, number: int) -> Photo | None:
        return self._photos.get(number)

    def named(self, name: str) -> Photo | None:
        """Return the photo of Commons with this file name."""
        photo = self._by_name.get(name.removeprefix("File:").replace(" ", "_"))
        return photo if photo is not None and photo.site == "commons" else None

    def search(self, query: str) -> list[Photo]:
        """Find the photos with all words (or their stems) and all "phrases" of a query.

        Search keywords with a colon are left out of account.
        """
        if query not in self._found:
            wanted = [_matcher(term) for term in _terms(query)]
            self._found[query] = [
                photo
                for photo in self._photos.values()
                if all(pattern.search(photo.text) for pattern in wanted)
            ]
        return self._found[query]


def _ordinary(query: str, turn: int, site: Site) -> Photo:
    licence, version = OPEN_LICENCES[turn % len(OPEN_LICENCES)]
    subject = query.replace('"', "")
    return Photo(
        number=0,
        title=f"{subject} {turn + 1}",
        site=site,
        tags=(subject, *subject.lower().split()),
        creator=CREATORS[turn % len(CREATORS)],
        licence=licence,
        licence_version=version,
        width=640 if site == "commons" else 160,
        height=480 if site == "commons" else 120,
    )


def _plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", "", text).lower().split())


def _terms(query: str) -> list[str]:
    """Split a query into words and phrases; a phrase keeps its quote."""
    parts = re.findall(r'"[^"]*"?|[^\s"]+(?:"[^"]*")?', query.lower())
    return [part for part in parts if ":" not in part.split('"')[0]]


def _matcher(term: str) -> re.Pattern[str]:
    if term.startswith('"'):
        phrase = re.escape(_plain(term.strip('"')))
        return re.compile(rf"(?<!\w){phrase}(?!\w)")
    stem = re.escape(term.rstrip("s"))
    return re.compile(rf"(?<!\w){stem}")


@lru_cache(maxsize=500)
def _draw(seed: int, number: int, width: int, height: int) -> bytes:
    """Draw soft blobs of colour, another picture for each number, as a JPEG."""
    coarse = np.random.default_rng([seed, number]).integers(
        0, 256, (8, 10, 3), dtype=np.uint8
    )
    pixels = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return bytes(data)
