"""The command line: arguments → settings → a stage → one line of counts.

The only place that prints, draws progress and chooses exit codes.

    group     the `mekiki` command itself, and what most commands need
    stages    the commands that move a set on
    answers   the commands that only tell: check, predict, status, ...
    upkeep    the commands that mind whose photos there are: credits, forget
    exits     every way out, as an exit code and one line
"""

from pipeline.cli.exits import main
from pipeline.cli.group import cli

__all__ = ["cli", "main"]
