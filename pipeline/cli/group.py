"""The ``mekiki`` command itself, and what most commands need."""

import datetime
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import click
from rich.console import Console

from pipeline import catalog as catalogs
from pipeline.catalog import Catalog
from pipeline.errors import InputError
from pipeline.home import SetFolder, existing_set
from pipeline.progress import Progress, lines, terminal
from pipeline.runs import LATEST
from pipeline.settings import SetSettings, load_settings

FINDINGS = 1  # the exit code of a check that found something


@dataclass(frozen=True)
class Opened:
    """A set with its settings and catalog, as most commands need it."""

    folder: SetFolder
    settings: SetSettings
    catalog: Catalog


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    envvar="MEKIKI_HOME",
    help="Folder of datasets/ and models/ (default: the working folder).",
)
@click.option("-v", "--verbose", is_flag=True, help="Say more, on stderr.")
@click.version_option(version("mekiki"), prog_name="mekiki")
@click.pass_context
def cli(context: click.Context, home: Path, verbose: bool) -> None:
    """From category names to a classifier you can trust, and a check of your tags."""
    context.obj = home
    if verbose:
        logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    else:
        logging.getLogger().addHandler(logging.NullHandler())


set_argument = click.argument("name", metavar="SET")
run_option = click.option(
    "--run", "run_name", default=LATEST, help="Which run; default: latest."
)
out_file = click.Path(dir_okay=False, path_type=Path)


@contextmanager
def opened_set(home: Path, name: str) -> Iterator[Opened]:
    """Open a set: its settings read, its catalog ready."""
    folder = existing_set(home, name)
    settings = load_settings(folder.settings_file)
    with catalogs.opened(folder) as catalog:
        yield Opened(folder, settings, catalog)


def shown_progress() -> Progress:
    """Return bars with an ETA on a terminal, lines for a log elsewhere."""
    console = Console(stderr=True)
    if console.is_terminal:
        return terminal(console)
    return lines(lambda line: click.echo(line, err=True))


def utc_now() -> str:
    """Return the time as ISO 8601 text in UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def need_training() -> None:
    """Refuse, with the way on, where the training extra is not installed."""
    if find_spec("tensorflow") is None and find_spec("jax") is None:
        raise InputError("this needs the extra: pip install 'mekiki[train]'")
