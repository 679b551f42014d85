"""attribution.csv and credits.html: who made the photos."""

import csv
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from pipeline.catalog import Catalog, Outcome
from pipeline.catalog.endings import Ending
from pipeline.catalog.finding import Found
from pipeline.credits import write_credits
from pipeline.errors import InputError
from pipeline.home import SetFolder
from pipeline.images import ImageStore, encode_jpeg, inspect_image
from tests.conftest import NOW, draw_photo

LICENSED = Found(
    "openverse",
    "cat",
    "https://photos.net/1.jpg",
    "https://photos.net/works/1",
    "猫 <b>& co</b>",
    "Ana Ruiz",
    "CC BY",
    "https://creativecommons.org/licenses/by/2.0/",
    "openverse:1",
    "https://photos.net/ana",
    "2.0",
    '"猫" by Ana Ruiz is licensed under CC BY 2.0.',
)


def add(catalog: Catalog, folder: SetFolder, *found: Found) -> list[str]:
    store, shas = ImageStore(folder.images), []
    catalog.candidates.add(found, NOW)
    for candidate in catalog.candidates.pending():
        data = encode_jpeg(draw_photo(candidate.id))
        facts = inspect_image(data)
        store.put(data, facts)
        shas.append(facts.sha256)
        ending = Ending(candidate.id, Outcome.STORED, facts=facts)
        catalog.candidates.finish([ending], NOW)
    return shas


def page(folder: Path) -> BeautifulSoup:
    return BeautifulSoup((folder / "credits.html").read_text("utf-8"), "html.parser")


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "attribution.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_every_photo_has_a_row_with_all_that_is_known(folder, catalog):
    plain = Found("pages", "dog", "https://shop.net/2.jpg", "https://shop.net/")
    shas = add(catalog, folder, LICENSED, plain)

    summary = write_credits(folder, catalog, folder.folder)

    first, second = rows(folder.folder)
    assert first == {
        "image": str(folder.images / shas[0][:2] / f"{shas[0]}.jpg"),
        "sha256": shas[0],
        "category": "cat",
        "title": "猫 <b>& co</b>",
        "author": "Ana Ruiz",
        "author_url": "https://photos.net/ana",
        "licence": "CC BY",
        "licence_version": "2.0",
        "licence_url": "https://creativecommons.org/licenses/by/2.0/",
        "page": "https://photos.net/works/1",
        "origin": "https://photos.net/1.jpg",
        "source": "openverse",
        "retrieved_at": NOW,
        "attribution": '"猫" by Ana Ruiz is licensed under CC BY 2.0.',
    }
    assert (second["origin"], second["licence"]) == ("https://shop.net/2.jpg", "")
    assert (summary.photos, summary.stated) == (2, 1)


def test_the_page_links_the_work_its_author_and_its_licence(folder, sqlite_catalog):
    add(sqlite_catalog, folder, LICENSED)

    write_credits(folder, sqlite_catalog, folder.folder)

    (card,) = page(folder.folder).select(".credits li")
    assert {link["href"]: link.text for link in card.select("a")} == {
        "https://photos.net/works/1": "猫 <b>& co</b>",
        "https://photos.net/ana": "Ana Ruiz",
        "https://creativecommons.org/licenses/by/2.0/": "CC BY 2.0",
    }
    (picture,) = card.select("img")
    assert str(picture["src"]).startswith("data:image/jpeg;base64,")


def test_what_is_no_address_of_the_web_is_never_a_link(folder, sqlite_catalog):
    bad = "javascript:alert(1)"
    add(sqlite_catalog, folder, Found("urls", "cat", bad, bad, "x", "y", "z", bad))

    write_credits(folder, sqlite_catalog, folder.folder)

    assert page(folder.folder).select("a, script") == []


def test_photos_of_unknown_rights_are_counted_by_where_they_came_from(
    folder, sqlite_catalog
):
    digits = (Found("mnist", "cat", f"/data/train.gz#{n}") for n in range(5))
    files = (Found("folder", "dog", f"/photos/dog/{n}.jpg") for n in range(3))
    shop = Found("pages", "dog", "https://shop.net/2.jpg", "https://shop.net/")
    add(sqlite_catalog, folder, *digits, *files, shop)

    write_credits(folder, sqlite_catalog, folder.folder)

    told = [
        " ".join(li.text.split()) for li in page(folder.folder).select(".places li")
    ]
    assert told == [
        "/data/train.gz 5 photos",
        "/photos/dog 3 photos",
        "shop.net 1 photos",
    ]


def test_a_run_gets_the_credits_of_its_own_photos(folder, sqlite_catalog, tmp_path):
    other = Found("urls", "dog", "https://b.net/2.jpg", author="Bo Ek")
    (mine, _) = add(sqlite_catalog, folder, LICENSED, other)

    write_credits(folder, sqlite_catalog, tmp_path / "run", {mine})

    assert [row["sha256"] for row in rows(tmp_path / "run")] == [mine]
    assert "Bo Ek" not in page(tmp_path / "run").text


def test_a_picture_that_cannot_be_read_is_left_out_alone(folder, sqlite_catalog):
    (sha256,) = add(sqlite_catalog, folder, LICENSED)
    (folder.images / sha256[:2] / f"{sha256}.jpg").write_bytes(b"broken")

    write_credits(folder, sqlite_catalog, folder.folder)

    (card,) = page(folder.folder).select(".credits li")
    assert card.img is None
    assert "Ana Ruiz" in card.text


def test_files_of_which_nothing_changed_stay_as_they_are(folder, sqlite_catalog):
    add(sqlite_catalog, folder, LICENSED)
    write_credits(folder, sqlite_catalog, folder.folder)
    (folder.folder / "credits.html").write_text("mine", encoding="utf-8")

    write_credits(folder, sqlite_catalog, folder.folder)

    assert (folder.folder / "credits.html").read_text(encoding="utf-8") == "mine"


def test_an_empty_set_has_a_page_that_says_so(folder, sqlite_catalog):
    write_credits(folder, sqlite_catalog, folder.folder)

    assert "There are no photos yet." in page(folder.folder).text
    assert rows(folder.folder) == []


def test_a_folder_that_cannot_be_written_is_one_line(folder, sqlite_catalog, tmp_path):
    (tmp_path / "taken").write_text("a file", encoding="utf-8")

    with pytest.raises(InputError, match="can't be written"):
        write_credits(folder, sqlite_catalog, tmp_path / "taken")
