"""The tables of categories.toml, with their defaults."""

from typing import Literal, Self, get_args

from pydantic import BaseModel, Field, model_validator

from pipeline.licences import DEFAULT_LICENCES
from pipeline.settings.sources import Source
from pipeline.settings.values import (
    Batches,
    Frozen,
    Licences,
    Name,
    Sha256,
    Weights,
)

RecipeName = Literal[
    "finetune",
    "quick",
    "small-cnn",
    "guitar-2017",
    "first-cnn",
    "mnist-cnn",
    "mnist-tuned",
    "cifar10-cnn",
    "cifar10-tuned",
]
RECIPES: tuple[RecipeName, ...] = get_args(RecipeName)
WITHOUT_WEIGHTS = frozenset(RECIPES) - {"finetune", "quick", "guitar-2017"}
NoiseName = Literal["none", "shop", "augmix"]
PrecisionName = Literal["auto", "float32", "mixed_bfloat16"]


class Category(Frozen):
    """One class to be told from the others, and what to search for."""

    name: Name
    queries: tuple[Name, ...] = ()


class ScrapeSettings(Frozen):
    """How photos are fetched, and which are refused."""

    per_category: int = Field(default=300, ge=1)  # photos, from searches
    licences: Licences = DEFAULT_LICENCES
    allow_private: bool = False
    min_side: int = Field(default=64, ge=0)  # pixels of the shorter side
    max_megabytes: float = Field(default=30.0, gt=0)  # of one photo's bytes
    per_host: int = Field(default=8, ge=1, le=64)  # connections at a time
    timeout_s: float = Field(default=20.0, gt=0)
    retries: int = Field(default=3, ge=0, le=10)  # after errors that pass


class DedupSettings(Frozen):
    """How far apart hashes may lie for two pictures to be compared."""

    enabled: bool | Literal["exact"] = True  # "exact": only the same bytes are copies
    max_distance: int = Field(default=10, ge=0, le=64)  # bits of 64


class SplitSettings(Frozen):
    """How many photos of a category are held back: below 1 a share, else a count."""

    val: float = Field(default=0.2, gt=0)
    test: float = Field(default=0.0, ge=0)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _leave_some_to_train(self) -> Self:
        for name, part in (("val", self.val), ("test", self.test)):
            if part > 1 and part != int(part):
                raise ValueError(
                    f"{name} is a share below 1 or a whole number of photos"
                )
        if self.val < 1 and self.test < 1 and self.val + self.test >= 1:
            raise ValueError("val and test together must leave photos to train on")
        return self


class TrainSettings(Frozen):
    """The recipe and what it is given; ``None`` leaves a choice to the recipe."""

    recipe: RecipeName = "finetune"
    backbone: str = "ResNet50"  # of keras.applications, or NetworkInNetwork
    weights: Weights = "imagenet"  # or a path, or "none"
    weights_sha256: Sha256 | None = None  # of the file that weights names
    image_size: int = Field(default=224, ge=16, le=1024)
    batch_size: int = Field(default=32, ge=1, le=4096)
    epochs: int | None = Field(default=None, ge=1)
    batches_per_epoch: Batches | None = None
    max_minutes: float | None = Field(default=None, gt=0)
    learning_rate: float | None = Field(default=None, gt=0)
    patience: int | None = Field(default=None, ge=1)  # epochs without a better val_loss
    seed: int = Field(default=0, ge=0, lt=2**32)  # as Keras takes it
    noise: NoiseName = "none"  # laid on training pictures alone
    precision: PrecisionName = "auto"  # mixed_bfloat16 on GPUs and TPUs

    @model_validator(mode="after")
    def _a_hash_needs_a_file(self) -> Self:
        if self.weights_sha256 and self.weights in {"imagenet", "none"}:
            raise ValueError(
                f'weights_sha256 is of a file, and weights is "{self.weights}": set'
                " weights to the file's path, or remove weights_sha256"
            )
        return self

    @model_validator(mode="after")
    def _noise_needs_pictures(self) -> Self:
        if self.noise != "none" and self.recipe == "quick":
            raise ValueError(
                f'noise = "{self.noise}" can\'t be used by recipe = "quick", which'
                " looks at each photo once, as it is: set noise"
                ' = "none", or recipe = "finetune"'
            )
        return self

    @model_validator(mode="after")
    def _quick_looks_in_float32(self) -> Self:
        if self.precision == "mixed_bfloat16" and self.recipe == "quick":
            raise ValueError(
                'precision = "mixed_bfloat16" can\'t be used by recipe = "quick", which'
                ' trains no network: set precision = "auto", or recipe = "finetune"'
            )
        return self


class RobustnessSettings(Frozen):
    """How much of the validation part is put through the corruptions."""

    max_photos: int = Field(default=500, ge=1)
    seed: int = Field(default=0, ge=0)


class CheckSettings(Frozen):
    """How careful the tag check is."""

    # share of rightly tagged photos that may be called a mismatch
    false_alarms: float = Field(default=0.02, gt=0, lt=1)


class SetSettings(Frozen):
    """Everything that ``categories.toml`` says."""

    contact: str = ""
    category: tuple[Category, ...] = Field(min_length=2)
    source: tuple[Source, ...] = ()
    scrape: ScrapeSettings = ScrapeSettings()
    dedup: DedupSettings = DedupSettings()
    split: SplitSettings = SplitSettings()
    train: TrainSettings = TrainSettings()
    robustness: RobustnessSettings = RobustnessSettings()
    check: CheckSettings = CheckSettings()

    @property
    def category_names(self) -> tuple[str, ...]:
        """The classes, in the order of the file."""
        return tuple(category.name for category in self.category)

    @model_validator(mode="after")
    def _tiny_pictures_stay(self) -> Self:
        """Of published tiny pictures small is right, and the same bytes are copies."""
        kinds = {source.kind for source in self.source}
        if not kinds or not kinds <= {"mnist", "cifar"}:
            return self
        if "min_side" not in self.scrape.model_fields_set:
            scrape = self.scrape.model_copy(update={"min_side": 0})
            object.__setattr__(self, "scrape", scrape)
        if "enabled" not in self.dedup.model_fields_set:
            dedup = self.dedup.model_copy(update={"enabled": "exact"})
            object.__setattr__(self, "dedup", dedup)
        return self

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = self.category_names
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"each [[category]] needs a name of its own; twice: {twice}"
            )
        return self


TABLES: dict[str, type[BaseModel]] = {
    "category": Category,
    "scrape": ScrapeSettings,
    "dedup": DedupSettings,
    "split": SplitSettings,
    "train": TrainSettings,
    "robustness": RobustnessSettings,
    "check": CheckSettings,
}
