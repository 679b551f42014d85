"""What the pages that mekiki writes share: each is one file that asks for no other."""

import base64
import io
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from pipeline.errors import ImageError
from pipeline.images import decode_image

_QUALITY = 70  # of a small picture's JPEG


def templates_of(package: str) -> Environment:
    """Return the templates of a package; what they are not given is an error."""
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def small_picture(place: Path, side: int) -> str:
    """Return a small picture as a data: address, ``""`` where it can't be read.

    Args:
        place: The picture's file.
        side: Pixels of its longer side at most.
    """
    try:
        image = Image.fromarray(decode_image(place, min_side=side))
    except ImageError:
        return ""
    image.thumbnail((side, side), reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def link(address: str) -> str:
    """Return an address that a page may link to, ``""`` of any other text."""
    return address if address.lower().startswith(("http://", "https://")) else ""
