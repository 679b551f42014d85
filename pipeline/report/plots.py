"""A run's pictures: curves, confusion matrix, samples and predictions, as PNG files.

Each function draws on a figure of its own; no state is shared. Names of categories may
be long, many, and Japanese: a font that has them is used where one is installed.
"""

import logging
import math
import unicodedata
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from pipeline.images import Pixels
from pipeline.metrics import wilson_interval

INK, FAINT, RULE = "#1f2933", "#7b8794", "#d9dee4"
TRAIN_COLOUR, VAL_COLOUR, WRONG = "#9aa5b1", "#1667b7", "#c81e1e"
DPI = 110
# Fonts that have Japanese, the likeliest first; the first one installed is used.
_CJK_FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "Source Han Sans JP",
    "IPAexGothic",
    "IPAGothic",
    "TakaoGothic",
    "VL Gothic",
    "Hiragino Sans",
    "Yu Gothic",
    "Meiryo",
    "MS Gothic",
    "WenQuanYi Zen Hei",
)


@dataclass(frozen=True)
class Picture:
    """A square to show, and what is to be said below it."""

    image: Pixels
    label: str
    predicted: str | None = None
    confidence: float | None = None  # 0..1

    @property
    def is_wrong(self) -> bool:
        """Whether something else was said than what it is."""
        return self.predicted is not None and self.predicted != self.label


def draw_curves(
    out: Path,
    history: Sequence[Mapping[str, float]],
    kept_epoch: int,
    *,
    num_val: int = 0,
    is_distilled: bool = False,
) -> None:
    """Draw loss and accuracy by epoch, on training and validation photos.

    Args:
        out: The PNG to write.
        history: A row an epoch: ``epoch``, ``loss``, ``accuracy`` and the same with
            ``val_`` before them.
        kept_epoch: The epoch that was kept; marked. 1-based.
        num_val: Validation photos, for the 95 % interval of their accuracy.
        is_distilled: Training loss is of another kind than validation loss: how far the
            student is from its teacher. It is not drawn beside it.
    """
    with open_figure(out, (9.2, 3.6)) as figure:
        for axes, key, title in zip(
            figure.subplots(1, 2),
            ("accuracy", "loss"),
            ("accuracy", "loss"),
            strict=True,
        ):
            if key == "accuracy" and num_val:
                epochs = [row["epoch"] for row in history]
                shade_interval(axes, epochs, history, num_val, VAL_COLOUR)
            shown = [(f"val_{key}", VAL_COLOUR, "validation")]
            if key == "accuracy" or not is_distilled:
                shown.insert(0, (key, TRAIN_COLOUR, "training"))
            _draw_curve(axes, history, shown, kept_epoch)
            axes.set_title(title, loc="left", color=INK, fontsize=11)


def shade_interval(
    axes: Axes,
    xs: Sequence[float],
    history: Sequence[Mapping[str, float]],
    num_val: int,
    colour: str,
) -> None:
    """Shade the 95 % interval of validation accuracy: a band (Wilson 1927)."""
    ends = [
        wilson_interval(round(share * num_val), num_val)
        if 0 <= share <= 1
        else (math.nan, math.nan)
        for share in (row.get("val_accuracy", math.nan) for row in history)
    ]
    lows, highs = zip(*ends, strict=True)
    axes.fill_between(xs, lows, highs, color=colour, alpha=0.12, linewidth=0)


def draw_confusion(
    out: Path, confusion: NDArray[np.int64], labels: Sequence[str]
) -> None:
    """Draw what each category was called, shaded by share of its row.

    Args:
        out: The PNG to write.
        confusion: (K, K) photos by category (rows) and by what they were called.
        labels: The K names.
    """
    number = len(labels)
    names = [shorten(label, 28) for label in labels]
    side = min(24.0, max(3.2, 0.42 * number + 1.2)) + 0.075 * max(map(_width, names))
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    with open_figure(out, (side, side)) as figure:
        axes = figure.subplots()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        size = 9 if number <= 30 else 6
        axes.set_xticks(range(number), names, rotation=90, fontsize=size)
        axes.set_yticks(range(number), names, fontsize=size)
        axes.set_xlabel("called", color=FAINT)
        axes.set_ylabel("is", color=FAINT)
        axes.tick_params(length=0, colors=INK)
        axes.spines[:].set_color(RULE)
        for row, column in zip(*np.nonzero(confusion), strict=True):
            axes.text(
                column,
                row,
                str(confusion[row, column]),
                ha="center",
                va="center",
                fontsize=size,
                color="white" if shares[row, column] > 0.55 else INK,
            )


def draw_samples(out: Path, pictures: Sequence[Picture]) -> None:
    """Draw photos with what they are."""
    _draw_grid(out, pictures)


def draw_predictions(out: Path, pictures: Sequence[Picture]) -> None:
    """Draw photos with what was said of them; the wrong ones in red."""
    _draw_grid(out, pictures)


def shorten(text: str, width: int) -> str:
    """Cut a name to ``width`` columns, of which a Japanese character takes two."""
    if _width(text) <= width:
        return text
    kept = ""
    for character in text:
        if _width(kept + character) >= width:
            break
        kept += character
    return f"{kept.rstrip()}…"


def shorten_file(name: str, width: int) -> str:
    """Cut a file's name to ``width`` columns in the middle: numbers end it."""
    if _width(name) <= width:
        return name
    end = ""
    for character in reversed(name):
        if _width(character + end) > width // 2:
            break
        end = character + end
    return f"{shorten(name, width - _width(end)).removesuffix('…')}…{end}"


def _draw_curve(
    axes: Axes,
    history: Sequence[Mapping[str, float]],
    shown: Sequence[tuple[str, str, str]],
    kept_epoch: int,
) -> None:
    """Draw columns of the history, each in a colour and with a name."""
    epochs = [row["epoch"] for row in history]
    marker = "o" if len(epochs) < 20 else ""
    for name, colour, label in shown:
        values = [row.get(name, math.nan) for row in history]
        axes.plot(
            epochs, values, color=colour, label=label, marker=marker, markersize=4
        )
    if len(epochs) > 1 and kept_epoch:
        axes.axvline(
            kept_epoch, color=RULE, linestyle="--", zorder=0, label="kept snapshot"
        )
    axes.set_xlabel("epoch", color=FAINT)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlim(min(epochs) - 0.5, max(epochs) + 0.5)
    axes.grid(axis="y", color=RULE, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(RULE)
    axes.tick_params(colors=INK)
    axes.legend(frameon=False, fontsize=9)


def _draw_grid(out: Path, pictures: Sequence[Picture]) -> None:
    columns = min(8, max(1, len(pictures)))
    rows = max(1, -(-len(pictures) // columns))
    with open_figure(out, (1.5 * max(columns, 2), 2.0 * rows)) as figure:
        cells = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()
        for cell in cells:
            cell.axis("off")
        if not pictures:
            cells[0].text(0.5, 0.5, "nothing to show", ha="center", color=FAINT)
        for cell, picture in zip(cells, pictures, strict=False):
            _draw_picture(cell, picture)


def _draw_picture(cell: Axes, picture: Picture) -> None:
    cell.axis("on")
    cell.imshow(picture.image)
    cell.set_xticks([])
    cell.set_yticks([])
    colour = WRONG if picture.is_wrong else INK
    cell.spines[:].set_color(WRONG if picture.is_wrong else RULE)
    cell.spines[:].set_linewidth(2.5 if picture.is_wrong else 0.8)
    cell.set_xlabel(_caption(picture), fontsize=8, color=colour)


def _caption(picture: Picture) -> str:
    if picture.predicted is None:
        return shorten(picture.label, 20)
    said = f"{shorten(picture.predicted, 16)}, {100 * (picture.confidence or 0):.0f} %"
    return f"{said}\nis {shorten(picture.label, 18)}" if picture.is_wrong else said


def _width(text: str) -> int:
    """Count the columns a text takes."""
    return sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


@contextmanager
def open_figure(out: Path, size: tuple[float, float]) -> Iterator[Figure]:
    """Open a figure; on leaving, it is written to ``out``, whole or not at all."""
    with mpl.rc_context(
        {"font.family": _fonts(), "axes.unicode_minus": False, "text.parse_math": False}
    ):
        figure = Figure(figsize=size, layout="constrained", facecolor="white")
        yield figure
        fresh = out.with_name(f".{out.name}.part")
        with warnings.catch_warnings():
            # A character that no installed font has is drawn as a box.
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            figure.savefig(fresh, format="png", dpi=DPI)
        fresh.replace(out)


@cache
def _fonts() -> list[str]:
    """Name the fonts to draw with: matplotlib's own, then one that has Japanese."""
    installed = set(font_manager.get_font_names())
    found = [name for name in _CJK_FONTS if name in installed]
    if not found:
        logging.getLogger(__name__).info("no font with Japanese is installed")
    return ["DejaVu Sans", *found[:1]]
