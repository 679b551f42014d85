"""Sets that are trained through the real commands, each a process of its own."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.commands import LIMIT_S, Cost, measured
from benchmarks.sets import listed
from pipeline.home import SetFolder, set_folder

SET = "bench"
NO_DATA = "set MEKIKI_TEST_DATA to the folder that holds guitars6/ and weights/"


def test_data() -> Path | None:
    """Return the folder of the test data, where there is one."""
    folder = Path(os.environ.get("MEKIKI_TEST_DATA", "")).absolute()
    return folder if (folder / "guitars6").is_dir() else None


def write_settings(home: Path, categories: Sequence[str], more: str) -> SetFolder:
    """Write the set's categories.toml anew."""
    folder = set_folder(home, SET)
    folder.folder.mkdir(parents=True, exist_ok=True)
    folder.settings_file.write_text(listed(categories) + more, "utf-8")
    return folder


def mekiki(
    home: Path, *words: str, cores: Sequence[int] = (), limit_s: float = LIMIT_S
) -> Cost:
    """Run a command on the set, pinned to ``cores`` where they are said.

    Raises:
        CommandError: It ended with an error; the message is what it said.
    """
    pinned: list[str] = []
    if cores and shutil.which("taskset"):
        pinned = ["taskset", "-c", ",".join(map(str, cores))]
    return measured([*pinned, *command_line(home, *words)], home, limit_s)


def command_line(home: Path, *words: str) -> list[str]:
    """Return the parts of a command on the set."""
    return [sys.executable, "-m", "pipeline.cli", "--home", str(home), *words, SET]


def random_weights(backbone: str, image_size: int, file: Path) -> Path:
    """Save a network without its top, as someone's own weights would be."""
    from pipeline.networks.backend import keras

    network = getattr(keras.applications, backbone)(
        weights=None, include_top=False, input_shape=(image_size, image_size, 3)
    )
    network.save_weights(file)
    return file
