"""``python -m benchmarks NAME [--quick]``: measure, print a table, write JSON.

``python -m benchmarks articles [PART ...] [--home DIR]`` measures some parts alone;
``distill`` likewise.
"""

import os
from importlib import import_module
from pathlib import Path
from types import ModuleType

import click

from benchmarks.figures import RESULTS, Figure, show_figures, write_figures

# A name is a module of this package with ``measure(*, quick: bool)`` or ``PARTS``.
NAMES = (
    "articles",
    "dedup",
    "digits",
    "distill",
    "finetune",
    "gpu",
    "guitars",
    "labeler",
    "quality",
    "scrape",
    "suspects",
    "train",
)


@click.command()
@click.argument("name", type=click.Choice(NAMES))
@click.argument("parts", nargs=-1, metavar="[PART]...")
@click.option("--quick", is_flag=True, help="Stay within a few minutes.")
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    help="Of articles, digits and distill: where sets and runs are kept.",
)
def main(name: str, parts: tuple[str, ...], quick: bool, home: Path | None) -> None:
    """Measure NAME, or some PARTs of it, and print the figures beside the goals."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    module = import_module(f"benchmarks.{name}")
    if hasattr(module, "PARTS"):
        home = (home or RESULTS / name).absolute()
        figures = _measure_parts(module, parts, home, quick=quick)
    elif parts or home:
        raise click.UsageError(f"{name} has no parts and keeps no home")
    else:
        figures = module.measure(quick=quick)
    title = "-".join((name, *parts))
    show_figures(title, figures)
    click.echo(f"written to {write_figures(title, figures)}")


def _measure_parts(
    module: ModuleType, parts: tuple[str, ...], home: Path, *, quick: bool
) -> dict[str, Figure]:
    unknown = set(parts) - set(module.PARTS)
    if unknown:
        raise click.UsageError(
            f"no part {', '.join(sorted(unknown))}; known: {', '.join(module.PARTS)}"
        )
    figures: dict[str, Figure] = {}
    for part in parts or module.PARTS:
        figures |= module.PARTS[part](home, quick)
    return figures


main()
