"""attribution.csv and credits.html: who made the photos."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from pipeline.catalog import Catalog, Outcome
from pipeline.catalog.endings import Ending
from pipeline.catalog.finding import Found
from pipeline.catalog.provenance import Provenance
from pipeline.credits import write_credits
from pipeline.credits.page import MAX_PICTURES, Tally
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

CC = "https://creativecommons.org"
BARE = Found("urls", "dog", "https://copy.net/1.jpg", "https://copy.net/", "A copy")


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


def add_same_bytes(catalog: Catalog, folder: SetFolder, *found: Found) -> str:
    """Add candidates that all bring the same photo; return its sha256."""
    store, data = ImageStore(folder.images), encode_jpeg(draw_photo(1))
    facts = inspect_image(data)
    store.put(data, facts)
    endings = [(one, Ending(0, Outcome.STORED, facts=facts)) for one in found]
    catalog.candidates.add_ended(endings, NOW)
    return facts.sha256


def page(folder: Path) -> BeautifulSoup:
    return BeautifulSoup((folder / "credits.html").read_text("utf-8"), "html.parser")


def texts(folder: Path, what: str) -> list[str]:
    return [" ".join(tag.text.split()) for tag in page(folder).select(what)]


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

    assert texts(folder.folder, ".places li") == [
        "/data/train.gz 5 photos",
        "/photos/dog 3 photos",
        "shop.net 1 photo",
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


def test_credit_that_only_a_later_candidate_states_is_not_lost(folder, catalog):
    named = replace(BARE, origin="https://b.net/1.jpg", author="Somebody Else")
    later = replace(LICENSED, origin="https://l.net/1.jpg", author="Too Late", work="")
    add_same_bytes(catalog, folder, BARE, named, LICENSED, later)

    summary = write_credits(folder, catalog, folder.folder)

    (row,) = rows(folder.folder)
    assert row["category"] == "dog"
    of_photo = {"image", "sha256", "category", "retrieved_at"}
    assert {name: row[name] for name in row.keys() - of_photo} == {
        name: getattr(LICENSED, name) for name in row.keys() - of_photo
    }
    assert texts(folder.folder, ".credits span") == ["Ana Ruiz", "CC BY 2.0"]
    assert (summary.photos, summary.stated) == (1, 1)


def test_credit_that_only_the_owner_states_is_not_lost(folder, catalog):
    mine = replace(BARE, author="Ana Ruiz", author_url="https://photos.net/ana")
    other = Found("urls", "cat", "https://b.net/1.jpg", licence="CC BY")
    add_same_bytes(catalog, folder, mine, other)

    write_credits(folder, catalog, folder.folder)

    (row,) = rows(folder.folder)
    known = {name: row[name] for name in ("title", "author", "author_url", "licence")}
    assert known == {
        "title": "A copy",
        "author": "Ana Ruiz",
        "author_url": "https://photos.net/ana",
        "licence": "CC BY",
    }


def test_an_owner_that_states_its_licence_speaks_for_itself(folder, catalog):
    other = replace(LICENSED, category="dog", author="Bo Ek", licence="CC0")
    add_same_bytes(catalog, folder, LICENSED, other)

    write_credits(folder, catalog, folder.folder)

    (row,) = rows(folder.folder)
    assert (row["author"], row["licence"]) == ("Ana Ruiz", "CC BY")


def test_where_nobody_states_a_licence_the_owner_is_credited(folder, catalog):
    mine = replace(BARE, author="Ana Ruiz")
    other = replace(mine, origin="https://b.net/1.jpg", author="Bo Ek")
    add_same_bytes(catalog, folder, mine, other)

    write_credits(folder, catalog, folder.folder)

    (row,) = rows(folder.folder)
    assert (row["author"], row["origin"]) == ("Ana Ruiz", mine.origin)


def test_a_licence_stated_by_its_address_alone_is_credit(folder, catalog):
    address = f"{CC}/licenses/by-sa/4.0/"
    linked = Found("pages", "cat", "https://a.net/1.jpg", licence_url=address)
    terms = replace(linked, origin="/b.jpg", licence_url="https://shop.net/terms")
    add_same_bytes(catalog, folder, BARE, linked)
    add(catalog, folder, terms)

    write_credits(folder, catalog, folder.folder)

    (first, _) = rows(folder.folder)
    assert first["licence_url"] == address
    assert texts(folder.folder, ".credits a[rel~=license]") == [
        "CC BY-SA 4.0",
        "terms at shop.net",
    ]
    assert set(texts(folder.folder, ".chips li")) == {
        "CC BY-SA · 1",
        "terms at shop.net · 1",
    }


def test_what_is_written_meanwhile_does_not_come_between_two_readings(folder, catalog):
    add(catalog, folder, LICENSED)

    with catalog.photos.provenances().of_one_moment() as moment:
        before = list(moment.by_owner())
        add(catalog, folder, replace(BARE, author="Bo Ek"))
        after = list(moment.by_category())

    assert [row.author for row in before] == ["Ana Ruiz"]
    assert after == before
    assert len(list(catalog.photos.provenances())) == 2


def mixed() -> list[Found]:
    """Photos of three categories, none of them together, in no order of names."""
    names = ("zebra", "猫", "dog") * 3
    return [
        replace(LICENSED, category=name, origin=f"https://{n}.net/", work=f"w:{n}")
        for n, name in enumerate(names)
    ]


def test_the_photos_stand_by_category_in_the_order_they_were_met(folder, catalog):
    add(catalog, folder, replace(BARE, category="dog"), *mixed())

    write_credits(folder, catalog, folder.folder)

    soup = page(folder.folder)
    assert texts(folder.folder, "main h2") == [
        "dog 3 photos",
        "zebra 3 photos",
        "猫 3 photos",
        "Rights not stated 1 photo",
    ]
    assert [len(one.select("li img")) for one in soup.select("main .credits")] == [
        3
    ] * 3
    assert [row["category"] for row in rows(folder.folder)][:3] == [
        "dog",
        "zebra",
        "猫",
    ]


def test_links_at_the_top_lead_to_the_categories(folder, sqlite_catalog, tmp_path):
    shas = add(sqlite_catalog, folder, *mixed())

    write_credits(folder, sqlite_catalog, folder.folder)
    write_credits(folder, sqlite_catalog, tmp_path / "run", shas[1:3])

    for out, names in ((folder.folder, "zebra 猫 dog"), (tmp_path / "run", "猫 dog")):
        soup = page(out)
        links = soup.select("nav a")
        assert [link.text for link in links] == names.split()
        assert [soup.select_one(f"{link['href']} h2") for link in links] == soup.select(
            "main h2"
        )


def test_one_category_needs_no_links(folder, sqlite_catalog):
    add(sqlite_catalog, folder, LICENSED)

    write_credits(folder, sqlite_catalog, folder.folder)

    assert page(folder.folder).select("nav") == []


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (
            [LICENSED],
            "1 photo. It belongs to who made it, and is used under the licence beside"
            " it; attribution.csv has the whole of it.",
        ),
        (
            [LICENSED, replace(LICENSED, origin="/2.jpg", work="")],
            "2 photos. Each belongs to who made it, and is used under the licence"
            " beside it; attribution.csv has the whole of it.",
        ),
        (
            [LICENSED, BARE],
            "2 photos. Those with a licence beside them belong to who made them, and"
            " are used under it; of the others no licence is stated. attribution.csv"
            " has the whole of it.",
        ),
        (
            [BARE, replace(BARE, origin="/2.jpg", author="Bo Ek")],
            "2 photos, with no licence stated; attribution.csv has all that is known.",
        ),
    ],
    ids=["one", "all", "some", "none"],
)
def test_the_page_claims_a_licence_only_where_one_is_stated(
    folder, sqlite_catalog, found, told
):
    add(sqlite_catalog, folder, *found)

    write_credits(folder, sqlite_catalog, folder.folder)

    assert texts(folder.folder, "header p") == [told]


def test_the_counts_of_licences_add_up_to_the_photos(folder, sqlite_catalog):
    author = replace(BARE, origin="/2.jpg", author="Bo Ek")
    more = (replace(LICENSED, origin=f"/{n}.jpg", work=f"w:{n}") for n in (3, 4))
    add(sqlite_catalog, folder, BARE, author, *more)

    write_credits(folder, sqlite_catalog, folder.folder)

    assert texts(folder.folder, ".chips li") == [
        "CC BY · 2",
        "Licence not stated · 1",
        "Rights not stated · 1",
    ]
    assert page(folder.folder).select_one("#rights-not-stated .places") is not None


@pytest.mark.parametrize(
    ("stated", "shown"),
    [
        (("Public domain", "1.0", ""), "Public Domain Mark 1.0"),
        (
            ("Public domain", "", f"{CC}/publicdomain/mark/1.0/"),
            "Public Domain Mark 1.0",
        ),
        (("Public domain", "", ""), "Public domain"),
        (("CC0", "1.0", ""), "CC0 1.0"),
        (("CC BY-SA", "3.0 DE", ""), "CC BY-SA 3.0 DE"),
        (("CC BY or GFDL", "", ""), "CC BY or GFDL"),
        (("CC BY", "4.0", f"{CC}/licenses/by-nc/4.0/"), "CC BY 4.0"),
        (("© Ana", "2", ""), "© Ana 2"),
        (("", "", ""), "licence not stated"),
    ],
)
def test_a_licence_reads_as_its_own_text_calls_it(
    folder, sqlite_catalog, stated, shown
):
    licence, version, url = stated
    found = replace(LICENSED, licence=licence, licence_version=version, licence_url=url)
    add(sqlite_catalog, folder, found)

    write_credits(folder, sqlite_catalog, folder.folder)

    assert texts(folder.folder, ".credits span")[1] == shown


def test_what_may_be_cut_is_told_whole_in_a_tooltip(folder, sqlite_catalog):
    title, author = '猫の"写真" ' * 40, "Ana & Bo " * 40
    add(sqlite_catalog, folder, replace(LICENSED, title=title, author=author))

    write_credits(folder, sqlite_catalog, folder.folder)

    (card,) = page(folder.folder).select(".credits li")
    assert [tag["title"] for tag in card.select("b, span")] == [
        title,
        author,
        LICENSED.attribution,
    ]


def test_the_first_photos_met_have_a_picture_whatever_their_category():
    tally = Tally()
    for n in range(MAX_PICTURES + 500):
        category = ("cat", "dog")[n % 2]
        tally.take(
            Provenance("", "", category, "", "Ana", *[""] * 9)  # of an author
        )

    assert tally.pictured == {"cat": MAX_PICTURES // 2, "dog": MAX_PICTURES // 2}
    assert tally.stated == MAX_PICTURES + 500


def test_what_cannot_be_replaced_leaves_nothing_behind(
    folder, sqlite_catalog, tmp_path
):
    add(sqlite_catalog, folder, LICENSED)
    (tmp_path / "out" / "credits.html").mkdir(parents=True)

    with pytest.raises(InputError, match="can't be written"):
        write_credits(folder, sqlite_catalog, tmp_path / "out")

    assert [file.name for file in (tmp_path / "out").iterdir()] == ["credits.html"]


def test_both_files_follow_the_photos_and_leave_nothing_else(
    folder, sqlite_catalog, tmp_path
):
    out = tmp_path / "out"
    add(sqlite_catalog, folder, LICENSED)
    write_credits(folder, sqlite_catalog, out)
    add(sqlite_catalog, folder, replace(BARE, author="Bo Ek"))

    write_credits(folder, sqlite_catalog, out)

    assert {file.name for file in out.iterdir()} == {"attribution.csv", "credits.html"}
    assert len(rows(out)) == 2
    assert "Bo Ek" in page(out).text
