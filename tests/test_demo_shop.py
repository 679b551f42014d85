import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from pipeline.demo.copies import COPIES, copy_photo
from pipeline.demo.outlines import SHAPES, trace
from pipeline.demo.products import FLAWS
from pipeline.demo.shop import NUM_PRODUCTS, PER_SHAPE, Shop, build_shop, draw_photo
from pipeline.errors import ImageError
from pipeline.images import decode_image, encode_jpeg

SEED = 5


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Shop:
    return build_shop(
        tmp_path_factory.mktemp("shop"), SEED, per_shape=12, num_products=40
    )


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_photo_has_the_size_asked_for_and_shows_something(shape):
    photo = draw_photo(shape, np.random.default_rng(0), (300, 400))

    assert photo.shape == (400, 300, 3)
    assert photo.dtype == np.uint8
    assert photo.std() > 5


def test_same_seed_draws_the_same_pixels_and_another_seed_others():
    first, again, other = (
        draw_photo("Offset", np.random.default_rng(seed), (240, 320))
        for seed in (1, 1, 2)
    )

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("shape", SHAPES)
def test_body_is_a_hundred_units_long_and_holds_its_parts(shape):
    row = SHAPES[shape]
    outline = trace(row.outline, is_half=row.is_half)
    low, high = outline.min(axis=0), outline.max(axis=0)

    assert 80 < high[1] - low[1] < 110
    for x, y in (*row.knobs, row.switch, (0, row.bridge), (0, row.heel)):
        assert low[0] < x < high[0]
        assert low[1] < y < high[1]


def test_same_seed_builds_the_same_shop_byte_for_byte(shop, tmp_path):
    again = build_shop(tmp_path, SEED, per_shape=12, num_products=40)

    assert again.photos == shop.photos
    assert again.products == shop.products
    assert _files(tmp_path) == _files(shop.folder)


def test_every_category_has_the_originals_asked_for(shop):
    originals = Counter(photo.shape for photo in shop.photos if not photo.copy_of)

    assert originals == dict.fromkeys(SHAPES, 12)
    assert set(shop.categories) == set(SHAPES)


def test_full_shop_has_sixty_originals_a_shape_and_150_products():
    assert PER_SHAPE >= 60
    assert NUM_PRODUCTS >= 150


def test_at_least_sixty_copies_of_every_kind_are_planted(shop):
    kinds = Counter(copy.kind for copy in shop.copies)

    assert kinds.total() >= 60
    assert set(kinds) == set(COPIES)
    assert min(kinds.values()) >= 8


def test_every_copy_has_an_original_that_is_no_copy_itself(shop):
    by_file = {photo.file: photo for photo in shop.photos}

    for copy in shop.copies:
        assert copy.copy_of is not None
        original = by_file[copy.copy_of]
        assert original.copy_of is None
        assert original.shape == copy.shape


def test_no_two_photos_are_the_same_but_exact_copies(shop):
    contents = Counter(shop.path(photo.file).read_bytes() for photo in shop.photos)

    exact = sum(copy.kind == "exact" for copy in shop.copies)
    assert len(contents) == len(shop.photos) - exact


def test_a_dozen_photos_are_listed_under_a_wrong_category(shop):
    shared = [photo for photo in shop.photos if len(photo.categories) == 2]
    misplaced = [copy for copy in shop.copies if copy.shape not in copy.categories]

    assert len(shared) >= 3
    assert {copy.kind for copy in misplaced} == {"exact", "recompressed"}
    assert len(shared) + len(misplaced) >= 8


def test_every_photo_of_the_website_can_be_decoded(shop):
    for file in (*(photo.file for photo in shop.photos), *shop.forbidden):
        assert min(decode_image(shop.path(file)).shape[:2]) >= 150


def test_products_file_says_what_the_list_of_products_says(shop):
    with shop.products_file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))

    assert len(rows) == 50
    assert [(row["image"], row["tag"], row["title"]) for row in rows] == [
        (product.image, product.tag, product.title) for product in shop.products
    ]
    assert any(not row["title"].isascii() for row in rows)


def test_at_least_a_tenth_of_the_products_carries_a_wrong_tag(shop):
    wrong = [
        product
        for product in shop.products
        if product.is_usable and product.tag in SHAPES and product.tag != product.shape
    ]

    assert len(wrong) >= len(shop.products) / 10
    assert 1 <= sum(product.tag not in SHAPES for product in shop.products) <= 2


def test_photos_of_flawed_products_and_only_those_can_not_be_used(shop):
    found = set()
    for product in shop.products:
        if product.is_usable:
            decode_image(shop.folder / product.image)
            continue
        found.add(product.flaw)
        with pytest.raises(ImageError):
            decode_image(shop.folder / product.image)

    assert found == set(FLAWS)


def test_products_are_on_no_page_of_the_website(shop):
    shown = {shop.path(photo.file).read_bytes() for photo in shop.photos}
    sold = {
        (shop.folder / product.image).read_bytes()
        for product in shop.products
        if product.is_usable
    }

    assert not shown & sold


def test_list_of_what_was_planted_lies_beside_the_photos(shop):
    planted = json.loads((shop.folder / "planted.json").read_text(encoding="utf-8"))

    assert planted["seed"] == SEED
    assert len(planted["photos"]) == len(shop.photos)
    assert planted["products"][0]["tag"] == shop.products[0].tag


@pytest.mark.parametrize(
    ("address", "is_known"),
    [
        ("http://127.0.0.1:1/photos/{file}", True),
        ("http://127.0.0.1:1/photos/moved/{file}", True),
        ("http://127.0.0.1:1/photos/w240/{file}?v=1", True),
        ("http://127.0.0.1:1/static/banner.jpg", False),
    ],
    ids=["its own", "moved", "smaller", "no photo"],
)
def test_address_leads_back_to_the_file_behind_it(shop, address, is_known):
    file = shop.photos[0].file

    assert shop.file_of(address.format(file=file)) == (file if is_known else None)


def test_mirrored_copy_is_the_photo_seen_in_a_mirror():
    rng = np.random.default_rng(3)
    photo = draw_photo("Explorer", rng, (240, 320))

    copy = decode_image(copy_photo("mirrored", encode_jpeg(photo, 95), rng))

    assert np.abs(copy[:, ::-1].astype(int) - photo).mean() < 6


def test_bordered_copy_is_larger_and_resized_copy_is_smaller():
    rng = np.random.default_rng(4)
    photo = encode_jpeg(draw_photo("Violin", rng, (240, 320)))

    bordered = decode_image(copy_photo("bordered", photo, rng))
    resized = decode_image(copy_photo("resized", photo, rng))

    assert bordered.shape[0] > 320 > resized.shape[0]


def test_unknown_kind_of_copy_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="known: exact"):
        copy_photo("torn", b"", np.random.default_rng(0))
