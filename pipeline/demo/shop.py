"""The made-up shop: what it shows, what is planted in it, what it sells.

Everything is drawn and chosen from one seed. The folder of a shop holds::

    site/<folder>/<name>.jpg    the photos its website shows, copies among them
    site/private/<name>.jpg     photos that its robots.txt keeps to itself
    products.csv, photos/       products drawn anew, never on the website; some carry
                                a wrong tag, some a photo that can't be used
    planted.json                the list of all that was planted
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import numpy as np

from pipeline.demo.copies import COPIES, copy_photo
from pipeline.demo.guitar import choose_guitar
from pipeline.demo.outlines import SHAPES
from pipeline.demo.paint import BRIGHT, Finish
from pipeline.demo.products import Product, choose_products, write_products
from pipeline.demo.scene import choose_scene, take_photo
from pipeline.images import Pixels, encode_jpeg

__all__ = ["SHAPES", "Photo", "Product", "Shop", "build_shop", "draw_photo"]

PER_SHAPE = 90  # originals of a shape
NUM_PRODUCTS = 160  # with a usable photo and a known tag
_SERIES = 4  # pairs of a shape that differ in nothing but the finish
_FAR_APART = (0, 1, 2, 3, 5)  # of BRIGHT: red, blue, green, yellow, purple
_COPIES_OF_A_KIND = 12  # listed under their own category
_MISPLACED_OF_A_KIND = 4  # listed under another one: shared, exact, recompressed
_PRIVATE = 10
# Width and height. No wide frames: a guitar that lies is another sight altogether, and
# too rare a one to be learned from a shop this small.
_SIZES = ((450, 600), (450, 600), (480, 600), (480, 600), (500, 560), (560, 560))
_THREADS = 4

T = TypeVar("T")
R = TypeVar("R")

FORBIDDEN = "private"  # the folder that robots.txt names


@dataclass(frozen=True)
class Photo:
    """A photo on the website."""

    file: str  # below the shop's ``site`` folder, with forward slashes
    shape: str  # what it shows
    categories: tuple[str, ...]  # where the website lists it, mostly one
    copy_of: str | None = None  # the original's file
    kind: str | None = None  # a key of COPIES, where it is a copy


@dataclass(frozen=True)
class Shop:
    """A shop and the list of all that was planted in it."""

    folder: Path
    seed: int
    categories: tuple[str, ...]
    photos: tuple[Photo, ...]
    forbidden: tuple[str, ...]  # files below ``site`` that nobody may fetch
    products: tuple[Product, ...]

    @property
    def copies(self) -> tuple[Photo, ...]:
        """The planted copies, those under another category included."""
        return tuple(photo for photo in self.photos if photo.copy_of is not None)

    @property
    def products_file(self) -> Path:
        """The list of products: image, tag, and what else a shop writes down."""
        return self.folder / "products.csv"

    def path(self, file: str) -> Path:
        """Return where a photo of the website lies."""
        return self.folder / "site" / file

    def file_of(self, address: str) -> str | None:
        """Return the file behind an address of the website, its folder left out.

        A photo has several: its own, one that leads there, and smaller versions.
        ``None`` where there is no such file.
        """
        file = "/".join(unquote(urlsplit(address).path).split("/")[-2:])
        known = file in self.forbidden or any(
            photo.file == file for photo in self.photos
        )
        return file if known else None

    def as_json(self) -> str:
        """Return the list of what was planted; the folder is left out."""
        planted = {k: v for k, v in asdict(self).items() if k != "folder"}
        return json.dumps(planted, ensure_ascii=False, indent=1) + "\n"


def draw_photo(
    shape: str, rng: np.random.Generator, size: tuple[int, int] = (480, 640)
) -> Pixels:
    """Draw a photo of a guitar, all but its shape chosen by chance.

    Args:
        shape: A key of ``SHAPES``.
        rng: Source of all chance: the same state, the same pixels.
        size: Width and height in pixels.

    Returns:
        RGB, ``uint8``, shape ``(height, width, 3)``.
    """
    return take_photo(choose_guitar(shape, rng), choose_scene(rng, size))


def build_shop(
    folder: Path,
    seed: int,
    *,
    per_shape: int = PER_SHAPE,
    num_products: int = NUM_PRODUCTS,
) -> Shop:
    """Draw a shop into ``folder`` and return it with all that was planted.

    Args:
        folder: Where to write; what lies there under the same names is replaced.
        seed: The same seed gives the same files, byte for byte.
        per_shape: Original photos of a shape, at least 12.
        num_products: Products with a usable photo and a known tag.
    """
    rng = np.random.default_rng(seed)
    originals = _draw_originals(folder, rng, per_shape)
    copies = _plant_copies(folder, originals, rng)
    shared = _share(originals, copies, rng)
    forbidden = _draw_forbidden(folder, rng)
    products = choose_products(tuple(SHAPES), num_products, rng)
    write_products(folder, products, _draw_encoded, rng)
    shop = Shop(folder, seed, tuple(SHAPES), (*shared, *copies), forbidden, products)
    (folder / "planted.json").write_text(shop.as_json(), encoding="utf-8")
    return shop


def _draw_encoded(shape: str, rng: np.random.Generator) -> bytes:
    size = _SIZES[rng.integers(len(_SIZES))]
    return encode_jpeg(draw_photo(shape, rng, size), int(rng.integers(78, 96)))


def _draw_pair(shape: str, rng: np.random.Generator) -> list[bytes]:
    """Draw one guitar in two colours, all else the same: two photos, no copies."""
    size = _SIZES[rng.integers(len(_SIZES))]
    guitar, scene = choose_guitar(shape, rng), choose_scene(rng, size)
    quality = int(rng.integers(78, 96))
    first, second = rng.choice(_FAR_APART, 2, replace=False)
    finishes = [
        Finish("solid", (BRIGHT[i],), guitar.finish.gloss) for i in (first, second)
    ]
    return [
        encode_jpeg(take_photo(replace(guitar, finish=finish), scene), quality)
        for finish in finishes
    ]


def _draw_originals(
    folder: Path, rng: np.random.Generator, per_shape: int
) -> list[Photo]:
    """Draw the originals of every shape, look-alikes among them."""
    tasks: list[tuple[str, bool, np.random.Generator]] = []
    for shape in SHAPES:
        kinds = [True] * _SERIES + [False] * (per_shape - 2 * _SERIES)
        tasks += [
            (shape, is_pair, each)
            for is_pair, each in zip(kinds, rng.spawn(len(kinds)), strict=True)
        ]

    def draw(task: tuple[str, bool, np.random.Generator]) -> list[bytes]:
        shape, is_pair, own = task
        return _draw_pair(shape, own) if is_pair else [_draw_encoded(shape, own)]

    drawn = _in_threads(draw, tasks)
    pictures = [
        (task[0], data)
        for task, group in zip(tasks, drawn, strict=True)
        for data in group
    ]
    photos = []
    for index in rng.permutation(len(pictures)).tolist():
        shape, data = pictures[index]
        photos.append(_write(folder, shape, (shape,), data))
    return photos


def _write(
    folder: Path,
    shape: str,
    categories: tuple[str, ...],
    data: bytes,
    *,
    original: Photo | None = None,
    kind: str | None = None,
) -> Photo:
    """Write a photo under a name that tells nothing of what it is a copy of."""
    key = f"{original.file if original else ''}{kind}{categories}".encode()
    name = hashlib.sha256(key + data).hexdigest()[:10]
    file = f"{slug(categories[0])}/{name}.jpg"
    target = folder / "site" / file
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    copy_of = original.file if original else None
    return Photo(file, shape, categories, copy_of, kind)


def slug(category: str) -> str:
    """Return a category's name as it stands in addresses and folders."""
    return category.lower().replace(" ", "-")


def _plant_copies(
    folder: Path, originals: Sequence[Photo], rng: np.random.Generator
) -> list[Photo]:
    """Copy originals, each at most once: under their category, or another."""
    plan = [(kind, False) for kind in COPIES for _ in range(_COPIES_OF_A_KIND)]
    plan += [
        (k, True)
        for k in ("exact", "recompressed")
        for _ in range(_MISPLACED_OF_A_KIND)
    ]
    chosen = rng.choice(len(originals), len(plan), replace=False).tolist()
    tasks = list(zip(plan, chosen, rng.spawn(len(plan)), strict=True))

    def plant(task: tuple[tuple[str, bool], int, np.random.Generator]) -> Photo:
        (kind, is_misplaced), index, own = task
        original = originals[index]
        data = (folder / "site" / original.file).read_bytes()
        category = _other(original.shape, own) if is_misplaced else original.shape
        return _write(
            folder,
            original.shape,
            (category,),
            copy_photo(kind, data, own),
            original=original,
            kind=kind,
        )

    return _in_threads(plant, tasks)


def _share(
    originals: Sequence[Photo], copies: Sequence[Photo], rng: np.random.Generator
) -> list[Photo]:
    """List a few originals that have no copy under a second category, too."""
    copied = {copy.copy_of for copy in copies}
    free = [i for i, photo in enumerate(originals) if photo.file not in copied]
    shared = set(rng.choice(free, _MISPLACED_OF_A_KIND, replace=False).tolist())
    return [
        replace(photo, categories=(photo.shape, _other(photo.shape, rng)))
        if index in shared
        else photo
        for index, photo in enumerate(originals)
    ]


def _other(shape: str, rng: np.random.Generator) -> str:
    """Choose a category by chance that is not the right one."""
    return str(rng.choice([name for name in SHAPES if name != shape]))


def _draw_forbidden(folder: Path, rng: np.random.Generator) -> tuple[str, ...]:
    shapes = [list(SHAPES)[i % len(SHAPES)] for i in range(_PRIVATE)]
    tasks = list(zip(shapes, rng.spawn(_PRIVATE), strict=True))
    (folder / "site" / FORBIDDEN).mkdir(parents=True, exist_ok=True)
    files = []
    for number, data in enumerate(_in_threads(lambda t: _draw_encoded(*t), tasks)):
        files.append(f"{FORBIDDEN}/press-{number:02}.jpg")
        (folder / "site" / files[-1]).write_bytes(data)
    return tuple(files)


def _in_threads(work: Callable[[T], R], tasks: Sequence[T]) -> list[R]:
    """Do the tasks side by side; OpenCV and Pillow let go of the lock."""
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(work, tasks))
