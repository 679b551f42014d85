"""The README is true: its commands exist, its files are there."""

import re
import shlex
from pathlib import Path

import pytest

from pipeline.cli.exits import cli

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCRAPING = (ROOT / "docs" / "scraping.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
LINES = [
    line.split("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README + SCRAPING, re.DOTALL)
    for line in block.splitlines()
]
INLINE = re.findall(r"`((?:LABEL=skip )?make [^`]+|mekiki [^`]+)`", README)
COMMANDS = sorted({command for command in [*LINES, *INLINE] if command})


def test_the_two_commands_come_first():
    assert LINES[:2] == ["make demo", "make test"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_readme_exists_with_its_options(command):
    words = [word for word in shlex.split(command) if "=" not in word]
    if words[0] == "make":
        for target in words[1:]:
            assert re.search(rf"^{target}:.*## \S", MAKEFILE, re.MULTILINE), target
        return
    assert words.pop(0).endswith("mekiki")
    group_options = {name for param in cli.params for name in param.opts}
    while words and words[0].startswith("--"):
        assert words.pop(0) in group_options
        words.pop(0)
    if not words or words[0] == "…":
        return
    named = cli.commands[words[0]]
    options = {name for param in named.params for name in param.opts}
    assert {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)\)", README))
def test_every_file_the_readme_points_to_is_there(target):
    assert (ROOT / target).is_file()
