"""``split --audit``: what a random split would flatter, on planted copies."""

import os
import subprocess
import sys

import numpy as np
import pytest

from pipeline.catalog import Outcome, Part
from pipeline.catalog.endings import Ending
from pipeline.catalog.finding import Found
from pipeline.catalog.photos import Grouping
from pipeline.errors import InputError, WeightsError
from pipeline.progress import silent
from pipeline.settings import SetSettings
from pipeline.settings.tables import SplitSettings
from pipeline.split import plan_split, split
from pipeline.split.audit import audit_split, pool_of
from pipeline.split.flattery import DRAWS, AuditSummary, Draw, Pool, audit_pool
from pipeline.split.parts import split_by_group

NOW = "2026-01-02T03:04:05+00:00"
ASKED = SplitSettings()


def noise_pool(num_groups: int, copies: int, seed: int = 0) -> Pool:
    """Photos that show nothing of their category: only a copy can be known."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(num_groups), 1 + copies)
    drawn = rng.normal(size=(num_groups, 300)).astype(np.float32)
    return Pool(
        embeddings=drawn[groups],
        y_true=rng.integers(0, 2, num_groups)[groups],
        groups=groups,
        is_kept=np.arange(len(groups)) % (1 + copies) == 0,
        names=tuple(f"photo {row}" for row in range(len(groups))),
    )


def parts_of(pool: Pool) -> dict[int, Part]:
    kept = np.flatnonzero(pool.is_kept)
    labels = {int(pool.groups[row]): str(pool.y_true[row]) for row in kept}
    names = {group: f"photo {group}" for group in labels}
    return split_by_group(labels, {}, names, val=ASKED.val)


def test_copies_make_a_random_split_flatter():
    pool = noise_pool(200, copies=2)

    summary = audit_pool(pool, parts_of(pool), ASKED)

    assert summary.num_val == 40
    assert abs(summary.num_right / 40 - 0.5) < 0.25
    assert all(draw.accuracy > 0.85 for draw in summary.draws)
    more, least, most = summary.flattery
    assert more > 0.2
    assert least < more < most
    assert summary.given_away[0] > 0.3
    assert all(draw.groups_across > 60 for draw in summary.draws)
    assert all(draw.seen > 0.9 for draw in summary.draws)
    assert summary.num_copies == 400


def test_without_copies_nothing_is_given_away_and_the_answer_says_so():
    pool = noise_pool(300, copies=0, seed=1)

    summary = audit_pool(pool, parts_of(pool), ASKED)

    _, least, most = summary.flattery
    assert least <= 0 <= most
    assert not any(summary.given_away)
    assert {draw.groups_across for draw in summary.draws} == {0}
    assert {draw.seen for draw in summary.draws} == {0}
    assert "no photo has a copy" in summary.lines[2]


def test_an_audit_is_the_same_each_time_and_its_draws_are_not():
    pool = noise_pool(80, copies=1)
    parts = parts_of(pool)

    first, second = (audit_pool(pool, parts, ASKED) for _ in range(2))

    assert first == second
    assert len(set(first.draws)) == DRAWS


def test_a_category_all_of_whose_photos_are_copies_of_one_is_judged():
    pool = noise_pool(30, copies=1)
    alone = pool.groups == 0
    y_true = np.where(alone, 2, pool.y_true)
    pool = Pool(pool.embeddings, y_true, pool.groups, pool.is_kept, pool.names)

    parts = parts_of(pool)

    summary = audit_pool(pool, parts, ASKED)

    assert parts[0] is Part.TRAIN
    assert summary.num_val == list(parts.values()).count(Part.VAL)


def test_summary_says_what_flatters():
    draws = (Draw(200, 0.95, 0.9, 0.3, 20), Draw(200, 0.93, 0.9, 0.2, 30))

    assert AuditSummary(100, 90, draws, 50).lines == (
        "this split: 90.0 % of 100 val photos right (82.6 to 94.5 with 95 %)",
        "random splits by photo, copies included: 94.0 % of about 200 right"
        " (93.0 to 95.0 in 2 draws)",
        "the random split flatters by 4.0 points (-2.3 to 10.3 with 95 %); photos of"
        " 25 groups lie on both sides of it, of 0 in this split",
        "copies alone give away 4.0 points (3.0 to 5.0 between draws): 25.0 % of the"
        " photos judged have a copy among those trained on; without these copies, the"
        " same photos come to 90.0 %",
    )


# the stage, on a catalog


def settings(**train: object) -> SetSettings:
    return SetSettings.model_validate(
        {
            "category": [{"name": "cat"}, {"name": "dog"}],
            "train": {"backbone": "MobileNetV2", "image_size": 32, **train},
        }
    )


@pytest.fixture
def photos(sqlite_catalog, folder, add_photos):
    """Twelve photos: the second is a copy of the first; the third was met twice."""
    kinds = [
        (name, seed)
        for name, first in (("cat", 0), ("dog", 20))
        for seed in range(first, first + 6)
    ]
    names = add_photos(sqlite_catalog, folder, *kinds)
    catalog = sqlite_catalog
    catalog.candidates.add([Found("folder", "cat", "/elsewhere/2.jpg")], NOW)
    (again,) = catalog.candidates.pending()
    facts = catalog.candidates.stored_origins()["/photos/cat/2.jpg"]
    catalog.candidates.finish([Ending(again.id, Outcome.STORED, facts=facts)], NOW)
    ids = {image.sha256: image.candidate_id for image in catalog.photos.stored()}
    catalog.photos.write_groupings(
        Grouping(
            name,
            ids[names[0]] if name == names[1] else number,
            name != names[1],
            "",
            "0" * 16,
            (),
        )
        for name, number in ids.items()
    )
    return names


def test_pool_has_every_copy_with_the_label_of_its_group(sqlite_catalog, photos):
    catalog = sqlite_catalog
    plan = plan_split(settings(), catalog)
    images = catalog.photos.stored()
    features = np.arange(len(images), dtype=np.float32)[:, None]

    pool = pool_of(plan, catalog, images, features)

    assert len(pool.names) == len(set(pool.names)) == len(photos) + 1
    by_name = dict(zip(pool.names, range(len(pool.names)), strict=True))
    first, copy = by_name[f"{photos[0]} 0"], by_name[f"{photos[1]} 0"]
    assert pool.groups[first] == pool.groups[copy]
    assert pool.y_true[first] == pool.y_true[copy]
    assert pool.is_kept[[first, copy]].tolist() == [True, False]
    met = [by_name[f"{photos[2]} {number}"] for number in range(2)]
    assert pool.is_kept[met].tolist() == [True, False]
    assert np.array_equal(pool.embeddings[met[0]], pool.embeddings[met[1]])
    assert pool.is_kept.sum() == len(photos) - 1


@pytest.mark.usefixtures("photos")
@pytest.mark.parametrize(
    ("weights", "expected"),
    [("none", 'is "none"; set it to'), ("absent.weights.h5", "can't be read")],
)
def test_weights_that_cannot_be_had_are_one_clear_line(
    folder, sqlite_catalog, weights, expected
):
    if weights != "none":
        weights = str(folder.home / weights)
    with pytest.raises(WeightsError, match=expected) as refused:
        audit_split(folder, settings(weights=weights), sqlite_catalog, progress=silent)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([], "at least 2 categories, got 0"),
        ([("cat", 1), ("cat", 2)], "at least 2 categories, got 1"),
        ([("cat", 1), ("dog", 2)], "2 categories and 0 val photos"),
    ],
    ids=["none", "one category", "none to measure"],
)
def test_too_few_photos_are_one_clear_line(
    folder, sqlite_catalog, add_photos, kinds, expected
):
    add_photos(sqlite_catalog, folder, *kinds)
    weights = folder.home / "never-read.weights.h5"
    weights.write_bytes(b"")
    with pytest.raises(InputError, match=expected) as refused:
        audit_split(
            folder, settings(weights=str(weights)), sqlite_catalog, progress=silent
        )
    assert "\n" not in str(refused.value)


def test_audit_and_a_list_at_once_are_refused(folder):
    done = mekiki(folder, "--audit", "--out", "split.csv")

    assert done.returncode == 2
    assert done.stdout == ""
    assert "choose one" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_audit_prints_what_flatters_and_leaves_the_split(
    folder, sqlite_catalog, photos, tmp_path
):
    from pipeline.networks.backend import keras
    from pipeline.networks.head import QUICK_C

    file = tmp_path / "notop.weights.h5"
    keras.applications.MobileNetV2(
        weights=None, include_top=False, input_shape=(32, 32, 3)
    ).save_weights(file)
    with folder.settings_file.open("a") as written:
        written.write(
            f'[train]\nbackbone = "MobileNetV2"\nweights = "{file}"\nimage_size = 32\n'
        )
    unsplit = mekiki(folder, "--audit")
    assert sqlite_catalog.training.split() == {}
    split(settings(), sqlite_catalog)
    before = sqlite_catalog.training.split()

    done = mekiki(folder, "--audit")

    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(":")[0].split(" by ")[0] for line in done.stdout.splitlines()][
        :3
    ] == ["this split", "random splits", "the random split flatters"]
    assert done.stdout == unsplit.stdout
    assert sqlite_catalog.training.split() == before
    assert QUICK_C == 0.03  # as quick and the audit have it


def mekiki(folder, *arguments: str) -> subprocess.CompletedProcess[str]:
    order = [sys.executable, "-m", "pipeline.cli", "--home", str(folder.home)]
    return subprocess.run(
        [*order, "split", folder.name, *arguments],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
