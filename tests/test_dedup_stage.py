import csv
import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

from pipeline.catalog import Catalog, Outcome, Status, opened
from pipeline.catalog.endings import Ending
from pipeline.catalog.finding import Found
from pipeline.dedup import DedupSummary, dedup, write_groups
from pipeline.errors import InputError
from pipeline.gallery import gallery_file
from pipeline.home import SetFolder, set_folder
from pipeline.images import ImageStore, inspect_image
from pipeline.progress import silent
from pipeline.settings import SetSettings

SETTINGS = SetSettings.model_validate({"category": [{"name": "a"}, {"name": "b"}]})


def now() -> str:
    return "2024-05-01T12:00:00+00:00"


def photo(seed: int, *, body: tuple[int, int, int] | None = None) -> Image.Image:
    """Draw a guitar-like thing on white; its pose and parts follow the seed."""
    rng = np.random.default_rng(seed)
    image = np.full((360, 300, 3), 255, np.uint8)
    colour = body or tuple(int(v) for v in rng.integers(20, 230, 3))
    x, y = (int(v) for v in rng.integers(-25, 25, 2))
    wide, tall = (int(v) for v in rng.integers(45, 95, 2))
    cv2.rectangle(image, (140 + x, 20), (160 + x, 200), (120, 80, 40), -1)
    cv2.ellipse(image, (150, 240 + y), (wide, tall), 0, 0, 360, colour, -1)
    for _ in range(6):
        spot = (int(rng.integers(100, 200)), int(rng.integers(180, 300)))
        size = int(rng.integers(6, 22))
        cv2.circle(
            image, spot, size, tuple(int(v) for v in rng.integers(0, 256, 3)), -1
        )
    light = np.linspace(0.4, 1, 300)[:, None]  # from one side, as on a photo
    grain = rng.normal(0, 3, image.shape)
    drawn = np.where(image < 255, np.clip(image * light + grain, 0, 254), 255)
    return Image.fromarray(drawn.astype(np.uint8))


def encoded(image: Image.Image, quality: int = 90, kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=quality)
    return buffer.getvalue()


def add(
    folder: SetFolder, catalog: Catalog, photos: dict[str, bytes], category: str = "a"
) -> None:
    """Put photos into the store and the catalog, as a scrape would have."""
    store = ImageStore(folder.images)
    found = [Found("folder", category, name) for name in photos]
    catalog.candidates.add(found, now())
    endings = []
    for candidate in catalog.candidates.pending():
        facts = inspect_image(photos[candidate.origin])
        store.put(photos[candidate.origin], facts)
        endings.append(Ending(candidate.id, Outcome.STORED, facts=facts))
    catalog.candidates.finish(endings, now())
    catalog.journal.start_items(now())


def run(
    folder: SetFolder, catalog: Catalog, settings: SetSettings = SETTINGS
) -> DedupSummary:
    return dedup(folder, settings, catalog, progress=silent, now=now)


def rows_by_origin(
    folder: SetFolder, catalog: Catalog, out: Path
) -> dict[str, dict[str, str]]:
    write_groups(folder, catalog, out)
    with out.open(encoding="utf-8-sig", newline="") as file:
        return {row["origin"]: row for row in csv.DictReader(file)}


@pytest.fixture
def folder(tmp_path):
    return set_folder(tmp_path, "shop")


@pytest.fixture
def catalog(folder):
    with opened(folder) as catalog:
        yield catalog


def copies_of(original: Image.Image) -> dict[str, bytes]:
    bordered = ImageOps.expand(original, 30, "white")
    framed = ImageOps.expand(original, 25, (20, 90, 40))
    return {
        "original": encoded(original, 93),
        "same pixels": encoded(
            Image.open(io.BytesIO(encoded(original, 93))), kind="BMP"
        ),
        "recompressed": encoded(original, 40),
        "resized": encoded(original.resize((180, 216))),
        "resized, recompressed": encoded(original.resize((100, 120)), 50),
        "mirrored": encoded(ImageOps.mirror(original)),
        "mirrored, recompressed": encoded(ImageOps.mirror(original), 45),
        "bordered": encoded(bordered),
        "bordered, framed": encoded(framed),
        "greyscale": encoded(original.convert("L")),
    }


def test_every_kind_of_copy_joins_its_original_with_its_reason(
    folder, catalog, tmp_path
):
    photos = copies_of(photo(1))
    photos |= {f"other {n}": encoded(photo(n)) for n in range(2, 8)}
    add(folder, catalog, photos)
    summary = run(folder, catalog)
    rows = rows_by_origin(folder, catalog, tmp_path / "groups.csv")

    assert len(rows) == len(photos) == summary.images
    assert (summary.groups, summary.copies) == (7, 9)
    kept = {origin for origin, row in rows.items() if row["kept"] == "true"}
    assert kept >= {f"other {n}" for n in range(2, 8)}
    best = next(iter(kept - {f"other {n}" for n in range(2, 8)}))
    assert best in {"original", "same pixels"}  # the same picture, in two formats
    copies = {o: row for o, row in rows.items() if row["group"] == "1"}
    assert set(copies) == set(copies_of(photo(1)))
    for origin, row in copies.items():
        if origin not in {"original", "same pixels"}:
            assert row["reason"] == origin.split(",", maxsplit=1)[0]
            assert row["kept"] == "false"
    assert {copies[o]["reason"] for o in ("original", "same pixels")} == {
        "",
        "same pixels",
    }
    assert all(Path(row["image"]).is_file() for row in rows.values())
    assert summary.line.startswith(
        "16 images in 7 groups; 9 copies; 0 conflicts between categories; flagged: "
    )
    assert summary.flagged["greyscale"] == 1


def test_same_shape_in_red_blue_black_and_white_stays_apart(folder, catalog):
    colours = [(190, 30, 35), (60, 68, 140), (20, 20, 20), (235, 235, 235)]
    add(
        folder,
        catalog,
        {str(n): encoded(photo(3, body=body)) for n, body in enumerate(colours)},
    )
    assert run(folder, catalog).groups == 4


def test_same_pixels_are_copies_even_where_there_is_nothing_to_compare(
    folder, catalog, tmp_path
):
    white, grey = (Image.new("RGB", (90, 80), name) for name in ("white", "#eeeeee"))
    photos = {
        "white.png": encoded(white, kind="PNG"),
        "white.bmp": encoded(white, kind="BMP"),
        "grey.png": encoded(grey, kind="PNG"),
        "wide.png": encoded(white.resize((180, 160)), kind="PNG"),
    }
    add(folder, catalog, photos)

    run(folder, catalog)

    rows = rows_by_origin(folder, catalog, tmp_path / "groups.csv")
    groups = {name: row["group"] for name, row in rows.items()}
    assert groups == {
        "white.png": "1",
        "white.bmp": "1",
        "grey.png": "3",
        "wide.png": "4",
    }
    assert sorted(row["reason"] for row in rows.values()) == ["", "", "", "same pixels"]


def test_copies_under_two_categories_are_a_conflict(folder, catalog):
    original = photo(5)
    add(folder, catalog, {"first": encoded(original)}, "a")
    add(folder, catalog, {"second": encoded(original, 50)}, "b")
    assert run(folder, catalog).conflicts == 1
    (shown,) = catalog.photos.photos()
    assert shown.status is Status.CONFLICT
    assert shown.scraped_as == ("a", "b")


def test_photos_of_a_scrape_that_was_killed_are_there_to_be_labelled(folder, catalog):
    data = encoded(photo(1))
    facts = inspect_image(data)
    ImageStore(folder.images).put(data, facts)
    catalog.candidates.add([Found("folder", "a", "one")], now())
    catalog.candidates.finish([Ending(1, Outcome.STORED, facts=facts)], now())

    run(folder, catalog)

    assert [shown.label for shown in catalog.photos.trained()] == ["a"]


def test_running_again_changes_nothing_and_says_so(folder, catalog):
    add(folder, catalog, copies_of(photo(1)))
    first = run(folder, catalog)
    groupings = catalog.photos.groupings()
    again = run(folder, catalog)
    assert first.is_new
    assert not again.is_new
    assert again.line.endswith("nothing had changed")
    assert catalog.photos.groupings() == groupings


def test_set_that_grew_ends_as_if_it_had_come_at_once(tmp_path):
    photos = copies_of(photo(1)) | {f"other {n}": encoded(photo(n)) for n in (2, 3)}
    names = list(photos)
    results = []
    for steps in ([names], [names[:4], names[4:]]):
        folder = set_folder(tmp_path, f"in-{len(steps)}")
        with opened(folder) as catalog:
            for step in steps:
                add(folder, catalog, {name: photos[name] for name in step})
                run(folder, catalog)
            results.append(catalog.photos.groupings())
    assert results[0] == results[1]


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not really", b"\x93NUMPY junk"])
def test_damaged_cache_is_worked_out_again(folder, catalog, damage):
    add(folder, catalog, copies_of(photo(1)))
    run(folder, catalog)
    groupings = catalog.photos.groupings()
    for file in folder.cache.iterdir():
        file.write_bytes(damage)
    assert run(folder, catalog).is_new
    assert catalog.photos.groupings() == groupings


def test_run_that_lost_all_but_its_cache_gives_the_same_groups(folder, catalog):
    add(folder, catalog, copies_of(photo(1)))
    run(folder, catalog)
    groupings = catalog.photos.groupings()
    catalog.photos.write_groupings([])
    assert run(folder, catalog).is_new
    assert catalog.photos.groupings() == groupings


@pytest.mark.parametrize("enabled", [False, "exact"])
def test_without_comparing_every_image_is_its_own_group(folder, catalog, enabled):
    add(folder, catalog, copies_of(photo(1)))
    settings = SETTINGS.model_copy(
        update={"dedup": SETTINGS.dedup.model_copy(update={"enabled": enabled})}
    )
    summary = run(folder, catalog, settings)
    assert (summary.images, summary.groups, summary.copies) == (10, 10, 0)


def test_exact_does_not_look_at_the_pictures(folder, catalog):
    add(folder, catalog, {"one": encoded(photo(1)), "two": encoded(photo(2))})
    for file in folder.images.glob("*/*"):
        file.unlink()
    exact = SETTINGS.dedup.model_copy(update={"enabled": "exact"})

    summary = run(folder, catalog, SETTINGS.model_copy(update={"dedup": exact}))

    assert (summary.groups, summary.flagged) == (2, {})


def test_changed_settings_are_followed(folder, catalog):
    add(folder, catalog, copies_of(photo(1)))
    assert run(folder, catalog).groups == 1
    off = SETTINGS.model_copy(
        update={"dedup": SETTINGS.dedup.model_copy(update={"enabled": False})}
    )
    assert run(folder, catalog, off).groups == 10


def test_image_that_is_gone_is_flagged_and_tried_again(folder, catalog):
    add(folder, catalog, {"one": encoded(photo(1)), "two": encoded(photo(2))})
    image = catalog.photos.stored()[0]
    path = ImageStore(folder.images).path(image.sha256, image.extension)
    data = path.read_bytes()
    path.unlink()
    assert run(folder, catalog).flagged == {"unreadable": 1}
    path.write_bytes(data)
    assert run(folder, catalog).flagged == {}


def test_poor_pictures_are_flagged_and_stay(folder, catalog):
    wall = Image.new("RGB", (200, 200), (180, 170, 160))
    banner = Image.fromarray(np.tile(np.asarray(photo(1))[200:270], (1, 3, 1)))
    add(
        folder,
        catalog,
        {
            "wall": encoded(wall),
            "another wall": encoded(wall, 40),
            "banner": encoded(banner),
            "small": encoded(photo(2).resize((40, 48))),
        },
    )
    summary = run(folder, catalog)
    assert summary.flagged == {"blank": 2, "extreme_aspect": 1, "tiny": 1}
    assert summary.groups == 4
    assert summary.line.endswith("flagged: 2 blank, 1 extreme_aspect, 1 tiny")
    assert catalog.photos.trained() == []


def test_blurry_photo_is_flagged_with_its_scores_and_trained_all_the_same(
    folder, catalog
):
    blurred = photo(1).filter(ImageFilter.GaussianBlur(12))
    add(folder, catalog, {"blurred": encoded(blurred)})
    assert run(folder, catalog).flagged == {"blurry": 1}
    (found,) = catalog.photos.groupings()
    assert found.scores["blurry"] > 0.5 > found.scores["dark"]
    assert [shown.flags for shown in catalog.photos.trained()] == [("blurry",)]


def test_picture_of_many_pages_is_a_placeholder_also_where_they_came_later(
    folder, catalog
):
    add(folder, catalog, {"logo": encoded(photo(1))})
    assert run(folder, catalog).flagged == {}
    sha256 = catalog.photos.stored()[0].sha256
    names = [f"logo {n}" for n in range(9)]
    catalog.candidates.add(
        [Found("pages", "a", name, page=f"https://x.example/{name}") for name in names],
        now(),
    )
    facts = inspect_image(encoded(photo(1)))
    catalog.candidates.finish(
        [
            Ending(candidate.id, Outcome.STORED, facts=facts)
            for candidate in catalog.candidates.pending()
        ],
        now(),
    )
    assert run(folder, catalog).flagged == {"placeholder": 1}
    assert [image.sha256 for image in catalog.photos.stored()] == [sha256]
    assert catalog.photos.trained() == []


def test_photos_without_colour_are_not_flagged_where_the_category_has_none(
    folder, catalog
):
    grey = {f"{n}": encoded(photo(n).convert("L")) for n in range(3)}
    add(folder, catalog, grey)
    assert "greyscale" not in run(folder, catalog).flagged
    colours = {f"{n}": encoded(photo(n)) for n in range(10, 16)}
    add(folder, catalog, colours)
    assert run(folder, catalog).flagged["greyscale"] == 3


def test_the_page_of_groups_lies_in_the_cache_and_follows_them(folder, catalog):
    add(folder, catalog, copies_of(photo(1)))
    run(folder, catalog)
    page = gallery_file(folder)
    assert page.parent == folder.cache
    assert "10 images in 1 group" in page.read_text("utf-8")
    page.unlink()
    assert not run(folder, catalog).is_new
    assert page.exists()


def test_empty_set_has_nothing_to_group(folder, catalog, tmp_path):
    assert run(folder, catalog).images == 0
    assert write_groups(folder, catalog, tmp_path / "groups.csv") == 0


def test_listing_that_cant_be_written_is_the_users_error(folder, catalog, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="can't be written"):
        write_groups(folder, catalog, tmp_path / "file" / "groups.csv")
