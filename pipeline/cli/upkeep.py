"""The commands that mind a set's photos: credits, takedowns, and which are the same."""

import json
from pathlib import Path

import click

from pipeline.cli.group import (
    Opened,
    cli,
    opened_set,
    set_argument,
    shown_progress,
    utc_now,
)
from pipeline.errors import InputError


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


@cli.command("apart")
@set_argument
@click.argument("named", metavar="PHOTO PHOTO...", nargs=-1)
@click.option("--undo", is_flag=True, help="Take it back.")
@click.option("--list", "as_list", is_flag=True, help="Print what was said so far.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@click.option("--user", help="Your name, as the catalog keeps it; default: your login.")
@click.pass_obj
def apart_command(  # noqa: PLR0917  click names them
    home: Path,
    name: str,
    named: tuple[str, ...],
    undo: bool,
    as_list: bool,
    as_json: bool,
    user: str | None,
) -> None:
    """Say that photos are not the same: no group ever joins them.

    A PHOTO is the first digits of its sha256 (6 or more, as the page of groups shows
    them), its file, or the address it came from.
    """
    if as_list or as_json:
        if named or undo:
            raise InputError("--list prints all that was said: name no photos with it")
        _list_apart(home, name, as_json=as_json)
        return
    by = "" if undo else curator_named(user)
    with opened_set(home, name) as at:
        lines = _say_apart(at, named, by, undo=undo)
    for line in lines:
        click.echo(line)


def curator_named(user: str | None) -> str:
    """Return who says something: the name given, else the login.

    Raises:
        InputError: It can't be a curator's name.
    """
    from pipeline.catalog.curators import check_name, login_name

    name = check_name(login_name() if user is None else user)
    if name is None:
        raise InputError(
            "who says so must be a name of printable text, other than mekiki: add"
            " --user NAME"
        )
    return name


def _list_apart(home: Path, name: str, *, as_json: bool) -> None:
    from pipeline.dedup.apart import apart_text, list_apart

    with opened_set(home, name) as at:
        rows = list_apart(at.catalog)
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        click.echo(apart_text(rows, name))


def _say_apart(
    at: Opened, named: tuple[str, ...], user: str, *, undo: bool
) -> list[str]:
    from pipeline.dedup.apart import keep_apart, let_join
    from pipeline.forget.naming import stored_photo

    known = at.catalog.takedowns.candidates()
    sha256s = [stored_photo(what, known) for what in named]
    where = (at.folder, at.settings, at.catalog, sha256s)
    shown = shown_progress()
    if undo:
        return let_join(*where, progress=shown, now=utc_now).lines
    return keep_apart(*where, user=user, progress=shown, now=utc_now).lines
