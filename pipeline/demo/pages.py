"""The pages of the made-up shop: as a person sees them, and as real shops write them.

Each photo is shown in one of the ways of ``SHOWINGS``; the first of a page is its
hero, whose original stands in ``og:image`` alone. Every second page states a ``base``
and writes its addresses relative to it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from pipeline.demo.shop import FORBIDDEN, Photo, Shop, slug
from pipeline.demo.signs import SHOP_NAME

PER_PAGE = 24
SMALL, MIDDLE = 240, 360  # widths of the smaller versions, in pixels
BLANK = (
    "data:image/gif;base64,R0lGODlhAQABAIAAAP///wAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw=="
)

_pages = Environment(loader=PackageLoader("pipeline.demo"), autoescape=True)
_SERIES = ("Standard", "Custom", "Deluxe", "Junior", "Studio", "限定モデル", "Special")


@dataclass(frozen=True)
class Picture:
    """A photo's addresses, as the page at hand writes them."""

    original: str
    small: str
    middle: str
    title: str
    price: str


def _linked(picture: Picture) -> Markup:
    return Markup('<a href="{}"><img src="{}" alt="{}"></a>').format(
        picture.original, picture.small, picture.title
    )


def _by_width(picture: Picture) -> Markup:
    return Markup(
        '<img src="{0}" srcset="{0} 240w, {1} 360w, {2} 640w" sizes="240px" alt="{3}">'
    ).format(picture.small, picture.middle, picture.original, picture.title)


def _by_density(picture: Picture) -> Markup:
    return Markup('<img src="{0}" srcset="{0} 1x, {1} 2x" alt="{2}">').format(
        picture.small, picture.original, picture.title
    )


def _lazy(picture: Picture) -> Markup:
    return Markup('<img class="lazy" src="{}" data-src="{}" alt="{}">').format(
        BLANK, picture.original, picture.title
    )


def _lazy_by_width(picture: Picture) -> Markup:
    return Markup(
        '<img src="{}" data-srcset="{} 240w, {} 640w" sizes="240px" alt="{}">'
    ).format(BLANK, picture.small, picture.original, picture.title)


def _picture(picture: Picture) -> Markup:
    return Markup(
        '<picture><source media="(min-width: 900px)" srcset="{} 360w, {} 640w">'
        '<img src="{}" alt="{}"></picture>'
    ).format(picture.middle, picture.original, picture.small, picture.title)


def _without_script(picture: Picture) -> Markup:
    return Markup('<noscript><img src="{}" alt="{}"></noscript>').format(
        picture.original, picture.title
    )


def _as_backdrop(picture: Picture) -> Markup:
    """Show the photo as a background; its original stands in the JSON-LD alone."""
    return Markup(
        '<div class="backdrop" role="img" aria-label="{}"'
        " style=\"background-image: url('{}')\"></div>"
    ).format(picture.title, picture.small)


SHOWINGS: dict[str, Callable[[Picture], Markup]] = {
    "link": _linked,
    "srcset by width": _by_width,
    "srcset by density": _by_density,
    "data-src": _lazy,
    "data-srcset": _lazy_by_width,
    "picture": _picture,
    "noscript": _without_script,
    "JSON-LD": _as_backdrop,
}


@dataclass(frozen=True)
class Pages:
    """Writes the shop's pages.

    ``detours`` are the files whose address on the pages is another one, which leads
    to them by a redirect.
    """

    shop: Shop
    root: str  # http://host:port
    detours: Mapping[str, str]

    def count(self, category: str) -> int:
        """Return how many pages a category has."""
        return -(-len(self.listed(category)) // PER_PAGE)

    def listed(self, category: str) -> list[Photo]:
        """Return the photos of a category in the order of its pages."""
        photos = [photo for photo in self.shop.photos if category in photo.categories]
        return sorted(photos, key=lambda photo: photo.file.rpartition("/")[2])

    def home(self) -> str:
        """Write the front page: one guitar of each category."""
        firsts = [(name, self.listed(name)) for name in self.shop.categories]
        tiles = [
            {
                "title": name,
                "url": category_path(name),
                "small": f"/photos/w{MIDDLE}/{photos[-1].file}",
                "price": f"{len(photos)} guitars",
            }
            for name, photos in firsts
        ]
        total = len(self.shop.photos)
        return self._write("home.html", title="Guitars", tiles=tiles, total=total)

    def category(self, category: str, page: int) -> str:
        """Write a page of a category; pages count from 1."""
        photos = self.listed(category)
        pages = self.count(category)
        has_base = page % 2 == 0
        start = (page - 1) * PER_PAGE
        shown = [
            (photo, self._picture(category, photo, start + index, has_base=has_base))
            for index, photo in enumerate(photos[start : start + PER_PAGE])
        ]
        path = category_path(category)
        around = f"..{path}" if has_base else path  # the base is one folder deeper
        ways = list(SHOWINGS)
        chosen = [ways[index % len(ways)] for index in range(len(shown))]
        cards = [
            {
                "picture": SHOWINGS[way](picture),
                "title": picture.title,
                "price": picture.price,
            }
            for way, (_, picture) in zip(chosen[1:], shown[1:], strict=True)
        ]
        described = [
            picture
            for way, (_, picture) in zip(chosen[1:], shown[1:], strict=True)
            if way in {"JSON-LD", "link"}
        ]
        hero_photo, hero = shown[0]
        return self._write(
            "category.html",
            title=f"{category} guitars",
            current=category,
            base=f"{self.root}/photos/" if has_base else "",
            hero=hero,
            og_image=self.root + self.path_of(hero_photo),
            cards=cards,
            extras=self._extras(category, page),
            json_ld=_json_ld(described),
            total=len(photos),
            page=page,
            pages=pages,
            previous_url=f"{around}?page={page - 1}",
            next_url=f"{around}?page={page + 1}" if page < pages else "",
            next_in_head=has_base,
        )

    def path_of(self, photo: Photo) -> str:
        """Return the path under which the pages name a photo's original."""
        return self.detours.get(photo.file, f"/photos/{photo.file}")

    def _picture(
        self, category: str, photo: Photo, number: int, *, has_base: bool
    ) -> Picture:
        """Return a photo's addresses and what stands below it."""
        original, small, middle = (
            path.removeprefix("/photos/") if has_base else path
            for path in (
                self.path_of(photo),
                f"/photos/w{SMALL}/{photo.file}",
                f"/photos/w{MIDDLE}/{photo.file}",
            )
        )
        rng = np.random.default_rng([self.shop.seed, number])
        series = _SERIES[rng.integers(len(_SERIES))]
        price = f"¥{int(rng.integers(190, 3900)) * 100:,}"
        title = f"{category} {series} {number + 1}"
        return Picture(original, small, middle, title, price)

    def _extras(self, category: str, page: int) -> list[dict[str, str]]:
        """Return what a page shows beside its guitars: what nobody should keep."""
        number = self.shop.categories.index(category)
        private = self.shop.forbidden[number % len(self.shop.forbidden)]
        name = slug(category)
        by_page = {
            1: [
                {"title": "For the press", "url": f"/{private}"},
                {"title": "Size chart", "url": f"/photos/{name}/size-chart.jpg"},
                {"title": "Sold", "url": f"/photos/{name}/sold.jpg"},
            ],
            2: [
                {"title": "Press kit", "url": "/go/press-kit.jpg"},
                {"title": "Sold, too", "url": f"/photos/{name}/sold-too.jpg"},
            ],
        }
        return by_page.get(page, [])

    def _write(self, template: str, **values: Any) -> str:
        paths = [(name, category_path(name)) for name in self.shop.categories]
        return _pages.get_template(template).render(
            shop=SHOP_NAME, categories=paths, **values
        )


def category_path(category: str) -> str:
    """Return the path of a category's first page."""
    return f"/category/{quote(slug(category))}"


def robots() -> str:
    """Return the shop's ``robots.txt``."""
    return (
        "# Welcome. Please leave the press photos alone.\n"
        f"User-agent: *\nDisallow: /{FORBIDDEN}/\n\n"
        "User-agent: GreedyBot\nDisallow: /\n"
    )


def _json_ld(pictures: Sequence[Picture]) -> Markup:
    """Describe products as schema.org does; ``image`` comes in all its forms."""
    forms: tuple[Callable[[str], object], ...] = (
        str,
        lambda url: [url],
        lambda url: {"@type": "ImageObject", "contentUrl": url},
    )
    products = [
        {
            "@type": "Product",
            "name": picture.title,
            "image": forms[index % len(forms)](picture.original),
        }
        for index, picture in enumerate(pictures)
    ]
    described = {"@context": "https://schema.org", "@graph": products}
    text = json.dumps(described, ensure_ascii=False)
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704  made of our own words
