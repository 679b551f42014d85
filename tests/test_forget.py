"""A takedown: the photo leaves the set, and never comes back."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline import catalog as catalogs
from pipeline.catalog import Catalog
from pipeline.catalog.endings import Ending
from pipeline.catalog.finding import Found
from pipeline.catalog.tables import Outcome, Part
from pipeline.catalog.training import RunPhoto
from pipeline.dedup import dedup
from pipeline.errors import CatalogError, InputError
from pipeline.forget import ForgetSummary, forget
from pipeline.home import SetFolder, set_folder
from pipeline.images import encode_jpeg, thumbnail
from pipeline.progress import silent
from pipeline.scrape import scrape
from pipeline.settings import load_settings
from tests.conftest import NOW, draw_photo
from tests.doubles.shop_site import Site, serve_site

WIDE = "\uff21\uff4e\uff41"  # Ana, in the wide letters of a Japanese keyboard
COLUMNS = "url,category,title,author,author_url,licence,page\n"


@pytest.fixture
def site() -> Iterator[Site]:
    with serve_site() as running:
        yield running


@pytest.fixture
def jpeg() -> Callable[..., bytes]:
    return lambda seed, size=320: encode_jpeg(draw_photo(seed, size, size * 5 // 6))


def write_set(home: Path, site: Site, *lines: str) -> SetFolder:
    folder = set_folder(home, "things")
    folder.folder.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"{site.url}{line}\n" for line in lines)
    (folder.folder / "photos.csv").write_text(COLUMNS + rows, encoding="utf-8")
    folder.settings_file.write_text(
        '[[category]]\nname = "cat"\n[[category]]\nname = "dog"\n'
        '[[source]]\nkind = "urls"\npath = "photos.csv"\n'
        "[scrape]\nallow_private = true\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture
def folder(tmp_path: Path, site: Site, jpeg: Callable[..., bytes]) -> SetFolder:
    """Four photos; the second is a smaller copy of the first."""
    original = draw_photo(1, 600, 500)
    small = np.asarray(Image.fromarray(original).resize((300, 250)))
    site.add("/1.jpg", encode_jpeg(original))
    site.add("/1-small.jpg", encode_jpeg(small))
    site.add("/2.jpg", jpeg(2))
    site.add("/3.jpg", jpeg(3))
    return write_set(
        tmp_path,
        site,
        "/1.jpg,cat,One,Ana Ruiz,https://ana.net/,CC BY 4.0,https://ana.net/1",
        "/1-small.jpg,cat,One again,Bo Ek,,CC BY 4.0,https://bo.net/",
        f"/2.jpg,dog,Two,{WIDE}\u3000ruiz,,CC BY 4.0,https://all.net/",
        "/3.jpg,dog,Three,Bo Ek,,CC0,https://all.net/",
    )


def collect(folder: SetFolder, catalog: Catalog) -> None:
    settings = load_settings(folder.settings_file)
    scrape(folder, settings, catalog, progress=silent, now=lambda: NOW)
    dedup(folder, settings, catalog, progress=silent, now=lambda: NOW)


@pytest.fixture
def filled(folder: SetFolder, any_database: str) -> Iterator[Catalog]:
    with catalogs.opened(folder) as opened:
        collect(folder, opened)
        yield opened
    catalogs.drop(folder)


def take_down(
    folder: SetFolder, catalog: Catalog, *named: str, **flags: bool
) -> ForgetSummary:
    return forget(folder, catalog, named, now=lambda: NOW, **flags)


def titles(catalog: Catalog) -> set[str]:
    return {row.title for row in catalog.photos.provenances()}


def test_a_photo_and_its_copies_leave_store_catalog_and_caches(folder, site, filled):
    names = ("/1.jpg", "/1-small.jpg")
    gone = [row for row in filled.photos.stored() if row.origin.endswith(names)]
    for row in gone:
        place = folder.images / row.sha256[:2] / f"{row.sha256}.jpg"
        thumbnail(place, row.sha256, folder.thumbnails)

    summary = take_down(folder, filled, f"{site.url}/1.jpg")

    assert summary.line == "forgotten: 2 photos (1 of them copies), 2 candidates"
    assert titles(filled) == {"Two", "Three"}
    assert {photo.title for photo in filled.photos.photos()} == {"Two", "Three"}
    assert filled.candidates.counts()["refused"] == {"forgotten": 2}
    left = [
        p for p in folder.folder.rglob("*") if p.is_file() and "catalog" not in p.name
    ]
    for file in left:
        assert not any(row.sha256 in file.name for row in gone)
        content = file.read_bytes()
        assert not any(row.sha256.encode() in content for row in gone)
    assert len(list(folder.images.glob("*/*.jpg"))) == 2


def test_a_cache_that_is_a_link_is_emptied_and_stays_a_link(
    folder, site, filled, tmp_path
):
    other = tmp_path / "other disk"
    folder.cache.mkdir(exist_ok=True)
    folder.cache.rename(other)
    (other / "made.npz").write_bytes(b"of all photos")
    folder.cache.symlink_to(other)

    summary = take_down(folder, filled, f"{site.url}/1.jpg")

    assert summary.images == 2
    assert folder.cache.is_symlink()
    assert list(other.iterdir()) == []


def test_what_was_forgotten_never_comes_back(folder, site, filled, tmp_path):
    take_down(folder, filled, f"{site.url}/1.jpg")
    asked = list(site.requests)
    site.add("/elsewhere.jpg", site.next_reply("/1.jpg"))
    write_set(
        tmp_path,
        site,
        "/1.jpg,dog,Under another category,,,,",
        "/elsewhere.jpg,cat,The same bytes,,,,",
        "/1-small.jpg,cat,The copy,,,,",
    )

    collect(folder, filled)

    new = site.requests[len(asked) :]
    assert "/1.jpg" not in new
    assert "/1-small.jpg" not in new
    assert titles(filled) == {"Two", "Three"}
    assert filled.candidates.counts()["refused"] == {"forgotten": 4}


def test_copies_stay_where_only_the_one_is_meant(folder, site, filled):
    summary = take_down(folder, filled, f"{site.url}/1.jpg", only=True)

    assert summary.images == 1
    assert titles(filled) == {"One again", "Two", "Three"}
    assert "One again" in {photo.title for photo in filled.photos.photos()}


@pytest.mark.parametrize("name", ["Ana Ruiz", "ANA  ruiz", f"{WIDE} Ruiz"])
def test_an_author_is_forgotten_whatever_the_spelling_and_for_the_future(
    folder, site, filled, jpeg, name
):
    take_down(folder, filled, name, only=True)
    assert titles(filled) == {"One again", "Three"}

    site.add("/new.jpg", jpeg(9))
    write_set(folder.home, site, "/new.jpg,dog,Her next one,ana ruiz,,CC BY 4.0,")
    collect(folder, filled)

    assert "/new.jpg" not in site.requests
    assert titles(filled) == {"One again", "Three"}


@pytest.mark.parametrize(
    "what", ["https://ana.net/", "https://ana.net/1", "{sha256}", "{prefix}"]
)
def test_a_photo_goes_by_its_page_its_authors_page_or_its_sha256(folder, filled, what):
    (one,) = (r for r in filled.photos.provenances() if r.title == "One")
    named = what.format(sha256=one.sha256, prefix=one.sha256[:12].upper())

    take_down(folder, filled, named, only=True)

    assert "One" not in titles(filled)


def test_a_page_that_shows_several_photos_is_asked_about(folder, filled):
    with pytest.raises(InputError, match="shows 2 photos of the set; name the address"):
        take_down(folder, filled, "https://all.net/")

    assert len(titles(filled)) == 4


def test_of_a_page_with_several_photos_what_is_gone_counts_no_more(
    folder, site, filled
):
    take_down(folder, filled, f"{site.url}/2.jpg")

    take_down(folder, filled, "https://all.net/")

    assert titles(filled) == {"One", "One again"}


def test_a_page_of_a_shop_goes_on_to_show_others(folder, site, filled, jpeg):
    summary = take_down(folder, filled, "https://bo.net/", only=True)
    again = take_down(folder, filled, "https://bo.net/", only=True)
    site.add("/new.jpg", jpeg(9))
    write_set(folder.home, site, "/new.jpg,dog,Another,,,,https://bo.net/")
    collect(folder, filled)

    told = (
        "what else is on https://bo.net/ may still come (--anyway keeps that away, too)"
    )
    assert summary.line == f"forgotten: 1 photos, 1 candidates; {told}"
    assert again.line == f"forgotten before: https://bo.net/; {told}"
    assert titles(filled) == {"One", "Two", "Three", "Another"}


@pytest.mark.parametrize("is_late", [False, True])
def test_a_page_is_kept_away_with_all_that_it_will_show_where_that_is_asked_for(
    folder, site, filled, jpeg, is_late
):
    if is_late:
        take_down(folder, filled, "https://bo.net/", only=True)
    summary = take_down(folder, filled, "https://bo.net/", only=True, anyway=True)
    again = take_down(folder, filled, "https://bo.net/")
    site.add("/new.jpg", jpeg(9))
    write_set(folder.home, site, "/new.jpg,dog,Another,,,,https://bo.net/")
    collect(folder, filled)

    assert summary.line.endswith(
        "kept away from now on: all of the page https://bo.net/"
    )
    assert again.line == "forgotten before: https://bo.net/"
    assert "/new.jpg" not in site.requests


@pytest.mark.parametrize("kind", ["openverse", "commons"])
def test_a_page_that_a_service_gives_a_work_is_kept_away(folder, filled, kind):
    page = "https://commons.test/wiki/File:Cat.jpg"
    work = Found(kind, "cat", "https://upload.test/cat.jpg", page, work=f"{kind}:7")
    filled.candidates.add([work], NOW)

    summary = take_down(folder, filled, page)

    assert summary.line == (
        "forgotten: 0 photos, 1 candidates;"
        f" kept away from now on: all of the page {page}"
    )
    filled.candidates.add([Found("urls", "cat", "https://mirror.test/", page)], NOW)
    (new,) = filled.candidates.pending()
    assert filled.takedowns.forgotten().matches(new)


def test_what_is_not_there_is_one_line_and_changes_nothing(folder, filled):
    with pytest.raises(InputError, match="nothing in the set is called 'nobody'"):
        take_down(folder, filled, "Bo Ek", "nobody")

    assert len(titles(filled)) == 4


def test_an_address_that_was_never_met_can_be_kept_away(
    folder, site, filled, jpeg, tmp_path
):
    site.add("/never.jpg", jpeg(20))
    take_down(folder, filled, f"{site.url}/never.jpg", anyway=True)
    write_set(tmp_path, site, "/never.jpg,cat,,,,,")

    collect(folder, filled)

    assert "/never.jpg" not in site.requests


@pytest.mark.parametrize(
    "words",
    [
        ("SITE/never.jpg", "/never.jpg,cat,,,,,"),
        ("SITE/a/../never.jpg#part", "/never.jpg,cat,,,,,"),
        ("https://cy.net/1", "/never.jpg,cat,,,,,https://cy.net/1"),
        ("https://cy.net/", "/never.jpg,cat,,Cy,https://cy.net/,,"),
        ("Cy", "/never.jpg,cat,,cy,,,"),
        ("SHA256", "/never.jpg,cat,,,,,"),
    ],
)
def test_whatever_is_named_before_it_is_met_is_kept_away(
    folder, site, filled, jpeg, words
):
    site.add("/never.jpg", jpeg(20))
    sha256 = hashlib.sha256(jpeg(20)).hexdigest()
    named, line = words
    named = named.replace("SITE", site.url).replace("SHA256", sha256)
    with pytest.raises(InputError, match="add --anyway"):
        take_down(folder, filled, named)

    summary = take_down(folder, filled, named, anyway=True)
    write_set(folder.home, site, line)
    collect(folder, filled)

    assert summary.line == f"kept away from now on: {named}"
    assert filled.candidates.counts()["refused"] == {"forgotten": 1}
    assert len(titles(filled)) == 4


@pytest.mark.parametrize("named", ["", " "])
def test_an_empty_name_names_nothing(folder, filled, named):
    with pytest.raises(InputError, match="nothing is named"):
        take_down(folder, filled, named, anyway=True)

    assert len(titles(filled)) == 4


@pytest.mark.parametrize("by", ["https://ana.net/", "HTTPS://Ana.net#me"])
def test_an_author_is_kept_away_by_their_page_whatever_they_are_called(
    folder, site, filled, jpeg, by
):
    take_down(folder, filled, by, only=True)
    site.add("/new.jpg", jpeg(9))
    write_set(folder.home, site, "/new.jpg,dog,Next,Ana R.,https://ana.net,CC0,")

    collect(folder, filled)

    assert "/new.jpg" not in site.requests


def test_an_authors_page_says_nothing_of_others_of_the_same_name(
    folder, site, filled, jpeg
):
    summary = take_down(folder, filled, "https://ana.net/", only=True)
    site.add("/her.jpg", jpeg(9))
    site.add("/other.jpg", jpeg(10))
    write_set(
        folder.home,
        site,
        "/her.jpg,dog,Her next one,Ana Ruiz,https://ana.net/,CC0,",
        "/other.jpg,dog,Of another Ana,Ana Ruiz,https://ana.org/,CC0,",
    )

    collect(folder, filled)

    assert summary.line == (
        "forgotten: 1 photos, 1 candidates;"
        " kept away from now on: all by https://ana.net/"
    )
    assert "/her.jpg" not in site.requests
    assert titles(filled) == {"One again", "Two", "Three", "Of another Ana"}


def test_of_an_author_that_is_gone_the_next_ones_are_kept_away_too(folder, filled):
    gone = [row for row in filled.photos.provenances() if row.title in {"One", "Two"}]
    take_down(folder, filled, *(row.origin for row in gone), only=True)

    lines = [take_down(folder, filled, "Ana Ruiz").line for _ in range(2)]

    assert lines == [
        "kept away from now on: all by Ana Ruiz",
        "forgotten before: Ana Ruiz",
    ]


def test_an_author_is_taken_down_however_long_their_name_or_page_is(
    folder, site, filled, jpeg
):
    """An index of PostgreSQL takes no more than 2,704 bytes, packed as they are."""
    name = "".join(map(str, np.random.default_rng(1).permutation(2000)))
    page = f"https://long.net/{name[::-1]}"
    for number, by in enumerate((f"{name},", f"Di,{page}", f"{name}0,", "Di,")):
        site.add(f"/{number}0.jpg", jpeg(number + 40))
        line = f"/{number}0.jpg,dog,Long {number},{by},CC0,"
        write_set(folder.home, site, line)
        collect(folder, filled)
    site.add("/next.jpg", jpeg(50))

    take_down(folder, filled, name, page, only=True)
    again = take_down(folder, filled, name, page)
    write_set(
        folder.home, site, f"/next.jpg,dog,,{name},,,", f"/next.jpg,cat,,,{page},,"
    )
    collect(folder, filled)

    assert again.line == f"forgotten before: {name}, {page}"
    assert {"Long 2", "Long 3"} <= titles(filled)
    assert titles(filled).isdisjoint({"Long 0", "Long 1"})
    assert "/next.jpg" not in site.requests


def test_an_author_with_a_long_name_is_kept_away_before_they_are_met(
    folder, site, filled, jpeg
):
    name = "".join(map(str, np.random.default_rng(1).permutation(2000)))
    take_down(folder, filled, f"  {name.upper()} ", anyway=True)
    site.add("/next.jpg", jpeg(50))
    write_set(folder.home, site, f"/next.jpg,dog,,{name},,,")

    collect(folder, filled)

    assert "/next.jpg" not in site.requests


def test_a_photo_is_named_by_its_file_in_the_store_too(folder, filled):
    (one,) = (row for row in filled.photos.provenances() if row.title == "Three")

    take_down(folder, filled, str(folder.images / one.sha256[:2] / f"{one.sha256}.jpg"))

    assert "Three" not in titles(filled)


def test_a_photo_of_ones_own_folder_goes_and_its_file_stays(tmp_path, jpeg):
    folder = set_folder(tmp_path, "things")
    folder.folder.mkdir(parents=True)
    photo = tmp_path / "mine" / "cat" / "1.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(jpeg(1))
    folder.settings_file.write_text(
        '[[category]]\nname = "cat"\n[[category]]\nname = "dog"\n'
        f'[[source]]\nkind = "folder"\npath = "{photo.parent.parent}"\n',
        encoding="utf-8",
    )
    with catalogs.opened(folder) as catalog:
        collect(folder, catalog)
        summary = take_down(folder, catalog, str(photo))
        collect(folder, catalog)

        assert "the files in your own folders are still there" in summary.line
        assert photo.exists()
        assert titles(catalog) == set()


def test_a_scrape_that_is_running_keeps_a_takedown_waiting(folder, site, filled, jpeg):
    site.add("/new.jpg", jpeg(9))
    write_set(folder.home, site, "/new.jpg,dog,New,,,,")
    said: list[str] = []

    def meanwhile(path: str) -> None:
        if path == "/new.jpg":
            with catalogs.opened(folder) as other, pytest.raises(InputError) as error:
                take_down(folder, other, f"{site.url}/1.jpg")
            said.append(str(error.value))

    site.before = meanwhile
    collect(folder, filled)

    assert said == [
        f"things is in use by mekiki scrape (process {os.getpid()}); wait until that"
        " is done, or end it with Ctrl-C: it goes on later"
    ]
    take_down(folder, filled, f"{site.url}/1.jpg")


def test_what_another_machine_brings_in_meanwhile_is_refused(folder, filled):
    """Two machines share a catalog; one is in the middle of a scrape."""
    (row,) = (row for row in filled.photos.stored() if row.origin.endswith("/2.jpg"))
    facts = filled.candidates.stored_origins()[row.origin]
    take_down(folder, filled, row.origin)
    found = Found("urls", "cat", "https://mirror.test/2.jpg")
    filled.candidates.add([found], NOW)
    (new,) = filled.candidates.pending()
    late = [Ending(n, Outcome.STORED, facts=facts) for n in (row.candidate_id, new.id)]

    filled.candidates.finish(late, NOW)

    assert titles(filled) == {"One", "One again", "Three"}
    assert filled.candidates.counts()["refused"] == {"forgotten": 2}


def test_groups_of_a_photo_that_was_taken_down_meanwhile_are_not_written(
    folder, site, filled
):
    groupings = filled.photos.groupings()
    take_down(folder, filled, f"{site.url}/2.jpg")

    with pytest.raises(CatalogError, match="was taken down meanwhile"):
        filled.photos.write_groupings(groupings)


def put_aside(folder: SetFolder, data: bytes, extension: str = "jpg") -> Path:
    """Put bytes into the store that no row of the catalog knows."""
    sha256 = hashlib.sha256(data).hexdigest()
    place = folder.images / sha256[:2] / f"{sha256}.{extension}"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    return place


def test_a_photo_that_the_catalog_does_not_know_stays(folder, site, filled, jpeg):
    stranger = put_aside(folder, jpeg(30))

    summary = take_down(folder, filled, f"{site.url}/2.jpg")

    assert summary.line == (
        "forgotten: 1 photos, 1 candidates; left in the store, as the catalog does not"
        " know them: 1 files (--anyway with a sha256 takes one down)"
    )
    assert stranger.exists()
    assert len(list(folder.images.glob("*/*"))) == 4


def test_a_catalog_that_knows_no_photo_takes_none_away(folder, site, any_database):
    """A backup, another database, a set that was begun anew."""
    with catalogs.opened(folder) as catalog:
        collect(folder, catalog)
    catalogs.drop(folder)
    with catalogs.opened(folder) as fresh:
        summary = take_down(folder, fresh, f"{site.url}/7.jpg", anyway=True)
    catalogs.drop(folder)

    assert "as the catalog does not know them: 4 files" in summary.line
    assert len(list(folder.images.glob("*/*"))) == 4


def test_the_photos_of_another_set_in_the_same_store_stay(folder, site, filled):
    other = set_folder(folder.home, "other")
    other.folder.mkdir()
    other.images.symlink_to(folder.images)
    with catalogs.opened(other) as catalog:
        take_down(other, catalog, f"{site.url}/7.jpg", anyway=True)
    catalogs.drop(other)

    assert len(list(folder.images.glob("*/*"))) == 4


@pytest.mark.parametrize("extension", ["jpg", "png", "jpg.orig"])
def test_bytes_that_were_taken_down_go_wherever_they_came_from_since(
    folder, site, filled, jpeg, extension
):
    """A scrape of another machine puts them as they are taken down."""
    take_down(folder, filled, hashlib.sha256(jpeg(30)).hexdigest(), anyway=True)
    late = put_aside(folder, jpeg(30), extension)

    take_down(folder, filled, f"{site.url}/2.jpg")

    assert not late.exists()
    assert len(list(folder.images.glob("*/*"))) == 3


def test_what_a_killed_run_was_writing_goes_with_its_photo(folder, site, filled):
    (two,) = (row for row in filled.photos.provenances() if row.title == "Two")
    places = folder.images / two.sha256[:2]
    mine, other = places / ".77-1.part", places / ".77-2.part"
    mine.write_bytes((places / f"{two.sha256}.jpg").read_bytes())
    other.write_bytes(b"of another photo")

    take_down(folder, filled, f"{site.url}/2.jpg")

    assert not mine.exists()
    assert other.exists()


def test_what_is_no_file_is_passed_over(folder, site, filled):
    """A NAS keeps folders of its own in every folder."""
    (two,) = (row for row in filled.photos.provenances() if row.title == "Two")
    places = folder.images / two.sha256[:2]
    odd = [places / "@eaDir", places / f"{two.sha256}.d", folder.images / "@eaDir"]
    for one in odd:
        (one / "within").mkdir(parents=True)

    take_down(folder, filled, f"{site.url}/2.jpg")

    assert not (places / f"{two.sha256}.jpg").exists()
    assert all((one / "within").exists() for one in odd)


def test_the_file_of_an_address_that_was_not_recorded_is_told_of(
    folder, site, filled, jpeg
):
    """A run was killed after it had put the file: no row says whose it is."""
    filled.candidates.add([Found("urls", "cat", f"{site.url}/9.jpg")], NOW)
    mine, other = put_aside(folder, jpeg(9)), put_aside(folder, jpeg(30))

    summary = take_down(folder, filled, f"{site.url}/9.jpg")

    assert summary.line.startswith("forgotten: 0 photos, 1 candidates; left in the")
    assert mine.exists()
    again = take_down(folder, filled, str(mine), anyway=True)
    assert again.line.startswith(f"kept away from now on: {mine}; left in the store")
    assert not mine.exists()
    assert other.exists()


def test_a_dry_run_says_what_would_go_and_leaves_it(folder, site, filled):
    summary = take_down(folder, filled, f"{site.url}/2.jpg", dry_run=True)

    assert summary.line == "would be forgotten: 1 photos, 1 candidates"
    assert len(titles(filled)) == 4


def test_twice_is_as_good_as_once(folder, site, filled):
    take_down(folder, filled, f"{site.url}/2.jpg")
    before = filled.candidates.counts()

    again = take_down(folder, filled, f"{site.url}/2.jpg")

    assert again.line == f"forgotten before: {site.url}/2.jpg"
    assert filled.candidates.counts() == before


def test_the_runs_that_saw_it_are_named(folder, site, filled):
    (two,) = (row for row in filled.photos.provenances() if row.title == "Two")
    photos = [RunPhoto(two.sha256, "dog", Part.TRAIN)]
    filled.training.start_run("20260101-000000", "f" * 64, photos, NOW)

    summary = take_down(folder, filled, f"{site.url}/2.jpg")

    assert "trained on before by 20260101-000000" in summary.line
    assert [
        photo.sha256 for photo in filled.training.run_photos("20260101-000000")
    ] == [two.sha256]


def test_a_takedown_that_was_cut_short_is_finished_by_the_same_command(
    folder, site, filled
):
    """The disk refuses to give a file away; meanwhile nothing comes back."""
    (one,) = (row for row in filled.photos.provenances() if row.title == "Two")
    place = folder.images / one.sha256[:2] / f"{one.sha256}.jpg"
    thumb = folder.thumbnails / one.sha256[:2] / f"{one.sha256}.jpg"
    (thumb / "in the way").mkdir(parents=True)
    with pytest.raises(CatalogError, match="can't be removed"):
        take_down(folder, filled, f"{site.url}/2.jpg")
    assert filled.takedowns.forgotten().has_sha256(one.sha256)

    (thumb / "in the way").rmdir()
    thumb.rmdir()
    take_down(folder, filled, f"{site.url}/2.jpg")

    assert not place.exists()
    assert "Two" not in titles(filled)


@pytest.mark.parametrize("what", ["{sha256}", "{prefix}", "{origin}"])
def test_one_that_was_killed_near_its_end_is_finished_by_the_same_command(
    folder, site, filled, what
):
    (two,) = (row for row in filled.photos.provenances() if row.title == "Two")
    named = what.format(sha256=two.sha256, prefix=two.sha256[:9], origin=two.origin)
    credits_page = folder.folder / "credits.html"
    before = credits_page.read_bytes()
    take_down(folder, filled, named)
    credits_page.write_bytes(before)
    (folder.folder / "attribution.csv").unlink()

    again = take_down(folder, filled, named)

    assert again.line == f"forgotten before: {named}"
    assert "Two" not in credits_page.read_text(encoding="utf-8")


def test_the_credits_of_the_set_no_longer_name_it(folder, site, filled):
    assert "One" in (folder.folder / "credits.html").read_text(encoding="utf-8")

    take_down(folder, filled, f"{site.url}/1.jpg")

    for name in ("credits.html", "attribution.csv"):
        text = (folder.folder / name).read_text(encoding="utf-8-sig")
        assert "Ana Ruiz" not in text
