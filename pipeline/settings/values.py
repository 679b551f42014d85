"""What a value in categories.toml may be: paths, names, addresses, licences."""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from pipeline.licences import LICENCES


class Frozen(BaseModel):
    """A table of the file: unknown keys are refused, nothing changes later."""

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


def web_address(url: str) -> str:
    """Take what is an http(s) address."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http:// or https:// address")
    return url


def _weights(weights: str, info: ValidationInfo) -> str:
    if weights in {"imagenet", "none"}:
        return weights
    return str(_beside_file(Path(weights), info))


def _sha256(text: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise ValueError("must be a sha256: 64 digits 0-9 and a-f")
    return text.lower()


def _batches(batches: int | str) -> int | str:
    if batches == "pass" or (isinstance(batches, int) and batches >= 1):
        return batches
    raise ValueError("must be a number from 1 on, or 'pass'")


def _licences(slugs: tuple[str, ...]) -> tuple[str, ...]:
    if not slugs or any(slug not in LICENCES for slug in slugs):
        raise ValueError(f"must be of {', '.join(LICENCES)}")
    return slugs


FilePath = Annotated[Path, AfterValidator(_beside_file)]
Name = Annotated[str, Field(max_length=200), AfterValidator(_printable)]
Sha256 = Annotated[str, AfterValidator(_sha256)]
Batches = Annotated[int | str, AfterValidator(_batches)]  # "pass": every photo once
Weights = Annotated[str, AfterValidator(_weights)]
Licences = Annotated[tuple[str, ...], AfterValidator(_licences)]
