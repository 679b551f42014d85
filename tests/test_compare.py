"""Runs side by side: the table, the JSON, the page and the picture."""

import json
import math
import re
from dataclasses import asdict

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from rich.cells import cell_len

from pipeline.cli.comparing import table_lines
from pipeline.cli.exits import cli
from pipeline.errors import InputError, RunError
from pipeline.metrics import holm, mcnemar, wilson_interval
from pipeline.report.compare import (
    curve_labels,
    differences,
    letters,
    write_comparison,
    write_curves,
)
from pipeline.report.compare.pairs import compare_runs
from pipeline.report.compare.rows import read_rows
from pipeline.runs import latest_name, make_run, picked_runs, point_latest
from pipeline.train.state import Standing, StateFile
from tests.test_report import Page

NAMES = ("cat", "dog")


def rows_of(history):
    return [
        {"epoch": n, "photos": 100 * n, "learning_rate": 0.1, **row, "seconds": 2.0 * n}
        for n, row in enumerate(history, start=1)
    ]


def learning(epochs, end=0.9):
    """Return an ordinary history."""
    return rows_of(
        {
            "loss": 1 / n,
            "accuracy": end - 0.4 / n,
            "val_loss": 1.2 / n,
            "val_accuracy": end - 0.5 / n,
        }
        for n in range(1, epochs + 1)
    )


def start(folder, name, *, val=20, **train):
    """Make a run as training does when it begins."""
    run = make_run(folder, name)
    run.write_json("labels.json", NAMES)
    chosen = {"recipe": "small-cnn", "image_size": 32, "noise": "none", "seed": 0}
    noted = {
        "fingerprint": name,
        "set": folder.name,
        "weights": "none",
        "photos": {"train": 100, "val": val},
        "versions": {"python": "3.12"},
        "settings": {
            "category": [{"name": label} for label in NAMES],
            "train": chosen | train,
            "split": {"val": 0.2, "test": 0.0},
        },
    }
    if "backbone" in train:
        noted |= {"backbone": train["backbone"], "weights": "a" * 64}
    run.write_toml("settings.toml", noted)
    return run


def finish(run, right, *, part="val", history=None, photos=None, **metrics):
    """Write what a finished run leaves: it has ``right`` photos right, 1 or 0 each."""
    photos = photos or [f"{number:064x}" for number in range(len(right))]
    lines = ["sha256,label,predicted,p_predicted,p_label"]
    lines += [
        f"{sha},cat,{'cat' if is_right else 'dog'},0.9,0.9"
        for sha, is_right in zip(photos, right, strict=True)
    ]
    (run.folder / f"{part}_predictions.csv").write_text("\n".join(lines) + "\n")
    history = learning(8) if history is None else history
    if history:
        keys = list(history[0])
        text = [",".join(keys)]
        text += [",".join(f"{row[key]:.6g}" for key in keys) for row in history]
        (run.folder / "history.csv").write_text("\n".join(text) + "\n")
    found = {
        f"{part}_accuracy": sum(right) / len(right),
        f"{part}_accuracy_interval": wilson_interval(sum(right), len(right)),
        f"num_{part}": len(right),
        "selected_on": "val",
        "measured_on": part,
        "num_train": 100,
        "epochs": len(history),
        "best_epoch": len(history),
        "seconds": 90.0,
        "images_per_second": 50.0,
        "confusion": [[10, 0], [0, 10]],
        "stopped_because": "all epochs done",
    }
    run.write_json("metrics.json", found | metrics)
    return run


def stand(run, history):
    """Leave the state of a training that was cut off."""
    standing = Standing(
        epochs=len(history),
        planned_epochs=30,
        best_epoch=len(history),
        elapsed=40.0,
        photos_timed=300,
        photos_seconds=6.0,
        history=history,
    )
    StateFile(run.folder).save(standing, [], [])
    return run


def read(folder, *names):
    return read_rows(picked_runs(folder, names), latest_name(folder))


def ask(folder, *arguments, columns=80):
    done = CliRunner().invoke(
        cli,
        ["--home", str(folder.home), "runs", folder.name, *arguments],
        env={"COLUMNS": str(columns)},
    )
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


@pytest.fixture
def three(folder):
    """Two finished runs, the first of them latest, and one that was cut off."""
    first = finish(start(folder, "20260101-000000-small-cnn"), [1] * 15 + [0] * 5)
    second = start(folder, "20260102-000000-finetune", recipe="finetune",
                   backbone="MobileNetV2", image_size=160)  # fmt: skip
    finish(second, [1] * 19 + [0])
    point_latest(folder, first)
    stand(start(folder, "20260103-000000-small-cnn", seed=7), learning(3, end=0.75))
    return folder


def test_runs_stand_side_by_side_newest_first(three):
    assert ask(three, columns=160).splitlines() == [
        "  run                        val               backbone      px   epochs"
        "  photos  per s  min",
        "-" * 92,
        "~ 20260103-000000-small-cnn  58.3 (38.7-78.1)  -             32  3 of 30"
        "     100     50  0.7",
        "  20260102-000000-finetune   95.0 (76.4-99.1)  MobileNetV2  160    8 (8)"
        "     100     50  1.5",
        "* 20260101-000000-small-cnn  75.0 (53.1-88.8)  -             32    8 (8)"
        "     100     50  1.5",
        "",
        "* latest",
        "~ unfinished, as it stands: mekiki train things goes on",
        "accuracies in %, with their 95 % intervals; epochs (the one kept)",
        "val chose the snapshot, which flatters it a little; a [split] test part does"
        " not",
    ]


@pytest.mark.parametrize("columns", [60, 80, 100, 160, 250])
@pytest.mark.parametrize(
    "name", ["a", "20260102-030405-guitar-2017-2", "長い名前の実験"]
)
def test_the_table_fits_the_terminal(folder, columns, name):
    run = start(folder, name, recipe="cifar10-tuned", backbone="MobileNetV3Small",
                image_size=1024, noise="augmix")  # fmt: skip
    finish(run, [1] * 20, out_of_fold_accuracy=1.0, test_accuracy=1.0,
           test_accuracy_interval=[0.83, 1], out_of_fold_accuracy_interval=[0.9, 1],
           num_train=100_000, seconds=123_456)  # fmt: skip

    lines = table_lines(read(folder), columns)

    assert max(map(cell_len, lines)) <= columns
    assert "100.0 (83.0-100.0)" in "".join(lines)


def test_json_holds_every_figure_and_nothing_else_is_printed(three):
    unfinished, newest, oldest = json.loads(ask(three, "--json"))

    assert (unfinished["state"], unfinished["planned_epochs"]) == ("unfinished", 30)
    assert unfinished["images_per_second"] == 50
    assert newest["run"] == "20260102-000000-finetune"
    assert newest["val_accuracy"] == 0.95
    assert newest["val_accuracy_interval"] == pytest.approx(wilson_interval(19, 20))
    assert newest["num_val"] == 20
    assert (newest["test_accuracy"], newest["corrupted_accuracy"]) == (None, None)
    assert (newest["backbone"], newest["transfer"]) == ("MobileNetV2", True)
    assert (oldest["latest"], newest["latest"]) == (True, False)
    assert oldest["diagnosis"]["words"]


def test_runs_are_named_by_a_part_of_their_name(three):
    said = json.loads(ask(three, "finetune", "latest", "--json"))

    assert [row["run"] for row in said] == [
        "20260102-000000-finetune",
        "20260101-000000-small-cnn",
    ]
    with pytest.raises(RunError, match="several runs are called 'small'"):
        ask(three, "small")
    with pytest.raises(RunError, match=r"no run is called 'x' in .*there: 2026"):
        ask(three, "x")


def test_a_set_without_runs_says_what_makes_one(folder, tmp_path):
    assert ask(folder) == "no runs yet; `mekiki train things` makes one\n"
    assert ask(folder, "--json") == "[]\n"
    with pytest.raises(InputError, match="no runs to compare yet"):
        ask(folder, "--out", str(tmp_path / "a.html"))


def test_a_damaged_run_does_not_hide_the_others(three):
    (three.models / "20260102-000000-finetune" / "metrics.json").write_text("{")

    said = ask(three)

    assert "metrics.json can't be read" in said
    assert "75.0 (53.1-88.8)" in said


def test_a_run_that_has_no_state_yet_is_at_its_beginning(folder):
    run = start(folder, "a")
    assert "0 of ?" in ask(folder, columns=160)
    (run.folder / "state").mkdir()
    (run.folder / "state" / "training.npz").write_bytes(b"half of a save")
    assert "0 of ?" in ask(folder, columns=160)


def test_robustness_stands_beside_where_it_was_measured(three):
    run = three.models / "20260102-000000-finetune"
    (run / "robustness.csv").write_text(
        "corruption,severity,accuracy,flip_rate,num_photos\n"
        "clean,0,0.95,0,20\nblur,1,0.8,0.1,20\nblur,2,0.7,0.2,20\n"
    )

    assert "corrupted" in ask(three)
    assert " 75.0 " in ask(three, "finetune", columns=160)


def test_out_writes_what_its_name_says(three, tmp_path):
    page, picture = tmp_path / "all.html", tmp_path / "curves.PNG"

    said = ask(three, "--out", str(page), "--out", str(picture))

    assert said.endswith(f"wrote {page}\nwrote {picture}\n")
    assert Page(page.read_text(encoding="utf-8")).headings[0] == "things"
    with Image.open(picture) as image:
        assert image.width > image.height > 300
    with pytest.raises(
        InputError, match=r"\.html\) or a picture .*\.png\), got x\.csv"
    ):
        ask(three, "--out", "x.csv")


def page_of(folder, tmp_path, *names):
    out = tmp_path / "compare.html"
    runs = picked_runs(folder, names)
    rows = read_rows(runs, latest_name(folder))
    write_comparison(folder.name, runs, rows, out)
    html = out.read_text(encoding="utf-8")
    assert not re.search(r"url\(|@import|https?://", html)
    return Page(html)


def test_the_page_says_what_tells_two_runs_apart(folder, tmp_path):
    finish(start(folder, "a"), [1] * 60 + [0] * 40, history=learning(8))
    finish(start(folder, "b", seed=3), [1] * 75 + [0] * 22 + [1] * 3)

    page = page_of(folder, tmp_path, "a", "b")

    assert (
        "B is better, beyond chance. On the same 100 validation photos A has 60.0 %"
        " right and B 78.0 %: A is right where B is wrong on 0, the reverse 18; p = "
        "less than 0.001."
    ) in page.text
    assert "[train] seed 0 3" in page.text
    assert "[train] recipe" not in page.text
    assert "can't be compared" not in page.text
    assert "chose the snapshot" in page.text
    assert len(page.fetched) == 1


def test_what_chance_could_do_is_said_to_be_so(folder, tmp_path):
    finish(start(folder, "a"), [1] * 60 + [0] * 40)
    finish(start(folder, "b"), [1] * 58 + [0] * 2 + [1] + [0] * 39)

    text = page_of(folder, tmp_path).text

    assert "Chance alone could do this." in text
    assert "p = 1.00." in text
    assert "Nothing that was set differs." in text


def test_runs_on_other_photos_are_not_compared_photo_by_photo(folder, tmp_path):
    finish(start(folder, "a"), [1] * 10)
    finish(start(folder, "b"), [1] * 10, photos=[f"{n:064x}" for n in range(50, 60)])

    text = page_of(folder, tmp_path).text

    assert "they can't be compared photo by photo" in text
    assert "McNemar" in text


def test_of_a_split_that_grew_the_common_photos_are_compared(folder):
    a = finish(start(folder, "a"), [1, 1, 0, 1, 0, 0])
    b = finish(
        start(folder, "b"), [1, 1, 1, 1], photos=[f"{n:064x}" for n in (0, 2, 4, 9)]
    )

    (pair,) = compare_runs([a, b])

    assert (pair.num_photos, pair.num_apart) == (3, 4)
    assert (pair.both, pair.first_only, pair.second_only) == (1, 0, 2)


def test_photos_that_were_relabelled_in_between_are_left_out(folder):
    a, b = finish(start(folder, "a"), [1, 1, 1]), finish(start(folder, "b"), [1, 0, 0])
    file = b.folder / "val_predictions.csv"
    file.write_text(file.read_text().replace(f"{2:064x},cat", f"{2:064x},dog"))

    (pair,) = compare_runs([a, b])

    assert (pair.num_photos, pair.num_apart, pair.first_only) == (2, 1, 1)


def test_the_test_part_is_compared_on_where_both_have_it(folder):
    runs = [start(folder, "a"), start(folder, "b")]
    for run, right in zip(runs, ([1, 0, 0], [1, 1, 1]), strict=True):
        finish(run, [1] * 8)
        finish(run, right, part="test", photos=[f"{n:064x}" for n in range(90, 93)])

    (pair,) = compare_runs(runs)

    assert (pair.part, pair.num_photos, pair.second_only) == ("test", 3, 2)


def test_of_many_runs_each_is_held_against_the_best(folder, tmp_path):
    rng = np.random.default_rng(0)
    for number in range(12):
        right = list((rng.random(50) < 0.6).astype(int))
        finish(start(folder, f"run-{number:02}", seed=number), right)
    finish(start(folder, "best"), [1] * 50)

    pairs = compare_runs(picked_runs(folder, []))

    assert len(pairs) == 12
    assert all("best" in {pair.first, pair.second} for pair in pairs)
    assert {pair.num_pairs for pair in pairs} == {78}
    assert all(pair.p <= pair.family_p <= 78 * pair.p for pair in pairs)
    text = page_of(folder, tmp_path).text
    assert "for all pairs together" in text
    assert "13 runs side by side" in text
    assert "Shown are the pairs with the best." in text


def test_an_unfinished_run_shows_its_curve_so_far(folder, tmp_path):
    stand(start(folder, "a"), learning(3))

    page = page_of(folder, tmp_path)

    assert "3 of 30" in page.text
    assert "1 run" in page.text
    assert len(page.fetched) == 1


def test_curves_are_drawn_against_photos_where_an_epoch_is_not_as_many(
    folder, tmp_path
):
    finish(start(folder, "a"), [1], history=learning(5))
    short, tall = tmp_path / "one.png", tmp_path / "two.png"
    write_curves(read(folder), short)
    longer = [{**row, "photos": 10 * row["photos"]} for row in learning(3)]
    finish(start(folder, "b"), [1], history=longer)

    write_curves(read(folder), tall)

    with Image.open(short) as one, Image.open(tall) as two:
        assert two.height > 1.7 * one.height
    assert "against the photos seen" in page_of(folder, tmp_path).text


@pytest.mark.parametrize(
    "history",
    [
        rows_of([{"loss": math.nan, "accuracy": 0.1, "val_loss": math.inf}]),
        rows_of(
            {"loss": 9e9 if n == 1 else 0.5, "accuracy": 0.5, "val_loss": 1.0,
             "val_accuracy": 0.5} for n in range(300)
        ),
    ],
    ids=["no number", "steep and long"],
)  # fmt: skip
def test_any_history_is_drawn(folder, tmp_path, history):
    finish(start(folder, "a"), [1, 0], history=history)

    write_curves(read(folder), tmp_path / "curves.png")

    with Image.open(tmp_path / "curves.png") as image:
        assert image.width > 500


def test_without_any_epoch_there_is_no_picture_and_the_page_says_so(folder, tmp_path):
    start(folder, "a")

    assert "No run has a curve yet" in page_of(folder, tmp_path).text
    with pytest.raises(InputError, match="has a learning curve yet"):
        write_curves(read(folder), tmp_path / "curves.png")


def test_settings_that_differ_are_told_key_by_key(folder):
    finish(start(folder, "a", epochs=5), [1])
    finish(start(folder, "b", backbone="ResNet50"), [1])

    found = dict(differences(read(folder, "a", "b")))

    assert found["[train] epochs"] == ("5", "")
    assert found["[train] backbone"] == ("", "ResNet50")
    assert found["weights as read"] == ("none", "a" * 12)
    assert "[train] recipe" not in found


def test_a_backbone_that_a_recipe_does_not_use_makes_no_difference(folder):
    finish(start(folder, "a", weights="imagenet"), [1])
    finish(start(folder, "b", weights="none", epochs=3), [1])
    for name, unused in (("a", "ResNet50"), ("b", "MobileNetV2")):
        file = folder.models / name / "settings.toml"
        line = f'[settings.train]\nbackbone = "{unused}"'
        file.write_text(file.read_text().replace("[settings.train]", line))

    found = dict(differences(read(folder, "a", "b")))

    assert found == {"[train] weights": ("", "none"), "[train] epochs": ("", "3")}


def test_a_curve_is_named_with_what_tells_its_run_from_the_others(folder):
    transfer = {"recipe": "guitar-2017", "backbone": "ResNet50"}
    finish(start(folder, "one", weights="/home/someone/notop.h5", **transfer), [1])
    finish(start(folder, "two", weights="none", seed=4, **transfer), [1])
    stand(start(folder, "three", weights="none", **transfer), learning(2))

    assert curve_labels(read(folder, "one", "two", "three")) == [
        "one (weights notop.h5, seed 0)",
        "two (weights none, seed 4)",
        "three, unfinished (weights none, seed 0)",
    ]


def test_names_are_text_whatever_they_hold(folder, tmp_path):
    finish(start(folder, "<b>実験 & 1"), [1])

    page = page_of(folder, tmp_path)

    assert "<b>実験 & 1" in page.text
    assert "b" not in page.tags


def test_runs_are_lettered():
    assert letters(28)[-3:] == ["Z", "AA", "AB"]


@pytest.mark.parametrize(
    ("first", "second", "p"),
    [(0, 0, 1.0), (5, 5, 1.0), (0, 5, 0.0625), (1, 8, 20 / 512), (10, 0, 2 / 1024)],
)
def test_mcnemar_is_the_exact_binomial_test(first, second, p):
    assert mcnemar(first, second) == pytest.approx(p)
    assert mcnemar(second, first) == pytest.approx(p)


@pytest.mark.parametrize("number", [7, 40, 5000])
def test_mcnemar_agrees_with_a_slow_obvious_version(number):
    for fewer in (0, number // 3, (number - 1) // 2):
        tail = sum(math.comb(number, k) for k in range(fewer + 1))
        assert mcnemar(fewer, number - fewer) == pytest.approx(2 * tail / 2**number)


def test_holm_raises_each_p_value_for_all_that_are_left():
    assert holm([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert holm([]) == []
    assert holm([0.8, 0.9]) == [1.0, 1.0]


def test_the_standing_that_training_keeps_is_what_is_read(folder):
    """The reader knows the file's layout by itself: stages do not meet."""
    run = stand(start(folder, "a"), learning(4))

    (row,) = read(folder)

    restored = StateFile(run.folder).restore([])
    assert restored is not None
    assert row.history == asdict(restored[0])["history"]
    assert row.minutes == pytest.approx(40 / 60)
