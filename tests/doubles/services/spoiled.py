"""Files and answers that something is wrong with; ``SPOILED`` lists them by name."""

import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image

from tests.doubles.services.web import Reply

PRIVATE_URL = "http://10.0.0.1/photo.jpg"
BOMB_SIDE = 25_000  # pixels; a file of some 80 kB


def jpeg_reply(body: bytes) -> Reply:
    return Reply(body, content_type="image/jpeg")


def cut(body: bytes) -> Reply:
    """Hang up in the middle of a photo."""
    return replace(jpeg_reply(body), cut_at=len(body) // 2)


def cut_by_reset(body: bytes) -> Reply:
    return replace(cut(body), reset=True)


def reset(_body: bytes = b"") -> Reply:
    """Reset the connection before a byte was sent."""
    return Reply(reset=True)


def claims_less(body: bytes) -> Reply:
    return replace(jpeg_reply(body), claimed_length=len(body) // 2)


def claims_more(body: bytes) -> Reply:
    return replace(jpeg_reply(body), claimed_length=len(body) + 1_000)


def truncated_file(body: bytes) -> Reply:
    """A sound answer whose file was cut long ago."""
    return jpeg_reply(body[: len(body) // 2])


def endless(body: bytes, between: Callable[[], None] | None = None) -> Reply:
    """A photo that drips in for ever; ``between`` may move a clock."""
    return replace(jpeg_reply(body), drip=True, between=between)


def slow(body: bytes, between: Callable[[], None], piece: int = 100) -> Reply:
    """A photo that comes whole, yet in pieces; ``between`` moves a clock."""
    return replace(jpeg_reply(body), piece=piece, between=between)


def page(_body: bytes = b"") -> Reply:
    """A web page under the name of a photo."""
    return jpeg_reply(b"<!doctype html><title>Sign in</title><p>Please sign in.")


def svg(_body: bytes = b"") -> Reply:
    text = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    return Reply(text, content_type="image/svg+xml")


def gif(body: bytes) -> Reply:
    frames = [_open(body), _open(body).rotate(180)]
    data = _saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    return Reply(data, content_type="image/gif")


def tiff(body: bytes) -> Reply:
    return Reply(_saved(_open(body), "TIFF"), content_type="image/tiff")


def cmyk(body: bytes) -> Reply:
    return jpeg_reply(_saved(_open(body).convert("CMYK"), "JPEG"))


def turned(body: bytes) -> Reply:
    """Lies on its side; EXIF says how to turn it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return jpeg_reply(_saved(_open(body), "JPEG", exif=exif))


@cache
def bomb(_body: bytes = b"") -> Reply:
    """A small PNG of 625 million pixels."""
    line = b"\0" * (1 + -(-BOMB_SIDE // 8))
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(line * 1_000) for _ in range(BOMB_SIDE // 1_000))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", BOMB_SIDE, BOMB_SIDE, 1, 0, 0, 0, 0)),
        (b"IDAT", packed + packer.flush()),
        (b"IEND", b""),
    )
    data = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)
    return Reply(data, content_type="image/png")


def grey(_body: bytes = b"") -> Reply:
    """The one-coloured picture that a site shows where there is none."""
    return jpeg_reply(
        _saved(Image.fromarray(np.full((90, 120), 128, np.uint8)), "JPEG")
    )


def nothing(_body: bytes = b"") -> Reply:
    return jpeg_reply(b"")


SPOILED: dict[str, Callable[[bytes], Reply]] = {
    "cut": cut,
    "cut by reset": cut_by_reset,
    "reset": reset,
    "claims less": claims_less,
    "claims more": claims_more,
    "truncated file": truncated_file,
    "endless": endless,
    "page": page,
    "svg": svg,
    "gif": gif,
    "tiff": tiff,
    "cmyk": cmyk,
    "turned": turned,
    "bomb": bomb,
    "grey": grey,
    "nothing": nothing,
}


def marked(body: bytes, *robots_tags: str) -> Reply:
    """A photo with X-Robots-Tag: ``noai``, ``noimageai``, ``otherbot: noindex``..."""
    return jpeg_reply(body).with_headers({"X-Robots-Tag": list(robots_tags)})


def reserved(body: bytes, policy: str = "") -> Reply:
    """A photo whose owner reserves text and data mining, by header."""
    headers = {"tdm-reservation": "1"} | ({"tdm-policy": policy} if policy else {})
    return jpeg_reply(body).with_headers(headers)


def tdmrep(*rules: tuple[str, int]) -> Reply:
    """``/.well-known/tdmrep.json``: locations, each reserved (1) or not (0)."""
    value = [{"location": where, "tdm-reservation": flag} for where, flag in rules]
    return Reply(json.dumps(value).encode(), content_type="application/json")


def moved(to: str, status: int = 302) -> Reply:
    return Reply(b"moved", status, headers={"Location": to})


def _open(body: bytes) -> Image.Image:
    return Image.open(BytesIO(body)).convert("RGB")


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + _crc(kind + data)


def _crc(data: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(data))
