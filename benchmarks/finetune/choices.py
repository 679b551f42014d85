"""The choices that are weighed, and where what a trial came to is kept."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from pipeline.train.augment import Strength
from pipeline.train.recipes.finetune import START_C, WIDE
from pipeline.train.schedule import Schedule

KEPT = Path(__file__).parents[1] / "results" / "finetune"
# What choices are laid on, or taken from: it stays when the recipe takes one up.
PLAIN = Schedule(epochs=10, learning_rate=0.003, warmup_epochs=1, patience=5)
BASE = "plain"


@dataclass(frozen=True)
class Choice:
    """How a trial differs from the plain one."""

    schedule: dict[str, Any] = field(default_factory=dict)  # of Schedule
    strength: dict[str, Any] | None = field(default_factory=dict)  # None: no change
    head: Literal["features", "chance"] = "features"
    batch_norm: Literal["frozen", "trained", "quick"] = "frozen"
    mixup: float = 0.0  # of the beta distribution, arXiv 1710.09412
    cutmix: float = 0.0  # arXiv 1905.04899
    operations: int = 0  # of RandAugment, arXiv 1909.13719
    erased: float = 0.0  # chance of a filled square, arXiv 1708.04896
    is_uneven: bool = False  # fewer photos of each category than of the one before
    is_balanced: bool = False  # photos weigh as their category is rare
    against: str = BASE  # the choice that it is compared with


RECIPE = "wide augmentation, rate x 3"  # what ``finetune`` does
UNEVEN = "uneven categories"
CHOICES: dict[str, Choice] = {
    BASE: Choice(),
    "head from chance": Choice(head="chance"),
    "no warm-up": Choice({"warmup_epochs": 0}),
    "steady rate": Choice({"rate": "steady"}),
    "rate x 3": Choice({"learning_rate": 0.01}),
    "rate / 3": Choice({"learning_rate": 0.001}),
    "no clipping": Choice({"clip_norm": None}),
    "AdamW": Choice({"optimizer": "adamw", "learning_rate": 0.0003}),
    "BatchNorm trained": Choice(batch_norm="trained"),
    "BatchNorm trained, momentum 0.9": Choice(batch_norm="quick"),
    "no augmentation": Choice(strength=None),
    "augmentation x 2": Choice(
        strength={"turn": 30.0, "shift": 0.16, "zoom": 0.3, "light": 0.2}
    ),
    "wide augmentation": Choice(strength=asdict(WIDE)),
    RECIPE: Choice({"learning_rate": 0.01}, strength=asdict(WIDE)),
    "the recipe, no warm-up": Choice(
        {"learning_rate": 0.01, "warmup_epochs": 0}, asdict(WIDE), against=RECIPE
    ),
    "the recipe, steady rate": Choice(
        {"learning_rate": 0.01, "rate": "steady"}, asdict(WIDE), against=RECIPE
    ),
    "label smoothing 0.1": Choice({"label_smoothing": 0.1}),
    "mixup 0.2": Choice(mixup=0.2),
    "mixup and CutMix": Choice(mixup=0.2, cutmix=1.0),
    "RandAugment, 2 operations": Choice(operations=2),
    "erasing": Choice(erased=0.5),
    "averages 0.97": Choice({"ema": 0.97}),
    UNEVEN: Choice(is_uneven=True),
    "uneven, balanced": Choice(is_uneven=True, is_balanced=True, against=UNEVEN),
}


@dataclass(frozen=True)
class Found:
    """What a trial came to, at its best snapshot."""

    accuracy: float  # 0..1
    balanced: float  # mean of the categories' own accuracies
    loss: float  # nats a photo
    before: float  # accuracy at the start
    best_epoch: int


def keep_found(name: str, seed: int, choice: str, found: Found) -> None:
    """Write down what a trial came to."""
    file = found_file(name, seed, choice)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(found)) + "\n", "utf-8")


def read_found(name: str, seed: int, choice: str) -> Found:
    """Read what a trial came to."""
    return Found(**json.loads(found_file(name, seed, choice).read_text("utf-8")))


def found_file(name: str, seed: int, choice: str) -> Path:
    """Return where a trial is kept: another place for every other plain trial."""
    plain = repr((PLAIN, Strength(), START_C))
    folder = KEPT / hashlib.sha256(plain.encode()).hexdigest()[:12]
    return folder / f"{name}-{seed}-{choice.replace(' ', '_').replace('/', 'by')}.json"
