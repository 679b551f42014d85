"""The commands that only tell: check, predict, suspects, status, report."""

import json
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import click

from pipeline.catalog import Catalog, Status
from pipeline.cli.group import (
    FINDINGS,
    cli,
    need_training,
    opened_set,
    out_file,
    run_option,
    set_argument,
    shown_progress,
)
from pipeline.gallery import gallery_file
from pipeline.home import SetFolder, existing_set, list_sets
from pipeline.runs import chosen_run, list_runs
from pipeline.settings import load_settings

InFile = click.Path(path_type=Path)


@cli.command("check")
@set_argument
@click.argument("csv_in", metavar="PRODUCTS.CSV", type=InFile)
@click.option("--out", type=out_file, required=True, help="Where the verdicts go.")
@run_option
@click.pass_obj
def check_command(
    home: Path, name: str, csv_in: Path, out: Path, run_name: str
) -> None:
    """Check the tags of product photos; exit 1 where some look wrong.

    PRODUCTS.CSV has the columns image (a path or URL) and tag.
    """
    need_training()
    from pipeline.check import check
    from pipeline.web.fetch import fetcher_for

    folder = existing_set(home, name)
    settings = load_settings(folder.settings_file)
    with fetcher_for(settings) as fetcher:
        summary = check(
            settings,
            chosen_run(folder, run_name),
            csv_in,
            out,
            progress=shown_progress(),
            fetch=fetcher.fetch_bytes,
        )
    click.echo(summary.line)
    sys.exit(FINDINGS if summary.has_findings else 0)


@cli.command("predict")
@set_argument
@click.argument("photos", nargs=-1, required=True, type=InFile)
@run_option
@click.option(
    "--show",
    type=out_file,
    help="Draw the photos beside what the network was shown of them: a PNG.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@click.pass_obj
def predict_command(  # noqa: PLR0917  click hands them over by name
    home: Path,
    name: str,
    photos: tuple[Path, ...],
    run_name: str,
    show: Path | None,
    as_json: bool,
) -> None:
    """Say what photos show; of a set of digits, which digit is written on a page."""
    need_training()
    from pipeline.check import predict

    run = chosen_run(existing_set(home, name), run_name)
    answers = predict(run, photos, show=show)
    if as_json:
        click.echo(json.dumps(answers, ensure_ascii=False, indent=2))
        return
    for answer in answers:
        if "error" in answer:
            click.echo(f"{answer['image']}: {answer['error']}")
        else:
            share = f"{answer['p_predicted']:.1%}"
            click.echo(f"{answer['image']}: {answer['predicted_tag']} ({share})")


@cli.command("suspects")
@set_argument
@click.option("--out", type=out_file, help="Write every photo as a CSV, worst first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@click.pass_obj
def suspects_command(home: Path, name: str, out: Path | None, as_json: bool) -> None:
    """Say how many labels look wrong, and list them; needs no run."""
    need_training()
    from pipeline.suspects import find_suspects, write_suspects

    with opened_set(home, name) as at:
        summary = find_suspects(
            at.folder,
            at.settings,
            at.catalog,
            progress=shown_progress(),
            say=partial(click.echo, err=as_json),
        )
    if out:
        write_suspects(summary, out)
    if as_json:
        click.echo(json.dumps(summary.as_json(), ensure_ascii=False, indent=2))
    else:
        click.echo(summary.line(out))


@cli.command("status")
@set_argument
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@click.pass_obj
def status_command(home: Path, name: str, as_json: bool) -> None:
    """Show where a set stands."""
    with opened_set(home, name) as at:
        facts = set_status(at.folder, at.catalog)
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False, indent=2))
    else:
        click.echo(status_text(facts))


@cli.command("report")
@set_argument
@run_option
@click.pass_obj
def report_command(home: Path, name: str, run_name: str) -> None:
    """Write a run's report as one HTML page."""
    from pipeline.report import write_report

    with opened_set(home, name) as at:
        report = write_report(at.folder, at.catalog, chosen_run(at.folder, run_name))
    click.echo(f"report: {report}")


@cli.command("sets")
@click.pass_obj
def sets_command(home: Path) -> None:
    """List the category sets there are."""
    for name in list_sets(home):
        click.echo(name)


def set_status(folder: SetFolder, catalog: Catalog) -> dict[str, object]:
    """Return where a set stands, as ``status --json`` prints it."""
    photos = catalog.photos.photos()
    gallery = gallery_file(folder)
    facts: dict[str, object] = {
        "set": folder.name,
        "pages": catalog.tallies.page_counts(),
        "candidates": catalog.candidates.counts(),
        "images": len(catalog.photos.stored()),
        "groups": len(photos),
        "conflicts": sum(photo.status is Status.CONFLICT for photo in photos),
        "items": dict(catalog.photos.item_counts()),
        "split": _split_counts(catalog),
        "runs": [run.name for run in list_runs(folder)],
    }
    return facts | ({"gallery": str(gallery)} if gallery.is_file() else {})


def _split_counts(catalog: Catalog) -> dict[str, int]:
    """Count the photos of each part; a part is remembered for others too."""
    parts = catalog.training.split()
    trained = [photo.sha256 for photo in catalog.photos.trained()]
    counts = Counter(str(parts[sha256]) for sha256 in trained if sha256 in parts)
    return dict(sorted(counts.items()))


def status_text(facts: dict[str, object]) -> str:
    """Say ``set_status`` in lines for people."""
    lines = [f"set {facts['set']}"]
    for key in ("pages", "candidates"):
        counts = facts[key]
        assert isinstance(counts, dict)  # noqa: S101  for the type checker
        for outcome, reasons in counts.items():
            how = "read" if (key, outcome) == ("pages", "stored") else outcome
            lines.append(f"  {key} {how}: {sum(reasons.values())}")
            lines += [f"    {number:6} {why}" for why, number in reasons.items() if why]
    for key in ("images", "groups", "conflicts"):
        lines.append(f"  {key}: {facts[key]}")
    for key in ("items", "split"):
        parts = facts[key]
        assert isinstance(parts, dict)  # noqa: S101
        told = ", ".join(f"{number} {part}" for part, number in parts.items())
        lines.append(f"  {key}: {told or 'none yet'}")
    runs = facts["runs"]
    assert isinstance(runs, list)  # noqa: S101
    lines.append(f"  runs: {', '.join(runs) or 'none yet'}")
    if "gallery" in facts:
        lines.append(f"  gallery: {facts['gallery']}")
    return "\n".join(lines)
