import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline import catalog as catalogs
from pipeline.catalog import Catalog
from pipeline.errors import CatalogError, InputError, NetworkError, SettingsError
from pipeline.home import SetFolder, set_folder
from pipeline.images import encode_jpeg
from pipeline.progress import silent
from pipeline.scrape import ScrapeSummary, scrape
from pipeline.settings import load_settings
from tests.doubles.shop_site import Reply, Site, moved, photo, serve_site

NOW = "2026-01-02T03:04:05+00:00"


@pytest.fixture
def site() -> Iterator[Site]:
    with serve_site() as running:
        yield running


@pytest.fixture
def jpeg(make_photo):
    return lambda seed, width=80, height=70: encode_jpeg(
        make_photo(seed, width, height)
    )


def write_set(folder: SetFolder, sources: str, scraping: str = "") -> None:
    folder.folder.mkdir(parents=True, exist_ok=True)
    folder.settings_file.write_text(
        f"""
        [[category]]
        name = "cat"
        [[category]]
        name = "dog"
        {sources}
        [scrape]
        allow_private = true
        retries = 0
        {scraping}
        """,
        encoding="utf-8",
    )


def run(folder: SetFolder, progress=silent) -> ScrapeSummary:
    with catalogs.opened(folder) as catalog:
        return run_with(folder, catalog, progress)


def run_with(folder: SetFolder, catalog: Catalog, progress=silent) -> ScrapeSummary:
    settings = load_settings(folder.settings_file)
    return scrape(folder, settings, catalog, progress=progress, now=lambda: NOW)


def counts(folder: SetFolder) -> dict[str, dict[str, int]]:
    with catalogs.opened(folder) as catalog:
        return catalog.candidates.counts()


def rows(folder: SetFolder) -> dict[str, list[tuple[Any, ...]]]:
    """Return the tables as they lie on disk; every clock of the tests says NOW."""
    with sqlite3.connect(folder.catalog_file) as connection:
        found = {
            name: sorted(connection.execute(f"SELECT * FROM {name}"))  # noqa: S608
            for name in ("page", "candidate", "image", "item", "event")
        }
    connection.close()
    return found


def pages_source(site: Site) -> str:
    return f'[[source]]\nkind = "pages"\nurl = "{site.url}/{{category}}"'


def list_source(folder: SetFolder, *lines: str) -> str:
    folder.folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join(("url,category", *lines))
    (folder.folder / "photos.csv").write_text(text, encoding="utf-8")
    return '[[source]]\nkind = "urls"\npath = "photos.csv"'


def shop(site: Site, jpeg, pages: int = 3, photos: int = 8) -> None:
    """A shop of two categories with pages of photos and the usual mishaps."""
    site.add("/robots.txt", "User-agent: *\nDisallow: /private/")
    for start, category in ((0, "cat"), (1000, "dog")):
        for page in range(1, pages + 1):
            tags = '<img src="/private/secret.jpg"><img src="/gone.jpg">'
            for number in range(photos):
                name = f"/p/{category}-{page}-{number}.jpg"
                seed = start + page * 100 + number
                site.add(name, jpeg(0 if number == 3 else seed))  # one is everywhere
                tags += f'<img src="{name}" alt="{category} {number}">'
            more = f'<a rel="next" href="/{category}?p={page + 1}">more</a>'
            path = f"/{category}" if page == 1 else f"/{category}?p={page}"
            site.add(path, tags + (more if page < pages else ""))


def test_pages_become_stored_photos_and_every_candidate_has_its_reason(
    folder, site, jpeg
):
    shop(site, jpeg)
    write_set(folder, pages_source(site))

    summary = run(folder)

    assert counts(folder) == {
        "stored": {"": 6 * 7 + 1},
        "known": {"same bytes as another candidate": 5},
        "refused": {"robots.txt forbids it": 2, "HTTP 404": 2},
    }
    assert site.times("/private/secret.jpg") == 0
    assert site.times("/gone.jpg") == 1
    assert summary.stored == {"cat": 22, "dog": 22}  # one is on every page
    assert summary.line == (
        "6 pages read, 52 new candidates, 52 tried; in all 43 stored, 5 known,"
        " 4 refused, 0 failed; 43 photos of 2 categories in the store (fewest: 22 of"
        " cat)"
    )
    stored = {path.stem for path in folder.images.rglob("*.jpg")}
    assert stored == {sha256 for (sha256, *_) in rows(folder)["image"]}
    assert len(rows(folder)["item"]) == len(stored)


def test_a_scrape_ends_the_same_on_every_database(folder, site, jpeg, catalog):
    shop(site, jpeg)
    write_set(folder, pages_source(site))

    run_with(folder, catalog)

    assert catalog.candidates.counts() == {
        "stored": {"": 43},
        "known": {"same bytes as another candidate": 5},
        "refused": {"robots.txt forbids it": 2, "HTTP 404": 2},
    }
    assert len(catalog.photos.stored()) == 43
    assert run_with(folder, catalog).tried == 0


def test_a_second_run_asks_for_nothing(folder, site, jpeg):
    shop(site, jpeg)
    write_set(folder, pages_source(site))
    run(folder)
    before, asked = rows(folder), len(site.requests)

    summary = run(folder)

    assert rows(folder) == before
    assert len(site.requests) == asked
    assert summary.tried == 0


def test_a_candidate_keeps_what_the_page_and_the_server_said(folder, site, jpeg):
    site.add("/cat", '<img src="/a" alt="A cat"><a rel="license" href="/cc">CC0</a>')
    site.add("/a", moved("/b.jpg"))
    site.add("/b.jpg", photo(jpeg(1)))
    write_set(folder, pages_source(site))

    run(folder)

    with sqlite3.connect(folder.catalog_file) as connection:
        connection.row_factory = sqlite3.Row
        row = dict(connection.execute("SELECT * FROM candidate").fetchone())
    connection.close()
    assert row["page"] == f"{site.url}/cat"
    assert (row["title"], row["licence"]) == ("A cat", "CC0")
    assert row["licence_url"] == f"{site.url}/cc"
    assert row["final_url"] == f"{site.url}/b.jpg"
    assert (row["http_status"], row["content_type"]) == (200, "image/jpeg")


def test_content_decides_not_the_name(folder, site, jpeg):
    html = Reply(b"<!doctype html><title>Sorry</title>", content_type="image/jpeg")
    lines = [
        site.add("/real.html", Reply(jpeg(1), content_type="text/html")),
        site.add("/page.jpg", html),
        site.add("/empty.jpg", photo(b"")),
        site.add("/broken.jpg", photo(jpeg(2)[:900])),
        site.add("/small.jpg", photo(jpeg(3, 40, 90))),
        site.add("/large.jpg", photo(jpeg(4) + b"x" * 50_000)),
    ]
    source = list_source(folder, *(f"{line},cat" for line in lines))
    write_set(folder, source, "max_megabytes = 0.04")

    run(folder)

    assert counts(folder) == {
        "stored": {"": 1},
        "refused": {
            "not an image: an HTML page": 1,
            "empty file": 1,
            "broken image: image file is truncated": 1,
            "smaller than 64 px": 1,
            "more than 0.04 MB": 1,
        },
    }


def test_a_passing_failure_is_tried_again_by_the_next_run_alone(folder, site, jpeg):
    flaky = site.add("/flaky.jpg", Reply(b"", 503), photo(jpeg(1)))
    gone = site.add("/gone.jpg", Reply(b"", 404), photo(jpeg(2)))
    write_set(folder, list_source(folder, f"{flaky},cat", f"{gone},dog"))

    run(folder)
    assert counts(folder) == {"failed": {"HTTP 503": 1}, "refused": {"HTTP 404": 1}}

    run(folder)
    assert counts(folder) == {"stored": {"": 1}, "refused": {"HTTP 404": 1}}
    assert site.times("/gone.jpg") == 1


def test_the_same_address_under_two_categories_is_fetched_once(folder, site, jpeg):
    both = site.add("/both.jpg", photo(jpeg(1)))
    later = site.add("/later.jpg", photo(jpeg(2)))
    write_set(folder, list_source(folder, f"{both},cat", f"{both},dog", f"{later},cat"))
    run(folder)
    write_set(folder, list_source(folder, f"{later},dog"))

    run(folder)

    assert site.times("/both.jpg") == site.times("/later.jpg") == 1
    assert counts(folder)["known"] == {"same bytes as another candidate": 2}


def test_rows_that_cannot_be_used_are_refused_with_the_reason(folder, site, jpeg):
    good = site.add("/a.jpg", photo(jpeg(1)))
    source = list_source(
        folder, f"{good},bird", f"{good},cat", "a.jpg,dog", ",dog", "ftp://a.net/b,cat"
    )
    write_set(folder, source)

    run(folder)

    assert counts(folder) == {
        "stored": {"": 1},
        "refused": {"unknown category": 1, "not a web address": 3},
    }


def test_a_category_that_is_added_takes_the_rows_that_named_it(folder, site, jpeg):
    good = site.add("/a.jpg", photo(jpeg(1)))
    write_set(folder, list_source(folder, f"{good},bird"))
    run(folder)
    text = folder.settings_file.read_text(encoding="utf-8")
    folder.settings_file.write_text(text.replace('"dog"', '"bird"'), encoding="utf-8")

    run(folder)

    assert counts(folder) == {"stored": {"": 1}}


def test_a_folder_goes_into_the_store_and_the_files_stay(folder, jpeg, tmp_path):
    cats = tmp_path / "photos" / "cat"
    cats.mkdir(parents=True)
    (cats / "1.jpg").write_bytes(jpeg(1))
    (cats / "2.png").write_bytes(jpeg(2))
    (cats / "notes.txt").write_bytes(b"hello")
    source = f'[[source]]\nkind = "folder"\npath = "{tmp_path / "photos"}"'
    write_set(folder, source)

    summary = run(folder)

    assert counts(folder)["stored"] == {"": 2}
    assert "no folder 'dog'" in summary.line
    assert sorted(file.name for file in cats.iterdir()) == [
        "1.jpg",
        "2.png",
        "notes.txt",
    ]
    (cats / "1.jpg").unlink()
    (cats / "3.jpg").write_bytes(jpeg(3))
    assert run(folder).stored["cat"] == 3


def test_private_addresses_are_refused_unless_the_set_allows_them(folder, site, jpeg):
    shop(site, jpeg)
    write_set(folder, pages_source(site))
    text = folder.settings_file.read_text(encoding="utf-8")
    text = text.replace("allow_private = true", "allow_private = false")
    folder.settings_file.write_text(text, encoding="utf-8")

    summary = run(folder)

    assert site.requests == []
    assert summary.discovered.pages_refused == 2
    with catalogs.opened(folder) as catalog:
        reasons = {page.reason for page in catalog.candidates.pages().values()}
    assert reasons == {"private address"}

    write_set(folder, pages_source(site))  # allows them

    assert run(folder).discovered.pages_read == 6


def test_a_photo_is_asked_for_once_the_set_allows_its_address(folder, site, jpeg):
    good = site.add("/a.jpg", photo(jpeg(1)))
    write_set(folder, list_source(folder, f"{good},cat"))
    text = folder.settings_file.read_text(encoding="utf-8")
    careful = text.replace("allow_private = true", "allow_private = false")
    folder.settings_file.write_text(careful, encoding="utf-8")
    run(folder)
    assert counts(folder) == {"refused": {"private address": 1}}

    folder.settings_file.write_text(text, encoding="utf-8")
    run(folder)

    assert counts(folder) == {"stored": {"": 1}}


def test_a_photo_is_asked_for_again_once_the_set_takes_its_size(folder, site, jpeg):
    small = site.add("/small.jpg", photo(jpeg(1, 40, 40)))
    large = site.add("/large.jpg", photo(jpeg(2, 400, 400)))
    source = list_source(folder, f"{small},cat", f"{large},dog")
    write_set(folder, source, "min_side = 50\nmax_megabytes = 0.003")
    run(folder)
    refused = {"smaller than 50 px": 1, "more than 0.003 MB": 1}
    assert counts(folder) == {"refused": refused}

    write_set(folder, source, "min_side = 60\nmax_megabytes = 0.002")
    run(folder)
    assert counts(folder) == {"refused": refused}
    assert site.times("/small.jpg") == site.times("/large.jpg") == 1

    write_set(folder, source, "min_side = 30")
    run(folder)
    assert counts(folder) == {"stored": {"": 2}}


def test_no_contact_no_request_beyond_this_machine(folder, site):
    local = site.add("/a.jpg", photo(b""))
    source = list_source(folder, f"{local},cat", "https://museum.net/b.jpg,cat")
    write_set(folder, source)

    with pytest.raises(SettingsError, match=r"contact.*museum\.net"):
        run(folder)

    assert site.requests == []
    assert counts(folder) == {}


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_set_whose_hosts_cannot_be_reached_ends_in_one_clear_line(folder):
    host = f"127.0.0.1:{closed_port()}"
    source = f'[[source]]\nkind = "pages"\nurl = "http://{host}/{{category}}"'
    write_set(folder, source)

    with pytest.raises(NetworkError) as caught:
        run(folder)

    assert str(caught.value) == (
        f"could not reach {host}; kept: 0 photos in the store; still to be had: 2 pages"
        " and 0 photos. When the network is back, the same command goes on: mekiki"
        " scrape things"
    )


def test_what_was_scraped_before_the_network_went_away_is_kept(folder, jpeg):
    with serve_site() as site:
        good = site.add("/a.jpg", photo(jpeg(1)))
        bad = site.add("/b.jpg", Reply(b"", 503))
        write_set(folder, list_source(folder, f"{good},cat", f"{bad},dog"))
        run(folder)
    before = rows(folder)["image"]

    with pytest.raises(NetworkError, match=r"kept: 1 photos.* 0 pages and 1 photos"):
        run(folder)

    assert rows(folder)["image"] == before
    assert counts(folder) == {"stored": {"": 1}, "failed": {"can't connect": 1}}


def test_one_dead_host_beside_others_is_no_reason_to_stop(folder, site, jpeg):
    good = site.add("/a.jpg", photo(jpeg(1)))
    dead = f"127.0.0.1:{closed_port()}"
    lines = [f"http://{dead}/{number}.jpg,cat" for number in range(30)]
    write_set(folder, list_source(folder, f"{good},dog", *lines))

    first = run(folder)
    second = run(folder)  # now the dead host is all that there is to ask

    assert first.unreached == second.unreached == (dead,)
    assert f"not reached: {dead}" in first.line
    assert counts(folder)["failed"] == {"can't connect": 30}


def test_a_store_that_cannot_be_written_is_one_line(folder, site, jpeg):
    good = site.add("/a.jpg", photo(jpeg(1)))
    write_set(folder, list_source(folder, f"{good},cat"))
    folder.images.write_bytes(b"a file where the folder should be")

    with pytest.raises(CatalogError, match="images can't be written"):
        run(folder)

    folder.images.unlink()
    run(folder)
    assert counts(folder) == {"stored": {"": 1}}


def test_a_missing_list_stops_before_the_first_request(folder, site, jpeg):
    shop(site, jpeg)
    missing = '[[source]]\nkind = "urls"\npath = "missing.csv"'
    write_set(folder, f"{pages_source(site)}\n{missing}")

    with pytest.raises(InputError, match=r"missing\.csv does not exist"):
        run(folder)

    assert site.requests == []


class Interrupted(BaseException):
    """What Ctrl-C is to the stage."""


@pytest.mark.parametrize("steps", [2, 5, 40], ids=["pages", "more pages", "photos"])
def test_an_interrupted_run_and_another_leave_what_an_undisturbed_one_leaves(
    folder, site, jpeg, tmp_path, steps
):
    shop(site, jpeg, photos=12)
    undisturbed = set_folder(tmp_path / "other", "things")
    for each in (folder, undisturbed):
        write_set(each, pages_source(site))
    run(undisturbed)
    asked = len(site.requests)
    done = [0]

    @contextmanager
    def interrupting(_description, _total):
        def advance(number: int) -> None:
            done[0] += number
            if done[0] >= steps:
                raise Interrupted

        yield advance

    with pytest.raises(Interrupted):
        run(folder, interrupting)
    kept = {row[3] for row in rows(folder)["candidate"] if row[12] == "stored"}
    run(folder)

    assert rows(folder) == rows(undisturbed)
    again = site.requests[asked:]
    assert all(again.count(url.removeprefix(site.url)) == 1 for url in kept)
    assert bool(kept) is (steps == 40)


CHILD = """
import sys
import time
from pathlib import Path
from pipeline import catalog as catalogs
from pipeline.home import set_folder
from pipeline.progress import silent
from pipeline.scrape import scrape
from pipeline.settings import load_settings
folder = set_folder(Path(sys.argv[1]), "things")
settings = load_settings(folder.settings_file)
with catalogs.opened(folder) as catalog:
    scrape(folder, settings, catalog, progress=silent, now=lambda: sys.argv[2])
"""


@pytest.mark.parametrize("at", ["/dog?p=2", "/p/cat-1-9.jpg", "/p/dog-3-11.jpg"])
def test_a_killed_run_and_another_leave_what_an_undisturbed_one_leaves(
    folder, site, jpeg, tmp_path, at
):
    shop(site, jpeg, photos=12)
    undisturbed = set_folder(tmp_path / "other", "things")
    for each in (folder, undisturbed):
        write_set(each, pages_source(site), "per_host = 2")
    run(undisturbed)
    child: list[subprocess.Popen[bytes]] = []

    def kill(path: str) -> None:
        if path == at:
            os.kill(child[0].pid, signal.SIGKILL)

    site.before = kill
    asked = len(site.requests)
    child.append(
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(folder.home), NOW],
            cwd=Path(__file__).parent.parent,
        )
    )
    assert child[0].wait(60) == -signal.SIGKILL
    site.before = lambda _path: None
    kept = {row[3] for row in rows(folder)["candidate"] if row[12] == "stored"}
    run(folder)

    assert rows(folder) == rows(undisturbed)
    again = site.requests[asked:]
    assert all(again.count(url.removeprefix(site.url)) == 1 for url in kept)
    assert not kept or at == "/p/dog-3-11.jpg"  # before that, too few had come


def test_a_list_that_was_corrected_is_taken_at_its_new_word(folder, site, jpeg):
    urls = [site.add(f"/{n}.jpg", jpeg(n)) for n in range(4)]
    stated = ["", "CC BY 4.0", "CC BY-NC 4.0", "house rules"]
    head = '[[source]]\nkind = "urls"\npath = "photos.csv"'
    list_source(folder)
    file = folder.folder / "photos.csv"

    def say(*licences: str) -> None:
        rows = [f"{u},cat,Ann,{word}" for u, word in zip(urls, licences, strict=True)]
        file.write_text("\n".join(("url,category,author,license", *rows)), "utf-8")

    write_set(folder, head)
    say(*stated)
    run(folder)
    assert counts(folder)["refused"] == {
        "licence not allowed: CC BY-NC": 1,
        "licence unknown": 1,
    }

    say("CC0", "CC BY-NC 4.0", "CC BY 4.0", "CC BY 4.0")
    summary = run(folder)

    assert counts(folder) == {"stored": {"": 4}}
    assert "yet not to be fetched today: 1 licence not allowed: CC BY-NC" in (
        summary.line
    )
    table = (folder.folder / "attribution.csv").read_text("utf-8-sig")
    assert table.count("CC0") > 0
    assert site.times("/1.jpg") == 1


@pytest.mark.parametrize("apart", [1, 1001])
def test_of_lines_that_say_different_things_of_a_photo_the_first_counts(
    folder, site, jpeg, apart
):
    first = [f"{site.add('/1.jpg', jpeg(1))},cat,Ann,CC BY 4.0"]
    first += [f"{site.url}/gone.jpg,cat,Ann,CC BY 4.0"]
    first += [f"{site.url}/2.jpg,cat,Ann,CC BY-NC 4.0"]
    blank = [f"{site.url}/2.jpg,cat,Ann,CC BY-NC 4.0"] * (apart - 1)
    again = [line.replace("CC BY-NC", "CC BY").replace("Ann", "") for line in first]
    head = "url,category,author,licence"
    list_source(folder)
    for name, lines in (("a.csv", [*first, *blank, *again]), ("b.csv", again)):
        (folder.folder / name).write_text("\n".join((head, *lines)), "utf-8")
    sources = [f'[[source]]\nkind = "urls"\npath = "{name}.csv"' for name in "ab"]
    write_set(folder, "\n".join(sources))

    summary = run(folder)
    run(folder)

    assert counts(folder) == {
        "stored": {"": 1},
        "refused": {"HTTP 404": 1, "licence not allowed: CC BY-NC": 1},
    }
    assert "a.csv says otherwise of photos than earlier lines do (3 times)" in (
        summary.line
    )
    assert "b.csv says otherwise of photos than earlier lines do (3 times)" in (
        summary.line
    )
    assert "Ann" in (folder.folder / "attribution.csv").read_text("utf-8-sig")
    assert site.times("/gone.jpg") == 1
    assert site.times("/2.jpg") == 0


def test_what_no_longer_fits_the_sets_file_is_said(folder, site, jpeg):
    lines = [
        f"{site.add('/1.jpg', jpeg(1))},cat",
        f"{site.add('/2.jpg', jpeg(2))},dog",
        f"{site.url}/3.jpg,Dog",
        f"{site.url}/4.jpg,horse",
    ]
    write_set(folder, list_source(folder, *lines))
    summary = run(folder)
    assert "unknown categories: 'Dog' 1 (did you mean 'dog'?), 'horse' 1" in (
        summary.line
    )

    text = folder.settings_file.read_text(encoding="utf-8")
    folder.settings_file.write_text(text.replace('"dog"', '"hound"'), encoding="utf-8")

    assert "stored under categories of no set any more: 'dog' 1" in run(folder).line


def test_a_quote_that_is_not_closed_is_one_line(folder, site, jpeg):
    lines = [f"{site.url}/{n}.jpg,cat" for n in range(3)]
    lines[1] = f'{site.url}/1.jpg,"cat'
    write_set(folder, list_source(folder, *lines))

    with pytest.raises(InputError, match="line 3: a quote is not closed"):
        run(folder)

    assert site.requests == []


def test_photos_are_recorded_while_another_one_keeps_us_waiting(folder, site, jpeg):
    lines = [f"{site.add(f'/{n}.jpg', jpeg(n))},cat" for n in range(9)]
    write_set(folder, list_source(folder, *lines))
    recorded: list[int] = []

    def hold_back(path: str) -> None:
        deadline = time.monotonic() + 20
        while path == "/4.jpg" and recorded[-1:] != [8] and time.monotonic() < deadline:
            recorded.append(len(rows(folder)["image"]))

    site.before = hold_back
    assert run(folder).photos == 9
    assert recorded[-1] == 8


def test_pages_are_asked_for_again_only_when_rereading(folder, site, jpeg):
    site.add("/cat", '<img src="/1.jpg">')
    site.add("/dog", "")
    site.add("/1.jpg", jpeg(1))
    site.add("/2.jpg", jpeg(2))
    write_set(folder, pages_source(site))
    run(folder)
    site.add("/cat", '<img src="/2.jpg"><img src="/1.jpg">')

    plain = run(folder)
    with catalogs.opened(folder) as catalog:
        again = scrape(
            folder,
            load_settings(folder.settings_file),
            catalog,
            progress=silent,
            now=lambda: NOW,
            reread=True,
        )

    assert (plain.discovered.new, again.discovered.new) == (0, 1)
    assert (site.times("/cat"), site.times("/1.jpg"), site.times("/2.jpg")) == (2, 1, 1)
