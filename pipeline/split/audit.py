"""``split --audit``: how much a random split would flatter the classifier.

It is what the recipe ``quick`` fits, a backbone's frozen features and a linear head. It
is measured on this split, as ``split`` would write it now, and on random ones by photo
with every picture there would be without dedup: all images of each group, and the same
bytes once for each place they were found at. Each has the label of its group, so that
copies are all that differs.

The features must know nothing of the set. A run's network has seen the labels of most
photos, and would flatter the random split by that: it is not taken for this.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from pipeline.catalog import Catalog, Part
from pipeline.catalog.photos import StoredImage
from pipeline.errors import InputError, WeightsError
from pipeline.home import SetFolder
from pipeline.networks.embeddings import Embeddings, embed_photos
from pipeline.networks.weights import NONE, weights_key
from pipeline.progress import Progress
from pipeline.settings import SetSettings, TrainSettings
from pipeline.split import Plan, plan_split
from pipeline.split.flattery import AuditSummary, Pool, audit_pool


def audit_split(
    folder: SetFolder, settings: SetSettings, catalog: Catalog, *, progress: Progress
) -> AuditSummary:
    """Measure how much a random split would flatter; the catalog is not changed.

    Args:
        folder: The set, for its photos and its cache.
        settings: Whose split, and whose backbone, weights and image size.
        catalog: Whose photos, labels and groups.
        progress: How the work is shown.

    Raises:
        InputError: Too few photos to split, train and measure, or one is missing.
        SettingsError: The backbone is unknown or can't be built.
        WeightsError: The weights can't be had, or there are none by choice.
    """
    if settings.train.weights == NONE:
        raise WeightsError(
            'an audit needs features that see something, and [train] weights is "none";'
            ' set it to "imagenet" or the path of a file of weights'
        )
    key = weights_key(settings.train.weights, settings.train.weights_sha256)
    plan = plan_split(settings, catalog)
    parts = _measurable(plan)
    images = sorted(
        (i for i in catalog.photos.stored() if plan.group_of.get(i.sha256) in parts),
        key=lambda image: image.sha256,
    )
    embeddings = _embed(folder, settings.train, key, images, progress)
    pool = pool_of(plan, catalog, images, embeddings)
    return audit_pool(pool, parts, settings.split, progress=progress)


def _measurable(plan: Plan) -> dict[int, Part]:
    """Return the parts of the groups whose category has photos to train on."""
    labels = plan.labels
    trained = {labels[group] for group, p in plan.parts.items() if p is Part.TRAIN}
    parts = {group: p for group, p in plan.parts.items() if labels[group] in trained}
    num_val = sum(part is Part.VAL for part in parts.values())
    if len(trained) < 2 or not num_val:
        raise InputError(
            "an audit needs photos of at least 2 categories to train on, and one of"
            f" them to measure, got {len(trained)} categories and {num_val} val photos;"
            " scrape and dedup more photos, or label those there are"
        )
    return parts


def _embed(
    folder: SetFolder,
    train: TrainSettings,
    key: str,
    images: Sequence[StoredImage],
    progress: Progress,
) -> Embeddings:
    # Keras takes seconds to load: only where the rest is in order
    from pipeline.networks.backbones import (  # noqa: PLC0415
        build_backbone,
        features_key,
    )

    backbone = build_backbone(train.backbone, train.weights, train.image_size)
    name = features_key(train, key)  # as of the recipe quick: looked at once for both
    return embed_photos(folder, images, backbone, name, progress=progress)


def pool_of(
    plan: Plan,
    catalog: Catalog,
    images: Sequence[StoredImage],
    embeddings: Embeddings,
) -> Pool:
    """Return all pictures there would be without dedup.

    Args:
        plan: Whose groups and labels.
        catalog: Which knows at how many places each image was found.
        images: Of labelled groups, copies too.
        embeddings: Their features, in order.
    """
    places = Counter(
        facts.sha256 for facts in catalog.candidates.stored_origins().values()
    )
    labels = plan.labels
    classes = {name: place for place, name in enumerate(sorted(set(labels.values())))}
    kept = {photo.sha256 for photo in plan.photos}
    rows = [
        (row, plan.group_of[image.sha256], number)
        for row, image in enumerate(images)
        for number in range(max(1, places[image.sha256]))
    ]
    return Pool(
        embeddings=embeddings[[row for row, _, _ in rows]],
        y_true=np.array([classes[labels[group]] for _, group, _ in rows], np.int64),
        groups=np.array([group for _, group, _ in rows], np.int64),
        is_kept=np.array(
            [images[row].sha256 in kept and number == 0 for row, _, number in rows]
        ),
        names=tuple(f"{images[row].sha256} {number}" for row, _, number in rows),
    )
