"""Training batches changed in ways that ``finetune`` does not take, to weigh them."""

from typing import Any

import albumentations as A  # noqa: N812
import numpy as np
from numpy.typing import NDArray

from benchmarks.finetune.choices import Choice
from pipeline.train.batches import TrainBatches

_STREAM = 7  # of randomness, apart from that of the augmentation


class Changed(TrainBatches):
    """Batches as training makes them, with a choice laid on."""

    def __init__(self, choice: Choice, *given: Any, **more: Any) -> None:
        super().__init__(*given, balanced=choice.is_balanced, **more)
        self._choice = choice

    def __getitem__(self, number: int) -> Any:
        images, targets = super().__getitem__(number)
        choice = self._choice
        rng = np.random.default_rng((_STREAM, self._seed, self.epoch, number))
        if choice.operations:
            images = np.stack([_operate(one, choice.operations, rng) for one in images])
        if choice.erased:
            images = np.stack([_erase(one, choice.erased, rng) for one in images])
        if choice.cutmix and rng.random() < 0.5:
            images, targets = _cutmix(images, targets, choice.cutmix, rng)
        elif choice.mixup:
            images, targets = _mixup(images, targets, choice.mixup, rng)
        return images, targets


def _mixup(
    images: NDArray[np.uint8],
    targets: NDArray[np.float32],
    alpha: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    share = rng.beta(alpha, alpha)
    mixed = share * images.astype(np.float32) + (1 - share) * images[::-1]
    return np.rint(mixed).astype(np.uint8), _shared(targets, share)


def _cutmix(
    images: NDArray[np.uint8],
    targets: NDArray[np.float32],
    alpha: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    size = images.shape[1]
    side = int(size * np.sqrt(1 - rng.beta(alpha, alpha)))
    top, left = rng.integers(0, size - side + 1, 2)
    patch = slice(None), slice(top, top + side), slice(left, left + side)
    mixed = images.copy()
    mixed[patch] = images[::-1][patch]
    return mixed, _shared(targets, 1 - side**2 / size**2)


def _shared(targets: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    return np.asarray(share * targets + (1 - share) * targets[::-1], np.float32)


def _erase(
    image: NDArray[np.uint8], chance: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    if rng.random() >= chance:
        return image
    size = len(image)
    side = int(size * rng.uniform(0.2, 0.5))
    top, left = rng.integers(0, size - side, 2)
    image = image.copy()
    image[top : top + side, left : left + side] = rng.integers(0, 256, 3)
    return image


def _operate(
    image: NDArray[np.uint8], operations: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    changes = [
        A.Posterize(num_bits=(4, 6), p=1),
        A.Solarize(threshold_range=(0.6, 0.9), p=1),
        A.Equalize(p=1),
        A.AutoContrast(p=1),
        A.Sharpen(p=1),
        A.HueSaturationValue(15, 30, 0, p=1),
        A.RandomBrightnessContrast(0.3, 0.3, p=1),
        A.Affine(shear=(-15, 15), p=1),
    ]
    chosen = rng.choice(len(changes), operations, replace=False)
    compose = A.Compose([changes[one] for one in chosen])
    compose.set_random_seed(int(rng.integers(2**31)))
    return np.asarray(compose(image=image)["image"], np.uint8)
