import json
import os
import unicodedata
from pathlib import Path

import pytest

from pipeline.catalog import Catalog, Outcome
from pipeline.catalog.finding import PageRead
from pipeline.errors import InputError, SettingsError
from pipeline.scrape.sources import SOURCES, Discovered, Discovery, addresses_asked
from pipeline.scrape.sources.urls import read_rows
from pipeline.settings import SetSettings
from pipeline.web.fetch import Fetcher
from tests.doubles.shop_site import Reply, moved, serve_site

NOW = "2026-01-02T03:04:05+00:00"


def settings(*sources: dict[str, object], **more: object) -> SetSettings:
    return SetSettings.model_validate(
        {
            "category": [
                {"name": "cat", "queries": ["house cat", "ねこ"]},
                {"name": "ガ & dog", "queries": ["dog"]},
            ],
            "source": list(sources),
            "scrape": {"allow_private": True, "retries": 0},
        }
        | more
    )


def discover(chosen: SetSettings, catalog: Catalog) -> Discovered:
    fetcher = Fetcher(chosen.scrape)
    discovery = Discovery(chosen, catalog, fetcher, lambda: NOW, lambda _: None)
    found = Discovered()
    for source in chosen.source:
        found += SOURCES[source.kind](source, discovery)
    fetcher.close()
    return found


def candidates(catalog: Catalog) -> list[tuple[str, str]]:
    return [(one.category, one.origin) for one in catalog.candidates.pending()]


@pytest.fixture
def site():
    with serve_site() as running:
        yield running


def pages(url: str, **more: object) -> SetSettings:
    return settings({"kind": "pages", "url": url, **more})


def test_names_and_queries_are_filled_in_percent_encoded():
    both = pages("http://a.test/{category}?q={query}")
    name_alone = pages("http://a.test/{category}/")

    assert list(addresses_asked(both)) == [
        "http://a.test/cat?q=house%20cat",
        "http://a.test/cat?q=%E3%81%AD%E3%81%93",
        "http://a.test/%E3%82%AC%20%26%20dog?q=dog",
    ]
    assert list(addresses_asked(name_alone)) == [
        "http://a.test/cat/",
        "http://a.test/%E3%82%AC%20%26%20dog/",
    ]


def test_a_url_that_cannot_tell_categories_apart_is_refused():
    with pytest.raises(SettingsError, match=r"\{category\} or \{query\}.*a\.test"):
        list(addresses_asked(pages("http://a.test/all")))


def test_a_category_without_queries_is_named_where_they_are_needed():
    without = SetSettings.model_validate(
        {
            "category": [{"name": "cat"}, {"name": "dog"}],
            "source": [{"kind": "pages", "url": "http://a.test/{query}"}],
        }
    )

    with pytest.raises(SettingsError, match="'cat' needs queries"):
        list(addresses_asked(without))


def test_a_crawl_follows_next_pages_and_never_reads_one_twice(site, sqlite_catalog):
    first = site.add("/cat", '<img src="1.jpg"><a rel="next" href="/cat?p=2">x</a>')
    second = site.add("/cat?p=2", '<img src="2.jpg"><a rel="next" href="/cat">x</a>')
    site.add("/%E3%82%AC%20%26%20dog", '<img src="3.jpg"><img src="1.jpg">')
    chosen = pages(f"{site.url}/{{category}}")

    found = discover(chosen, sqlite_catalog)

    assert (found.pages_read, found.new) == (3, 4)
    assert candidates(sqlite_catalog) == [
        ("cat", f"{site.url}/1.jpg"),
        ("cat", f"{site.url}/2.jpg"),
        ("ガ & dog", f"{site.url}/3.jpg"),
        ("ガ & dog", f"{site.url}/1.jpg"),
    ]
    assert sqlite_catalog.candidates.pages()["cat", first].next_url == second

    asked = len(site.requests)
    assert discover(chosen, sqlite_catalog) == Discovered()
    assert len(site.requests) == asked


def test_a_crawl_ends_after_so_many_pages_and_a_later_one_goes_on(site, sqlite_catalog):
    for number in range(1, 6):
        site.add(f"/cat/{number}", f'<a rel="next" href="/cat/{number + 1}">x</a>')
    url = f"{site.url}/{{category}}/1"

    assert discover(pages(url, max_pages=2), sqlite_catalog).pages_read == 2
    assert discover(pages(url, max_pages=4), sqlite_catalog).pages_read == 2
    assert site.times("/cat/2") == 1
    assert site.times("/cat/5") == 0


def test_a_crawl_does_not_leave_its_site(site, sqlite_catalog):
    with serve_site() as other:
        away = other.add("/away", '<img src="x.jpg">')
        site.add("/cat", f'<img src="1.jpg"><a rel="next" href="{away}">x</a>')
        here = '<img src="2.jpg"><a rel="next" href="/more">x</a>'
        site.add("/%E3%82%AC%20%26%20dog", here)
        site.add("/more", moved(away))

        found = discover(pages(f"{site.url}/{{category}}"), sqlite_catalog)

    assert [origin for _, origin in candidates(sqlite_catalog)] == [
        f"{site.url}/1.jpg",
        f"{site.url}/2.jpg",
    ]
    assert (found.pages_read, found.pages_refused) == (2, 1)
    more = sqlite_catalog.candidates.pages()["ガ & dog", f"{site.url}/more"]
    assert (more.outcome, more.reason) == (Outcome.REFUSED, "leads to another site")


def test_a_first_page_may_lead_to_the_real_site(site, sqlite_catalog):
    with serve_site() as real:
        real.add("/a", '<img src="1.jpg"><a rel="next" href="/b">x</a>')
        real.add("/b", '<img src="2.jpg">')
        site.add("/cat", moved(f"{real.url}/a"))

        found = discover(pages(f"{site.url}/{{category}}"), sqlite_catalog)

        assert found.pages_read == 2
        assert candidates(sqlite_catalog) == [
            ("cat", f"{real.url}/1.jpg"),
            ("cat", f"{real.url}/2.jpg"),
        ]


def test_a_page_that_failed_is_read_by_the_next_run_and_a_refused_one_is_not(
    site, sqlite_catalog
):
    url = site.add("/cat", Reply(b"", 503), '<img src="1.jpg">')
    chosen = pages(f"{site.url}/{{category}}")

    first = discover(chosen, sqlite_catalog)

    assert (first.pages_failed, first.pages_refused, first.new) == (1, 1, 0)
    assert sqlite_catalog.candidates.pages()["cat", url] == PageRead(
        "pages", "cat", url, Outcome.FAILED, "HTTP 503", None
    )

    second = discover(chosen, sqlite_catalog)

    assert (second.pages_read, second.new) == (1, 1)
    assert site.times("/%E3%82%AC%20%26%20dog") == 1


def listed(tmp_path: Path, text: str | bytes) -> SetSettings:
    file = tmp_path / "photos.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return settings({"kind": "urls", "path": str(file)})


def test_the_rows_of_a_csv_become_candidates(tmp_path, sqlite_catalog):
    rows = (
        "\ufeffURL, category,title,author,licence,page\r\n"
        'http://a.test/1.jpg,cat,"Cat, sitting",Jo,CC0,http://a.test/\r\n'
        ",,,,,\r\n"
        "http://a.test/2.jpg,cat,,,https://l.test/by,\r\n"
        "http://a.test/1.jpg,cat,again,,,\r\n"
        ",cat,no address,,,\r\n"
        "http://a.test/3.jpg\r\n"
        f"http://a.test/{'x' * 3000}.jpg,cat,,,,\r\n"
    )

    found = discover(listed(tmp_path, rows), sqlite_catalog)

    assert found.new == 5
    assert candidates(sqlite_catalog) == [
        ("cat", "http://a.test/1.jpg"),
        ("cat", "http://a.test/2.jpg"),
        ("cat", f"{tmp_path}/photos.csv, line 6"),
        ("", "http://a.test/3.jpg"),
        ("cat", f"{tmp_path}/photos.csv, line 8"),
    ]


def test_a_csv_keeps_what_it_says_of_a_work(tmp_path, sqlite_catalog):
    rows = (
        "url,category,licence,licence_version,licence_url,author_url,attribution\n"
        "http://a.test/1.jpg,cat,CC BY,4.0,http://l.test/by,http://a.test/jo,by Jo\n"
    )

    discover(listed(tmp_path, rows), sqlite_catalog)

    (row,) = read_rows(tmp_path / "photos.csv")
    assert (row.licence, row.licence_version) == ("CC BY", "4.0")
    assert (row.licence_url, row.author_url) == ("http://l.test/by", "http://a.test/jo")
    assert row.attribution == "by Jo"
    (one,) = sqlite_catalog.candidates.pending()
    assert (one.licence, one.licence_url) == ("CC BY", "http://l.test/by")


@pytest.mark.parametrize("name", ["photos.csv", "photos.jsonl"])
@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("CC-BY-2.0", ("CC BY", "https://creativecommons.org/licenses/by/2.0/")),
        ("cc-by 4.0", ("CC BY", "https://creativecommons.org/licenses/by/4.0/")),
        ("CC BY SA", ("CC BY-SA", "")),
        ("http://creativecommons.org/licenses/by/4.0", ("CC BY", "…")),
        ("MIT", ("MIT", "")),
    ],
)
def test_a_list_may_spell_it_license_and_name_it_in_any_wording(
    tmp_path, sqlite_catalog, name, written, read
):
    row = {"url": "http://a.test/1.jpg", "category": "cat", "license": written}
    text = json.dumps(row)
    if name.endswith("csv"):
        text = "\n".join((",".join(row), ",".join(row.values())))
    (tmp_path / name).write_text(text, encoding="utf-8")

    discover(settings({"kind": "urls", "path": str(tmp_path / name)}), sqlite_catalog)

    (one,) = sqlite_catalog.candidates.pending()
    licence, url = read
    assert (one.licence, one.licence_url) == (licence, url.replace("…", written))


def test_columns_that_say_nothing_to_us_are_named(tmp_path, sqlite_catalog):
    rows = "url,category,licens,id\nhttp://a.test/1.jpg,cat,CC0,7\n"

    found = discover(listed(tmp_path, rows), sqlite_catalog)

    assert found.notes == ("photos.csv has columns that are not used: licens, id",)


JSONL = (
    '\ufeff{"url": "http://a.test/1.jpg", "category": "cat", "author": "Jo",'
    ' "licence": "CC0", "page": null}\r\n'
    "\n"
    '{"URL": " http://a.test/2.jpg ", "category": "cat", "author": ["Jo"]}\n'
    '{"url": [5], "category": "cat"}\n'
    '{"url": "http://a.test/3.jpg", "category": "cat"\n'
    '["http://a.test/4.jpg"]\n'
    "{}\n"
    f"{'[' * 100_000}\n"
    '{"url": "http://a.test/5.jpg", "category": "cat", "title": "\\ud83d\\u0000"}'
)


@pytest.mark.parametrize("name", ["photos.jsonl", "photos.NDJSON", "photos.txt"])
def test_the_lines_of_a_jsonl_become_candidates_and_bad_ones_have_their_reason(
    tmp_path, sqlite_catalog, name
):
    file = tmp_path / name
    file.write_text(JSONL, encoding="utf-8")
    chosen = settings({"kind": "urls", "path": str(file)})

    found = discover(chosen, sqlite_catalog)

    assert found.new == 7
    assert candidates(sqlite_catalog) == [
        ("cat", "http://a.test/1.jpg"),
        ("cat", "http://a.test/2.jpg"),
        ("cat", f"{file}, line 4"),
        ("cat", "http://a.test/5.jpg"),
    ]
    assert sqlite_catalog.candidates.counts()["refused"] == {"no JSON object": 3}
    assert [row.title for row in read_rows(file)][-1] == "?"
    assert [row.author for row in read_rows(file)][:2] == ["Jo", ""]
    assert discover(chosen, sqlite_catalog).new == 0


def test_a_line_without_end_is_one_line_that_names_it(tmp_path, sqlite_catalog):
    file = tmp_path / "photos.jsonl"
    file.write_text('{"url": "x"}\n{"url": "' + "x" * 1_000_001, encoding="utf-8")

    with pytest.raises(InputError, match=r"photos\.jsonl, line 2: longer than"):
        discover(settings({"kind": "urls", "path": str(file)}), sqlite_catalog)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"lacks url and category \(there: none\)"),
        ("image,category\n", r"lacks url \(there: image, category\)"),
        ("url;category\n", "lacks url and category"),
        ("url,category\nねこ".encode("cp932"), "must be UTF-8"),
        ('url,category\n"' + "x" * 200_000, "line 2: field larger"),
    ],
)
def test_a_csv_that_cannot_be_used_is_one_line(tmp_path, sqlite_catalog, text, said):
    with pytest.raises(InputError, match=said) as caught:
        discover(listed(tmp_path, text), sqlite_catalog)

    assert "photos.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["urls", "folder"])
def test_a_path_that_does_not_exist_is_one_line_that_names_it(
    tmp_path, sqlite_catalog, kind
):
    missing = tmp_path / "nowhere"

    with pytest.raises(InputError, match=f"nowhere does not exist.*{kind}"):
        discover(settings({"kind": kind, "path": str(missing)}), sqlite_catalog)


def test_the_files_of_a_folder_become_candidates_sorted_at_any_depth(
    tmp_path, sqlite_catalog
):
    root = tmp_path / "photos"
    # As some disks spell it: the sign and its mark apart.
    dog = unicodedata.normalize("NFD", "ガ & dog")
    for name in (
        "cat/b.jpg",
        "cat/a.jpg",
        "cat/deep/er/c.jpg",
        "cat/.hidden/d.jpg",
        "cat/.e.jpg",
        f"{dog}/f.jpg",
        "birds/g.jpg",
        ".thumbs/h.jpg",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")

    found = discover(settings({"kind": "folder", "path": str(root)}), sqlite_catalog)

    assert candidates(sqlite_catalog) == [
        ("cat", f"{root}/cat/a.jpg"),
        ("cat", f"{root}/cat/b.jpg"),
        ("cat", f"{root}/cat/deep/er/c.jpg"),
        ("ガ & dog", f"{root}/{dog}/f.jpg"),
    ]
    assert found.notes == (f"folders of no category in {root}: birds",)


def test_a_category_without_a_folder_is_said(tmp_path, sqlite_catalog):
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    chosen = settings({"kind": "folder", "path": str(tmp_path / "photos")})

    assert discover(chosen, sqlite_catalog).notes == (
        f"no folder 'ガ & dog' in {tmp_path}/photos",
    )


def test_a_file_whose_name_is_no_text_is_said_and_left_out(tmp_path, sqlite_catalog):
    root = tmp_path / "photos"
    cats = root / "cat"
    cats.mkdir(parents=True)
    (root / "ガ & dog").mkdir()
    (cats / b"\xff.jpg".decode("utf-8", "surrogateescape")).write_bytes(b"")
    (cats / "a.jpg").write_bytes(b"")

    found = discover(settings({"kind": "folder", "path": str(root)}), sqlite_catalog)

    assert found.new == 1
    assert found.notes == (f"left out for names that are not UTF-8: 1 in {cats}",)


def test_pipes_in_a_folder_are_left_out_and_a_link_to_nothing_is_not(
    tmp_path, sqlite_catalog
):
    root = tmp_path / "photos"
    for name in ("cat", "ガ & dog"):
        (root / name).mkdir(parents=True)
    os.mkfifo(root / "cat" / "a.jpg")
    (root / "cat" / "b.jpg").symlink_to(root / "nowhere.jpg")
    (root / "cat" / "c.jpg").symlink_to("/dev/zero")

    found = discover(settings({"kind": "folder", "path": str(root)}), sqlite_catalog)

    assert candidates(sqlite_catalog) == [("cat", f"{root}/cat/b.jpg")]
    assert found.notes == (f"left out as pipes or devices: 2 in {root}/cat",)
