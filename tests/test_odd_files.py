"""Odd files, from a folder into groups: each ends in a decision, none stops a run."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline import catalog as catalogs
from pipeline.catalog.photos import Grouping
from pipeline.dedup import DedupSummary, dedup
from pipeline.home import SetFolder
from pipeline.progress import silent
from pipeline.scrape import scrape
from pipeline.settings import load_settings

NOW = "2026-01-02T03:04:05+00:00"
ORIENTATION = 0x0112
UNDO = {  # EXIF's orientation → how the picture was turned when it was stored
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def textured(make_photo, seed: int, width: int = 240, height: int = 180) -> Image.Image:
    grain = np.random.default_rng(seed).normal(0, 12, (height, width, 1))
    pixels = np.clip(make_photo(seed, width, height) + grain, 0, 255)
    return Image.fromarray(pixels.astype(np.uint8))


def take_in(folder: SetFolder, photos: Path) -> tuple[DedupSummary, dict[str, str]]:
    """Scrape a folder of photos and group them; return how each file ended."""
    folder.settings_file.write_text(
        '[[category]]\nname = "cat"\n[[category]]\nname = "dog"\n'
        f'[[source]]\nkind = "folder"\npath = "{photos.as_posix()}"\n',
        encoding="utf-8",
    )
    settings = load_settings(folder.settings_file)
    with catalogs.opened(folder) as catalog:
        scrape(folder, settings, catalog, progress=silent, now=lambda: NOW)
        summary = dedup(folder, settings, catalog, progress=silent, now=lambda: NOW)
        stored = {Path(image.origin).name for image in catalog.photos.stored()}
    ended = {
        file.name: "stored" if file.name in stored else "not stored"
        for file in photos.rglob("*.*")
    }
    return summary, ended


def groupings(folder: SetFolder) -> list[Grouping]:
    with catalogs.opened(folder) as catalog:
        return catalog.photos.groupings()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
    return tmp_path / "photos"


def test_every_odd_file_ends_in_a_decision(folder, photos, make_photo):
    picture = [textured(make_photo, seed) for seed in range(6)]
    wide = np.asarray(picture[0].convert("L")).astype(np.uint16) * 257
    clear = picture[2].quantize(32)
    frames = [image.quantize(64) for image in picture[3:5]]
    whole = encoded(picture[5], "JPEG", quality=90)
    files = {
        "sixteen bits.png": encoded(Image.fromarray(wide), "PNG"),
        "cmyk.jpg": encoded(picture[1].convert("CMYK"), "JPEG"),
        "palette.png": encoded(clear, "PNG", transparency=3),
        "animated.gif": encoded(
            frames[0], "GIF", save_all=True, append_images=frames[1:]
        ),
        "truncated.jpg": whole[: len(whole) // 2],
        "one pixel.png": encoded(Image.new("RGB", (1, 1)), "PNG"),
        "a line.png": encoded(Image.new("RGB", (3000, 1), "red"), "PNG"),
        "empty.jpg": b"",
    }
    for name, data in files.items():
        (photos / "cat" / name).write_bytes(data)

    summary, ended = take_in(folder, photos)

    assert {name for name, how in ended.items() if how == "stored"} >= {
        "sixteen bits.png",
        "cmyk.jpg",
        "palette.png",
        "animated.gif",
    }
    assert ended["truncated.jpg"] == ended["empty.jpg"] == "not stored"
    assert summary.images == len(groupings(folder))


def test_a_photo_in_all_eight_orientations_is_one_group(folder, photos, make_photo):
    upright = textured(make_photo, 7)
    for orientation, turn in UNDO.items():
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        stored = upright if turn is None else upright.transpose(turn)
        data = encoded(stored, "JPEG", exif=exif, quality=90)
        (photos / "cat" / f"turned {orientation}.jpg").write_bytes(data)
    other = encoded(textured(make_photo, 8), "JPEG", quality=90)
    (photos / "dog" / "another.jpg").write_bytes(other)

    summary, _ = take_in(folder, photos)

    assert (summary.images, summary.groups) == (9, 2)
    assert not any("mirrored" in row.reason for row in groupings(folder))
