"""The commands that mind whose photos a set holds: credits and takedowns."""

from pathlib import Path

import click

from pipeline.cli.group import cli, opened_set, set_argument, utc_now


@cli.command("credits")
@set_argument
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder for the files; default: the set's own.",
)
@click.pass_obj
def credits_command(home: Path, name: str, out: Path | None) -> None:
    """Write attribution.csv and credits.html: who made the photos."""
    from pipeline.credits import write_credits

    with opened_set(home, name) as at:
        summary = write_credits(at.folder, at.catalog, out or at.folder.folder)
    click.echo(summary.line)


@cli.command("forget")
@set_argument
@click.argument("named", metavar="URL|AUTHOR|WORK|SHA256...", nargs=-1, required=True)
@click.option("--only", is_flag=True, help="Leave copies of the same picture.")
@click.option(
    "--anyway", is_flag=True, help="Also what was not met yet, and the rest of a page."
)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.pass_obj
def forget_command(  # noqa: PLR0917  click names them
    home: Path,
    name: str,
    named: tuple[str, ...],
    only: bool,
    anyway: bool,
    dry_run: bool,
) -> None:
    """Take photos down for good: they never come back."""
    from pipeline.forget import forget

    with opened_set(home, name) as at:
        summary = forget(
            at.folder,
            at.catalog,
            named,
            now=utc_now,
            only=only,
            anyway=anyway,
            dry_run=dry_run,
        )
    click.echo(summary.line)
