"""``python -m benchmarks NAME [--quick]``: measure, print a table, write JSON."""

import os
from importlib import import_module

import click

from benchmarks.figures import show_figures, write_figures

# A name is a module of this package with ``measure(*, quick: bool)``.
NAMES = ("dedup", "guitars", "labeler", "quality", "scrape", "suspects", "train")


@click.command()
@click.argument("name", type=click.Choice(NAMES))
@click.option("--quick", is_flag=True, help="Stay within a few minutes.")
def main(name: str, quick: bool) -> None:
    """Measure NAME and print its figures beside the goals."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    figures = import_module(f"benchmarks.{name}").measure(quick=quick)
    show_figures(name, figures)
    click.echo(f"written to {write_figures(name, figures)}")


main()
