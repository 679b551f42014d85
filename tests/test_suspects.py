import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pipeline import catalog as catalogs
from pipeline.catalog.journal import Action, Op
from pipeline.cli.exits import cli
from pipeline.errors import InputError
from pipeline.networks.folds import deal_folds
from pipeline.progress import silent
from pipeline.settings import SetSettings, load_settings
from pipeline.suspects import (
    SUSPECT_COLUMNS,
    Suspect,
    SuspectsSummary,
    find_suspects,
    write_suspects,
)
from pipeline.suspects.confident import confident_joint, find_wrong
from pipeline.suspects.estimate import Estimate, estimate_wrong
from pipeline.suspects.folds import out_of_fold
from tests.doubles.clouds import clouds, swap

NOW = "2026-01-02T03:04:05+00:00"


@pytest.mark.parametrize(("num_classes", "per_class"), [(2, 60), (5, 40), (40, 12)])
def test_swapped_labels_are_found_and_come_first(num_classes, per_class):
    embeddings, y_true = clouds(num_classes, per_class)
    labels, swapped = swap(y_true, len(y_true) // 10)

    pred_probs = out_of_fold(embeddings, labels, num_classes)
    wrong = find_wrong(pred_probs, labels)
    worst = np.argsort(pred_probs[np.arange(len(labels)), labels])[: swapped.sum()]

    assert swapped[worst].mean() > 0.95
    assert wrong[swapped].mean() > 0.75
    assert wrong[~swapped].mean() < 0.05
    assert (pred_probs.argmax(axis=1) == y_true).mean() > 0.95


def test_a_label_that_is_the_most_probable_never_looks_wrong():
    rng = np.random.default_rng(0)
    pred_probs = rng.dirichlet(np.ones(4), 300)
    labels = np.arange(300) % 4

    wrong = find_wrong(pred_probs, labels)

    assert wrong.any()
    assert not (wrong & (pred_probs.argmax(axis=1) == labels)).any()


def test_the_confident_joint_is_that_of_the_definition_in_a_slow_obvious_version():
    rng = np.random.default_rng(1)
    labels = np.arange(400) % 4  # as many of each: nothing is rounded
    pred_probs = rng.dirichlet(np.ones(4), 400)
    pred_probs[np.arange(400), labels] += 1
    pred_probs /= pred_probs.sum(axis=1, keepdims=True)

    counted = np.zeros((4, 4))
    for probs, label in zip(pred_probs, labels, strict=True):
        reached = [
            other
            for other in range(4)
            if probs[other] >= pred_probs[labels == other, other].mean()
        ]
        if reached:
            seems = reached[0] if len(reached) == 1 else int(np.argmax(probs))
            counted[label, seems] += 1
    expected = counted / counted.sum(axis=1, keepdims=True) * 100

    joint = confident_joint(pred_probs, labels)

    assert joint.sum(axis=1).tolist() == [100] * 4
    assert np.abs(joint - expected).max() <= 1


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2])
def test_the_estimate_holds_the_number_of_swapped_labels(share):
    embeddings, y_true = clouds(6, 60, apart=1.2)  # hard: many are merely doubtful
    labels, swapped = swap(y_true, round(share * len(y_true)))
    pred_probs = out_of_fold(embeddings, labels, 6)

    found = estimate_wrong(pred_probs, labels, np.random.default_rng(0))

    assert found.low <= swapped.sum() <= found.high
    assert found.low <= found.number <= found.high
    assert found.high - found.low < 0.15 * len(labels)
    assert found == estimate_wrong(pred_probs, labels, np.random.default_rng(0))


def test_where_no_wrong_label_is_seen_some_may_still_be_there():
    embeddings, y_true = clouds(3, 20, apart=8.0)
    pred_probs = out_of_fold(embeddings, y_true, 3)

    found = estimate_wrong(pred_probs, y_true, np.random.default_rng(0))

    assert (found.number, found.low) == (0, 0)
    assert 2 <= found.high <= 6  # 3.7 of 60, by the share of others that are so low


def test_of_no_labels_none_is_wrong():
    none = np.empty((0, 3))
    found = estimate_wrong(none, np.empty(0, np.int64), np.random.default_rng(0))
    assert found == Estimate(0, 0, 0)


@pytest.mark.parametrize("counts", [(2, 2), (2, 3, 7), (50, 2, 2, 9), (5,) * 40])
def test_every_fold_leaves_a_photo_of_each_category_to_learn_from(counts):
    y_true = np.random.default_rng(0).permutation(
        np.repeat(np.arange(len(counts)), counts)
    )

    folds = deal_folds(y_true)

    for fold in range(5):
        assert set(y_true[folds != fold]) == set(range(len(counts)))
    sizes = np.bincount(folds, minlength=5)
    assert sizes.max() - sizes.min() <= 1
    for label, number in enumerate(counts):
        there = np.bincount(folds[y_true == label], minlength=5)
        assert there.max() <= -(-number // 5)


def test_what_a_photo_is_labelled_does_not_touch_its_own_probabilities():
    embeddings, y_true = clouds(3, 20, apart=1.0)
    labels = np.r_[y_true, 0]  # an odd one, far from all
    embeddings = np.vstack([embeddings, np.full((1, 16), 9, np.float32)])
    one = out_of_fold(embeddings, labels, 3)
    assert one.shape == (61, 3)
    assert np.allclose(one.sum(axis=1), 1)
    assert np.array_equal(one, out_of_fold(embeddings, labels, 3))


def test_a_category_with_one_photo_is_our_mistake_here():
    embeddings, y_true = clouds(2, 5)
    with pytest.raises(ValueError, match="2 photos each"):
        out_of_fold(embeddings[:6], y_true[:6], 2)


def row(sha256: str, score: float, **other: bool) -> Suspect:
    """Return a row of the list."""
    marks = {"looks_wrong": True, "is_confirmed": False} | other
    return Suspect(Path("a.jpg"), sha256, "=1+1", "cat", "dog", score, **marks)


def test_the_line_counts_what_no_person_confirmed_and_says_what_else_there_is():
    summary = SuspectsSummary(
        name="things",
        rows=(
            row("a", 0.9),
            row("b", 0.45, is_confirmed=True),
            *[row("c", 0.1, looks_wrong=False)] * 1178,
        ),
        estimate=Estimate(96, 80, 115),
        alone=("eel",),
        left_out=3,
        run="20260102-quick",
    )
    assert summary.line(Path("suspects.csv")) == (
        "1,180 photos: 1 label looks wrong (about 96 are, 80 to 115 with 95 %) and 1"
        " more that a person confirmed; not judged, alone in its category: eel; 3 of"
        " no category of the set left out; run 20260102-quick looked; worst first in"
        " suspects.csv"
    )
    listed = summary.as_json()["suspects"]
    assert isinstance(listed, list)
    assert [(one["sha256"], one["confirmed"]) for one in listed] == [
        ("a", False),
        ("b", True),
    ]


def test_the_list_is_safe_in_a_spreadsheet(tmp_path):
    summary = SuspectsSummary("s", (row("a", 0.25),), Estimate(0, 0, 0), (), 0, "")
    write_suspects(summary, tmp_path / "out.csv")
    text = (tmp_path / "out.csv").read_text("utf-8-sig")
    assert text == (f"{','.join(SUSPECT_COLUMNS)}\na.jpg,a,'=1+1,cat,dog,0.250000\n")


@pytest.mark.parametrize(
    ("photos", "said"),
    [
        ([], "mekiki scrape things"),
        ([("eel", 1), ("eel", 2)], "mekiki scrape things"),
        ([("cat", 1), ("cat", 2), ("dog", 3)], "two photos or more, got 1"),
        ([("cat", 1), ("dog", 3)], "two photos or more, got 0"),
    ],
    ids=["no photos", "labels of no category", "one category", "one photo each"],
)
def test_too_little_to_judge_is_one_line(
    folder, sqlite_catalog, add_photos, photos, said
):
    if photos:
        add_photos(sqlite_catalog, folder, *photos)
    with pytest.raises(InputError, match=said) as caught:
        find_suspects(
            folder,
            load_settings(folder.settings_file),
            sqlite_catalog,
            progress=silent,
            say=print,
        )
    assert "\n" not in str(caught.value)


def set_up(folder, train: dict[str, object]) -> SetSettings:
    """Write the set's settings."""
    text = "".join(f'[[category]]\nname = "{name}"\n' for name in ("cat", "dog", "eel"))
    text += "[train]\n" + "".join(
        f"{key} = {json.dumps(value)}\n" for key, value in train.items()
    )
    folder.settings_file.write_text(text, "utf-8")
    return load_settings(folder.settings_file)


@pytest.mark.slow
def test_a_set_without_a_run_is_judged_the_same_each_time(
    folder, sqlite_catalog, add_photos, weights, tmp_path
):
    set_up(
        folder,
        {"backbone": "MobileNet", "weights": str(weights), "image_size": 32},
    )
    shas = add_photos(
        sqlite_catalog,
        folder,
        *[("cat", seed) for seed in range(6)],
        *[("dog", seed) for seed in range(10, 16)],
        ("eel", 20),
        ("fox", 21),
    )
    confirm = Op(shas[0], Action.CONFIRM, "cat", 0, "ann", "tab", 1)
    sqlite_catalog.journal.apply([confirm], NOW)
    order = ["--home", str(folder.home), "suspects", "things", "--out"]

    first = CliRunner().invoke(cli, [*order, str(tmp_path / "first.csv")])
    again = CliRunner().invoke(cli, [*order, str(tmp_path / "again.csv"), "--json"])

    assert first.exit_code == again.exit_code == 0, first.output
    line = first.stdout.splitlines()[-1]
    assert line.startswith("13 photos: ")
    assert "; not judged, alone in its category: eel; 1 of no category" in line
    assert line.endswith(f"; worst first in {tmp_path / 'first.csv'}")
    assert json.loads(again.stdout)["photos"] == 13
    written = (tmp_path / "first.csv").read_bytes()
    assert written == (tmp_path / "again.csv").read_bytes()
    rows = list(csv.DictReader(written.decode("utf-8-sig").splitlines()))
    assert tuple(rows[0]) == SUSPECT_COLUMNS
    assert {one["sha256"] for one in rows} == set(shas[:-1])
    scores = [float(one["score"]) for one in rows]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert next(float(one["score"]) for one in rows if one["sha256"] == shas[0]) <= 0.5
    assert (rows[-1]["label"], rows[-1]["suggested"]) == ("eel", "eel")


@pytest.mark.slow
def test_without_weights_the_newest_run_looks_else_the_way_on_is_said(
    folder, add_photos, tmp_path
):
    set_up(
        folder,
        {
            "recipe": "quick",
            "backbone": "MobileNet",
            "weights": "none",
            "image_size": 32,
        },
    )
    with catalogs.opened(folder) as catalog:
        add_photos(
            catalog,
            folder,
            *[("cat", seed) for seed in range(5)],
            *[("dog", seed) for seed in range(10, 15)],
        )
    before = ["--home", str(folder.home)]
    ask = [*before, "suspects", "things"]

    refused = CliRunner().invoke(cli, ask)
    CliRunner().invoke(cli, [*before, "split", "things"])
    trained = CliRunner().invoke(cli, [*before, "train", "things"])
    looked = CliRunner().invoke(cli, ask)

    assert '[train] weights = "none"' in str(refused.exception)
    assert "`mekiki train things` first" in str(refused.exception)
    assert trained.exit_code == 0, trained.output
    assert looked.exit_code == 0, looked.output
    run = (folder.models / "latest").resolve().name
    assert f"; run {run} looked; --out FILE.csv lists them" in looked.stdout

    absent = str(tmp_path / "absent.weights.h5")
    set_up(folder, {"backbone": "MobileNet", "weights": absent, "image_size": 32})
    told = CliRunner().invoke(cli, ask)

    assert told.exit_code == 0, told.output
    assert "absent.weights.h5 can't be read" in told.stdout
    assert f"run {run} looks instead" in told.stdout
