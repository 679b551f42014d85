"""``mekiki runs``: a set's runs side by side, as a table, JSON, a page or a picture."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from rich.cells import cell_len

from pipeline.cli.group import cli, need_training, out_file, set_argument
from pipeline.errors import InputError
from pipeline.home import existing_set
from pipeline.report.compare.rows import DAMAGED, UNFINISHED, RunRow, read_rows
from pipeline.report.figures import Measured
from pipeline.runs import latest_name, picked_runs

NARROW = 80  # columns of a terminal that does not say
DASH = "-"
GAP, INDENT = "  ", "    "
ALWAYS = ("val", "epochs")  # columns; others go where no run has anything for them


@dataclass(frozen=True)
class Column:
    """A column of the table: its heading, and a cell for each run."""

    heading: str
    cells: tuple[str, ...]
    is_text: bool = False  # set to the left

    @property
    def width(self) -> int:
        """Columns of the terminal that it takes."""
        return max(map(cell_len, (self.heading, *self.cells)))

    def line(self, text: str) -> str:
        """Fill a cell up to the column's width."""
        spaces = " " * (self.width - cell_len(text))
        return text + spaces if self.is_text else spaces + text


@cli.command("runs")
@set_argument
@click.argument("names", metavar="[RUN]...", nargs=-1)
@click.option(
    "--out",
    "outs",
    type=out_file,
    multiple=True,
    help="Compare them: .html for a page, .png for their curves in one picture.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@click.pass_obj
def runs_command(
    home: Path, name: str, names: tuple[str, ...], outs: tuple[Path, ...], as_json: bool
) -> None:
    """Compare a set's runs side by side, newest first.

    RUN is a run's name, a part of it that no other has, or latest; default: all.
    """
    if wrong := [out for out in outs if out.suffix.lower() not in {".html", ".png"}]:
        raise InputError(
            f"--out writes a page (.html) or a picture of the curves (.png), got"
            f" {wrong[0]}"
        )
    folder = existing_set(home, name)
    runs = picked_runs(folder, names)
    rows = read_rows(runs, latest_name(folder))
    if outs and not rows:
        raise InputError(f"no runs to compare yet; `mekiki train {name}` makes one")
    for out in outs:
        need_training()
        from pipeline.report.compare import write_comparison, write_curves

        if out.suffix.lower() == ".png":
            write_curves(rows, out)
        else:
            write_comparison(name, runs, rows, out)
    if as_json:
        click.echo(json.dumps([row.as_json() for row in rows], indent=2))
    elif not rows:
        click.echo(f"no runs yet; `mekiki train {name}` makes one")
    else:
        width = shutil.get_terminal_size((NARROW, 24)).columns
        for line in [*table_lines(rows, width), "", *footnotes(name, rows)]:
            click.echo(line)
        for out in outs:
            click.echo(f"wrote {out}")


def table_lines(rows: Sequence[RunRow], width: int) -> list[str]:
    """Lay runs out in lines of at most ``width`` columns where their names allow.

    What does not fit beside a run's name goes below it, under a heading of its own in
    the same order.
    """
    names = Column("  run", tuple(_marked(row) for row in rows), is_text=True)
    packed = _packed([names, *_columns(rows)], width)
    headings = [
        _joined([column.line(column.heading) for column in part], number)
        for number, part in enumerate(packed)
    ]
    lines = [*headings, "-" * max(map(cell_len, headings))]
    for place, row in enumerate(rows):
        if row.state == DAMAGED:
            lines += [names.cells[place], f"{INDENT}{row.problem}"]
            continue
        lines += [
            _joined([column.line(column.cells[place]) for column in part], number)
            for number, part in enumerate(packed)
        ]
    return lines


def footnotes(name: str, rows: Sequence[RunRow]) -> list[str]:
    """Say what the table's marks and figures mean, of those that it has."""
    notes = []
    if any(row.is_latest for row in rows):
        notes.append("* latest")
    if any(row.state == UNFINISHED for row in rows):
        notes.append(f"~ unfinished, as it stands: mekiki train {name} goes on")
    notes.append("accuracies in %, with their 95 % intervals; epochs (the one kept)")
    if any(row.selected_on == "val" for row in rows):
        notes.append(
            "val chose the snapshot, which flatters it a little"
            + (
                ""
                if any(row.test for row in rows)
                else "; a [split] test part does not"
            )
        )
    return notes


def _columns(rows: Sequence[RunRow]) -> list[Column]:
    """Return the columns that any run has something for; test accuracy leads."""
    made: list[tuple[str, Callable[[RunRow], str], bool]] = [
        ("test", lambda row: _share(row.test), True),
        ("val", lambda row: _share(row.val), True),
        ("out of fold", lambda row: _share(row.out_of_fold), True),
        ("corrupted", lambda row: _percent(row.corrupted_accuracy), False),
        ("recipe", lambda row: "" if row.recipe in row.name else row.recipe, True),
        ("backbone", _backbone, True),
        ("px", lambda row: str(row.image_size or ""), False),
        ("noise", lambda row: "" if row.noise == "none" else row.noise, True),
        ("epochs", _epochs, False),
        ("photos", lambda row: _number(row.num_train, 0), False),
        ("per s", lambda row: _number(row.images_per_second, 0), False),
        ("min", lambda row: _number(row.minutes, 1), False),
    ]
    columns = [
        Column(
            heading,
            _aligned(cells) if is_text else tuple(cells),
            is_text,
        )
        for heading, tell, is_text in made
        for cells in [[DASH if row.problem else tell(row) or DASH for row in rows]]
    ]
    return [
        column
        for column in columns
        if column.heading in ALWAYS or set(column.cells) != {DASH}
    ]


def _aligned(cells: Sequence[str]) -> tuple[str, ...]:
    """Set accuracies below each other, those with an interval behind them."""
    width = max(len(cell.partition(" (")[0]) for cell in cells)
    return tuple(
        cell.rjust(width + len(cell) - cell.index(" (")) if " (" in cell else cell
        for cell in cells
    )


def _packed(columns: Sequence[Column], width: int) -> list[list[Column]]:
    """Deal columns to lines: as many as fit, in order."""
    lines: list[list[Column]] = [[]]
    for column in columns:
        if lines[-1] and _taken([*lines[-1], column], len(lines) - 1) > width:
            lines.append([])
        lines[-1].append(column)
    return lines


def _taken(columns: Sequence[Column], number: int) -> int:
    widths = [column.width for column in columns]
    return sum(widths) + len(GAP) * (len(widths) - 1) + (len(INDENT) if number else 0)


def _joined(cells: Sequence[str], number: int) -> str:
    return ((INDENT if number else "") + GAP.join(cells)).rstrip()


def _marked(row: RunRow) -> str:
    mark = "*" if row.is_latest else "~" if row.state == UNFINISHED else " "
    return f"{mark} {row.name}"


def _backbone(row: RunRow) -> str:
    return " ".join(part for part in (row.backbone, row.teaching) if part)


def _epochs(row: RunRow) -> str:
    if row.state == UNFINISHED:
        return f"{row.epochs} of {row.planned_epochs or '?'}"
    return f"{row.epochs} ({row.kept_epoch})" if row.epochs > 1 else str(row.epochs)


def _share(measured: Measured | None) -> str:
    if measured is None:
        return ""
    text = f"{100 * measured.accuracy:.1f}"
    if measured.interval:
        low, high = measured.interval
        text += f" ({100 * low:.1f}-{100 * high:.1f})"
    return text


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"
