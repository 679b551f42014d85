"""Labels as a CSV: what is written reads back, and what a hand wrote reads too."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalog import Status
from pipeline.errors import InputError
from pipeline.exchange.rows import Handed, Row
from pipeline.exchange.table import COLUMNS, read_table, write_table

SHA = "ab" * 32
ONE_LINE = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1
).filter(lambda text: text == text.strip())
FORMULAS = st.sampled_from(
    ["=1+1", "'=1", "''@x", "-x", "-0.5", "+", "'", "\uff1d1", "\t="]
)


@given(
    st.builds(
        Handed,
        place=st.just(Path("/store/ab/x.jpg")),
        sha256=st.just(SHA),
        origin=ONE_LINE | FORMULAS,
        scraped_as=st.just(()),
        label=ONE_LINE | FORMULAS.filter(str.isprintable),
        status=st.sampled_from(Status),
        by=ONE_LINE | FORMULAS.filter(str.isprintable),
        at=st.just("2026-01-02T03:04:05+00:00"),
        note=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
        | FORMULAS,
        version=st.integers(0, 2**29),
    )
)
def test_every_text_that_is_written_is_read_back(tmp_path_factory, photo):
    out = tmp_path_factory.mktemp("table") / "labels.csv"
    write_table(out, [photo, photo])

    first, second = read_table(out.read_bytes(), "labels.csv")

    assert first == Row(
        2,
        "row 2",
        sha256=SHA,
        image="/store/ab/x.jpg",
        origin=photo.origin,
        label=photo.label,
        status=photo.status,
        version=photo.version,
        at=photo.at,
        note=photo.note.replace("\r\n", "\n").replace("\r", "\n"),
    )
    assert second == replace(first, number=3, where="row 3")


def test_a_spreadsheet_meets_no_formula(tmp_path):
    out = tmp_path / "labels.csv"
    photo = Handed(
        Path("/a.jpg"), SHA, "=cmd", (), "@猫", Status.LABELLED, "+x", "", "-y", 0
    )
    write_table(out, [photo])

    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    with out.open(encoding="utf-8-sig", newline="") as file:
        columns, cells = csv.reader(file)
    assert columns == list(COLUMNS)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semi", "tab"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_a_table_from_a_spreadsheet_is_read(encoding, delimiter, end):
    lines = [["メモ", "Image", "LABEL"], ["x", "写真/ソ.jpg", "ギター、赤"]]
    text = end.join(delimiter.join(line) for line in lines) + end

    (row,) = read_table(text.encode(encoding), "labels.csv")

    assert row == Row(
        2, "row 2", image="写真/ソ.jpg", label="ギター、赤", status=Status.LABELLED
    )


def test_empty_lines_and_short_rows_say_nothing():
    rows = read_table(b"image,label\n\na.jpg,cat\n,\nb.jpg\n", "labels.csv")

    assert [(row.where, row.image, row.status) for row in rows] == [
        ("row 2", "a.jpg", Status.LABELLED),
        ("row 4", "b.jpg", None),
    ]


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ("a,cat,done,", "status must be one of scraped, conflict, labelled, rejected"),
        ("a,cat,,x", "version must be a number, got 'x'"),
        ("a,cat,,-1", "version must be a number, got '-1'"),
        ("a,,labelled,1", "status says labelled, but label is empty"),
    ],
)
def test_a_row_that_can_not_be_meant_says_why(cells, fault):
    (row,) = read_table(f"image,label,status,version\n{cells}\n".encode(), "l.csv")

    assert row.fault.startswith(fault)


@pytest.mark.parametrize("said", ["rejected", "UNSURE", " Rejected "])
def test_a_status_needs_no_label(said):
    (row,) = read_table(f"image,status\na.jpg,{said}\n".encode(), "labels.csv")

    assert row.status == said.strip().lower()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"name,label\na,b\n", "there are: 'name', 'label'"),
        (b"image,tag\na,b\n", "needs the column 'label'"),
        (b"\xff\xfea", "not valid UTF-16"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "needs the column 'label'"),
    ],
)
def test_a_file_that_is_no_such_table_is_one_clear_line(data, told):
    with pytest.raises(InputError, match=told) as caught:
        read_table(data, "labels.csv")

    assert "\n" not in str(caught.value)
