import csv
import itertools
import tomllib
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from pipeline.catalog import Outcome, Part, opened
from pipeline.catalog.endings import Ending
from pipeline.catalog.finding import Found
from pipeline.catalog.photos import Grouping
from pipeline.errors import InputError, SettingsError, WeightsError
from pipeline.home import set_folder
from pipeline.images import ImageStore, encode_jpeg, inspect_image
from pipeline.progress import silent
from pipeline.runs import list_runs
from pipeline.settings import RECIPES, SetSettings
from pipeline.train import train

NAMES = ("赤いギター", "Blue guitar", "Green guitar")
PER_CATEGORY = 8
NOW = "2026-03-04T05:06:07+00:00"


def ticking_clock():
    seconds = itertools.count()
    return lambda: f"2026-03-04T05:06:{next(seconds):02}+00:00"


def settings(*names, **train_settings):
    chosen = {"recipe": "small-cnn", "image_size": 16, "batch_size": 8, "epochs": 2}
    return SetSettings.model_validate(
        {
            "category": [{"name": name} for name in names or NAMES],
            "train": chosen | train_settings,
        }
    )


def photo(category, number):
    """Draw noise in the category's colour."""
    rng = np.random.default_rng((category, number))
    pixels = rng.integers(0, 60, (20, 24, 3), dtype=np.uint8)
    pixels[:, :, category] += 150
    return encode_jpeg(pixels)


@pytest.fixture
def folder(tmp_path):
    return set_folder(tmp_path, "guitars")


@pytest.fixture
def catalog(folder):
    """Open a catalog of three colours, of which a quarter validates."""
    with opened(folder) as catalog:
        fill(folder, catalog)
        yield catalog


def fill(folder, catalog, test=()):
    files = {
        f"/photos/{category}/{number}.jpg": (NAMES[category], photo(category, number))
        for category in range(3)
        for number in range(PER_CATEGORY)
    }
    catalog.candidates.add(
        [Found("folder", name, origin) for origin, (name, _) in files.items()], NOW
    )
    store, endings = ImageStore(folder.images), []
    for candidate in catalog.candidates.pending():
        data = files[candidate.origin][1]
        facts = inspect_image(data)
        store.put(data, facts)
        endings.append(Ending(candidate.id, Outcome.STORED, facts=facts))
    catalog.candidates.finish(endings, NOW)
    catalog.photos.write_groupings(
        Grouping(image.sha256, image.candidate_id, True, "", "0" * 16, ())
        for image in catalog.photos.stored()
    )
    catalog.journal.start_items(NOW)
    split(catalog, {6: Part.VAL, 7: Part.VAL} | dict.fromkeys(test, Part.TEST))


def split(catalog, part_of_number):
    catalog.training.write_split(
        {
            item.sha256: part_of_number.get(
                int(item.origin.rpartition("/")[2][:-4]), Part.TRAIN
            )
            for item in catalog.photos.trained()
        }
    )


def run_train(
    folder, catalog, chosen=None, *, progress=silent, now=None, say=str, **more
):
    return train(
        folder,
        chosen or settings(),
        catalog,
        progress=progress,
        now=now or ticking_clock(),
        say=say,
        **more,
    )


@contextmanager
def interrupting_in_second_epoch(description, total):
    done = []

    def advance(steps):
        done.append(steps)
        if description == "training" and len(done) == 4:  # of 3 an epoch
            raise KeyboardInterrupt

    yield advance


def read_history(run):
    text = (run.folder / "history.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def test_a_set_without_a_split_is_told_to_split_first(folder):
    with opened(folder) as catalog, pytest.raises(InputError, match="mekiki split"):
        run_train(folder, catalog)


def test_one_category_alone_can_not_be_trained(folder, catalog):
    with pytest.raises(InputError, match="at least two categories, got 1"):
        run_train(folder, catalog, settings(NAMES[0], "Teardrop"))


def test_without_photos_to_validate_on_nothing_is_trained(folder, catalog):
    split(catalog, {})
    with pytest.raises(InputError, match="no photo is left to validate on"):
        run_train(folder, catalog)


def test_weights_that_are_missing_leave_no_run_behind(folder, catalog, tmp_path):
    chosen = settings(recipe="quick", weights=str(tmp_path / "absent.weights.h5"))
    with pytest.raises(WeightsError, match="can't be read"):
        run_train(folder, catalog, chosen)
    assert list_runs(folder) == []


def test_photos_that_left_the_store_are_told_before_anything_is_trained(
    folder, catalog
):
    lost = catalog.photos.trained()[-1]
    file = ImageStore(folder.images).path(lost.sha256, lost.extension)
    file.unlink()
    with pytest.raises(InputError, match="1 of 24 photos of the split are missing"):
        run_train(folder, catalog)
    assert list_runs(folder) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"backbone": "ResNet51", "weights": "none"}, SettingsError),
        ({"backbone": "MobileNetV2", "weights": "notes.h5"}, WeightsError),
    ],
    ids=["backbone", "weights"],
)
def test_what_can_not_be_built_leaves_no_run_behind(
    folder, catalog, tmp_path, wrong, error
):
    (tmp_path / "notes.h5").write_text("these are not weights")
    if wrong["weights"] != "none":
        wrong = wrong | {"weights": str(tmp_path / wrong["weights"])}
    chosen = settings(recipe="quick", **wrong | {"image_size": 32})
    with pytest.raises(error):
        run_train(folder, catalog, chosen)
    assert list_runs(folder) == []
    assert catalog.training.runs() == []


@pytest.mark.slow
def test_the_recipes_are_those_that_a_set_may_name():
    from pipeline.train.recipes import RECIPES as TABLE

    assert tuple(TABLE) == RECIPES


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train once, for the tests that only look at what came out."""
    folder = set_folder(tmp_path_factory.mktemp("trained"), "guitars")
    with opened(folder) as catalog:
        fill(folder, catalog)
        yield folder, catalog, run_train(folder, catalog, settings(*NAMES, "Teardrop"))


@pytest.mark.slow
def test_a_run_folder_holds_all_that_was_promised(trained):
    from pipeline.networks.pixels import load_pixels
    from pipeline.networks.saved import load_model

    folder, catalog, summary = trained
    run = summary.run
    assert {file.name for file in run.folder.iterdir()} == {
        "attribution.csv",
        "confusion.png",
        "credits.html",
        "curves.png",
        "history.csv",
        "labels.json",
        "metrics.json",
        "model.keras",
        "predictions.png",
        "samples.png",
        "settings.toml",
        "tensorboard",
        "val_predictions.csv",
    }
    logged = run.folder / "tensorboard"
    assert {path.parent.name for path in logged.glob("*/events.*")} == {
        "train",
        "validation",
    }
    assert run.name == "20260304-050600-small-cnn"
    assert (folder.models / "latest").resolve() == run.folder.resolve()
    assert run.labels == NAMES
    assert run.settings["set"] == "guitars"
    assert run.settings["settings"]["train"]["epochs"] == 2
    assert run.settings["versions"]["keras"]
    for name in ("curves", "confusion", "samples", "predictions"):
        with Image.open(run.folder / f"{name}.png") as image:
            assert min(image.size) > 100

    metrics = run.metrics
    assert metrics["val_accuracy"] == summary.val_accuracy
    low, high = metrics["val_accuracy_interval"]
    assert low <= metrics["val_accuracy"] <= high
    assert metrics["selected_on"] == metrics["measured_on"] == "val"
    assert metrics["precision"] == "float32"
    assert (metrics["num_train"], metrics["num_val"]) == (18, 6)
    assert (metrics["epochs"], metrics["stopped_because"]) == (2, "all epochs done")
    assert list(metrics["per_category"]) == list(NAMES)
    assert np.sum(metrics["confusion"]) == 6
    assert "test_accuracy" not in metrics

    rows = read_history(run)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {"loss", "val_loss", "accuracy", "val_accuracy"} <= set(rows[0])

    trained_on = catalog.training.run_photos(run.name)
    assert {
        photo.sha256: photo.part for photo in trained_on
    } == catalog.training.split()
    val = {photo.sha256: photo for photo in trained_on if photo.part is Part.VAL}
    said = catalog.training.predictions(run.name)
    assert set(said) == set(val)

    model = load_model(run)
    photos = [item for item in catalog.photos.trained() if item.sha256 in val]
    pred_probs = model.predict(load_pixels(folder, photos, 16))
    for item, probs in zip(photos, pred_probs, strict=True):
        assert said[item.sha256].label == NAMES[probs.argmax()]
        assert said[item.sha256].confidence == pytest.approx(probs.max(), abs=1e-4)


@pytest.mark.slow
def test_validation_predictions_are_written_for_the_check(trained):
    run = trained[2].run
    text = (run.folder / "val_predictions.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert list(rows[0]) == ["sha256", "label", "predicted", "p_predicted", "p_label"]
    assert sorted(row["label"] for row in rows) == sorted(NAMES * 2)
    for row in rows:
        assert 0 <= float(row["p_label"]) <= float(row["p_predicted"]) <= 1
        same = row["label"] == row["predicted"]
        assert (row["p_label"] == row["p_predicted"]) == same


@pytest.mark.slow
def test_a_finished_run_is_left_alone_until_something_changes(trained):
    folder, catalog, first = trained
    again = run_train(folder, catalog, settings(*NAMES, "Teardrop"))
    assert again.run == first.run
    assert again.is_left_alone
    low, high = first.run.metrics["val_accuracy_interval"]
    assert again.line == (
        f"{first.run.name}: nothing changed, left alone;"
        f" val accuracy {100 * first.val_accuracy:.1f} %"
        f" ({100 * low:.1f} to {100 * high:.1f} with 95 %) of 6, which chose the"
        " snapshot; left out, no photos: Teardrop"
    )

    other = run_train(folder, catalog, settings(epochs=1))

    assert other.is_new
    assert other.run != first.run
    assert (folder.models / "latest").resolve() == other.run.folder.resolve()


@pytest.mark.slow
def test_a_category_without_photos_is_left_out_and_named(trained):
    summary = trained[2]
    assert summary.run.labels == NAMES
    assert summary.line.endswith("left out, no photos: Teardrop")


@pytest.mark.slow
def test_a_run_whose_catalog_was_lost_is_recorded_again(trained):
    folder, catalog, summary = trained
    name = summary.run.name
    before = catalog.training.predictions(name)
    catalog.training.forget_run(name)

    again = run_train(folder, catalog, settings(*NAMES, "Teardrop"))

    assert again.is_left_alone
    assert len(catalog.training.run_photos(name)) == 24
    after = catalog.training.predictions(name)
    assert {key: said.label for key, said in after.items()} == {
        key: said.label for key, said in before.items()
    }
    assert catalog.training.runs()[0].finished_at is not None


@pytest.mark.slow
def test_an_interrupted_run_goes_on_in_its_folder(folder, catalog):
    with pytest.raises(KeyboardInterrupt):
        run_train(folder, catalog, progress=interrupting_in_second_epoch)
    (run,) = list_runs(folder)
    assert not run.is_finished
    assert not (folder.models / "latest").exists()

    summary = run_train(folder, catalog)

    assert summary.run == run
    assert summary.is_resumed
    assert summary.epochs == 2
    assert not (run.folder / "state").exists()
    assert "resumed and finished on 18 photos" in summary.line


@pytest.mark.slow
def test_an_interrupt_leaves_the_best_snapshot_and_finish_ends_with_it(folder, catalog):
    from pipeline.networks.saved import load_model

    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run_train(
            folder, catalog, progress=interrupting_in_second_epoch, say=said.append
        )
    (run,) = list_runs(folder)
    snapshot = load_model(run).model.get_weights()
    assert f"{run.model_file} holds the best snapshot, of epoch 1" in said[-1]
    assert "--finish" in said[-1]

    summary = run_train(folder, catalog, is_enough=True)

    assert summary.run == run
    assert summary.epochs == 1
    assert run.metrics["stopped_because"] == "ended by hand"
    ended = load_model(run).model.get_weights()
    assert all(map(np.array_equal, ended, snapshot))
    assert run_train(folder, catalog, is_enough=True).is_left_alone


def test_finish_without_a_snapshot_says_so(folder, catalog):
    with pytest.raises(InputError, match=r"no run of these settings.* has one"):
        run_train(folder, catalog, is_enough=True)
    assert list_runs(folder) == []


@pytest.mark.slow
def test_latest_is_the_run_that_finished_last_though_it_began_first(folder, catalog):
    @contextmanager
    def interrupting(description, total):
        yield lambda steps: (_ for _ in ()).throw(KeyboardInterrupt)

    clock = ticking_clock()
    with pytest.raises(KeyboardInterrupt):
        run_train(folder, catalog, progress=interrupting, now=clock)
    other = run_train(folder, catalog, settings(epochs=1), now=clock)
    latest = folder.models / "latest"
    assert latest.resolve() == other.run.folder.resolve()

    resumed = run_train(folder, catalog, now=clock)

    assert resumed.is_resumed
    assert resumed.run.name < other.run.name
    assert latest.resolve() == resumed.run.folder.resolve()
    assert run_train(folder, catalog, settings(epochs=1), now=clock).is_left_alone
    assert latest.resolve() == resumed.run.folder.resolve()


@pytest.mark.slow
def test_a_machine_that_does_not_tell_its_cores_trains_all_the_same(
    folder, catalog, monkeypatch
):
    monkeypatch.delattr("os.sched_getaffinity")  # as on macOS
    summary = run_train(folder, catalog, settings(epochs=1))
    assert summary.run.metrics["hardware"]["cores"] >= 1


@pytest.mark.slow
def test_a_test_part_leads_and_is_measured_apart(folder):
    with opened(folder) as catalog:
        fill(folder, catalog, test=[5])
        summary = run_train(folder, catalog)
    metrics = summary.run.metrics
    assert next(iter(metrics)) == "test_accuracy"
    assert (metrics["selected_on"], metrics["measured_on"]) == ("val", "test")
    assert metrics["num_test"] == np.sum(metrics["confusion"]) == 3
    assert summary.test_accuracy == metrics["test_accuracy"]
    assert (summary.run.folder / "test_predictions.csv").exists()
    said = summary.line
    assert 0 < said.index("test accuracy") < said.index("val accuracy")
    assert said.endswith("of 6, which chose the snapshot")


@pytest.mark.slow
def test_quick_learns_colours_from_frozen_features(folder, catalog, tmp_path):
    from pipeline.networks.saved import load_model

    chosen = settings(
        recipe="quick", backbone="MobileNet", weights="none", image_size=32
    )
    summary = run_train(folder, catalog, chosen)
    metrics = summary.run.metrics
    assert summary.val_accuracy == 1.0
    assert metrics["stopped_because"] == "the linear head was fitted"
    (row,) = read_history(summary.run)
    assert float(row["val_loss"]) == pytest.approx(metrics["val_loss"], rel=1e-3)
    assert load_model(summary.run).image_size == 32
    assert metrics["selected_on"] == "nothing"  # there was one snapshot
    assert metrics["out_of_fold_accuracy"] == 1.0
    assert metrics["num_out_of_fold"] == 24  # of train and val
    low, high = metrics["out_of_fold_accuracy_interval"]
    assert 0.8 < low < high == 1.0
    assert summary.line.endswith(
        f"of 6; out of fold 100.0 % ({100 * low:.1f} to 100.0 with 95 %) of 24"
    )


@pytest.mark.slow
def test_copies_and_the_test_part_have_no_say_in_quicks_out_of_fold_accuracy(folder):
    chosen = settings(
        recipe="quick", backbone="MobileNet", weights="none", image_size=32
    )
    with opened(folder) as catalog:
        fill(folder, catalog, test=[5])
        images = catalog.photos.stored()
        (kept,) = (image for image in images if image.origin == "/photos/0/0.jpg")
        group_of = {
            image: kept if image.origin.startswith("/photos/0/") else image
            for image in images
        }
        catalog.photos.write_groupings(
            Grouping(image.sha256, of.candidate_id, image is of, "", "0" * 16, ())
            for image, of in group_of.items()
        )
        summary = run_train(folder, catalog, chosen)
    metrics = summary.run.metrics
    # seven of green and of blue; of red one photo is left, of which nothing is learned
    assert metrics["num_out_of_fold"] == 14
    assert metrics["out_of_fold_accuracy"] == 1.0


@pytest.mark.slow
def test_finetune_starts_its_head_where_frozen_features_end(folder, catalog, tmp_path):
    from pipeline.networks.backend import keras

    bare = keras.applications.MobileNetV2(
        weights=None, include_top=False, input_shape=(32, 32, 3)
    )
    file = tmp_path / "notop.weights.h5"
    bare.save_weights(file)
    chosen = settings(
        recipe="finetune",
        backbone="MobileNetV2",
        weights=str(file),
        image_size=32,
        epochs=1,
        learning_rate=1e-9,
    )
    summary = run_train(folder, catalog, chosen)
    assert summary.val_accuracy == 1.0
    written = tomllib.loads((summary.run.folder / "settings.toml").read_text())
    assert len(written["weights"]) == 64


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["shop", "augmix"])
@pytest.mark.parametrize(
    "recipe",
    [
        {"recipe": "small-cnn"},
        {"recipe": "finetune", "backbone": "MobileNetV2", "weights": "none"},
    ],
    ids=["small-cnn", "finetune"],
)
def test_a_run_with_noise_is_another_run_with_a_plain_model(
    folder, catalog, noise, recipe
):
    from pipeline.networks.backend import keras

    chosen = settings(noise=noise, image_size=32, epochs=1, **recipe)
    summary = run_train(folder, catalog, chosen)
    written = tomllib.loads((summary.run.folder / "settings.toml").read_text())
    assert written["settings"]["train"]["noise"] == noise
    assert (summary.num_train, summary.num_val) == (18, 6)
    assert type(keras.models.load_model(summary.run.model_file)).__module__ == (
        "keras.src.models.functional"
    )
    (row,) = read_history(summary.run)
    assert float(row["val_accuracy"]) == pytest.approx(summary.val_accuracy)
    assert run_train(folder, catalog, chosen).is_left_alone


@pytest.mark.slow
def test_a_run_trained_in_16_bits_leaves_a_model_in_float32(folder, catalog):
    from pipeline.networks.pixels import load_pixels
    from pipeline.networks.saved import load_model

    summary = run_train(folder, catalog, settings(precision="mixed_bfloat16"))

    assert summary.run.metrics["precision"] == "mixed_bfloat16"
    saved = load_model(summary.run)
    assert {layer.compute_dtype for layer in saved.model.layers} == {"float32"}
    said = catalog.training.predictions(summary.run.name)
    photos = [item for item in catalog.photos.trained() if item.sha256 in said]
    pred_probs = saved.predict(load_pixels(folder, photos, 16))
    for item, probs in zip(photos, pred_probs, strict=True):
        assert said[item.sha256].confidence == pytest.approx(probs.max(), abs=1e-4)


@pytest.mark.slow
def test_the_logs_of_a_run_are_read_by_tensorboard(trained):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = trained[2].run
    rows = read_history(run)
    for part, prefix in (("train", ""), ("validation", "val_")):
        read = EventAccumulator(str(run.folder / "tensorboard" / part)).Reload()
        for name in ("loss", "accuracy"):
            found = [(one.step, one.value) for one in read.Scalars(f"epoch_{name}")]
            assert found == [
                (number, pytest.approx(float(row[prefix + name]), rel=1e-4))
                for number, row in enumerate(rows)
            ]


def test_guitar_2017_sees_the_batches_it_is_told_and_looks_at_every_place(
    folder, catalog
):
    from pipeline.networks.cams import Looker
    from pipeline.networks.pixels import load_pixels
    from pipeline.networks.saved import load_model

    chosen = settings(
        recipe="guitar-2017",
        backbone="MobileNetV2",
        weights="none",
        image_size=64,
        batches_per_epoch=4,
    )
    told: list[str] = []
    summary = run_train(folder, catalog, chosen, say=told.append)
    assert "2 epochs x 4 batches" in told[0]
    rows = read_history(summary.run)
    rates = [float(row["learning_rate"]) for row in rows]
    assert rates == pytest.approx([0.001, 0.001], rel=1e-4)  # but for 1e-6 a batch
    saved = load_model(summary.run)
    assert saved.model.layers[-1].kernel.shape == (2 * 2 * 1280, 3)
    momenta = {getattr(layer, "momentum", 0.99) for layer in saved.model.layers}
    assert momenta == {0.99}  # ResNet50's: MobileNetV2's own lags
    pixels = load_pixels(folder, catalog.photos.trained()[:2], 64)
    assert Looker(saved).look(pixels).maps([0, 1]).shape == (2, 2, 2)


@pytest.mark.slow
def test_first_cnn_ends_with_its_last_epoch_and_chooses_no_snapshot(folder, catalog):
    from pipeline.networks.saved import load_model

    chosen = settings(recipe="first-cnn", epochs=6)
    summary = run_train(folder, catalog, chosen)
    metrics, rows = summary.run.metrics, read_history(summary.run)
    assert (metrics["kept_epoch"], metrics["selected_on"]) == (6, "nothing")
    assert metrics["val_loss"] == pytest.approx(float(rows[-1]["val_loss"]), rel=1e-3)
    layers = [type(layer).__name__ for layer in load_model(summary.run).model.layers]
    assert [name for name in layers if name in {"Conv2D", "Dense", "Dropout"}] == [
        "Conv2D",
        "Conv2D",
        "Dropout",
        "Dense",
        "Dropout",
        "Dense",
    ]


@pytest.mark.slow
def test_a_training_says_what_it_will_cost(folder, catalog):
    said: list[str] = []
    chosen = settings(
        recipe="finetune",
        backbone="MobileNetV2",
        weights="none",
        image_size=32,
        epochs=3,
    )
    run_train(folder, catalog, chosen, say=said.append)
    assert len(said) == 1
    assert said[0].startswith("training takes about ")
    assert "3 epochs x 3 batches at " in said[0]


@pytest.mark.parametrize(
    ("seconds", "spoken"),
    [(0.2, "1 s"), (40, "40 s"), (720, "12 min"), (12_600, "3.5 h")],
)
@pytest.mark.slow
def test_durations_are_spoken_as_people_do(seconds, spoken):
    from pipeline.train.recipes.teaching import spoken as speak

    assert speak(seconds) == spoken
