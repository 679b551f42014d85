"""categories.toml → settings; a mistake in it → one line."""

import difflib
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline.errors import SettingsError
from pipeline.settings.sources import SOURCES
from pipeline.settings.tables import TABLES, SetSettings

_UNKNOWN_KEY = "extra_forbidden"  # as pydantic calls it


def load_settings(file: Path) -> SetSettings:
    """Read ``file``; its keys override the defaults.

    Raises:
        SettingsError: One line naming the file, the key and what was expected.
    """
    try:
        written = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(f"{file} does not exist") from error
    except OSError as error:
        raise SettingsError(f"{file} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"{file} must be UTF-8 text; byte {error.start + 1:,} is none of it"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file} is not valid TOML: {error}") from error
    try:
        return SetSettings.model_validate(
            written, context={"folder": file.absolute().parent}
        )
    except ValidationError as error:
        raise SettingsError(_one_line(error, file)) from error


def _one_line(error: ValidationError, file: Path) -> str:
    problems = sorted(  # a key that is missing may be one that is misspelt
        error.errors(include_url=False), key=lambda one: one["type"] != _UNKNOWN_KEY
    )
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{_explain(problems[0])} ({file}){more}"


def _explain(problem: ErrorDetails) -> str:
    """Say one of pydantic's findings in the words of the file."""
    where = [step for step in problem["loc"] if step not in SOURCES]
    key = str(where[-1]) if where else ""
    table = _table(where[:-1])
    kind = problem["type"]
    if kind == _UNKNOWN_KEY:
        return f"{table}{_unknown(key, _known_keys(where[:-1], problem['loc']))}"
    if kind == "missing":
        need = "" if table else ": a set needs at least two [[category]] tables"
        return f"{table}{key} is missing{need}"
    if kind in {"union_tag_not_found", "union_tag_invalid"}:
        got = problem["input"]
        said = got.get("kind") if isinstance(got, dict) else got
        is_missing = kind == "union_tag_not_found"
        came = "is missing; it is" if is_missing else f"is {said!r}; it must be"
        return f"{_table(where)}kind {came} one of {', '.join(sorted(SOURCES))}"
    if kind == "too_short":
        return f"a set needs at least two [[{key}]] tables, got {len(problem['input'])}"
    message = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
    message = message.replace("should be", "must be").partition(", unable to")[0]
    if kind == "value_error" and isinstance(problem["input"], dict | SetSettings):
        return f"{_table(where)}{message}"
    return f"{table}{key} {message}, got {problem['input']!r}"


def _unknown(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"unknown key {key!r}; {hint}known: {', '.join(known)}"


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
        model = TABLES.get(str(where[0]), SetSettings)
        named = [step for step in loc if step in SOURCES]
        if where[0] == "source" and named:
            model = SOURCES[str(named[0])]
    return sorted(model.model_fields)


def dump_settings(settings: SetSettings) -> dict[str, Any]:
    """Return the settings as plain values that TOML can hold; ``None`` is left out."""
    return settings.model_dump(mode="json", exclude_none=True)
