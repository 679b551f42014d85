"""categories.toml → frozen settings, the defaults filled in.

One model per table of the file. Unknown keys, missing fields and bad values end in
one line that names the file, the key, what was expected and what came.
Paths in the file are absolute or relative to it; here they are absolute.
"""

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import ErrorDetails

from pipeline.errors import SettingsError

RECIPES = ("finetune", "quick", "small-cnn")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _beside_file(path: Path, info: ValidationInfo) -> Path:
    folder: Path = (info.context or {}).get("folder", Path.cwd())
    try:
        return folder / path.expanduser()
    except RuntimeError as error:
        raise ValueError(
            "must begin with the home folder of a user there is"
        ) from error


def _printable(name: str) -> str:
    if not name.strip() or not name.isprintable() or name != name.strip():
        raise ValueError("must be printable text without space at its ends")
    return name


def _web_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http:// or https:// address")
    return url


def _weights(weights: str, info: ValidationInfo) -> str:
    if weights in {"imagenet", "none"}:
        return weights
    return str(_beside_file(Path(weights), info))


FilePath = Annotated[Path, AfterValidator(_beside_file)]
Name = Annotated[str, Field(max_length=200), AfterValidator(_printable)]
Weights = Annotated[str, AfterValidator(_weights)]


class Category(_Frozen):
    """One class to be told from the others, and what to search for."""

    name: Name
    queries: tuple[Name, ...] = ()


class PagesSource(_Frozen):
    """Web pages; ``{category}`` and ``{query}`` in ``url`` are filled in."""

    kind: Literal["pages"]
    url: Annotated[str, AfterValidator(_web_address)]
    max_pages: int = Field(default=100, ge=1)  # a category, next-page links followed


class UrlsSource(_Frozen):
    """A CSV with the columns ``url`` and ``category``, one photo a row."""

    kind: Literal["urls"]
    path: FilePath


class FolderSource(_Frozen):
    """A folder that holds one folder a category, named as the category."""

    kind: Literal["folder"]
    path: FilePath


Source = Annotated[PagesSource | UrlsSource | FolderSource, Field(discriminator="kind")]


class ScrapeSettings(_Frozen):
    """How photos are fetched, and which are refused."""

    per_category: int = Field(default=300, ge=1)
    allow_private: bool = False
    min_side: int = Field(default=64, ge=0)  # pixels of the shorter side
    max_megabytes: float = Field(default=30.0, gt=0)  # of one photo's bytes
    per_host: int = Field(default=8, ge=1, le=64)  # connections at a time
    timeout_s: float = Field(default=20.0, gt=0)
    retries: int = Field(default=3, ge=0, le=10)  # after errors that pass


class DedupSettings(_Frozen):
    """How far apart hashes may lie for two pictures to be compared."""

    enabled: bool | Literal["exact"] = True  # "exact": only the same bytes are copies
    max_distance: int = Field(default=10, ge=0, le=64)  # bits of 64


class SplitSettings(_Frozen):
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


class TrainSettings(_Frozen):
    """The recipe and what it is given; ``None`` leaves a choice to the recipe."""

    recipe: Literal["finetune", "quick", "small-cnn"] = "finetune"
    backbone: str = "ResNet50"  # a name in keras.applications
    weights: Weights = "imagenet"  # or a path, or "none"
    image_size: int = Field(default=224, ge=16, le=1024)
    batch_size: int = Field(default=32, ge=1, le=4096)
    epochs: int | None = Field(default=None, ge=1)
    max_minutes: float | None = Field(default=None, gt=0)
    learning_rate: float | None = Field(default=None, gt=0)
    patience: int | None = Field(default=None, ge=1)  # epochs without a better val_loss
    seed: int = Field(default=0, ge=0, lt=2**32)  # as Keras takes it


class RobustnessSettings(_Frozen):
    """How much of the validation part is put through the corruptions."""

    max_photos: int = Field(default=500, ge=1)
    seed: int = Field(default=0, ge=0)


class CheckSettings(_Frozen):
    """How careful the tag check is."""

    # share of rightly tagged photos that may be called a mismatch
    false_alarms: float = Field(default=0.02, gt=0, lt=1)


class SetSettings(_Frozen):
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
    def _names_differ(self) -> Self:
        names = self.category_names
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"each [[category]] needs a name of its own; twice: {twice}"
            )
        return self


def load_settings(file: Path) -> SetSettings:
    """Read ``file``; its keys override the defaults.

    Raises:
        SettingsError: One line naming the file, the key and what was expected.
    """
    try:
        written = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(f"{file} does not exist") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} can't be read as UTF-8 text: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file} is not valid TOML: {error}") from error
    try:
        return SetSettings.model_validate(
            written, context={"folder": file.absolute().parent}
        )
    except ValidationError as error:
        raise SettingsError(_one_line(error, file)) from error


def _one_line(error: ValidationError, file: Path) -> str:
    problems = error.errors(include_url=False)
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{_explain(problems[0])} ({file}){more}"


def _explain(problem: ErrorDetails) -> str:
    """Say one of pydantic's findings in the words of the file."""
    where = [step for step in problem["loc"] if step not in _SOURCES]
    key = str(where[-1]) if where else ""
    table = _table(where[:-1])
    kind = problem["type"]
    if kind == "extra_forbidden":
        return f"{table}{_unknown(key, _known_keys(where[:-1], problem['loc']))}"
    if kind == "missing":
        need = "" if table else ": a set needs at least two [[category]] tables"
        return f"{table}{key} is missing{need}"
    if kind in {"union_tag_not_found", "union_tag_invalid"}:
        got = problem["input"]
        said = got.get("kind", "nothing") if isinstance(got, dict) else got
        known = sorted(_SOURCES)
        return f"{_table(where)}kind must be one of {', '.join(known)}, got {said!r}"
    if kind == "too_short":
        return f"a set needs at least two [[{key}]] tables, got {len(problem['input'])}"
    message = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
    message = message.replace("should be", "must be")
    if kind == "value_error" and isinstance(problem["input"], dict | SetSettings):
        return f"{_table(where)}{message}"
    return f"{table}{key} {message}, got {problem['input']!r}"


def _unknown(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"unknown key {key!r}; {hint}known: {', '.join(known)}"


_SOURCES: dict[str, type[BaseModel]] = {
    "pages": PagesSource,
    "urls": UrlsSource,
    "folder": FolderSource,
}
_TABLES: dict[str, type[BaseModel]] = {
    "category": Category,
    "scrape": ScrapeSettings,
    "dedup": DedupSettings,
    "split": SplitSettings,
    "train": TrainSettings,
    "robustness": RobustnessSettings,
    "check": CheckSettings,
}


def _table(where: list[int | str]) -> str:
    """Name the table a key stands in: ``[dedup] `` or ``[[category]] 2 ``."""
    if not where:
        return ""
    if len(where) > 1 and isinstance(where[1], int):
        return f"[[{where[0]}]] {where[1] + 1}: "
    return f"[{where[0]}] "


def _known_keys(where: list[int | str], loc: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = SetSettings
    if where:
        model = _TABLES.get(str(where[0]), SetSettings)
        named = [step for step in loc if step in _SOURCES]
        if where[0] == "source" and named:
            model = _SOURCES[str(named[0])]
    return sorted(model.model_fields)


def dump_settings(settings: SetSettings) -> dict[str, Any]:
    """Return the settings as plain values that TOML can hold; ``None`` is left out."""
    return settings.model_dump(mode="json", exclude_none=True)
