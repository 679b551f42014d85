"""Which photo a file means, however it names it."""

import pytest

from pipeline.catalog.forgetting import Met
from pipeline.exchange.matching import Finder
from pipeline.exchange.rows import Row

ONE, TWO, COPY = "1" * 64, "2" * 64, "3" * 64
ORIGINS = {
    "/shop/cat/001.jpg": ONE,
    "/shop/dog/001.jpg": TWO,
    "https://photos.net/a/Guitar%20one.jpg": COPY,
    "/shop/写真/猫 1.png": TWO,
}


@pytest.fixture
def finder() -> Finder:
    met = [
        Met(number, "folder", origin, "", "", "", "", "", sha256, "jpg", False)
        for number, (origin, sha256) in enumerate(ORIGINS.items(), start=1)
    ]
    return Finder(met, {ONE: ONE, TWO: TWO, COPY: ONE})


def find(finder: Finder, image: str, *, sha256: str = "", origin: str = "") -> str:
    meant = finder.find(Row(1, "row 1", sha256=sha256, image=image, origin=origin))
    return meant if isinstance(meant, str) else meant.kept


@pytest.mark.parametrize(
    ("image", "kept"),
    [
        ("/shop/cat/001.jpg", ONE),
        (" /shop/cat/001.jpg ", ONE),
        ("export/dog/001.jpg", TWO),
        (r"C:\photos\dog\001.jpg", TWO),
        ("https://photos.net/a/Guitar%20one.jpg", ONE),
        ("Guitar one.jpg", ONE),
        ("/data/local-files/?d=shop/dog/001.jpg", TWO),
        ("/data/local-files/?d=a%2F%E5%86%99%E7%9C%9F%2F%E7%8C%AB%201.png", TWO),
        ("http://labels.example/data/local-files/?d=images/22/" + TWO + ".jpg", TWO),
        ("/data/upload/7/1a2b3c4d-Guitar%20one.jpg", ONE),
        ("s3://bucket/shop/dog/001.jpg", TWO),
        (f"anywhere/{COPY}.webp", ONE),
        (f"https://cdn.example/{TWO}.jpg", TWO),
    ],
)
def test_a_photo_is_found_by_what_it_is_called(finder, image, kept):
    assert find(finder, image) == kept


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ("001.jpg", "'001.jpg', which 2 photos are called"),
        ("x/001.jpg", "'x/001.jpg', which 2 photos are called"),
        ("https://elsewhere.net/cat/001.jpg", "'https://elsewhere.net/cat/001.jpg'"),
        ("002.jpg", "'002.jpg'"),
        ("", "''"),
    ],
)
def test_what_can_not_be_told_is_said_and_not_guessed(finder, image, told):
    assert find(finder, image) == told


def test_the_bytes_count_before_any_name(finder):
    assert find(finder, "/shop/cat/001.jpg", sha256=TWO) == TWO
    assert find(finder, "/shop/cat/001.jpg", sha256="9" * 64) == "sha256 999999999999"


def test_an_origin_helps_where_the_image_is_called_otherwise(finder):
    assert find(finder, "pic.jpg", origin="/shop/dog/001.jpg") == TWO
