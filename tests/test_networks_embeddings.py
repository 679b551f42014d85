import numpy as np
import pytest

from pipeline.home import set_folder
from pipeline.images import ImageStore, encode_jpeg, inspect_image

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def backbone():
    from pipeline.networks.backbones import build_backbone

    return build_backbone("MobileNetV2", "none", 32)


@pytest.fixture
def folder(tmp_path):
    return set_folder(tmp_path, "guitars")


def store_photos(folder, number):
    rng = np.random.default_rng(0)
    found = []
    for _ in range(number):
        data = encode_jpeg(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8))
        found.append(inspect_image(data))
        ImageStore(folder.images).put(data, found[-1])
    return found


def test_embeddings_are_what_the_network_says_of_the_photos(folder, backbone):
    from pipeline.networks.embeddings import embed_photos
    from pipeline.networks.pixels import load_pixels

    photos = store_photos(folder, 5)
    found = embed_photos(folder, photos, backbone, "net")
    expected = np.asarray(backbone(load_pixels(folder, photos, 32), training=False))
    assert found.shape == (5, backbone.output_shape[-1])
    assert np.allclose(found, expected, atol=1e-4)


def test_photos_seen_before_are_not_looked_at_again(folder, backbone):
    from contextlib import contextmanager

    from pipeline.networks.embeddings import embed_photos

    photos = store_photos(folder, 4)
    work = []

    @contextmanager
    def progress(description, total):
        work.append((description, total))
        yield lambda steps: None

    first = embed_photos(folder, photos[:3], backbone, "net", progress=progress)
    second = embed_photos(folder, photos[::-1], backbone, "net", progress=progress)

    assert [total for text, total in work if text == "looking at photos"] == [3, 1]
    assert np.array_equal(second[::-1][:3], first)


def test_another_network_has_embeddings_of_its_own(folder, backbone):
    from pipeline.networks.backbones import build_backbone
    from pipeline.networks.embeddings import embed_photos

    photos = store_photos(folder, 2)
    first = embed_photos(folder, photos, backbone, "net")
    second = embed_photos(
        folder, photos, build_backbone("MobileNetV2", "none", 32), "b"
    )
    assert not np.array_equal(first, second)


def test_the_rate_is_told_only_where_there_is_much_to_do(folder, backbone):
    from pipeline.networks.embeddings import BATCH_SIZE, embed_photos

    photos = store_photos(folder, 2 * BATCH_SIZE + 1)
    told = []

    def tell(number, rate):
        told.append((number, rate > 0))

    embed_photos(folder, photos[:2], backbone, "net", on_rate=tell)
    assert told == []
    embed_photos(folder, photos, backbone, "other", on_rate=tell)
    assert told == [(2 * BATCH_SIZE + 1, True)]
