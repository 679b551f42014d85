"""Where a network looks, on networks whose answer can be computed."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from pipeline.errors import RunError
from pipeline.images import fitted_box, square_image
from tests.doubles.colours import COLOURS, SIDE, build_network

pytestmark = pytest.mark.slow

GREY = 120


def picture(height, width, *patches):
    """Return a grey picture with patches: (rows, columns, channel)."""
    pixels = np.full((height, width, 3), GREY, np.uint8)
    for rows, columns, channel in patches:
        pixels[rows, columns] = 255 * (np.arange(3) == channel)
    return pixels


def decoded(png: bytes) -> NDArray[np.uint8]:
    """Return a PNG's RGBA, (height, width, 4)."""
    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        return np.asarray(image, np.uint8)


def looker():
    from pipeline.networks.cams import Looker
    from pipeline.networks.saved import SavedModel

    return Looker(SavedModel(COLOURS, SIDE, build_network()))


def heat_for(pixels, channel):
    """Return the map that lies on the photo, for one class."""
    from pipeline.networks.cams import heat_of_photo

    looked = looker().look(square_image(pixels, SIDE)[None])
    [heat] = looked.maps([channel])
    height, width, _ = pixels.shape
    return heat_of_photo(heat, height, width, SIDE)


@pytest.mark.parametrize("channel", [0, 1, 2], ids=COLOURS)
@pytest.mark.parametrize("down", [0, 1], ids=["top", "bottom"])
@pytest.mark.parametrize("right", [0, 1], ids=["left", "right"])
@pytest.mark.parametrize(
    ("height", "width"),
    [(96, 96), (40, 160), (300, 75), (900, 1300)],
    ids=["square", "wide", "tall", "large"],
)
def test_the_quadrant_that_holds_the_colour_is_the_hot_one(
    height, width, right, down, channel
):
    def quadrant(tall: int, wide: int, down: int, right: int) -> tuple[slice, slice]:
        rows = slice(down * tall // 2, (down + 1) * tall // 2)
        return rows, slice(right * wide // 2, (right + 1) * wide // 2)

    pixels = picture(
        height,
        width,
        (*quadrant(height, width, down, right), channel),
        (*quadrant(height, width, 1 - down, 1 - right), (channel + 1) % 3),
    )

    heat = heat_for(pixels, channel)

    tall, wide = heat.shape
    assert max(tall, wide) == 256
    assert abs(tall / wide - height / width) < 0.02 * height / width
    means = {
        place: heat[quadrant(tall, wide, *place)].mean()
        for place in [(0, 0), (0, 1), (1, 0), (1, 1)]
    }
    assert means.pop((down, right)) > 0.7
    assert max(means.values()) < 0.2
    assert heat.min() >= 0
    assert heat.max() <= 1


@given(height=st.integers(1, 400), width=st.integers(1, 400), size=st.integers(8, 96))
def test_the_map_is_cut_to_where_square_image_puts_the_photo(height, width, size):
    assume(height > 1 or width > 1)
    # from black to white: no side is of the colour that fills the rest
    rows, columns = np.mgrid[:height, :width]
    ramp = 255 * (rows + columns) / (height + width - 2)
    pixels = np.repeat(ramp.round().astype(np.uint8)[:, :, None], 3, axis=2)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    filled = np.median(edge, axis=0).astype(np.uint8)

    square = square_image(pixels, size)
    box = fitted_box(height, width, size)

    inside = square[box].copy()
    square[box] = filled
    assert (square == filled).all()
    for side in (inside[0], inside[-1], inside[:, 0], inside[:, -1]):
        assert (side != filled).any()


def test_each_picture_is_asked_about_its_own_class():
    left, right = (slice(0, 32), slice(0, 32), 0), (slice(0, 32), slice(32, 64), 2)
    both = picture(SIDE, SIDE, left, right)

    looked = looker().look(np.stack([both, both]))
    red, blue = looked.maps([0, 2])

    assert red.shape == (8, 8)
    assert red.dtype == np.float32
    assert (red[:4, :4] == 1).all()
    assert red.sum() == 16
    assert np.array_equal(blue, red[:, ::-1])


def test_where_nothing_speaks_for_a_class_its_map_is_cold():
    from pipeline.networks.cams import encode_overlay, heat_of_photo

    looked = looker().look(picture(SIDE, SIDE)[None])
    [heat] = looked.maps([1])

    assert not heat.any()
    overlay = decoded(encode_overlay(heat_of_photo(heat, 9, 5, SIDE)))
    assert not overlay[:, :, 3].any()


def test_the_overlay_is_clear_where_it_is_cold_and_lets_the_photo_through():
    from pipeline.networks.cams import encode_overlay

    heat = np.zeros((128, 256), np.float32)
    heat[:, 128:] = 1
    overlay = decoded(encode_overlay(heat))

    assert overlay.shape == (128, 256, 4)
    red, green, blue, opacity = overlay[60, 200]
    assert (red > 200, green > 200, blue > 100) == (True, True, False)  # yellow
    assert 100 < opacity < 200
    assert overlay[60, 60, 3] == 0


def test_what_our_recipes_make_tells_where_it_looks():
    from pipeline.networks.cams import Looker
    from pipeline.networks.saved import SavedModel
    from pipeline.train.recipes.small_cnn import build_small_cnn

    saved = SavedModel(COLOURS, 32, build_small_cnn(32, 3))
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    looked = Looker(saved).look(images)

    assert np.allclose(looked.pred_probs, saved.predict(images), atol=1e-5)
    scores = looked.features.mean(axis=(1, 2)) @ looked.kernel
    powers = np.exp(scores)  # the biases are 0 before training
    assert np.allclose(looked.pred_probs, powers / powers.sum(1, keepdims=True), 1e-3)


def test_a_network_that_weighs_each_place_tells_where_it_looks():
    from pipeline.networks.backend import keras
    from pipeline.networks.cams import Looker
    from pipeline.networks.saved import SavedModel

    photo = keras.Input((SIDE, SIDE, 3))
    cells = keras.layers.AveragePooling2D(16)(photo)  # (4, 4, 3)
    dense = keras.layers.Dense(3, activation="softmax")
    model = keras.Model(photo, dense(keras.layers.Flatten()(cells)))
    rng = np.random.default_rng(0)
    kernel = rng.normal(scale=0.01, size=(4, 4, 3, 3)).astype(np.float32)
    kernel[..., 0] = 0
    kernel[1, 2, 0, 0] = 1  # red speaks for the first class, at one place alone
    dense.set_weights([kernel.reshape(48, 3), np.zeros(3)])
    red = picture(SIDE, SIDE, (slice(None), slice(None), 0))

    looked = Looker(SavedModel(COLOURS, SIDE, model)).look(np.stack([red, red]))
    heat, other = looked.maps([0, 1])

    assert np.argwhere(heat).tolist() == [[1, 2]]
    assert other.shape == (4, 4)
    by_hand = np.einsum("hwc,hwc->hw", looked.features[1], kernel[..., 1])
    assert np.allclose(other, np.maximum(by_hand, 0) / by_hand.max())


def test_the_features_of_a_flattened_network_are_averages():
    from pipeline.networks.backend import keras
    from pipeline.networks.saved import SavedModel

    photo = keras.Input((SIDE, SIDE, 3))
    flat = keras.layers.Flatten()(keras.layers.AveragePooling2D(16)(photo))
    saved = SavedModel(
        COLOURS, SIDE, keras.Model(photo, keras.layers.Dense(3, "softmax")(flat))
    )
    half = picture(SIDE, SIDE, (slice(0, 32), slice(None), 0))

    features = np.asarray(saved.without_top()(half[None]))

    assert np.allclose(features, [[(255 + GREY) / 2, GREY / 2, GREY / 2]])


def _flat(keras: Any, photo: Any) -> Any:
    return keras.layers.Dense(3)(keras.layers.Flatten()(_one_layer(keras, photo)))


def _by_maximum(keras: Any, photo: Any) -> Any:
    return keras.layers.Dense(3)(keras.layers.GlobalMaxPooling2D()(photo))


def _two_layers(keras: Any, photo: Any) -> Any:
    mean = keras.layers.GlobalAveragePooling2D()(photo)
    return keras.layers.Dense(3)(keras.layers.Dense(9, "relu")(mean))


def _one_layer(keras: Any, photo: Any) -> Any:
    return keras.layers.GlobalAveragePooling2D()(photo)


@pytest.mark.parametrize("end", [_flat, _by_maximum, _two_layers, _one_layer])
def test_a_model_of_another_kind_is_told_in_one_line(end: Callable[[Any, Any], Any]):
    from pipeline.networks.backend import keras
    from pipeline.networks.cams import Looker
    from pipeline.networks.saved import SavedModel

    photo = keras.Input((16, 16, 3))
    saved = SavedModel(COLOURS, 16, keras.Model(photo, end(keras, photo)))

    with pytest.raises(RunError, match="ends in GlobalAveragePooling2D or Flatten"):
        Looker(saved)
