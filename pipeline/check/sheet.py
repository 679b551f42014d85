"""A sheet of photos, each beside what the network was shown of it and what it said."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes

from pipeline.check.looking import Seen
from pipeline.errors import ImageError, InputError
from pipeline.images import decode_image
from pipeline.report.plots import (
    FAINT,
    INK,
    RULE,
    WRONG,
    open_figure,
    shorten,
    shorten_file,
)

MOST = 60  # photos on a sheet; those after them are left out
PAIRS = 3  # of a photo and its square beside each other
_SIDE = 320  # pixels that suffice to show a photo


def draw_sheet(
    out: Path, photos: Sequence[Path], seen: Sequence[Seen], labels: Sequence[str]
) -> None:
    """Draw the photos and what the network saw of them.

    Args:
        out: The PNG to write.
        photos: Their files.
        seen: What came of each.
        labels: The classes, in the order of the network's outputs.

    Raises:
        InputError: ``out`` can't be written.
    """
    pairs = list(zip(photos, seen, strict=True))[:MOST]
    lines = -(-len(pairs) // PAIRS)
    columns = min(PAIRS, len(pairs))
    try:
        with open_figure(out, (3.6 * columns, 2.25 * lines)) as figure:
            cells = figure.subplots(lines, 2 * columns, squeeze=False)
            for cell in cells.flat:
                cell.set_axis_off()
            for number, (photo, one) in enumerate(pairs):
                line, pair = divmod(number, columns)
                before, after = cells[line, 2 * pair], cells[line, 2 * pair + 1]
                _draw_pair(before, after, photo, one, labels)
    except OSError as error:
        raise InputError(f"{out} can't be written: {error.strerror}") from error


def _draw_pair(
    before: Axes, after: Axes, photo: Path, seen: Seen, labels: Sequence[str]
) -> None:
    before.set_title(shorten_file(photo.name, 24), loc="left", fontsize=8, color=FAINT)
    try:
        before.imshow(decode_image(photo, min_side=_SIDE))
    except (ImageError, OSError):
        before.text(0.5, 0.5, "?", ha="center", color=FAINT)
    if seen.square is None or isinstance(seen.look, str):
        # the reason to its first stop: the whole of it is printed
        reason = shorten(str(seen.look).split(":")[0], 24)
        after.text(0.5, 0.5, reason, ha="center", va="center", fontsize=7, color=WRONG)
        return
    best = int(seen.look.argmax())
    after.set_title(
        f"{shorten(labels[best], 14)} {100 * seen.look[best]:.0f} %",
        loc="left",
        fontsize=9,
        color=INK,
    )
    after.set_axis_on()
    after.set_xticks([])
    after.set_yticks([])
    after.spines[:].set_color(RULE)
    after.imshow(seen.square, interpolation="nearest")
