"""Where things lie: the home folder, a category set's folder, its runs.

A set's name is at most 41 characters of ``a-z 0-9 _ -``: it becomes a folder, a
database schema and a part of commands.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import SettingsError

SET_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")


@dataclass(frozen=True)
class SetFolder:
    """The places of one category set; nothing is created by naming them."""

    home: Path
    name: str

    @property
    def folder(self) -> Path:
        """The set's own folder, ``datasets/<set>``."""
        return self.home / "datasets" / self.name

    @property
    def settings_file(self) -> Path:
        """The file the engineer writes."""
        return self.folder / "categories.toml"

    @property
    def catalog_file(self) -> Path:
        """The SQLite catalog, where no database URL is given."""
        return self.folder / "catalog.db"

    @property
    def images(self) -> Path:
        """The content-addressed store of the photos, as they came."""
        return self.folder / "images"

    @property
    def thumbnails(self) -> Path:
        """Small JPEGs for pages, made on demand; may be deleted."""
        return self.folder / "thumbnails"

    @property
    def cache(self) -> Path:
        """What can be computed again: hashes, pixels, embeddings; may be deleted."""
        return self.folder / "cache"

    @property
    def models(self) -> Path:
        """The set's runs, ``models/<set>``."""
        return self.home / "models" / self.name


def list_sets(home: Path) -> list[str]:
    """Name the category sets under ``home``, sorted."""
    return sorted(
        file.parent.name for file in (home / "datasets").glob("*/categories.toml")
    )


def set_folder(home: Path, name: str) -> SetFolder:
    """Return the places of set ``name``, whether it exists or not.

    Raises:
        SettingsError: The name can't be a set's name.
    """
    if not SET_NAME.fullmatch(name):
        raise SettingsError(
            f"a set's name is 1 to 41 characters of a-z, 0-9, _ and -, starting with"
            f" a letter or digit; got {name!r}"
        )
    return SetFolder(home.absolute(), name)


def existing_set(home: Path, name: str) -> SetFolder:
    """Return the places of a set that has a ``categories.toml``.

    Raises:
        SettingsError: There is none; the message lists those there are.
    """
    folder = set_folder(home, name)
    if not folder.settings_file.is_file():
        known = ", ".join(list_sets(home)) or "none yet"
        raise SettingsError(
            f"no category set {name!r} in {home / 'datasets'} (there: {known});"
            f" write one with `mekiki new {name}`"
        )
    return folder
