from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytestmark = pytest.mark.slow

SIDE, CACHED = 16, 18


def pixels(number):
    from pipeline.networks.pixels import MappedPixels

    rng = np.random.default_rng(0)
    squares = rng.integers(0, 256, (number, CACHED, CACHED, 3), dtype=np.uint8)
    return MappedPixels(squares, np.arange(number)[::-1])


def train_batches(number=10, seed=0, **more):
    from pipeline.train.augment import Strength
    from pipeline.train.batches import TrainBatches

    return TrainBatches(
        pixels(number),
        np.arange(number) % 3,
        3,
        batch_size=4,
        image_size=SIDE,
        seed=seed,
        **({"strength": Strength()} | more),
    )


def all_of(batches):
    images, targets = zip(
        *[batches[number] for number in range(batches.num_batches)], strict=True
    )
    return np.concatenate(images), np.concatenate(targets)


def augmented(epoch=0, seed=0):
    """Make the pictures of an epoch one by one; return their seeds too."""
    from pipeline.train.augment import Strength
    from pipeline.train.tiny import TinyAugment

    augment, squares = TinyAugment(CACHED, SIDE, Strength()), pixels(10)
    order = np.random.default_rng((seed, epoch)).permutation(10)
    seeds = [(seed, epoch, int(place)) for place in order]
    images = zip(squares.take(order), seeds, strict=True)
    return np.stack([augment(image, one) for image, one in images]), seeds


def test_balanced_categories_weigh_alike_however_few_photos_they_have():
    _, plain = all_of(train_batches())
    _, targets = all_of(train_batches(balanced=True))

    assert plain.sum(axis=0).tolist() == [4, 3, 3]
    assert targets.sum(axis=0) == pytest.approx([10 / 3] * 3)
    assert np.array_equal(targets.argmax(axis=1), plain.argmax(axis=1))


def test_without_noise_pictures_are_augmented_and_nothing_else():
    batches = train_batches()
    batches.epoch = 2
    assert np.array_equal(all_of(batches)[0], augmented(epoch=2)[0])
    assert np.array_equal(all_of(train_batches(noise="none"))[0], augmented()[0])


def test_the_shops_noise_is_laid_on_augmented_pictures():
    from pipeline.train.noise import shop

    plain, seeds = augmented()
    images, targets = all_of(train_batches(noise="shop"))
    expected = [shop(image, seed) for image, seed in zip(plain, seeds, strict=True)]
    assert np.array_equal(images, np.stack(expected))
    assert np.array_equal(targets, all_of(train_batches())[1])
    assert not np.array_equal(images, plain)


def test_augmix_brings_three_views_of_which_the_first_is_plain():
    plain, views = train_batches(), train_batches(noise="augmix")
    assert [views.photos_in(number) for number in range(3)] == [4, 4, 2]
    for number in range(3):
        images, targets = views[number]
        first, second, third = np.split(images, 3)
        assert images.dtype == np.uint8
        assert np.array_equal(first, plain[number][0])
        assert not np.array_equal(first, second)
        assert not np.array_equal(second, third)
        assert np.array_equal(targets, np.concatenate([plain[number][1]] * 3))


@pytest.mark.parametrize("noise", ["shop", "augmix"])
def test_threads_make_the_same_noise_in_whatever_order(noise):
    one, many = train_batches(noise=noise), train_batches(noise=noise)
    one.epoch = many.epoch = 3
    expected = [one[number] for number in range(3)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(many.__getitem__, [2, 1, 0] * 4))
    for place, (images, targets) in enumerate(found):
        assert np.array_equal(images, expected[2 - place % 3][0])
        assert np.array_equal(targets, expected[2 - place % 3][1])


@pytest.mark.parametrize("noise", ["none", "shop", "augmix"])
@pytest.mark.parametrize("num_batches", [None, 7])
def test_batches_are_the_same_however_many_workers_make_them(noise, num_batches):
    from pipeline.networks.backend import keras

    photo = keras.Input((SIDE, SIDE, 3))
    as_is = keras.Model(photo, keras.layers.Identity()(photo))
    found = []
    for workers in (1, 2, 8):
        batches = train_batches(noise=noise, num_batches=num_batches)
        batches.epoch, batches.workers = 2, workers
        found.append(as_is.predict(batches, verbose=0))
        assert np.array_equal(found[-1], all_of(batches)[0])
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


def test_every_photo_is_seen_once_an_epoch():
    batches = train_batches()
    images, targets = all_of(batches)
    assert batches.num_batches == 3
    assert [batches.photos_in(number) for number in range(3)] == [4, 4, 2]
    assert [batches.photos_through(number) for number in range(3)] == [4, 8, 10]
    assert images.shape == (10, SIDE, SIDE, 3)
    assert images.dtype == np.uint8
    assert targets.sum(axis=0).tolist() == [4, 3, 3]


def test_an_epoch_is_the_same_whenever_and_in_whatever_order_it_is_read():
    first, second = train_batches(), train_batches()
    first.epoch = second.epoch = 3
    expected = [first[number] for number in range(3)]
    for number in (2, 0, 1):
        images, targets = second[number]
        assert np.array_equal(images, expected[number][0])
        assert np.array_equal(targets, expected[number][1])


def test_epochs_and_seeds_differ():
    first, second, third = train_batches(), train_batches(), train_batches(seed=1)
    second.epoch = 1
    assert not np.array_equal(all_of(first)[0], all_of(second)[0])
    assert not np.array_equal(all_of(first)[0], all_of(third)[0])


def test_plain_batches_are_the_squares_in_order():
    from pipeline.train.batches import PlainBatches

    squares = pixels(5)
    batches = PlainBatches(squares, np.arange(5) % 2, 2, batch_size=2)
    images, targets = all_of(batches)
    assert np.array_equal(images, squares.take(np.arange(5)))
    assert targets.argmax(axis=1).tolist() == [0, 1, 0, 1, 0]


def test_epochs_of_a_set_number_of_batches_go_round_and_round_the_photos():
    batches = train_batches(number=10, num_batches=3)  # 12 photos an epoch
    drawn = []
    for batches.epoch in range(5):
        sizes = [batches.photos_in(number) for number in range(batches.num_batches)]
        assert sizes == [4, 4, 4]
        drawn.append(all_of(batches)[0])
    one_by_one = np.concatenate([augmented(epoch=one)[0] for one in range(6)])
    assert np.array_equal(np.concatenate(drawn), one_by_one)


def test_photos_may_come_as_they_are():
    batches = train_batches(strength=None)
    order = np.random.default_rng((0, 0)).permutation(10)
    assert np.array_equal(all_of(batches)[0], pixels(10).take(order))
