"""The pictures of a run's robustness: one chart, and photos that changed class."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes

from pipeline.report.plots import FAINT, INK, RULE, WRONG, open_figure, shorten
from pipeline.robustness.corruptions import CORRUPTIONS, SEVERITIES
from pipeline.robustness.measure import CLEAN, Flip, Measured

COLOURS = ("#1667b7", "#c2410c", "#15803d", "#a16207", "#7e22ce", "#334155")
MARKS = ("o", "s", "^", "D", "v", "P")  # the lines differ without colour too
PAIRS = 2  # of flipped photos beside each other


def draw_chart(out: Path, rows: Sequence[Measured]) -> None:
    """Draw accuracy and flip rate over severity, a line a corruption."""
    clean = next(row for row in rows if row.corruption == CLEAN)
    with open_figure(out, (9.2, 3.9)) as figure:
        accuracy, flips = figure.subplots(1, 2, sharex=True)
        _draw_lines(accuracy, rows, "accuracy", clean.accuracy)
        _draw_lines(flips, rows, "flip_rate", 0.0)
        accuracy.axhline(100 * clean.accuracy, color=FAINT, linewidth=1, linestyle=":")
        accuracy.set_title("accuracy", loc="left", color=INK, fontsize=11)
        flips.set_title("photos that change class", loc="left", color=INK, fontsize=11)
        lines, names = accuracy.get_legend_handles_labels()
        figure.legend(
            lines, names, loc="outside lower center", ncols=6, frameon=False, fontsize=9
        )


def draw_flips(out: Path, flips: Sequence[Flip], labels: Sequence[str]) -> None:
    """Draw each flipped photo beside its corrupted self, predictions below."""
    lines = max(1, -(-len(flips) // PAIRS))
    with open_figure(out, (7.4, 2.4 * lines if flips else 1.0)) as figure:
        places = figure.subplots(
            lines, 2 * PAIRS, squeeze=False, gridspec_kw={"hspace": 0.06}
        )
        for place in places.flat:
            place.set_axis_off()
        if not flips:
            figure.text(0.5, 0.5, "no photo changed class", ha="center", color=FAINT)
        for number, flip in enumerate(flips):
            line, pair = divmod(number, PAIRS)
            before, after = places[line, 2 * pair : 2 * pair + 2]
            _draw_flip(before, after, flip, labels)


def _draw_flip(before: Axes, after: Axes, flip: Flip, labels: Sequence[str]) -> None:
    before.imshow(flip.clean)
    after.imshow(flip.corrupted)
    before.set_title(_words(flip.corruption), loc="left", fontsize=9, color=INK)
    after.set_title(f"severity {flip.severity}", loc="left", fontsize=9, color=FAINT)
    _caption(before, shorten(labels[flip.clean_class], 20), INK)
    _caption(after, f"→ {shorten(labels[flip.corrupted_class], 20)}", WRONG)


def _caption(axes: Axes, text: str, colour: str) -> None:
    axes.text(
        0.0,
        -0.04,
        text,
        transform=axes.transAxes,
        va="top",
        fontsize=9,
        color=colour,
    )


def _draw_lines(
    axes: Axes, rows: Sequence[Measured], column: str, clean: float
) -> None:
    for number, name in enumerate(CORRUPTIONS):
        values = [getattr(row, column) for row in rows if row.corruption == name]
        axes.plot(
            (0, *SEVERITIES),
            [100 * value for value in (clean, *values)],
            label=_words(name),
            color=COLOURS[number % len(COLOURS)],
            marker=MARKS[number % len(MARKS)],
            markersize=4.5,
            linewidth=1.6,
        )
    axes.set_ylim(-3, 103)
    axes.set_xticks((0, *SEVERITIES), ["clean", *map(str, SEVERITIES)])
    axes.set_xlabel("severity", color=FAINT)
    axes.yaxis.set_major_formatter("{x:.0f} %")
    axes.grid(axis="y", color=RULE, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(RULE)
    axes.tick_params(colors=INK)


def _words(name: str) -> str:
    return name.replace("_", " ")
