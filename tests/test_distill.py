"""Distillation: a run teaches a small network, on drawn photos of 32 pixels."""

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from pipeline.catalog import Part, opened
from pipeline.errors import RunError
from pipeline.home import set_folder
from pipeline.images import encode_jpeg
from pipeline.networks.saved import load_model
from pipeline.progress import silent
from pipeline.runs import chosen_run, list_runs
from pipeline.scrape import scrape
from pipeline.settings import load_settings
from pipeline.split import split
from pipeline.train import train
from pipeline.train.distill import distill
from pipeline.train.distill.lesson import STUDENTS, Asked, plan_lesson

pytestmark = pytest.mark.slow

NAMES = ("赤いギター", "Blue guitar", "Green guitar")
NOW = "2026-03-04T05:06:07+00:00"
SETTINGS = """\
{categories}
[[source]]
kind = "folder"
path = "{photos}"

[scrape]
min_side = 32

[dedup]
enabled = "exact"

[split]
val = 2
test = 1

[train]
recipe = "small-cnn"
image_size = 32
batch_size = 8
epochs = 3
"""


def now():
    return NOW


def write_photos(folder):
    """Draw noise in each category's colour: eight photos of each."""
    for place, name in enumerate(NAMES):
        (folder / name).mkdir(parents=True)
        for number in range(8):
            rng = np.random.default_rng((place, number))
            pixels = rng.integers(0, 60, (40, 48, 3), dtype=np.uint8)
            pixels[:, :, place] += 150
            (folder / name / f"{number}.jpg").write_bytes(encode_jpeg(pixels))


def write_settings(folder, photos, names=NAMES):
    text = SETTINGS.format(
        categories="\n".join(f'[[category]]\nname = "{name}"' for name in names),
        photos=photos,
    )
    folder.settings_file.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A home with a set of three colours and a finished run; not to be changed."""
    from pipeline.dedup import dedup

    home = tmp_path_factory.mktemp("distill")
    write_photos(home / "photos")
    folder = set_folder(home / "home", "guitars")
    folder.folder.mkdir(parents=True)
    write_settings(folder, home / "photos")
    settings = load_settings(folder.settings_file)
    with opened(folder) as catalog:
        scrape(folder, settings, catalog, progress=silent, now=now)
        dedup(folder, settings, catalog, progress=silent, now=now)
        split(settings, catalog)
        train(
            folder, settings, catalog, progress=silent, now=now, say=lambda line: None
        )
    return folder


@pytest.fixture
def folder(taught, tmp_path):
    """A copy of that home, to be changed."""
    shutil.copytree(taught.home, tmp_path / "home", symlinks=True)
    return set_folder(tmp_path / "home", "guitars")


def run_distill(
    folder, *, progress=silent, say=lambda line: None, run="latest", **asked
):
    settings = load_settings(folder.settings_file)
    with opened(folder) as catalog:
        return distill(
            folder,
            settings,
            catalog,
            chosen_run(folder, run),
            replace(Asked("nin", epochs=2), **asked),
            progress=progress,
            now=now,
            say=say,
        )


def mekiki(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "--home", str(folder.home), *arguments],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )


def sha256(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


def history(run):
    rows = csv.DictReader((run.folder / "history.csv").read_text().splitlines())
    return [{key: row[key] for key in row if key != "seconds"} for row in rows]


def interrupting(after):
    """Return a progress that is stopped after so many batches of training."""

    @contextmanager
    def progress(description, total):
        done = []

        def advance(steps):
            done.append(steps)
            if description == "training" and len(done) == after:
                raise KeyboardInterrupt

        yield advance

    return progress


def test_the_command_ends_with_the_table_and_a_run_like_any_other(folder):
    teacher = chosen_run(folder)
    before = sha256(teacher.model_file)

    done = mekiki(folder, "distill", "guitars", "latest", "--epochs", "2")

    assert done.returncode == 0, done.stderr
    assert sha256(teacher.model_file) == before
    assert chosen_run(folder) == teacher  # a student is never latest
    scratch, student = sorted(
        (run for run in list_runs(folder) if run.is_student),
        key=lambda run: run.metrics["recipe"] == "distill",
    )
    lines = done.stdout.splitlines()
    table = [line for line in lines if " MB" in line]
    assert [line[:20].strip() for line in table] == [
        "teacher",
        "student from scratch",
        "student distilled",
    ]
    assert all(len(line) <= 80 for line in table)
    assert any(line.startswith("accuracy on 3 test photos; ") for line in lines)
    written = tomllib.loads((student.folder / "settings.toml").read_text())
    assert written["distill"]["teacher"] == teacher.name
    assert written["distill"]["teacher_sha256"] == before
    assert written["settings"]["train"]["backbone"] == "NetworkInNetwork"
    assert written["settings"]["train"]["recipe"] == "distill"
    assert scratch.metrics["recipe"] == "scratch"
    assert student.metrics["epochs"] == scratch.metrics["epochs"] == 2
    found = json.loads((student.folder / "distill.json").read_text())
    assert [row["run"] for row in found["rows"]] == [
        teacher.name,
        scratch.name,
        student.name,
    ]
    assert all(row["latency_ms"] > 0 for row in found["rows"])
    rows = list(
        csv.DictReader((student.folder / "distill.csv").read_text().split("\n"))
    )
    assert [row["role"] for row in rows] == [row["role"] for row in found["rows"]]
    report = (student.folder / "report.html").read_text()
    assert 'id="distilled"' in report
    assert "training loss is left out" in report

    page = folder.home / "runs.html"
    listed = mekiki(folder, "runs", "guitars", "--out", str(page)).stdout
    assert "training loss is left out" in page.read_text()
    assert "NetworkInNetwork distilled " in listed
    assert "NetworkInNetwork from scratch " in listed

    photo = next((folder.home.parent / "home").rglob("images/*/*.jpg"))
    said = mekiki(folder, "predict", "guitars", str(photo), "--run", student.name)
    assert said.returncode == 0, said.stderr


def test_a_killed_distillation_goes_on_and_ends_the_same(folder, tmp_path):
    shutil.copytree(folder.home, tmp_path / "calm", symlinks=True)
    calm = run_distill(
        set_folder(tmp_path / "calm", "guitars"), epochs=3, baseline=False
    )
    with pytest.raises(KeyboardInterrupt):
        run_distill(folder, epochs=3, baseline=False, progress=interrupting(after=4))
    (half,) = (run for run in list_runs(folder) if run.is_student)
    assert not half.is_finished

    ended = run_distill(folder, epochs=3, baseline=False)

    assert ended.distilled.run == half
    assert ended.distilled.is_resumed
    mine, theirs = history(half), history(calm.distilled.run)
    assert len(mine) == 3
    for row, other in zip(mine, theirs, strict=True):
        assert {key: float(value) for key, value in row.items()} == pytest.approx(
            {key: float(value) for key, value in other.items()}, rel=1e-3
        )


def test_a_finished_student_is_left_alone_and_may_teach(folder):
    first = run_distill(folder, epochs=1, baseline=False).distilled
    again = run_distill(folder, epochs=1, baseline=False).distilled
    assert again.is_left_alone
    assert again.run == first.run

    grandchild = run_distill(folder, epochs=1, run=first.run.name, baseline=False)

    assert grandchild.distilled.is_new
    told = grandchild.distilled.run.settings["distill"]
    assert told["teacher"] == first.run.name


def plan(folder):
    """Plan a lesson by the newest run; nothing is trained."""
    settings, run = load_settings(folder.settings_file), chosen_run(folder)
    with opened(folder) as catalog:
        return plan_lesson(settings, catalog, run, load_model(run), Asked("nin"))


def test_the_split_is_the_teachers_though_the_sets_has_changed(folder):
    with opened(folder) as catalog:
        used = catalog.training.run_photos(chosen_run(folder).name)
        catalog.training.write_split(
            {row.sha256: Part.TRAIN for row in used if row.part is not Part.VAL}
            | {row.sha256: Part.TEST for row in used if row.part is Part.VAL}
        )

    material, left_out = plan(folder)

    mine = {
        photo.sha256: (photo.label, part)
        for part, examples in material.parts.items()
        for photo in examples.photos
    }
    assert mine == {row.sha256: (row.label, row.part) for row in used}
    assert left_out == 0


def test_a_photo_that_is_gone_since_is_left_out_and_counted(folder):
    with opened(folder) as catalog:
        used = catalog.training.run_photos(chosen_run(folder).name)
        rows = catalog.photos.groupings()
        catalog.photos.write_groupings(r for r in rows if r.sha256 != used[0].sha256)

    material, left_out = plan(folder)

    assert left_out == 1
    photos = [p for examples in material.parts.values() for p in examples.photos]
    assert len(photos) == len(used) - 1
    assert used[0].sha256 not in {photo.sha256 for photo in photos}


def test_a_run_of_other_labels_is_refused(folder):
    write_settings(folder, folder.home, names=(NAMES[0], "Blue guitar", "Bass"))
    with pytest.raises(RunError, match="tells Green guitar, which the set has no"):
        plan(folder)


def test_a_run_whose_catalog_forgot_it_is_refused(folder):
    with opened(folder) as catalog:
        catalog.training.forget_run(chosen_run(folder).name)
    with pytest.raises(RunError, match="has 0 photos in the catalog"):
        plan(folder)


MISTAKES = {
    "unknown student": (
        ["guitars", "--student", "vgg"],
        "'vgg' is not one of 'nin', 'mobilenet_v3_small'",
    ),
    "unknown run": (["guitars", "yesterday"], "no finished run 'yesterday'"),
    "unknown set": (["basses"], "no category set 'basses'"),
    "no time": (["guitars", "--max-minutes", "0"], "0"),
}


@pytest.mark.parametrize(("arguments", "said"), MISTAKES.values(), ids=list(MISTAKES))
def test_a_mistake_is_one_line(taught, arguments, said):
    done = mekiki(taught, "distill", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def test_the_commands_students_are_those_there_are():
    from pipeline.cli.distilling import STUDENTS as OFFERED

    assert tuple(STUDENTS) == OFFERED


def test_the_teacher_is_no_part_of_the_student_and_stays_as_it_is():
    from pipeline.networks.backbones import add_head, build_backbone
    from pipeline.networks.backend import keras
    from pipeline.networks.saved import SavedModel
    from pipeline.train.distill.matching import student_of
    from pipeline.train.job import Lesson

    def network(seed):
        keras.utils.set_random_seed(seed)
        return add_head(build_backbone("NetworkInNetwork", "none", 32), 3)

    teacher, model = network(1), network(2)
    kept = [np.array(weight) for weight in teacher.get_weights()]
    images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), np.uint8)
    labels = np.eye(3, dtype=np.float32)[np.arange(8) % 3]
    lesson = Lesson("nin", "teacher", temperature=2.0, features=1.0)
    student = student_of(model, SavedModel(NAMES, 32, teacher), lesson)
    student.compile(keras.optimizers.Adam(0.003), "categorical_crossentropy")
    losses = [float(student.train_on_batch(images, labels)) for _ in range(30)]

    assert losses[-1] < losses[0] / 2
    assert len(student.weights) == len(model.weights) + 2  # those of the projection
    assert len(student.optimizer.variables) == 2 * len(student.trainable_variables) + 2
    for before, after in zip(kept, teacher.get_weights(), strict=True):
        assert np.array_equal(before, after)


def test_the_mismatch_is_the_divergence_at_a_temperature():
    from pipeline.train.distill.matching import mismatch

    teacher = np.array([[0.7, 0.2, 0.1], [0.2, 0.2, 0.6]], np.float32)
    student = np.array([[0.5, 0.25, 0.25], [0.3, 0.3, 0.4]], np.float32)

    def softened(probs, temperature):
        powers = probs ** (1 / temperature)
        return powers / powers.sum(axis=1, keepdims=True)

    for temperature in (1.0, 3.0):
        told, said = softened(teacher, temperature), softened(student, temperature)
        expected = temperature**2 * (told * np.log(told / said)).sum(axis=1).mean()
        found = float(mismatch(teacher, student, temperature))
        assert found == pytest.approx(expected, rel=1e-4)
    assert float(mismatch(teacher, teacher, 2.0)) == pytest.approx(0, abs=1e-6)


def test_the_angle_is_one_less_the_cosine():
    from pipeline.train.distill.matching import angle

    one = np.array([[3.0, 0.0], [1.0, 1.0], [0.0, 0.0]], np.float32)
    other = np.array([[0.5, 0.0], [-2.0, 2.0], [1.0, 0.0]], np.float32)

    assert float(angle(one[:1], other[:1])) == pytest.approx(0, abs=1e-6)
    assert float(angle(one[1:2], other[1:2])) == pytest.approx(1, abs=1e-6)
    assert float(angle(one, other)) == pytest.approx(2 / 3, abs=1e-6)


@pytest.mark.parametrize(("num_train", "epochs"), [(30, 300), (600, 200), (10**5, 20)])
def test_the_fewer_photos_the_more_epochs(num_train, epochs):
    from pipeline.train.distill.learning import patient_epochs

    assert patient_epochs(num_train) == epochs


def standings(*accuracies):
    from pipeline.train.distill.standings import Standing, Standings

    roles = ("teacher", "student from scratch", "student distilled")
    rows = tuple(
        Standing(role, "a-run", accuracy, (0.9, 1.0), 0.5, 123.4, 12_345_678, 123.4)
        for role, accuracy in zip(roles, accuracies, strict=True)
    )
    return Standings("test", 240, rows)


@pytest.mark.parametrize(
    ("accuracies", "kept", "said"),
    [
        ((0.9, 0.7, 0.85), 0.75, "keeps 75 % of the gap"),
        ((0.9, 0.9, 0.85), None, "from scratch is as good as the teacher"),
        ((0.9, 0.8, 0.75), -0.5, "the student from scratch is ahead"),
    ],
    ids=["a gap", "no gap", "worse than without"],
)
def test_the_table_says_how_much_of_the_gap_was_kept(accuracies, kept, said):
    table = standings(*accuracies)
    assert table.gap_kept == (None if kept is None else pytest.approx(kept))
    assert table.lines[-1].endswith(said)
    assert len(table.lines[-1]) <= 80


def test_the_table_fits_80_columns_and_its_columns_stay_apart():
    _, *rows, _ = standings(1.0, 1.0, 1.0).lines
    assert all(len(row) <= 80 for row in rows)
    assert all(
        row.split("%")[-1].split() == ["123.4", "MB", "12,345,678", "123.4", "ms"]
        for row in rows
    )
