"""What happens to photos outside the studio, at five severities.

Noise, blur, JPEG and brightness follow ImageNet-C (Hendrycks and Dietterich, 2019,
arXiv 1903.12261) with its constants, which are meant for pictures of 224 pixels: a
blur's radius shrinks with a smaller picture, so that a severity keeps its meaning,
down to the constants of the same authors' CIFAR-10-C, for 32 pixels.
Occlusion and scribble are ours.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.robustness.scribble import scribble

Pixels = NDArray[np.uint8]  # (height, width, 3), RGB
Corruption = Callable[[Pixels, int, np.random.Generator], Pixels]

SEVERITIES = (1, 2, 3, 4, 5)
NOISE_STD = (0.08, 0.12, 0.18, 0.26, 0.38)  # of the range 0..1
BLUR_SIGMA = (1.0, 2.0, 3.0, 4.0, 6.0)  # pixels, in a picture of 224
LEAST_SIGMA = (0.4, 0.6, 0.7, 0.8, 1.0)  # pixels, in a picture of 32
JPEG_QUALITY = (25, 18, 15, 10, 7)
ADDED_VALUE = (0.1, 0.2, 0.3, 0.4, 0.5)  # to the V of HSV, 0..1
COVERED_SHARE = (0.05, 0.10, 0.18, 0.28, 0.40)  # of the picture's area
IMAGENET_SIDE = 224


def corrupt(
    image: Pixels, name: str, severity: int, rng: np.random.Generator
) -> Pixels:
    """Return ``image`` as it might have come from a worse place.

    Args:
        image: RGB, ``uint8``, shape ``(height, width, 3)``; not modified.
        name: A key of ``CORRUPTIONS``.
        severity: 1 (mild) to 5 (severe).
        rng: Source of all randomness: the same state gives the same pixels.

    Raises:
        ValueError: Unknown ``name``, or ``severity`` outside 1..5.
    """
    if name not in CORRUPTIONS:
        known = ", ".join(sorted(CORRUPTIONS))
        raise ValueError(f"unknown corruption {name!r}; known: {known}")
    if severity not in SEVERITIES:
        raise ValueError(f"severity must be in 1..5, got {severity}")
    return CORRUPTIONS[name](image, severity, rng)


def _gaussian_noise(image: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    noise = rng.standard_normal(image.shape, np.float32)
    return _to_pixels(image + noise * np.float32(255 * NOISE_STD[severity - 1]))


def _gaussian_blur(image: Pixels, severity: int, _: np.random.Generator) -> Pixels:
    scaled = BLUR_SIGMA[severity - 1] * min(image.shape[:2]) / IMAGENET_SIDE
    sigma = max(scaled, LEAST_SIGMA[severity - 1])
    blurred = cv2.GaussianBlur(
        image.astype(np.float32), (0, 0), sigma, borderType=cv2.BORDER_REPLICATE
    )
    return _to_pixels(np.asarray(blurred, np.float32))


def _jpeg_compression(image: Pixels, severity: int, _: np.random.Generator) -> Pixels:
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY[severity - 1]]
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".jpg", bgr, quality)[1]
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[:, :, ::-1])


def _brightness(image: Pixels, severity: int, _: np.random.Generator) -> Pixels:
    """Raise the V of HSV; hue and saturation stay, so the channels scale alike."""
    value = image.max(axis=2, keepdims=True).astype(np.float32)
    raised = np.minimum(value + 255 * ADDED_VALUE[severity - 1], 255)
    scaled = image * (raised / np.maximum(value, 1))
    return _to_pixels(np.where(value > 0, scaled, raised))


def _occlusion(image: Pixels, severity: int, rng: np.random.Generator) -> Pixels:
    """Cover a share of the picture with one plain rectangle."""
    height, width = image.shape[:2]
    stretch = np.sqrt(2.0 ** rng.uniform(-1, 1))
    down, right = rng.uniform(size=2)
    colour = rng.integers(0, 256, 3, np.uint8)
    side = np.sqrt(COVERED_SHARE[severity - 1])
    tall, wide = round(height * side * stretch), round(width * side / stretch)
    top, left = round((height - tall) * down), round((width - wide) * right)
    covered = image.copy()
    covered[top : top + tall, left : left + wide] = colour
    return covered


def _to_pixels(values: NDArray[np.float32]) -> Pixels:
    return np.clip(values.round(), 0, 255).astype(np.uint8)


CORRUPTIONS: dict[str, Corruption] = {
    "gaussian_noise": _gaussian_noise,
    "gaussian_blur": _gaussian_blur,
    "jpeg_compression": _jpeg_compression,
    "brightness": _brightness,
    "occlusion": _occlusion,
    "scribble": scribble,
}
