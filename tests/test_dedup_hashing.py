import imagehash
import numpy as np
import pytest
from PIL import Image, ImageOps

from pipeline.dedup.hashing import content_box, hash_text, phash, views_of
from pipeline.dedup.neighbours import near_pairs
from pipeline.images import Pixels, decode_image, encode_jpeg


def draw(seed: int, height: int = 480, width: int = 640) -> Pixels:
    """Return a picture of soft colours with edges and grain, like a photo."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8))
    soft = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC), float)
    soft[height // 4 : height // 2, width // 3 : width // 2] *= 0.4
    grain = rng.normal(0, 4, soft.shape)
    return np.clip(soft + grain, 0, 255).astype(np.uint8)


def bits_apart(first: int, second: int) -> int:
    return (first ^ second).bit_count()


def reference(image: Pixels) -> int:
    return int(str(imagehash.phash(Image.fromarray(image))), 16)


def test_phash_has_the_bits_of_imagehash_on_the_same_pixels():
    for seed in range(10):
        image = draw(seed)
        assert bits_apart(phash(image)[0], reference(image)) <= 1


def test_scaled_decoding_changes_at_most_few_bits_of_imagehash():
    apart = []
    for seed in range(40):
        data = encode_jpeg(draw(seed, 960, 1280))
        scaled = phash(decode_image(data, min_side=128))[0]
        apart.append(bits_apart(scaled, reference(decode_image(data))))
    assert np.mean(apart) <= 0.6
    assert max(apart) <= 6


def test_mirrored_hash_is_the_hash_of_the_mirrored_picture():
    for seed in range(10):
        image = draw(seed)
        mirrored = np.asarray(ImageOps.mirror(Image.fromarray(image)))
        assert bits_apart(phash(image)[1], phash(mirrored)[0]) <= 2
        assert bits_apart(phash(image)[0], phash(mirrored)[0]) > 10


def test_hash_is_written_as_imagehash_writes_it():
    value = 0x0123456789ABCDEF
    assert hash_text(value) == "0123456789abcdef"
    assert str(imagehash.hex_to_hash(hash_text(value))) == hash_text(value)


@pytest.mark.parametrize("colour", [0, 255, (200, 30, 90)])
def test_flat_border_is_trimmed_to_the_content(colour):
    bordered = np.empty((300, 400, 3), np.uint8)
    bordered[:] = colour
    bordered[40:260, 30:350] = draw(1, 220, 320)
    assert content_box(bordered) == (40, 260, 30, 350)


def test_product_on_white_in_a_black_frame_trims_to_the_same_content():
    product = np.full((200, 200, 3), 255, np.uint8)
    product[50:150, 60:140] = draw(2, 100, 80)
    framed = np.pad(product, ((20, 20), (20, 20), (0, 0)))
    assert content_box(product) == (50, 150, 60, 140)
    assert content_box(framed) == (70, 170, 80, 160)


def test_picture_without_border_has_one_view_and_a_blank_one_too():
    assert len(views_of(draw(3))) == 1
    assert len(views_of(np.full((200, 100, 3), 90, np.uint8))) == 1


def test_near_pairs_agree_with_comparing_each_with_each():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, 2500, np.uint64)
    hashes[2000:] = hashes[:500] ^ np.uint64(0b1011)
    i, j, bits = near_pairs(hashes, hashes, 20)
    expected = {
        (a, b): (int(hashes[a]) ^ int(hashes[b])).bit_count()
        for a in range(0, 2500, 50)
        for b in range(a + 1, 2500)
    }
    near = {pair for pair, apart in expected.items() if apart <= 20}
    found = {(int(a), int(b)): int(d) for a, b, d in zip(i, j, bits, strict=True)}
    assert {pair for pair in found if pair[0] % 50 == 0} == near
    assert all(found[pair] == expected[pair] for pair in near)
    assert list(found) == sorted(found)


def test_near_pairs_of_nothing_are_none():
    empty = np.zeros(0, np.uint64)
    assert [len(part) for part in near_pairs(empty, empty, 10)] == [0, 0, 0]
