"""The products of the made-up shop: drawn anew, tagged by a hurried clerk.

Some tags are wrong, some photos can't be used; which ones is written down here.
"""

import csv
import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

WRONG_SHARE = 0.15  # of the rows with a usable photo and a known tag
FLAWS = ("truncated", "html", "missing", "empty")  # of photos, two rows each
UNKNOWN_TAGS = ("Ukulele", "ギター")  # tags that name no category
COLUMNS = ("sku", "title", "image", "tag", "price_jpy", "stock")

Draw = Callable[[str, np.random.Generator], bytes]

_TITLES = (
    "{shape} electric guitar, {year}",
    "Used {shape}, {year}, with case",
    "{shape} (left over from our show window)",
    "エレキギター {shape} {year}年製 美品",
    "【中古】{shape} ソフトケース付き",
    '{shape}・セットアップ済み, "ready to play"',
)
_HTML = b"<!DOCTYPE html>\n<html><body><h1>Image not available</h1></body></html>\n"


@dataclass(frozen=True)
class Product:
    """A row of ``products.csv``, and what is true of it."""

    sku: str
    title: str
    image: str  # beside the CSV, with forward slashes
    tag: str  # as the shop wrote it
    shape: str  # what the photo shows, or would
    flaw: str | None = None  # a row of FLAWS, where the photo can't be used
    price_jpy: int = 0
    stock: int = 0

    @property
    def is_usable(self) -> bool:
        """Whether there is a photo to look at."""
        return self.flaw is None


def choose_products(
    categories: Sequence[str], num_usable: int, rng: np.random.Generator
) -> tuple[Product, ...]:
    """Choose the rows: mostly right, some tags wrong, some rows unusable.

    Args:
        categories: What a product may be.
        num_usable: Rows with a usable photo and a known tag; ten more have not.
        rng: Source of all chance.
    """
    wrong = round(num_usable * WRONG_SHARE)
    plan: list[tuple[str, str | None]] = [("wrong", None)] * wrong
    plan += [("right", None)] * (num_usable - wrong)
    plan += [("right", flaw) for flaw in FLAWS for _ in range(2)]
    plan += [(tag, None) for tag in UNKNOWN_TAGS]
    products = []
    for number, index in enumerate(rng.permutation(len(plan)).tolist()):
        tagging, flaw = plan[index]
        shape = categories[number % len(categories)]
        others = [name for name in categories if name != shape]
        tag = {"right": shape, "wrong": str(rng.choice(others))}.get(tagging, tagging)
        products.append(_product(number, shape, tag, flaw, rng))
    return tuple(products)


def _product(
    number: int, shape: str, tag: str, flaw: str | None, rng: np.random.Generator
) -> Product:
    title = _TITLES[rng.integers(len(_TITLES))]
    sku = f"G{1001 + number}"
    return Product(
        sku=sku,
        title=title.format(shape=tag, year=int(rng.integers(1958, 2024))),
        image=f"photos/{sku}.jpg",
        tag=tag,
        shape=shape,
        flaw=flaw,
        price_jpy=int(rng.integers(190, 3900)) * 100,
        stock=int(rng.integers(0, 4)),
    )


def write_products(
    folder: Path, products: Sequence[Product], draw: Draw, rng: np.random.Generator
) -> None:
    """Write ``products.csv`` and the photos beside it, the unusable ones too.

    Args:
        folder: Where to write.
        products: The rows.
        draw: Returns a new photo of a shape, encoded as JPEG.
        rng: Each photo gets a generator spawned from it.
    """
    (folder / "photos").mkdir(parents=True, exist_ok=True)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    writer.writerows([getattr(row, column) for column in COLUMNS] for row in products)
    (folder / "products.csv").write_bytes(buffer.getvalue().encode("utf-8"))

    def write(task: tuple[Product, np.random.Generator]) -> None:
        product, own = task
        data = _spoil(draw(product.shape, own), product.flaw)
        target = folder / product.image
        target.unlink(missing_ok=True)
        if data is not None:
            target.write_bytes(data)

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, zip(products, rng.spawn(len(products)), strict=True)))


def _spoil(photo: bytes, flaw: str | None) -> bytes | None:
    """Return what lies in the file; ``None`` where there is none."""
    spoilt = {
        None: photo,
        "truncated": photo[: len(photo) * 2 // 5],
        "html": _HTML,
        "missing": None,
        "empty": b"",
    }
    return spoilt[flaw]
