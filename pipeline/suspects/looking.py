"""Which network looks at the photos, and what it sees: embeddings.

The set's own backbone with its weights, frozen: it has never met the labels. Where
``weights`` is "none", where the recipe reads none, or where they can't be had, the
newest run's network without its last layer stands in. That one was trained on these
labels, wrong ones among them, and has learned some of them by heart.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import WeightsError
from pipeline.home import SetFolder
from pipeline.networks.backbones import build_backbone, features_key
from pipeline.networks.embeddings import Embeddings, embed_photos
from pipeline.networks.pixels import StoredPhoto
from pipeline.networks.saved import load_model
from pipeline.networks.weights import NONE, weights_key
from pipeline.progress import Progress
from pipeline.runs import Run, newest_run
from pipeline.settings import WITHOUT_WEIGHTS, TrainSettings

Say = Callable[[str], None]


@dataclass(frozen=True)
class Network:
    """What looks at the photos."""

    model: Any  # keras.Model: RGB 0..255 in, features (N, D) out
    key: str  # tells it from all others; part of a file's name
    run: str = ""  # whose it is; empty for the set's own backbone


def look_at(
    folder: SetFolder,
    settings: TrainSettings,
    photos: Sequence[StoredPhoto],
    *,
    progress: Progress,
    say: Say,
) -> tuple[Embeddings, str]:
    """Return the features of photos, (N, D), and the run whose network gave them.

    The run is empty where the set's own backbone did.

    Raises:
        InputError: A photo is missing from the store, or broken.
        SettingsError: The backbone is unknown or can't be built.
        WeightsError: There is no network that knows anything of photos.
        RunError: The newest run's model is missing or damaged.
    """
    network = choose_network(folder, settings, say)

    def announce(number: int, rate: float) -> None:
        say(
            f"looking at {number} photos takes about {round(number / rate) + 5} s"
            f" on this machine, {rate:.0f} a second"
        )

    features = embed_photos(
        folder,
        photos,
        network.model,
        network.key,
        progress=progress,
        on_rate=announce,
    )
    return features, network.run


def choose_network(folder: SetFolder, settings: TrainSettings, say: Say) -> Network:
    """Return the set's own backbone, else the newest run's network."""
    run = newest_run(folder)
    if settings.weights == NONE or settings.recipe in WITHOUT_WEIGHTS:
        if run is None:
            raise WeightsError(
                f"[train] {_why_none(settings)}, so no network knows anything of"
                f" photos yet: `mekiki train {folder.name}` first, or set weights to"
                ' "imagenet" or a file\'s path, with recipe "quick" or "finetune"'
            )
        return _network_of(run)
    try:
        key = features_key(
            settings, weights_key(settings.weights, settings.weights_sha256)
        )
        model = build_backbone(settings.backbone, settings.weights, settings.image_size)
    except WeightsError as error:
        if run is None:
            raise
        say(f"{error}; run {run.name} looks instead")
        return _network_of(run)
    return Network(model, key)


def _why_none(settings: TrainSettings) -> str:
    if settings.weights == NONE:
        return 'weights = "none"'
    return f'recipe = "{settings.recipe}" reads no weights'


def _network_of(run: Run) -> Network:
    model = load_model(run).without_top()
    key = f"run-{weights_key(str(run.model_file))[:16]}"
    return Network(model, key, run.name)
