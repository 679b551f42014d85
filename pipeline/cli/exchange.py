"""The command that takes labels out of a set and into it."""

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
from pipeline.cli.upkeep import curator_named
from pipeline.errors import InputError

_FORMS = ("csv", "label-studio", "fiftyone-tree", "fiftyone-manifest")
_PLACE = click.Path(path_type=Path)


@cli.command("labels")
@set_argument
@click.option("--out", type=_PLACE, help="Write the labels to a file or new folder.")
@click.option("--read", type=_PLACE, help="Take over the labels of a file or folder.")
@click.option(
    "--take-back", type=_PLACE, help="Undo what was read from a file, as it was read."
)
@click.option(
    "--format",
    "form_name",
    type=click.Choice(_FORMS),
    help="Default: by the name, or by what is in the file.",
)
@click.option("--user", help="Whose words they are; default: your login.")
@click.option("--only-decided", is_flag=True, help="With --out: what people decided.")
@click.option("--copy", is_flag=True, help="With --out: copy photos, do not link them.")
@click.option("--dry-run", is_flag=True, help="With --read: say what would change.")
@click.option(
    "--overwrite", is_flag=True, help="With --read: also what people said since."
)
@click.pass_obj
def labels_command(  # noqa: PLR0917  click names them
    home: Path,
    name: str,
    out: Path | None,
    read: Path | None,
    take_back: Path | None,
    form_name: str | None,
    user: str | None,
    only_decided: bool,
    copy: bool,
    dry_run: bool,
    overwrite: bool,
) -> None:
    """Write labels for other tools, or take theirs over.

    Formats: csv, label-studio (JSON), fiftyone-tree (a folder a category),
    fiftyone-manifest (labels.json).
    """
    if [out, read, take_back].count(None) != 2:
        raise InputError("say one of --out, --read and --take-back")
    if (only_decided or copy) and out is None:
        raise InputError("--only-decided and --copy go with --out")
    if (dry_run or overwrite) and read is None:
        raise InputError("--dry-run and --overwrite go with --read")
    by = "" if out else curator_named(user)
    with opened_set(home, name) as at:
        if out:
            lines = _write(at, out, form_name, only_decided, copy)
        elif read:
            lines = _read(at, read, form_name, by, dry_run, overwrite)
        elif take_back:
            lines = _take_back(at, take_back, form_name, by)
    for line in lines:
        click.echo(line)


def _write(
    at: Opened, out: Path, form_name: str | None, only_decided: bool, copy: bool
) -> list[str]:
    from pipeline.exchange import Form, write_labels

    return write_labels(
        *(at.folder, at.settings, at.catalog),
        out,
        form=Form(form_name) if form_name else None,
        only_decided=only_decided,
        as_copies=copy,
        progress=shown_progress(),
    ).lines


def _read(  # noqa: PLR0917  as the command has them
    at: Opened,
    path: Path,
    form_name: str | None,
    user: str,
    dry_run: bool,
    overwrite: bool,
) -> list[str]:
    from pipeline.exchange import Form, read_labels

    return read_labels(
        *(at.folder, at.settings, at.catalog),
        path,
        form=Form(form_name) if form_name else None,
        user=user,
        overwrite=overwrite,
        dry_run=dry_run,
        progress=shown_progress(),
        now=utc_now,
    ).lines


def _take_back(at: Opened, path: Path, form_name: str | None, user: str) -> list[str]:
    from pipeline.exchange import Form, take_back

    return take_back(
        *(at.folder, at.catalog),
        path,
        form=Form(form_name) if form_name else None,
        user=user,
        progress=shown_progress(),
        now=utc_now,
    ).lines
