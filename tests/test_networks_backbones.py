import os
import subprocess
import sys

import numpy as np
import pytest

from pipeline.errors import SettingsError, WeightsError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def backbones():
    from pipeline.networks import backbones

    return backbones


@pytest.fixture(scope="module")
def keras():
    from pipeline.networks.backend import keras

    return keras


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)


# One of each way that keras.applications prepares a picture.
PREPARED = ["ResNet50", "MobileNetV2", "DenseNet121", "EfficientNetV2B0"]


@pytest.mark.parametrize("name", PREPARED)
def test_preprocessing_inside_the_model_is_the_networks_own(
    name, backbones, keras, images
):
    model = backbones.build_backbone(name, "none", 32)
    bare = getattr(keras.applications, name)(
        weights=None, include_top=False, input_shape=(32, 32, 3), pooling="avg"
    )
    bare.set_weights(model.get_weights())
    module = sys.modules[getattr(keras.applications, name).__module__]

    expected = bare(module.preprocess_input(images.astype(np.float32)), training=False)

    assert np.allclose(model(images, training=False), expected, rtol=1e-4, atol=1e-5)


def test_bytes_and_floats_give_the_same(backbones, images):
    model = backbones.build_backbone("MobileNetV2", "none", 32)
    assert np.array_equal(model(images), model(images.astype(np.float32)))


def test_a_map_that_is_not_averaged_is_that_whose_average_is_the_features(
    backbones, images
):
    averaged = backbones.build_backbone("MobileNetV2", "none", 32)
    mapped = backbones.build_backbone("MobileNetV2", "none", 32, averaged=False)
    mapped.set_weights(averaged.get_weights())

    found = np.asarray(mapped(images, training=False))

    assert found.shape == (2, 1, 1, 1280)
    expected = averaged(images, training=False)
    assert np.allclose(found.mean(axis=(1, 2)), expected, atol=1e-6)


def test_a_saved_model_is_loaded_by_keras_alone(backbones, keras, images, tmp_path):
    backbone = backbones.build_backbone("ResNet50", "none", 32)
    model = backbones.add_head(backbone, 3)
    model.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)

    assert np.allclose(loaded(images), model(images), atol=1e-6)
    assert np.allclose(np.asarray(loaded(images)).sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5"])
def test_weights_saved_without_the_top_come_back(
    suffix, backbones, keras, images, tmp_path
):
    bare = keras.applications.MobileNetV2(
        weights=None, include_top=False, input_shape=(32, 32, 3)
    )
    file = tmp_path / f"notop{suffix}"
    bare.save_weights(file) if suffix == ".weights.h5" else bare.save(file)

    model = backbones.build_backbone("MobileNetV2", str(file), 32)

    for found, expected in zip(model.get_weights(), bare.get_weights(), strict=True):
        assert np.array_equal(found, expected)


def test_weights_of_another_network_are_refused(backbones, keras, tmp_path):
    other = keras.applications.MobileNet(
        weights=None, include_top=False, input_shape=(32, 32, 3)
    )
    file = tmp_path / "other.weights.h5"
    other.save_weights(file)
    with pytest.raises(
        WeightsError, match="can't be loaded into MobileNetV2"
    ) as caught:
        backbones.build_backbone("MobileNetV2", str(file), 32)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["notes.weights.h5", "notes.h5", "notes.keras", "a"])
def test_a_file_of_something_else_is_refused(name, backbones, tmp_path):
    file = tmp_path / name
    file.write_text("these are not weights")
    with pytest.raises(WeightsError, match="can't be loaded into MobileNetV2"):
        backbones.build_backbone("MobileNetV2", str(file), 32)


def test_an_unknown_backbone_is_answered_with_close_ones(backbones):
    with pytest.raises(SettingsError, match=r"did you mean ResNet50 or .* known: Conv"):
        backbones.build_backbone("resnet_50", "none", 32)


def test_a_picture_too_small_for_the_network_is_named(backbones):
    with pytest.raises(
        SettingsError, match="InceptionV3 can't be built for image_size"
    ):
        backbones.build_backbone("InceptionV3", "none", 32)


def test_every_backbone_prepares_a_picture_as_its_own_preprocess_input(
    backbones, keras, images
):
    names = backbones.list_backbones()
    assert len(names) > 30
    for name in names:
        if name in backbones.OURS:
            continue
        photo = keras.Input((32, 32, 3))
        prepare = keras.Model(photo, backbones._preprocess(photo, name))
        module = sys.modules[getattr(keras.applications, name).__module__]
        expected = module.preprocess_input(images.astype(np.float32))
        assert np.allclose(prepare(images), expected, rtol=0, atol=1e-6), name


# Families that a set is likely to ask for; the last three prepare pictures inside.
FAMILIES = [
    "NetworkInNetwork",
    "ResNet50",
    "MobileNetV2",
    "MobileNetV3Small",
    "EfficientNetV2B0",
    "ConvNeXtTiny",
]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_backbone_of_each_family_learns_from_a_batch(name, backbones, keras, images):
    backbone = backbones.build_backbone(name, "none", 32)
    model = backbones.add_head(backbone, 3)
    model.compile(
        keras.optimizers.SGD(0.01), "categorical_crossentropy", run_eagerly=True
    )
    before = [np.array(weight) for weight in model.get_weights()]

    loss = float(model.train_on_batch(images, np.eye(3, dtype=np.float32)[:2]))

    assert np.isfinite(loss)
    changed = [
        not np.array_equal(old, new)
        for old, new in zip(before, model.get_weights(), strict=True)
    ]
    assert sum(changed) > len(changed) / 2


@pytest.mark.parametrize("name", FAMILIES)
def test_from_chance_batch_norm_follows_quickly_and_frozen_it_stays(
    name, backbones, keras
):
    model = backbones.build_backbone(name, "none", 32)
    norms = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert bool(norms) == (name != "ConvNeXtTiny")  # which has none
    assert all(layer.momentum <= 0.9 for layer in norms)

    backbones.freeze_batch_norm(model)

    assert not any(layer.trainable_variables for layer in norms)


def test_network_in_network_is_three_blocks_without_dense_layers(backbones, keras):
    model = backbones.build_backbone("NetworkInNetwork", "none", 96)
    sides = [
        layer.kernel_size[0]
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D)
    ]
    assert sides == [7, 1, 1, 5, 1, 1, 3, 1, 1]
    assert isinstance(model.layers[-1], keras.layers.GlobalAveragePooling2D)
    assert not any(isinstance(layer, keras.layers.Dense) for layer in model.layers)
    assert model.count_params() < 700_000


def test_network_in_network_has_no_imagenet_weights_and_says_so(backbones):
    with pytest.raises(WeightsError, match="there are no ImageNet weights") as caught:
        backbones.build_backbone("NetworkInNetwork", "imagenet", 32)
    assert 'a file\'s path or to "none"' in str(caught.value)
    assert "\n" not in str(caught.value)


def test_network_in_network_takes_weights_of_its_own(backbones, images, tmp_path):
    bare = backbones.build_backbone("NetworkInNetwork", "none", 32)
    bare.save_weights(tmp_path / "nin.weights.h5")
    file = str(tmp_path / "nin.weights.h5")

    model = backbones.build_backbone("NetworkInNetwork", file, 32)

    assert np.allclose(model(images), bare(images), atol=1e-6)
    with pytest.raises(WeightsError, match="can't be loaded into MobileNetV3Small"):
        backbones.build_backbone("MobileNetV3Small", file, 32)


@pytest.mark.parametrize("name", ["NetworkinNetwork", "network_in_network"])
def test_network_in_network_is_among_the_names_that_are_meant(name, backbones):
    with pytest.raises(SettingsError, match="did you mean NetworkInNetwork"):
        backbones.build_backbone(name, "none", 32)


def test_only_batch_norm_is_frozen(backbones, keras):
    model = backbones.build_backbone("MobileNetV2", "none", 32)
    before = len(model.trainable_variables)
    backbones.freeze_batch_norm(model)
    norms = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert len(norms) > 10
    assert len(model.trainable_variables) == before - 2 * len(norms)


def test_imagenet_weights_out_of_reach_are_one_line_with_the_ways_on(tmp_path):
    code = (
        "from pipeline.networks.backbones import build_backbone\n"
        "from pipeline.errors import WeightsError\n"
        "try:\n"
        "    build_backbone('MobileNetV2', 'imagenet', 96)\n"
        "except WeightsError as error:\n"
        "    print(error)\n"
    )
    nowhere = "http://127.0.0.1:9"  # nothing listens there
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ
        | {"KERAS_HOME": str(tmp_path), "https_proxy": nowhere, "no_proxy": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    file = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_96_no_top.h5"
    assert ended.stderr == ""
    assert ended.stdout.count("\n") == 1
    assert ended.stdout.startswith(
        "the ImageNet weights of MobileNetV2 can't be fetched from https://"
    )
    assert (
        f"put {file} into {tmp_path / 'models'} (KERAS_HOME moves it)" in ended.stdout
    )
    assert '"none"' in ended.stdout
