"""A shop's CSV, in and out: its own cells go back byte for byte."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.check.rows import ProductTable, read_products
from pipeline.errors import InputError

ADDED = ("verdict", "reason")


def filled(table: ProductTable, cell: str = "fine") -> bytes:
    return table.with_columns(ADDED, [("ok", cell)] * len(table.rows))


def test_the_verdicts_are_added_after_the_rows_own_cells() -> None:
    table = read_products(b"sku,image,tag\n1,a.jpg,cat\n2,b.jpg,dog\n", "p.csv")

    assert table.rows == [("a.jpg", "cat"), ("b.jpg", "dog")]
    assert filled(table) == (
        b"sku,image,tag,verdict,reason\n1,a.jpg,cat,ok,fine\n2,b.jpg,dog,ok,fine\n"
    )


@pytest.mark.parametrize(
    "delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"]
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16", "utf-16-be"]
)
def test_every_encoding_delimiter_and_line_end_comes_back_as_it_was(
    encoding: str, delimiter: str, line_end: str
) -> None:
    lines = [["品番", "image", "tag"], ["=1+1", "写真/ソ.jpg", "ギター、赤"]]
    text = line_end.join(delimiter.join(line) for line in lines) + line_end
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    data = mark + text.encode(encoding)

    table = read_products(data, "p.csv")

    assert table.rows == [("写真/ソ.jpg", "ギター、赤")]
    added = [[*lines[0], *ADDED], [*lines[1], "ok", "fine"]]
    expected = line_end.join(delimiter.join(line) for line in added) + line_end
    assert filled(table) == mark + expected.encode(encoding)


def test_cells_that_no_encoding_explains_come_back_as_they_were() -> None:
    data = b"image,tag,note\na.jpg,M\xfcller,\xff\x00\x81,\nb.jpg,\xe9,x\n"

    table = read_products(data, "p.csv")

    assert filled(table) == (
        b"image,tag,note,,verdict,reason\n"
        b"a.jpg,M\xfcller,\xff\x00\x81,,ok,fine\n"
        b"b.jpg,\xe9,x,,ok,fine\n"
    )


def test_cp932_cells_come_back_though_two_codes_mean_the_same_letter() -> None:
    data = b"image,tag\na.jpg,\x87\x9c\xed\x40\n"  # re-encoding would change both

    table = read_products(data, "p.csv")

    assert table.encoding.text == "cp932"
    assert b"a.jpg,\x87\x9c\xed\x40,ok" in filled(table)


def test_one_broken_byte_does_not_turn_a_utf8_file_into_another() -> None:
    data = "image,tag\nギ.jpg,ギター\n".encode() + b"b.jpg,\xff\n"

    table = read_products(data, "p.csv")

    assert table.rows == [("ギ.jpg", "ギター"), ("b.jpg", "\ufffd")]
    assert b"b.jpg,\xff,ok,fine" in filled(table)


def test_a_cell_of_ours_that_the_encoding_lacks_is_escaped() -> None:
    table = read_products("image,tag\nソ.jpg,ギター\n".encode("cp932"), "p.csv")

    assert b"Caf\\xe9" in filled(table, "Café")


def test_quoted_cells_may_hold_delimiters_quotes_and_line_ends() -> None:
    data = b'image,tag\n"a, b.jpg","a ""fine"" one\nof two lines"\n'

    table = read_products(data, "p.csv")

    assert table.rows == [("a, b.jpg", 'a "fine" one\nof two lines')]
    assert filled(table).splitlines()[2] == b'of two lines",ok,fine'


def test_a_quote_that_is_never_closed_does_not_swallow_the_rows_after_it() -> None:
    data = b'image,tag\na.jpg,"5 inch\nb.jpg,dog\n'

    table = read_products(data, "p.csv")

    assert table.rows == [("a.jpg", '"5 inch'), ("b.jpg", "dog")]
    lines = list(csv.reader(io.StringIO(filled(table).decode())))
    assert lines[1:] == [
        ["a.jpg", '"5 inch', "ok", "fine"],
        ["b.jpg", "dog", "ok", "fine"],
    ]


def test_short_rows_are_filled_up_and_long_ones_widen_the_table() -> None:
    data = b"image,tag\na.jpg\nb.jpg,dog,x,y\n"

    table = read_products(data, "p.csv")

    assert table.rows == [("a.jpg", ""), ("b.jpg", "dog")]
    assert filled(table) == (
        b"image,tag,,,verdict,reason\na.jpg,,,,ok,fine\nb.jpg,dog,x,y,ok,fine\n"
    )


def test_empty_lines_are_no_rows_and_come_back() -> None:
    data = b"\nimage,tag\n\na.jpg,cat\n\r\n\n"

    table = read_products(data, "p.csv")

    assert table.rows == [("a.jpg", "cat")]
    assert filled(table) == (b"\nimage,tag,verdict,reason\n\na.jpg,cat,ok,fine\n\r\n\n")


def test_a_file_without_a_last_line_end_keeps_it_so() -> None:
    table = read_products(b"image,tag\na.jpg,cat", "p.csv")

    assert filled(table).endswith(b"a.jpg,cat,ok,fine")


def test_a_name_that_is_taken_gets_mekiki_before_it() -> None:
    table = read_products(b"verdict,image,tag,mekiki_verdict\nx,a.jpg,cat,y\n", "p.csv")

    header = filled(table).splitlines()[0]
    assert header == (b"verdict,image,tag,mekiki_verdict,mekiki_mekiki_verdict,reason")


def test_only_our_own_cells_are_guarded_against_formulas() -> None:
    table = read_products(b"image,tag\n=1+1,+2\n", "p.csv")

    assert filled(table, "=SUM(A1)").splitlines()[1] == b"=1+1,+2,ok,'=SUM(A1)"


def test_columns_are_found_in_any_order_and_case() -> None:
    table = read_products(b'"Tag" ;x; IMAGE \ncat;1;a.jpg\n', "p.csv")

    assert table.rows == [("a.jpg", "cat")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "p.csv is empty"),
        (b"\n\r\n", "p.csv is empty"),
        (b"url,label\nx,y\n", "needs the columns 'image' and 'tag'.*'url', 'label'"),
        (b"image;label\n", "needs the columns 'image' and 'tag'.*'image', 'label'"),
        (b"\xff\xfea", "not valid UTF-16"),
    ],
    ids=["nothing", "blank", "others", "one of two", "half a character"],
)
def test_a_file_that_is_no_such_table_is_refused_in_one_line(
    data: bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message) as refused:
        read_products(data, "p.csv")

    assert "\n" not in str(refused.value)


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8"), max_size=8), max_size=4),
        max_size=6,
    )
)
def test_what_the_csv_module_wrote_is_read_as_the_csv_module_reads_it(
    lines: list[list[str]],
) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([["image", "tag"], *lines])
    text = buffer.getvalue()

    table = read_products(text.encode(), "p.csv")

    expected = [line for line in csv.reader(io.StringIO(text, newline="")) if line]
    assert table.rows == [
        (line[0], line[1] if len(line) > 1 else "") for line in expected[1:]
    ]
    written = csv.reader(io.StringIO(filled(table).decode(), newline=""))
    width = max(len(line) for line in expected)
    assert [line[:width] for line in written if line] == [
        line + [""] * (width - len(line)) for line in expected
    ]
