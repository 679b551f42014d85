"""Bytes become RGB arrays or a reason; the store keeps bytes whole."""

import hashlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import ImageError
from pipeline.images import (
    ImageStore,
    decode_image,
    encode_jpeg,
    encode_png,
    inspect_image,
    square_image,
    thumbnail,
)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_a_photo_turned_by_exif_is_decoded_upright(make_photo):
    upright = Image.fromarray(make_photo(1, 96, 64))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn 90 degrees clockwise to see it upright
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    data = encoded(stored, "JPEG", exif=exif, quality=95)

    pixels, facts = decode_image(data), inspect_image(data)

    assert pixels.shape == (64, 96, 3)
    assert (facts.width, facts.height) == (96, 64)
    assert np.abs(pixels.astype(int) - np.asarray(upright)).mean() < 5


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_a_turned_picture_has_the_measures_it_is_seen_with(kind, make_photo):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.fromarray(make_photo(1, 96, 64)), kind, exif=exif)

    facts = inspect_image(data)

    assert (facts.height, facts.width) == decode_image(data).shape[:2] == (96, 64)


def test_a_turned_photo_whose_other_metadata_is_broken_is_decoded(make_photo):
    exif = (
        b"Exif\0\0II*\0\x08\0\0\0\x02\0"
        b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"  # orientation 6
        b"\x00\x01\x02\0\x04\0\0\0wide"  # a width that is a word
        b"\0\0\0\0"
    )
    plain = encoded(Image.fromarray(make_photo(1, 96, 64)), "JPEG")
    size = (len(exif) + 2).to_bytes(2, "big")
    data = plain[:2] + b"\xff\xe1" + size + exif + plain[2:]

    facts = inspect_image(data)

    assert (facts.height, facts.width) == decode_image(data).shape[:2] == (96, 64)


def test_transparency_is_laid_on_white():
    clear = Image.new("RGBA", (10, 10), (200, 0, 0, 0))

    assert (decode_image(encoded(clear, "PNG")) == 255).all()


def test_cmyk_and_grey_become_rgb(make_photo):
    image = Image.fromarray(make_photo(2))

    assert decode_image(encoded(image.convert("CMYK"), "JPEG")).shape == (80, 96, 3)
    assert decode_image(encoded(image.convert("L"), "PNG")).shape == (80, 96, 3)


def test_sixteen_bits_are_brought_to_eight():
    ramp = np.linspace(0, 65535, 64, dtype=np.uint16).reshape(8, 8)

    pixels = decode_image(encoded(Image.fromarray(ramp), "PNG"))

    assert pixels.min() == 0
    assert pixels.max() == 255
    assert np.all(np.diff(pixels[..., 0].ravel().astype(int)) >= 0)


def test_of_an_animation_the_first_frame_is_taken():
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])

    red, _, blue = decode_image(data)[0, 0]

    assert red > 250
    assert blue < 5


def test_a_scaled_decode_keeps_the_side_that_was_asked_for(make_photo):
    data = encode_jpeg(make_photo(3, 800, 640))

    small = decode_image(data, min_side=100)

    assert 100 <= min(small.shape[:2]) < 640


def chunk(kind: bytes, body: bytes) -> bytes:
    return (
        struct.pack(">I", len(body))
        + kind
        + body
        + struct.pack(">I", zlib.crc32(kind + body))
    )


def png_of_size(width: int, height: int) -> bytes:
    """Return a PNG whose header promises that many pixels and brings none."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"")


REFUSED = {
    "HTML": (b"<!DOCTYPE html><html></html>", "not an image: an HTML page"),
    "empty": (b"", "empty file"),
    "text": (b"hello", "not an image of a known format"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG or XML"),
    "too large": (png_of_size(12000, 10000), "12000x10000 pixels, more than"),
    "a bomb": (png_of_size(40000, 40000), "pixels are refused"),
}


@pytest.mark.parametrize(("data", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_picture_is_refused_with_its_reason(data, reason):
    with pytest.raises(ImageError, match=reason):
        inspect_image(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_truncated_file_is_refused(make_photo, kind):
    data = encoded(Image.fromarray(make_photo(4, 300, 300)), kind)

    with pytest.raises(ImageError, match="broken image"):
        inspect_image(data[: len(data) // 2])


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_cut_off_anywhere_is_refused_as_by_decoding_it_whole(
    progressive, make_photo
):
    whole = encoded(
        Image.fromarray(make_photo(3, 96, 64)), "JPEG", progressive=progressive
    )

    assert inspect_image(whole).size == len(whole)
    for length in range(2, len(whole), 7):
        with pytest.raises(ImageError) as inspected:
            inspect_image(whole[:length])
        with pytest.raises(ImageError) as decoded:
            decode_image(whole[:length])
        assert str(inspected.value) == str(decoded.value)


def test_a_missing_file_is_an_image_error(tmp_path):
    with pytest.raises(ImageError, match="no such file"):
        decode_image(tmp_path / "gone.jpg")


def test_a_square_keeps_the_shape_and_fills_with_the_edges_colour():
    tall = np.full((90, 30, 3), 255, np.uint8)
    tall[20:70, 5:25] = (200, 10, 10)

    square = square_image(tall, 60)

    assert square.shape == (60, 60, 3)
    assert (square[:, :15] == 255).all()
    rows, columns = np.nonzero((square == (200, 10, 10)).all(axis=2))
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert height / width == pytest.approx(50 / 20, rel=0.2)


def test_the_store_keeps_bytes_under_their_sha256(tmp_path, make_photo):
    data = encode_jpeg(make_photo(5))
    facts = inspect_image(data)
    store = ImageStore(tmp_path)

    first, second = store.put(data, facts), store.put(data, facts)

    assert first == second == store.path(facts.sha256, "jpg")
    assert hashlib.sha256(first.read_bytes()).hexdigest() == facts.sha256
    assert [file.name for file in first.parent.iterdir()] == [first.name]


def test_many_photos_are_kept_at_once_and_those_there_are_left_alone(
    tmp_path, make_photo
):
    store = ImageStore(tmp_path)
    photos = [
        (data, inspect_image(data))
        for data in (encode_jpeg(make_photo(seed)) for seed in range(20))
    ]
    there = store.put(*photos[3])
    before = there.stat().st_mtime_ns

    store.put_all([*photos, photos[5]])

    for data, facts in photos:
        assert store.path(facts.sha256, "jpg").read_bytes() == data
    assert there.stat().st_mtime_ns == before
    assert len(list(tmp_path.glob("*/*"))) == 20


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 3)])
def test_a_png_keeps_every_pixel(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    with Image.open(io.BytesIO(encode_png(pixels))) as image:
        assert np.array_equal(np.asarray(image), pixels)


def test_a_thumbnail_is_made_once_and_is_small(tmp_path, make_photo):
    original = tmp_path / "photo.jpg"
    original.write_bytes(encode_jpeg(make_photo(6, 1200, 700)))

    made = thumbnail(original, "ab" * 32, tmp_path / "thumbnails")
    when = made.stat().st_mtime_ns
    again = thumbnail(original, "ab" * 32, tmp_path / "thumbnails")

    assert again == made
    assert made.stat().st_mtime_ns == when
    with Image.open(made) as image:
        assert max(image.size) == 320
