"""Every way out, as an exit code and one line on stderr.

0 done · 1 done with findings (``check``) · 2 the user's mistake or the world's ·
3 our mistake, the line names the log file · 130 interrupted.

A reader of stdout that leaves (`mekiki status | head`) changes none of this: the work
is done to its end, and the code says what it came to.
"""

import errno
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path

import click
from click.shell_completion import shell_complete

from pipeline.cli import (
    INTERRUPTED,
    answers,
    comparing,
    distilling,
    exchange,
    stages,
    upkeep,
)
from pipeline.cli.group import cli, utc_now
from pipeline.errors import MekikiError

__all__ = ["COMMAND_MODULES", "cli", "explain", "run"]

WORLD, OURS = 2, 3
_NAME = "mekiki"
_COMPLETION = "_MEKIKI_COMPLETE"  # click's name for it
_STDERR = 2
COMMAND_MODULES = (
    answers,
    comparing,
    stages,
    distilling,
    upkeep,
    exchange,
)  # importing them hangs their commands on the group
_WORLDS_ERRNO = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EMFILE,
}


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is loaded
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    if how := os.environ.get(_COMPLETION):  # a shell asks what may follow
        sys.exit(shell_complete(cli, {}, _NAME, _COMPLETION, how))
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        # not by cli.main, which takes any broken pipe for stdout's, and ends by 1
        with cli.make_context(_NAME, given) as context:
            cli.invoke(context)
    except click.exceptions.Exit as leaving:
        sys.exit(leaving.exit_code)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  the last net
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first one is answered
        code, line = explain(error)
        if isinstance(error, KeyboardInterrupt) and os.isatty(_STDERR):
            click.echo(err=True)  # the terminal's ^C stands alone
        click.echo(f"mekiki: {' '.join(line.split())}", err=True)
        sys.exit(code)


def explain(error: BaseException) -> tuple[int, str]:
    """Return the exit code and the line that an error ends in."""
    match error:
        case MekikiError():
            return WORLD, str(error)
        case click.Abort() | KeyboardInterrupt():
            return (
                INTERRUPTED,
                "interrupted; nothing is lost, the same command goes on from here",
            )
        case click.exceptions.NoArgsIsHelpError():  # its text is the whole help
            return WORLD, "say which command; mekiki --help lists them"
        case click.ClickException():
            return WORLD, error.format_message()
        case OSError(errno=number) if number in _WORLDS_ERRNO:
            return WORLD, f"{error.strerror}: {error.filename or 'no file named'}"
        case _:
            return OURS, _our_mistake(error)


def _our_mistake(error: BaseException) -> str:
    log = Path("mekiki-error.log").absolute()
    try:
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{utc_now()} {' '.join(sys.argv)}\n")
            file.writelines(traceback.format_exception(error))
    except OSError as full:
        return f"a mistake of mekiki's own ({error!r}); no log could be kept: {full}"
    return f"a mistake of mekiki's own ({error!r}); what led to it is in {log}"
