"""``mekiki distill``: a finished run teaches a small model."""

from pathlib import Path

import click

from pipeline.cli.group import (
    cli,
    need_training,
    opened_set,
    set_argument,
    shown_progress,
    utc_now,
)
from pipeline.runs import LATEST, chosen_run

STUDENTS = ("nin", "mobilenet_v3_small")


@cli.command("distill")
@set_argument
@click.argument("run_name", metavar="[RUN]", default=LATEST)
@click.option(
    "--student", type=click.Choice(STUDENTS), default=STUDENTS[0], show_default=True
)
@click.option("--epochs", type=click.IntRange(1), help="Default: by the photos.")
@click.option(
    "--max-minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="Of each training; the best snapshot counts.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Default: the set's.")
@click.option("--no-baseline", is_flag=True, help="No student from scratch beside it.")
@click.pass_obj
def distill_command(  # noqa: PLR0917  click names them
    home: Path,
    name: str,
    run_name: str,
    student: str,
    epochs: int | None,
    max_minutes: float | None,
    seed: int | None,
    no_baseline: bool,
) -> None:
    """Teach a small model what RUN (or latest) says; resumes when interrupted."""
    need_training()
    from pipeline.report import write_report
    from pipeline.robustness import measure_robustness
    from pipeline.train.distill import distill
    from pipeline.train.distill.lesson import Asked

    asked = Asked(student, epochs, max_minutes, seed, baseline=not no_baseline)
    progress = shown_progress()
    with opened_set(home, name) as at:
        summary = distill(
            at.folder,
            at.settings,
            at.catalog,
            chosen_run(at.folder, run_name),
            asked,
            progress=progress,
            now=utc_now,
            say=click.echo,
        )
        for run in summary.runs:
            measure_robustness(
                at.folder, at.settings, at.catalog, run, progress=progress
            )
        from pipeline.train.distill.standings import measure_standings

        standings = measure_standings(at.folder, summary.runs, summary.material)
        reports = [write_report(at.folder, at.catalog, run) for run in summary.runs]
    for line in (*summary.lines, *standings.lines):
        click.echo(line)
    click.echo(f"report: {reports[-1]}; latest is as it was: use --run to choose it")
