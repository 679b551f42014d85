from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from pipeline.dedup.features import Features, describe
from pipeline.dedup.grouping import group_links
from pipeline.dedup.hashing import CROPS, View
from pipeline.dedup.links import CACHE_FILE, Link
from pipeline.dedup.matching import Picture, find_links
from pipeline.dedup.proposing import propose
from pipeline.dedup.quality import LOOKS
from pipeline.progress import silent


class Counted:
    """A progress that counts what was done."""

    def __init__(self) -> None:
        self.done = 0

    @contextmanager
    def __call__(
        self, description: str, total: int | None
    ) -> Iterator[Callable[[int], None]]:
        yield self._advance

    def _advance(self, steps: int) -> None:
        self.done += steps


def scene(seed: int) -> Image.Image:
    """Draw soft blobs, as unlike another seed's as two photos are."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(small).resize((240, 180), Image.Resampling.BICUBIC)


def save(folder: Path, images: dict[str, Image.Image]) -> dict[str, Path]:
    paths = {}
    for name, image in images.items():
        paths[name] = folder / f"{name}.jpg"
        image.save(paths[name], quality=90)
    return paths


def link(paths: dict[str, Path], cache: Path | None) -> tuple[list[Link], int]:
    """Find the links between files; return how many pairs were compared, too."""
    if cache:
        cache.mkdir(exist_ok=True)
    seen = describe(paths, next(iter(paths.values())).parent, progress=silent)
    pictures = [Picture(path, seen.get(name), name) for name, path in paths.items()]
    counted = Counted()
    return find_links(pictures, 10, progress=counted, cache=cache), counted.done


@pytest.fixture
def paths(tmp_path):
    """Write three photos, with a smaller and a mirrored copy of each."""
    images = {}
    for seed in range(3):
        original = scene(seed)
        images[f"{seed}"] = original
        images[f"{seed}-small"] = original.resize((160, 120))
        images[f"{seed}-mirrored"] = ImageOps.mirror(original)
    return save(tmp_path, images)


def test_no_two_pictures_are_compared_twice(paths, tmp_path):
    links, compared = link(paths, tmp_path / "cache")
    assert compared >= 9
    assert link(paths, tmp_path / "cache") == (links, 0)
    assert link(paths, None)[0] == links


def test_of_a_set_that_grew_only_what_is_new_is_compared(paths, tmp_path):
    before, _ = link(paths, tmp_path / "cache")
    grown = {"0-grey": save(tmp_path, {"0-grey": scene(0).convert("L")})["0-grey"]}
    links, compared = link(grown | paths, tmp_path / "cache")
    assert compared == 3  # with the three that show the same
    assert (links, links) == (link(grown | paths, None)[0], links)
    moved = [(one.first - 1, one.second - 1) for one in links if one.first > 0]
    assert moved == [(one.first, one.second) for one in before]


def test_pictures_that_are_gone_are_left_out(paths, tmp_path):
    link(paths, tmp_path / "cache")
    left = {name: path for name, path in paths.items() if not name.startswith("1")}
    links, compared = link(left, tmp_path / "cache")
    assert compared == 0
    assert links == link(left, None)[0]


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not really", b"\x93NUMPY junk"])
def test_damaged_comparisons_are_made_again(paths, tmp_path, damage):
    links, compared = link(paths, tmp_path / "cache")
    (tmp_path / "cache" / CACHE_FILE).write_bytes(damage)
    assert link(paths, tmp_path / "cache") == (links, compared)


def test_picture_that_could_not_be_read_is_compared_when_it_can(paths, tmp_path):
    links, _ = link(paths, tmp_path / "cache")
    (tmp_path / "cache" / CACHE_FILE).unlink()
    data = paths["2"].read_bytes()
    paths["2"].write_bytes(b"gone")
    without, _ = link(paths, tmp_path / "cache")
    assert all(6 not in (one.first, one.second) for one in without)
    paths["2"].write_bytes(data)
    assert link(paths, tmp_path / "cache")[0] == links


def blank_shades(count: int) -> list[Features | None]:
    """Return what blank pictures of many shades are described by: one hash."""
    none = np.zeros(len(CROPS), np.uint64)
    found: list[Features | None] = []
    for shade in np.random.default_rng(0).integers(0, 256, count):
        coarse = np.full((8, 8), shade, np.uint8)
        view = View(0, (0.0, 1.0, 0.0, 1.0), 1.0, 0, 0, coarse, none)
        found.append(Features((view,), dict.fromkeys(LOOKS, 0.0), is_coloured=False))
    return found


def test_a_crowd_with_one_hash_is_not_compared_each_with_each():
    proposed = {n: len(propose(blank_shades(n), 10)) for n in (2000, 4000)}
    assert proposed[4000] < 25 * 4000
    assert proposed[4000] < 2.5 * proposed[2000]


def test_equal_pictures_of_a_crowd_still_find_each_other(tmp_path):
    shades = [*range(20, 220), 77]
    paths = {}
    for n, shade in enumerate(shades):
        paths[f"{n}"] = tmp_path / f"{n}.png"
        image = Image.new("RGB", (80, 80), (shade, shade, shade))
        image.save(paths[f"{n}"], compress_level=n % 9)
    links, _ = link(paths, None)
    places = group_links(len(paths), links)
    assert [n for n, place in enumerate(places) if place.group != n] == [200]
    assert places[200].group == shades.index(77)
