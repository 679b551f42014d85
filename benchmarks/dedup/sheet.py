"""A picture of random groups, for a person to look for wrong ones.

    python -m benchmarks.dedup.sheet FOLDER OUT.jpg [--groups 100] [--seed 0]

Takes the photos under FOLDER through ``mekiki dedup``, in a set of its own that is gone
afterwards, and draws groups with more than one member: one a row with its number, the
kept photo first, under every other the reason why it is a copy.
"""

import csv
import math
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from PIL import Image, ImageDraw

from pipeline.catalog import Catalog, Outcome, opened
from pipeline.catalog.endings import Ending
from pipeline.catalog.engine import DATABASE_URL
from pipeline.catalog.finding import Found
from pipeline.cli.group import shown_progress, utc_now
from pipeline.dedup import dedup, write_groups
from pipeline.errors import ImageError
from pipeline.home import SetFolder, set_folder
from pipeline.images import ImageStore, decode_image, encode_jpeg, inspect_image
from pipeline.settings import SetSettings

SIDE = 96  # pixels of a photo on the sheet
SHOWN = 12  # members of a group that are drawn
_LINE = 14  # pixels of the text under a photo
_GAP = 4
_MARGIN = 44  # pixels on the left, for a group's number
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_CATEGORIES = ("photos", "none")  # a set has two at least

Member = tuple[Path, str]  # a photo, and why it is a copy


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--groups", default=100, help="How many are drawn.")
@click.option("--seed", default=0, help="Another one draws others.")
def main(folder: Path, out: Path, groups: int, seed: int) -> None:
    """Draw random groups of the photos under FOLDER to OUT."""
    os.environ.pop(DATABASE_URL, None)  # what is made here is no set of anybody's
    with tempfile.TemporaryDirectory(prefix="mekiki-sheet-") as home:
        found = find_groups(folder, set_folder(Path(home), "sheet"))
        rng = np.random.default_rng(seed)
        chosen = rng.permutation(len(found))[:groups].tolist()
        sheet = draw([found[n] for n in sorted(chosen)])
    out.write_bytes(encode_jpeg(np.asarray(sheet), 90))
    click.echo(f"{len(chosen)} of {len(found)} groups with copies: {out}")


def find_groups(photos: Path, folder: SetFolder) -> list[list[Member]]:
    """Return the groups that have copies, the kept photo of each first.

    Args:
        photos: The folder, with any folders in it.
        folder: An empty set's, for what is made.
    """
    settings = SetSettings.model_validate(
        {"category": [{"name": name} for name in _CATEGORIES]}
    )
    listing = folder.cache / "groups.csv"
    with opened(folder) as catalog:
        _store(photos, folder, catalog)
        dedup(folder, settings, catalog, progress=shown_progress(), now=utc_now)
        write_groups(folder, catalog, listing)
    groups: dict[str, list[Member]] = {}
    with listing.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            member = photos / row["origin"], row["reason"]
            groups.setdefault(row["group"], []).append(member)
    copies = [members for members in groups.values() if len(members) > 1]
    return [sorted(members, key=lambda m: bool(m[1])) for members in copies]


def draw(groups: Sequence[Sequence[Member]]) -> Image.Image:
    """Draw the groups, each a row, in columns beside each other."""
    wide = min(SHOWN, max(map(len, groups), default=1))
    across, down = _MARGIN + wide * (SIDE + _GAP), SIDE + _LINE + _GAP
    tall = max(1, math.ceil(math.sqrt(len(groups) * across / down)))  # about a square
    columns = max(1, math.ceil(len(groups) / tall))
    sheet = Image.new("RGB", (columns * across, tall * down), "white")
    pen = ImageDraw.Draw(sheet)
    for number, members in enumerate(groups, 1):
        column, row = divmod(number - 1, tall)
        left, top = column * across, row * down
        more = f"\n+{len(members) - SHOWN}" if len(members) > SHOWN else ""
        pen.text((left + 4, top + SIDE // 2), f"{number}{more}", fill="black")
        left += _MARGIN
        for photo, reason in members[:SHOWN]:
            picture = Image.fromarray(decode_image(photo))
            picture.thumbnail((SIDE, SIDE))
            sheet.paste(picture, (left, top))
            pen.text((left, top + SIDE), reason or "kept", fill="black")
            left += SIDE + _GAP
    return sheet


def _store(photos: Path, folder: SetFolder, catalog: Catalog) -> None:
    """Put the photos into the set, as a scrape would have."""
    names = [
        str(file.relative_to(photos))
        for file in sorted(photos.rglob("*"))
        if file.suffix.lower() in _SUFFIXES
    ]
    now = utc_now()
    catalog.candidates.add([Found("folder", _CATEGORIES[0], n) for n in names], now)
    store, stored, endings = ImageStore(folder.images), [], []
    for candidate in catalog.candidates.pending():
        data = (photos / candidate.origin).read_bytes()
        try:
            facts = inspect_image(data)
        except ImageError as error:
            endings.append(Ending(candidate.id, Outcome.REFUSED, str(error)))
            continue
        stored.append((data, facts))
        endings.append(Ending(candidate.id, Outcome.STORED, facts=facts))
    store.put_all(stored)
    catalog.candidates.finish(endings, now)
    catalog.journal.start_items(now)


if __name__ == "__main__":
    main()
