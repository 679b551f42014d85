"""Whether the pictures on the screen are those of the photos they are said to be."""

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from benchmarks.commands import CommandError
from pipeline.home import SetFolder

if TYPE_CHECKING:
    from playwright.sync_api import Page

_SIDE = 8  # pixels that a picture is shrunk to
_FAR = 9.0  # grey levels, mean: photos differ by 13 and more, scalings by 6 at most
_SHRUNK = """side => [...document.querySelectorAll("[data-mekiki] [data-sha256]")].map(
  (holder) => {
    const canvas = new OffscreenCanvas(side, side);
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(holder.querySelector("img"), 0, 0, side, side);
    return [holder.dataset.sha256, [...context.getImageData(0, 0, side, side).data]];
  })"""


class LikenessError(CommandError):
    """A picture is another photo's; the message says which."""


def check_pictures(page: "Page", folder: SetFolder) -> int:
    """Hold every photo on the page against its file; return how many there are.

    Raises:
        LikenessError: One is another's.
    """
    shown = page.evaluate(_SHRUNK, _SIDE)
    for sha256, values in shown:
        pixels = np.array(values, float).reshape(_SIDE, _SIDE, 4)[..., :3]
        with Image.open(folder.images / sha256[:2] / f"{sha256}.jpg") as image:
            small = image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BOX)
        far = float(np.abs(pixels - np.asarray(small, float)).mean())
        if far > _FAR:
            raise LikenessError(f"{sha256} is shown with another's picture: {far:.0f}")
    return len(shown)
