"""The learning curves of several runs in one picture, as a PNG file.

A colour a run; training dashed and thin, validation solid, with its 95 % interval where
few runs are shown and a dot at the snapshot that was kept. Of a distilled run training
loss is no loss on labels, and left out.
"""

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullFormatter, PercentFormatter

from pipeline.report.compare.rows import RunRow, photos_seen
from pipeline.report.plots import FAINT, INK, RULE, open_figure, shade_interval, shorten

# Told apart by people who see fewer colours, too (after Paul Tol's muted scheme).
COLOURS = (
    "#1667b7",
    "#c8501e",
    "#117733",
    "#aa4499",
    "#0f8fa8",
    "#8a6d00",
    "#332288",
    "#cc3a5f",
    "#5f7a1f",
    "#6b7280",
    "#7a3e12",
    "#0b5f55",
)
BANDS = 3  # runs; of more, the intervals would hide one another
DOTS = 20  # epochs; of more, a dot an epoch would hide the line
STEEP = 8.0  # highest loss over its median, from which on the scale is logarithmic
LABEL = 108  # columns of a name in the legend
DIFFERS = 0.01  # of photos an epoch: by less, epochs are as good as photos seen


def colour_of(place: int) -> str:
    """Return the colour of the run at a place; they come round again."""
    return COLOURS[place % len(COLOURS)]


def draw_learning(
    out: Path, rows: Sequence[RunRow], called: Sequence[str], labels: Sequence[str]
) -> None:
    """Draw accuracy and loss of each run against epochs, and against photos if need be.

    Args:
        out: The PNG to write.
        rows: At least one with a history; those without are left out.
        called: The letter of each, set beside its curve.
        labels: Its name in full.
    """
    drawn = [place for place, row in enumerate(rows) if row.history]
    axes_of = ("epoch", "photos") if epochs_differ(rows) else ("epoch",)
    height = 3.5 * len(axes_of) + 0.19 * len(drawn) + 0.8
    with open_figure(out, (9.6, height)) as figure:
        grid = figure.subplots(len(axes_of), 2, squeeze=False)
        for against, pair in zip(axes_of, grid, strict=True):
            for axes, key in zip(pair, ("accuracy", "loss"), strict=True):
                for place in drawn:
                    colour = colour_of(place)
                    _draw_run(axes, rows[place], colour, key=key, against=against)
                    if key == "accuracy" and len(drawn) > 1:
                        _letter(axes, rows[place], colour, called[place], against)
                if key == "accuracy" and len(drawn) <= BANDS:
                    for place in drawn:
                        row, xs = rows[place], _along(rows[place], against)
                        if row.val and row.val.num_photos:
                            number, colour = row.val.num_photos, colour_of(place)
                            shade_interval(axes, xs, row.history, number, colour)
                _finish(axes, key, against, [rows[place] for place in drawn])
        handles = [
            Line2D([], [], color=colour_of(place), linewidth=2.2) for place in drawn
        ]
        handles += [
            Line2D([], [], color=FAINT, linewidth=1.8),
            Line2D([], [], color=FAINT, linewidth=1.0, linestyle="--"),
        ]
        names = [shorten(f"{called[place]}  {labels[place]}", LABEL) for place in drawn]
        figure.legend(
            handles,
            [*names, "validation; the dot is the kept snapshot", "training"],
            loc="outside lower left",
            frameon=False,
            fontsize=8.5,
            labelcolor=INK,
        )


def epochs_differ(rows: Sequence[RunRow]) -> bool:
    """Say whether an epoch is more photos in one run than in another."""
    firsts = [photos_seen(row)[0] for row in rows if row.history]
    return bool(firsts) and max(firsts) > (1 + DIFFERS) * min(firsts)


def _draw_run(axes: Axes, row: RunRow, colour: str, *, key: str, against: str) -> None:
    xs = _along(row, against)
    train = [line.get(key, math.nan) for line in row.history]
    val = [line.get(f"val_{key}", math.nan) for line in row.history]
    marker = "o" if len(xs) < DOTS else ""
    if key == "accuracy" or not row.is_distilled:
        axes.plot(xs, train, color=colour, linewidth=1.0, linestyle="--", alpha=0.75)
    axes.plot(xs, val, color=colour, linewidth=1.8, marker=marker, markersize=3)
    if 0 < row.kept_epoch <= len(xs):
        kept = row.kept_epoch - 1
        axes.plot(xs[kept], val[kept], "o", color=colour, markersize=7, zorder=3)


def _letter(axes: Axes, row: RunRow, colour: str, called: str, against: str) -> None:
    """Name a run where its validation curve ends."""
    axes.annotate(
        called,
        (_along(row, against)[-1], row.history[-1].get("val_accuracy", math.nan)),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
        fontweight="bold",
        color=colour,
    )


def _along(row: RunRow, against: str) -> list[float]:
    """Return where each epoch stands: its number, or the photos seen until then."""
    if against == "photos":
        return photos_seen(row)
    return [line.get("epoch", n) for n, line in enumerate(row.history, start=1)]


def _finish(axes: Axes, key: str, against: str, rows: Sequence[RunRow]) -> None:
    axes.set_title(key, loc="left", color=INK, fontsize=11)
    axes.set_xlabel("epoch" if against == "epoch" else "photos seen", color=FAINT)
    if against == "epoch":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        longest = max(len(row.history) for row in rows)
        axes.set_xlim(0.5 if longest < DOTS else 0, longest + 0.5)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    if key == "accuracy":
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
        axes.set_ylim(top=1.01)
    elif _is_steep(rows):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="y", color=RULE, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(RULE)
    axes.tick_params(colors=INK)


def _is_steep(rows: Sequence[RunRow]) -> bool:
    """Say whether few losses are so high that the others would lie on the floor."""
    losses = sorted(
        line[key]
        for row in rows
        for line in row.history
        for key in (("val_loss",) if row.is_distilled else ("loss", "val_loss"))
        if math.isfinite(line.get(key, math.nan)) and line[key] > 0
    )
    return bool(losses) and losses[-1] > STEEP * losses[len(losses) // 2]
