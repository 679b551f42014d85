"""CSV files handed out open safely in a spreadsheet."""

import csv

import pytest

from pipeline.errors import InputError
from pipeline.listing import guard_cell, write_listing


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+cmd",
        "-x",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "\n=x",
        "\uff1d1+1",
        "\uff0bx",
        "\uff0dx",
        "\uff20x",
    ],
)
def test_a_cell_that_would_start_a_formula_is_made_text(cell):
    assert guard_cell(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["-0.5", "plain", "", 3, None, "猫", "a=b"])
def test_other_cells_stay_as_they_are(cell):
    assert guard_cell(cell) == ("" if cell is None else str(cell))


def test_a_listing_reads_back_in_excel_and_python(tmp_path):
    out = tmp_path / "deep" / "out.csv"
    write_listing(out, ("name", "n"), [("猫, big", 1), ('say "hi"\nthere', 2)])

    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    with out.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [
            ["name", "n"],
            ["猫, big", "1"],
            ['say "hi"\nthere', "2"],
        ]


def test_a_place_that_can_not_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")

    with pytest.raises(InputError, match="can't be written"):
        write_listing(tmp_path / "file" / "out.csv", ("a",), [])
