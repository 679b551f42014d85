"""Frozen features of photos: one vector a photo, computed once and kept.

They lie in ``cache/embeddings-...``, by the sha256 of the photo; the file's name holds
the network, its weights and the size of the pictures.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.home import SetFolder
from pipeline.networks.pixels import VERSION, StoredPhoto, map_pixels
from pipeline.networks.precision import in_float32
from pipeline.networks.rows import RowStore
from pipeline.progress import Progress, silent

BATCH_SIZE = 32
Embeddings = NDArray[np.float32]  # (N, D)


def embed_photos(
    folder: SetFolder,
    photos: Sequence[StoredPhoto],
    backbone: Any,
    key: str,
    *,
    progress: Progress = silent,
    on_rate: Callable[[int, float], None] | None = None,
) -> Embeddings:
    """Return the features of photos, (N, D) float32, in order.

    Args:
        folder: The set, for its photos and its cache.
        photos: In the order wanted.
        backbone: From ``build_backbone``; it looks in float32, however it is trained.
        key: Tells this network and its weights from all others; part of a file name.
        progress: How the work is shown.
        on_rate: Told how many photos are to be embedded, and at how many a second,
            before the bulk of the work; not called where little is to be done.

    Raises:
        InputError: A photo is missing from the store, or broken.
    """
    size = int(backbone.input_shape[1])
    store = RowStore(
        folder.cache,
        f"embeddings-{key}-v{VERSION}-{size}",
        (int(backbone.output_shape[-1]),),
        np.float32,
    )
    keys = [photo.sha256 for photo in photos]
    missing = set(store.missing(keys))
    todo = [photo for photo in photos if photo.sha256 in missing]
    if todo:
        backbone = in_float32(backbone)
        pixels = map_pixels(folder, todo, size, progress=progress)
        if on_rate and len(todo) > 2 * BATCH_SIZE:
            on_rate(len(todo), images_per_second(backbone))
        with progress("looking at photos", len(todo)) as advance:
            for start in range(0, len(todo), BATCH_SIZE):
                positions = np.arange(start, min(start + BATCH_SIZE, len(todo)))
                rows = embed_images(backbone, pixels.take(positions))
                store.add([todo[place].sha256 for place in positions], rows)
                advance(len(positions))
    return np.asarray(store.mapped()[store.places(keys)], np.float32)


def embed_images(backbone: Any, images: NDArray[np.uint8]) -> Embeddings:
    """Return the features (N, D) of up to ``BATCH_SIZE`` squares (N, S, S, 3).

    A short batch is filled up with black: a new shape would be compiled anew.
    """
    filled = np.zeros((BATCH_SIZE, *images.shape[1:]), np.uint8)
    filled[: len(images)] = images
    features = backbone.predict_on_batch(filled)[: len(images)]
    return np.asarray(features, np.float32)


def images_per_second(backbone: Any) -> float:
    """Measure how fast the network looks at pictures, on black ones."""
    black = np.zeros((BATCH_SIZE, *backbone.input_shape[1:]), np.uint8)
    backbone.predict_on_batch(black)  # the first call compiles
    began = time.perf_counter()
    backbone.predict_on_batch(black)
    return BATCH_SIZE / (time.perf_counter() - began)
