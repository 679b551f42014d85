from dataclasses import replace

import numpy as np
import pytest

from pipeline.catalog import Part, Status
from pipeline.catalog.photos import Photo
from pipeline.settings import TrainSettings
from pipeline.train.job import Examples, Lesson, Material


def photo(number, label="Flying V"):
    return Photo(
        sha256=f"{number:064x}",
        extension="jpg",
        group_id=number,
        copies=0,
        origin="",
        page="",
        title="",
        author="",
        licence="",
        scraped_as=(label,),
        label=label,
        status=Status.SCRAPED,
        version=0,
        flags=(),
    )


def examples(*photos):
    return Examples(tuple(photos), np.zeros(len(photos), np.int64))


PHOTOS = [photo(number) for number in range(4)]
MATERIAL = Material(
    settings=TrainSettings(),
    labels=("Flying V", "Explorer"),
    parts={Part.TRAIN: examples(*PHOTOS[:3]), Part.VAL: examples(PHOTOS[3])},
    weights="imagenet",
    without_photos=(),
)
PARTS = dict(MATERIAL.parts)
CHANGED = {
    "a setting": replace(MATERIAL, settings=TrainSettings(epochs=3)),
    "the precision": replace(
        MATERIAL, settings=TrainSettings(precision="mixed_bfloat16")
    ),
    "batches an epoch": replace(
        MATERIAL, settings=TrainSettings(batches_per_epoch="pass")
    ),
    "the noise": replace(MATERIAL, settings=TrainSettings(noise="shop")),
    "the order of the labels": replace(MATERIAL, labels=("Explorer", "Flying V")),
    "the weights' bytes": replace(MATERIAL, weights="ab" * 32),
    "a photo more": replace(MATERIAL, parts=PARTS | {Part.TEST: examples(photo(9))}),
    "a photo in another part": replace(
        MATERIAL,
        parts={Part.TRAIN: examples(*PHOTOS[:2]), Part.VAL: examples(*PHOTOS[2:])},
    ),
    "a label": replace(
        MATERIAL,
        parts=PARTS | {Part.VAL: examples(photo(3, "Explorer"))},
    ),
}


@pytest.mark.parametrize("changed", CHANGED.values(), ids=CHANGED.keys())
def test_the_fingerprint_changes_with(changed):
    assert changed.fingerprint != MATERIAL.fingerprint


def test_the_fingerprint_does_not_depend_on_where_the_weights_lie():
    here = replace(MATERIAL, settings=TrainSettings(weights="/here/notop.h5"))
    there = replace(MATERIAL, settings=TrainSettings(weights="/there/same.h5"))
    assert here.fingerprint == there.fingerprint


def test_the_fingerprint_does_not_depend_on_whether_the_hash_is_written_down():
    plain = replace(MATERIAL, settings=TrainSettings(weights="/here/notop.h5"))
    checked = TrainSettings(weights="/here/notop.h5", weights_sha256="ab" * 32)
    assert replace(plain, settings=checked).fingerprint == plain.fingerprint


def test_a_student_is_known_by_its_teachers_bytes_not_by_its_name():
    lesson = Lesson("nin", "20260101-quick", "ab" * 32, 1.0, 1.0)
    distilled = replace(MATERIAL, lesson=lesson)
    renamed = replace(distilled, lesson=replace(lesson, teacher="moved"))
    other = replace(distilled, lesson=replace(lesson, teacher_sha256="cd" * 32))
    known = {MATERIAL.fingerprint, distilled.fingerprint, other.fingerprint}
    assert renamed.fingerprint == distilled.fingerprint
    assert len(known | {distilled.without_teacher.fingerprint}) == 4
    assert other.without_teacher == distilled.without_teacher


def test_the_fingerprint_does_not_depend_on_the_order_of_photos():
    shuffled = replace(
        MATERIAL,
        parts={Part.VAL: examples(PHOTOS[3]), Part.TRAIN: examples(*PHOTOS[2::-1])},
    )
    assert shuffled.fingerprint == MATERIAL.fingerprint
    assert len(MATERIAL.fingerprint) == 64


def test_at_its_defaults_a_run_is_known_by_the_fingerprint_it_always_had():
    assert MATERIAL.settings.noise == "none"
    assert MATERIAL.settings.batches_per_epoch is None
    assert MATERIAL.fingerprint == (
        "ebebbc8200d113c7316dd92fd3a4f71af79beca434c06844e283799287ee191c"
    )


def test_noises_differ_in_their_fingerprints():
    shop, augmix = (
        replace(MATERIAL, settings=TrainSettings.model_validate({"noise": noise}))
        for noise in ("shop", "augmix")
    )
    assert shop.fingerprint != augmix.fingerprint
