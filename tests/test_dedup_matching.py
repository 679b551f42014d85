from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from pipeline.dedup.features import CACHE_FILE as DESCRIBED
from pipeline.dedup.features import Features, describe
from pipeline.dedup.grouping import group_links
from pipeline.dedup.hashing import CROPS, View
from pipeline.dedup.links import CACHE_FILE, Link
from pipeline.dedup.matching import Picture, find_links
from pipeline.dedup.proposing import propose
from pipeline.dedup.quality import LOOKS
from pipeline.progress import silent


class Counted:
    """A progress that counts what was done, and interrupts it where asked to."""

    def __init__(self, interrupted_after: int | None = None) -> None:
        self.done = 0
        self._interrupted_after = interrupted_after

    @contextmanager
    def __call__(
        self, description: str, total: int | None
    ) -> Iterator[Callable[[int], None]]:
        yield self._advance

    def _advance(self, steps: int) -> None:
        self.done += steps
        if self._interrupted_after is not None and self.done > self._interrupted_after:
            raise KeyboardInterrupt


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


def test_what_was_done_before_an_interruption_is_not_done_again(tmp_path):
    drawn = {f"{n}": scene(n // 6).resize((240 - n % 6, 180)) for n in range(24)}
    paths = save(tmp_path, drawn)
    cache = tmp_path / "cache"
    with pytest.raises(KeyboardInterrupt):
        describe(paths, cache, progress=Counted(interrupted_after=0))
    counted = Counted()
    seen = describe(paths, cache, progress=counted)
    assert (len(seen), counted.done) == (24, 0)
    pictures = [Picture(path, seen[name], name) for name, path in paths.items()]
    everything = Counted()
    links = find_links(pictures, 10, progress=everything)
    with pytest.raises(KeyboardInterrupt):
        find_links(pictures, 10, progress=Counted(interrupted_after=17), cache=cache)
    rest = Counted()
    assert find_links(pictures, 10, progress=rest, cache=cache) == links
    assert 0 < rest.done < everything.done - 17


def cut_crops(arrays: dict[str, np.ndarray]) -> None:
    arrays["crops"] = arrays["crops"][:, :5]


def coarser(arrays: dict[str, np.ndarray]) -> None:
    arrays["coarse"] = arrays["coarse"][:, :4, :4]


def of_nobody(arrays: dict[str, np.ndarray]) -> None:
    arrays["owner"] = np.zeros_like(arrays["owner"])


def empty_boxes(arrays: dict[str, np.ndarray]) -> None:
    arrays["box"] = np.zeros_like(arrays["box"])


@pytest.mark.parametrize("damage", [cut_crops, coarser, of_nobody, empty_boxes])
def test_descriptions_of_other_shapes_are_made_again(paths, tmp_path, damage):
    counted = Counted()
    seen = describe(paths, tmp_path, progress=counted)
    with np.load(tmp_path / DESCRIBED) as stored:
        arrays = dict(stored)
    damage(arrays)
    np.savez(tmp_path / DESCRIBED, **arrays)
    again = Counted()
    assert describe(paths, tmp_path, progress=again).keys() == seen.keys()
    assert again.done == counted.done == 9


def test_archive_that_cant_be_unpacked_is_made_again(paths, tmp_path):
    links, compared = link(paths, tmp_path / "cache")
    file = tmp_path / "cache" / CACHE_FILE
    data = file.read_bytes()
    head = b"PK\x01\x02"  # of an entry; its flags are the ninth byte: encrypted
    start, *entries = data.split(head)
    locked = [entry[:4] + b"\x01" + entry[5:] for entry in entries]
    file.write_bytes(head.join([start, *locked]))
    assert link(paths, tmp_path / "cache") == (links, compared)


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
