"""The robustness stage: a run's validation photos in, a table and pictures out."""

import csv
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.catalog import Catalog, Part
from pipeline.catalog.training import RunPhoto
from pipeline.errors import RunError
from pipeline.home import SetFolder
from pipeline.progress import silent
from pipeline.robustness import RobustnessSummary, measure_robustness
from pipeline.robustness.corruptions import CORRUPTIONS, SEVERITIES
from pipeline.runs import Run, make_run
from pipeline.settings import SetSettings, load_settings

pytestmark = pytest.mark.slow

NOW = "2026-01-02T03:04:05+00:00"


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network that tells more red photos from more blue ones."""
    import keras

    inputs = keras.Input((32, 32, 3))
    mean = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(mean))
    red_or_blue = np.array([[0.1, -0.1], [0, 0], [-0.1, 0.1]], np.float32)
    model.set_weights([red_or_blue, np.zeros(2, np.float32)])
    file = tmp_path_factory.mktemp("model") / "model.keras"
    model.save(file)
    return file


@pytest.fixture
def run(
    folder: SetFolder,
    sqlite_catalog: Catalog,
    add_photos: Callable[..., list[str]],
    model_file: Path,
) -> Run:
    """A finished run with ten validation photos and two to train on."""
    shas = add_photos(
        sqlite_catalog, folder, *[("cat", seed) for seed in range(12)], size=48
    )
    run = make_run(folder, "20260102-030405")
    shutil.copy(model_file, run.model_file)
    run.write_json("labels.json", ["cat", "dog"])
    run.write_json("metrics.json", {"val_accuracy": 0.5})
    photos = [
        RunPhoto(sha, "cat", Part.TRAIN if number < 2 else Part.VAL)
        for number, sha in enumerate(shas)
    ]
    sqlite_catalog.training.start_run(run.name, "f" * 64, photos, NOW)
    return run


@pytest.fixture
def settings(folder: SetFolder) -> SetSettings:
    return load_settings(folder.settings_file)


def with_max_photos(settings: SetSettings, number: int) -> SetSettings:
    fewer = settings.robustness.model_copy(update={"max_photos": number})
    return settings.model_copy(update={"robustness": fewer})


@pytest.fixture
def measure(
    folder: SetFolder, sqlite_catalog: Catalog, run: Run
) -> Callable[[SetSettings], RobustnessSummary]:
    def measure_it(settings: SetSettings) -> RobustnessSummary:
        return measure_robustness(
            folder, settings, sqlite_catalog, run, progress=silent
        )

    return measure_it


def test_the_validation_photos_are_measured_and_drawn(measure, settings, run) -> None:
    summary = measure(settings)

    with (run.folder / "robustness.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert list(rows[0]) == [
        "corruption",
        "severity",
        "accuracy",
        "flip_rate",
        "num_photos",
    ]
    assert len(rows) == 1 + len(CORRUPTIONS) * len(SEVERITIES)
    assert (rows[0]["corruption"], rows[0]["severity"]) == ("clean", "0")
    assert {row["num_photos"] for row in rows} == {"10"}
    assert all(0 <= float(row["flip_rate"]) <= 1 for row in rows)
    assert summary.is_new
    assert re.match(
        r"robustness: clean [\d.]+ % \([\d.]+ to [\d.]+ with 95 %\), worst ",
        summary.line,
    )
    assert "scribble flips" in summary.line
    for name in ("robustness.png", "flips.png"):
        assert (run.folder / name).read_bytes().startswith(b"\x89PNG")


def test_what_was_measured_already_is_left_alone(measure, settings, run) -> None:
    first = measure(settings)
    written = (run.folder / "robustness.csv").stat().st_mtime_ns

    again = measure(settings)

    assert (run.folder / "robustness.csv").stat().st_mtime_ns == written
    assert not again.is_new
    assert "already measured" in again.line
    assert [row.corruption for row in again.rows] == [
        row.corruption for row in first.rows
    ]


@pytest.mark.parametrize("lost", ["robustness.csv", "robustness.toml"])
def test_a_measurement_that_was_cut_short_is_done_again(
    measure, settings, run, lost: str
) -> None:
    first = measure(settings)
    (run.folder / lost).unlink()

    again = measure(settings)

    assert again.is_new
    assert again.rows == first.rows


def test_fewer_photos_are_drawn_by_seed_and_measured_anew(measure, settings) -> None:
    measure(settings)

    fewer = measure(with_max_photos(settings, 4))

    assert fewer.is_new
    assert fewer.rows[0].num_photos == 4


def test_a_photo_that_is_gone_is_left_out(measure, settings, folder) -> None:
    file = min(folder.images.rglob("*.jpg"))
    all_files = len(list(folder.images.rglob("*.jpg")))
    for other in sorted(folder.images.rglob("*.jpg"))[:5]:
        other.unlink()

    summary = measure(settings)

    assert not file.exists()
    assert all_files - 5 - 2 <= summary.rows[0].num_photos < 10


def test_a_run_whose_photos_are_all_gone_is_one_line(measure, settings, folder) -> None:
    shutil.rmtree(folder.images)

    with pytest.raises(RunError, match="10 validation photos in the catalog, of which"):
        measure(settings)
