import numpy as np
import pytest

from pipeline.errors import RunError
from pipeline.images import square_image
from pipeline.runs import Run

pytestmark = pytest.mark.slow

LABELS = ("赤", "blue", "green")
SIDE = 16


@pytest.fixture
def run(tmp_path):
    """Return a run whose model knows colours: the brightest channel wins."""
    from pipeline.networks.backend import keras

    photo = keras.Input((SIDE, SIDE, 3))
    mean = keras.layers.GlobalAveragePooling2D()(photo)
    model = keras.Model(photo, keras.layers.Softmax()(mean))
    run = Run(tmp_path)
    model.save(run.model_file)
    run.write_json("labels.json", LABELS)
    return run


def picture(channel, height=20, width=30):
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, :, channel] = 200
    return pixels


def test_pictures_of_any_size_are_classified(run):
    from pipeline.networks.saved import load_model

    model = load_model(run)
    pictures = [picture(2), picture(0, 50, 9), picture(1, 16, 16)]
    pred_probs = model.classify(pictures)
    assert (model.labels, model.image_size) == (LABELS, SIDE)
    assert pred_probs.argmax(axis=1).tolist() == [2, 0, 1]
    assert pred_probs.dtype == np.float32


def test_many_photos_get_the_same_answers_as_one_at_a_time(run):
    from pipeline.networks.saved import load_model

    model = load_model(run)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (11, SIDE, SIDE, 3), dtype=np.uint8)
    together = model.predict(images, batch_size=4)
    apart = [model.predict(images[n : n + 1])[0] for n in range(11)]
    assert np.allclose(together, apart, atol=1e-5)


def test_no_pictures_get_no_answers(run):
    from pipeline.networks.saved import load_model

    assert load_model(run).classify([]).shape == (0, 3)


def test_a_picture_is_squared_as_in_training(run):
    from pipeline.networks.saved import load_model

    model = load_model(run)
    tall = picture(1, 60, 10)
    squared = square_image(tall, SIDE)[None]
    assert np.array_equal(model.classify([tall]), model.predict(squared))


def test_a_model_with_a_broken_part_is_one_line(run):
    from pipeline.networks.saved import load_model

    data = bytearray(run.model_file.read_bytes())
    data[150:400] = bytes(250)  # inside the archive's first file
    run.model_file.write_bytes(data)
    with pytest.raises(RunError, match=r"model\.keras can't be loaded"):
        load_model(run)


@pytest.mark.parametrize("content", [None, b"not a model"], ids=["missing", "damaged"])
def test_a_model_that_can_not_be_loaded_is_one_line(run, content):
    from pipeline.networks.saved import load_model

    run.model_file.unlink()
    if content is not None:
        run.model_file.write_bytes(content)
    with pytest.raises(RunError, match=r"model\.keras can't be loaded") as caught:
        load_model(run)
    assert "\n" not in str(caught.value)
