import hashlib
import re

import pytest

from pipeline.catalog.photos import Grouping, Photo, StoredImage
from pipeline.catalog.tables import Status
from pipeline.gallery import gallery_file, write_gallery
from pipeline.gallery.contents import MAX_GROUPS, MAX_MEMBERS, choose_contents
from pipeline.gallery.page import count, file_name
from pipeline.home import set_folder
from pipeline.images import ImageStore, encode_jpeg, inspect_image
from pipeline.pages import link
from tests.conftest import draw_photo

NAME = "ギター " + "very-long-" * 30 + "<script>.jpg"


def image(number: int, origin: str = "/photos/a.jpg", category="cat") -> StoredImage:
    sha256 = hashlib.sha256(str(number).encode()).hexdigest()
    return StoredImage(sha256, number, origin, category, "JPEG", "jpg", 90, 80, 1000)


def grouping(one: StoredImage, group: int, reason="", **scores: float) -> Grouping:
    flags = tuple(scores)
    return Grouping(one.sha256, group, not reason, reason, "0" * 16, flags, scores)


def photo(one: StoredImage, *scraped_as: str, status=Status.SCRAPED) -> Photo:
    return Photo(
        *(one.sha256, "jpg", one.candidate_id, 0, one.origin, "", "", "", ""),
        *(scraped_as, "cat", status, 1, ()),
    )


@pytest.fixture
def folder(tmp_path):
    return set_folder(tmp_path, "things")


def pairs(number: int, reason: str) -> tuple[list[StoredImage], list[Grouping]]:
    images = [image(n) for n in range(2 * number)]
    found = [
        grouping(one, n - n % 2, reason if n % 2 else "")
        for n, one in enumerate(images)
    ]
    return images, found


def test_page_shows_pictures_reasons_scores_and_conflicts(folder):
    data = encode_jpeg(draw_photo(1, 90, 80))
    facts = inspect_image(data)
    ImageStore(folder.images).put(data, facts)
    stored = StoredImage(
        *(facts.sha256, 1, NAME, "猫", "JPEG", "jpg", 90, 80, facts.size)
    )
    copy = image(2, "https://shop.example/p/b.jpg?x=1")
    images = [stored, copy]
    found = [grouping(stored, 1), grouping(copy, 1, "mirrored", placeholder=0.875)]

    page = write_gallery(
        folder, images, found, [photo(stored, "猫", "犬", status=Status.CONFLICT)]
    )

    text = page.read_text("utf-8")
    assert page == gallery_file(folder)
    assert text.count("data:image/jpeg;base64,") == 2  # as a conflict and as copies
    assert "can&rsquo;t be read" in text
    for told in ("Mirrored", "mirrored", "猫 / 犬", "waits for a person", "0.88"):
        assert told in text or told.lower() in text
    assert "Not trained until a person confirms it." in text
    assert "<script" not in text
    assert 'href="https://shop.example/p/b.jpg?x=1"' in text
    assert not re.search(r'src="(?!data:)', text)


def test_ten_thousand_groups_stay_a_small_page_that_says_how_many(folder):
    images, found = pairs(10_000, "recompressed")

    page = write_gallery(folder, images, found, [])

    text = page.read_text("utf-8")
    assert f"The first {MAX_GROUPS} of 10,000 are shown." in text
    assert page.stat().st_size < 200_000
    assert text.count("<article>") == MAX_GROUPS


def test_a_large_group_says_how_many_more_it_has():
    images = [image(n) for n in range(20)]
    found = [grouping(one, 0, "resized" if n else "") for n, one in enumerate(images)]

    (section,) = choose_contents(images, found, []).copied

    assert (len(section.groups[0].members), section.groups[0].size) == (MAX_MEMBERS, 20)
    assert section.groups[0].members[0].kept


def test_a_group_stands_under_its_rarest_reason():
    images = [image(n) for n in range(6)]
    reasons = ["", "resized", "mirrored", "", "resized", "resized"]
    found = [grouping(one, n // 3, reasons[n]) for n, one in enumerate(images)]

    copied = choose_contents(images, found, []).copied

    assert [(part.name, part.total) for part in copied] == [
        ("mirrored", 1),
        ("resized", 1),
    ]


def test_flagged_photos_come_the_surest_first():
    images = [image(n) for n in range(3)]
    found = [
        grouping(one, n, blurry=score)
        for n, (one, score) in enumerate(zip(images, (0.6, 0.9, 0.7), strict=True))
    ]

    (section,) = choose_contents(images, found, []).flagged

    assert [shown.scores["blurry"] for shown in section.photos] == [0.9, 0.7, 0.6]
    assert section.about.endswith("Trained all the same.")


def test_empty_set_has_a_page_that_says_so(folder):
    text = write_gallery(folder, [], [], []).read_text("utf-8")

    for said in ("0 images in 0 groups", "No image is a copy", "No image was flagged"):
        assert said in text


def test_page_is_written_again_only_where_it_would_say_something_else(folder):
    images, found = pairs(2, "resized")
    page = write_gallery(folder, images, found, [])
    before = page.stat().st_ino
    write_gallery(folder, images, found, [])
    assert page.stat().st_ino == before
    write_gallery(folder, images, found[:2], [])
    assert page.stat().st_ino != before
    assert [file.name for file in folder.cache.iterdir()] == ["groups.html"]


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("/photos/a b%20.jpg", "a b%20.jpg"),
        ("https://x.example/p/a%20b.jpg?w=3", "a b.jpg"),
        ("photos.tar#cat/1.png", "1.png"),
        ("", ""),
    ],
)
def test_file_names_read_well(origin, name):
    assert file_name(origin) == name


def test_only_addresses_of_the_web_are_links():
    assert link("javascript:alert(1)") == ""
    assert link("HTTPS://x.example/") == "HTTPS://x.example/"


def test_counts_read_well():
    assert [count(n, "copy") for n in (1, 2000)] == ["1 copy", "2,000 copies"]
