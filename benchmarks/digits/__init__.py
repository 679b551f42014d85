"""Digits read from phone photos that are drawn of MNIST's test digits.

``python -m benchmarks digits [photos|others] [--home DIR]`` trains ``mnist-tuned``
through the real stages, unless the home has such a run already, draws 200 photos of
test digits (seeded), and asks ``mekiki predict --json`` what they show. The peer is the
same network asked without the finding: the photo fitted into the square, as for other
recipes, its light and dark turned round. ``--quick`` draws 40.

``others`` asks it about photos of other things, of which it should refuse to say any.

The finder was tuned (``benchmarks.digits.fitting``) on photos drawn of training digits
with other seeds, and on other files of the photos of other things; what is measured
here was only counted.
"""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.articles.pixels import DIGITS, IDX
from benchmarks.articles.stages import collect, teach, test_data
from benchmarks.commands import ROOT, CommandError
from benchmarks.digits.photos import take_photo
from benchmarks.figures import Figure
from benchmarks.sets import listed
from pipeline.demo.shop import SHAPES, draw_photo
from pipeline.home import set_folder
from pipeline.images import decode_image, encode_jpeg, square_image
from pipeline.networks.saved import load_model
from pipeline.runs import Run, list_runs

NUMBER, QUICK_NUMBER = 200, 40
NUM_GUITARS = 100
SEED = 7
RECIPE = "mnist-tuned"
GOAL = 0.9
REFUSED_GOAL = 0.95
# Folder of the test data, its files, every how manieth is taken.
OTHERS = (
    ("strangers", "*", 1),
    ("clothing10", "*/*.*", 8),
    ("flowers12", "*/*/*.*", 8),
    ("guitars6", "*/*.*", 20),
)
_SETTINGS = """
[[source]]
kind = "mnist"
path = "{path}"

[split]
val = 100

[train]
recipe = "mnist-tuned"
image_size = 28
batch_size = 128
"""


def photos(home: Path, quick: bool) -> dict[str, Figure]:
    """Measure how many photos are read rightly."""
    idx = test_data(IDX) / IDX
    run = trained(home, idx)
    files = draw_photos(
        home / "photos", idx, "t10k", QUICK_NUMBER if quick else NUMBER, SEED
    )
    answers = _ask(home, run, files)
    wanted = [label_of(file) for file in files]
    said = [answer.get("predicted_tag") for answer in answers]
    right = float(np.mean([mine == it for mine, it in zip(said, wanted, strict=True)]))
    refused = sum("error" in answer for answer in answers)
    return {
        "digit_photos": Figure(
            right,
            goal=GOAL,
            unit="share",
            peer=_without_finding(run, files, wanted),
            note=f"of {len(files)}; no digit found on {refused}",
        )
    }


def others(home: Path, quick: bool) -> dict[str, Figure]:
    """Measure how many photos of other things are refused.

    Without the test data, guitars as the demo draws them.
    """
    run = trained(home, Path(os.environ.get("MEKIKI_TEST_DATA", "")) / IDX)
    if os.environ.get("MEKIKI_TEST_DATA"):
        files, what = other_photos(1), "animals, clothes, flowers and guitars"
    else:
        files, what = _draw_guitars(home / "guitars"), "guitars that the demo draws"
    files = files[:: len(files) // QUICK_NUMBER] if quick else files
    refused = ["error" in answer for answer in _ask(home, run, files)]
    return {
        "no_digit_refused": Figure(
            float(np.mean(refused)),
            goal=REFUSED_GOAL,
            unit="share",
            note=f"of {len(files)} photos of {what}",
        )
    }


# A part takes the home and whether it must be quick.
PARTS: Mapping[str, Callable[[Path, bool], dict[str, Figure]]] = {
    "photos": photos,
    "others": others,
}


def draw_photos(
    folder: Path, idx: Path, part: str, number: int, seed: int
) -> list[Path]:
    """Draw photos of digits of a published part; those that lie there are kept.

    Args:
        folder: Gets a JPEG a photo, its place and label in its name.
        idx: The four files of MNIST.
        part: ``train`` or ``t10k``.
        number: How many digits, drawn by lot.
        seed: Of the lot, and of all that happens to the photos.
    """
    pictures = _read(idx / f"{part}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
    labels = _read(idx / f"{part}-labels-idx1-ubyte.gz", 8)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    lot = np.random.default_rng(seed).permutation(len(pictures))[:number]
    for place, chosen in enumerate(lot):
        file = folder / f"{part}-{seed}-{place:03d}-is-{labels[chosen]}.jpg"
        if not file.exists():
            rng = np.random.default_rng([seed, place])
            photo = take_photo(pictures[chosen], rng)
            fresh = file.with_suffix(".part")
            Image.fromarray(photo.pixels).save(fresh, "JPEG", quality=photo.quality)
            fresh.replace(file)
        files.append(file)
    return files


def label_of(file: Path) -> str:
    """Return the digit that a drawn photo shows."""
    return file.stem[-1]


def trained(home: Path, idx: Path) -> Run:
    """Return the newest run of the recipe in the home, trained now if there is none."""
    folder = set_folder(home, "mnist")
    for run in reversed(list_runs(folder)):
        if run.is_finished and run.metrics.get("recipe") == RECIPE:
            return run
    settings = listed(DIGITS) + _SETTINGS.format(path=idx)
    collect(home, "mnist", settings)
    return teach(home, "mnist", settings).run


def other_photos(half: int) -> list[Path]:
    """List photos of other things: animals, clothes, flowers, guitars.

    Args:
        half: 0 for the half that the finder was tuned on, 1 for the one to measure.
    """
    data = test_data(*(folder for folder, _, _ in OTHERS))
    files = [
        file
        for folder, pattern, step in OTHERS
        for file in sorted((data / folder).glob(pattern))[::step]
        if file.suffix.lower() in {".jpg", ".jpeg", ".png"}
    ]
    return files[half::2]


def _draw_guitars(folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number in range(NUM_GUITARS):
        shape = list(SHAPES)[number % len(SHAPES)]
        photo = draw_photo(shape, np.random.default_rng([SEED, number]))
        files.append(folder / f"{number:03d}.jpg")
        files[-1].write_bytes(encode_jpeg(photo))
    return files


def _ask(home: Path, run: Run, files: list[Path]) -> list[dict[str, object]]:
    """Run ``mekiki predict --json`` as a person would."""
    command = [sys.executable, "-m", "pipeline.cli", "--home", str(home)]
    done = subprocess.run(
        [*command, "predict", "mnist", *map(str, files), "--run", run.name, "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise CommandError(f"mekiki predict ended with {done.returncode}")
    return list(json.loads(done.stdout))


def _without_finding(run: Run, files: list[Path], wanted: list[str]) -> float:
    """Return the share read rightly where a photo is only fitted and turned round."""
    model = load_model(run)
    squares = [
        255 - square_image(decode_image(file, min_side=28), model.image_size)
        for file in files
    ]
    best = model.predict(np.stack(squares)).argmax(axis=1)
    said = [model.labels[place] for place in best]
    return float(np.mean([mine == it for mine, it in zip(said, wanted, strict=True)]))


def _read(file: Path, header: int) -> NDArray[np.uint8]:
    return np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8, offset=header)
