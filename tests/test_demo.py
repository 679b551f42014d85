"""The demo from its command: everything anew, and the goals reached."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.demo.compare import compare_groups, compare_verdicts
from pipeline.demo.products import Product
from pipeline.demo.shop import Photo, Shop

TOLD = re.compile(r"[a-z ]+: [\d,]+(?: of [\d,]+(?:, about [\d:]+ left)?)?")  # progress


def shop(*photos: Photo, products: tuple[Product, ...] = ()) -> Shop:
    return Shop(Path(), 0, ("A", "B"), photos, (), products)


ORIGINAL, OTHER = Photo("a/1.jpg", "A", ("A",)), Photo("a/2.jpg", "A", ("A",))
COPY = Photo("a/3.jpg", "A", ("A",), "a/1.jpg", "resized")


@pytest.mark.parametrize(
    ("groups", "found", "merged"),
    [
        ({"a/1.jpg": {1}, "a/2.jpg": {2}, "a/3.jpg": {1}}, 1, 0),
        ({"a/1.jpg": {1}, "a/2.jpg": {2}, "a/3.jpg": {3}}, 0, 0),
        ({"a/1.jpg": {1}, "a/2.jpg": {1}, "a/3.jpg": {1}}, 1, 3),
        ({"a/1.jpg": {1}, "a/2.jpg": {2}}, 0, 0),
        ({"a/1.jpg": {1, 4}, "a/2.jpg": {2}, "a/3.jpg": {1}}, 0, 0),
    ],
    ids=["found", "missed", "merged with another", "never scraped", "two sizes apart"],
)
def test_groups_are_held_against_the_planted_copies(groups, found, merged):
    told = compare_groups(
        shop(ORIGINAL, OTHER, COPY),
        {file: frozenset(numbers) for file, numbers in groups.items()},
    )

    assert (told.planted, told.found, told.missed) == (1, found, 1 - found)
    assert told.wrongly_merged == merged


def product(tag: str, flaw: str | None = None) -> Product:
    return Product("G1", "a guitar", "photos/G1.jpg", tag, "A", flaw)


def test_verdicts_are_held_against_the_planted_tags():
    products = (
        product("B"),
        product("B"),
        product("A"),
        product("A"),
        product("A", "missing"),
        product("ukulele"),
    )
    verdicts = ["mismatch", "unsure", "ok", "mismatch", "unusable_image", "unknown_tag"]

    told = compare_verdicts(shop(products=products), verdicts)

    assert (told.planted, told.found, told.missed) == (2, 1, 1)
    assert (told.false_alarms, told.checked) == (1, 4)


@pytest.mark.slow
def test_the_demo_reaches_its_goals_and_empties_what_was_there(tmp_path):
    leftover = tmp_path / "models" / "demo" / "old"
    leftover.mkdir(parents=True)

    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "--home", str(tmp_path), "demo"],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if not TOLD.fullmatch(line)] == []
    assert not leftover.exists()
    run = tmp_path / "models" / "demo" / "latest"
    told = json.loads((run / "demo.json").read_text(encoding="utf-8"))
    copies, tags = told["duplicates"], told["wrong_tags"]
    assert copies["planted"] >= 60
    assert copies["found"] >= 0.98 * copies["planted"]
    assert copies["wrongly_merged"] == 0
    assert tags["checked"] >= 150
    assert tags["planted"] >= 0.1 * tags["checked"]
    assert tags["found"] >= 0.8 * tags["planted"]
    assert tags["false_alarms"] <= 0.03 * (tags["checked"] - tags["planted"])
    assert told["val_accuracy"] >= 0.9
    assert told["forbidden_fetched"] == 0
    assert set(told["seconds"]) >= {"scrape", "dedup", "train", "check", "total"}
    assert re.search(r"copies planted +\d+ +\d+ found", done.stdout)
    report = (run / "report.html").read_text(encoding="utf-8")
    assert not re.search(r'(?:src|href)="https?://', report)
