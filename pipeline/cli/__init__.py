"""The command line: arguments → settings → a stage → one line of counts.

The only place that prints, draws progress and chooses exit codes.

    group      the `mekiki` command itself, and what most commands need
    stages     the commands that move a set on
    answers    the commands that only tell: check, predict, status, ...
    comparing  the command that sets runs side by side: runs
    upkeep     the commands that mind the photos there are: credits, forget, apart
    distilling the command by which a run teaches a small model
    exchange   the command that takes labels out and in
    exits      every way out, as an exit code and one line
    streams    stdout and stderr that outlive their readers
"""

import sys
from collections.abc import Sequence

from pipeline.cli.streams import outlive_readers

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    try:
        outlive_readers()
        from pipeline.cli.exits import run  # takes a moment, in which Ctrl-C may come
    except KeyboardInterrupt:
        sys.stderr.write("mekiki: interrupted before anything began\n")
        sys.exit(INTERRUPTED)
    run(arguments)
