"""The commands that move a set on, in the order they are used."""

import os
import subprocess
import sys
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import click

from pipeline.cli.group import (
    cli,
    need_training,
    opened_set,
    out_file,
    run_option,
    set_argument,
    shown_progress,
    utc_now,
)
from pipeline.cli.simulating import simulate_labelling
from pipeline.errors import InputError, SettingsError
from pipeline.home import existing_set, set_folder
from pipeline.runs import chosen_run
from pipeline.settings import load_settings
from pipeline.writing import write_atomically

LABEL_HINT = (
    "label needs a terminal: LABEL=skip make scrape label train SET=... trains on the"
    " labels as scraped; mekiki label SET --serve serves the page all the same"
)


@cli.command("new")
@set_argument
@click.pass_obj
def new_command(home: Path, name: str) -> None:
    """Write a commented categories.toml for a new set."""
    folder = set_folder(home, name)
    if folder.settings_file.exists():
        raise SettingsError(f"{folder.settings_file} is there already; edit it")
    starter = files("pipeline").joinpath("starter.toml").read_bytes()
    write_atomically(folder.settings_file, starter)
    click.echo(f"wrote {folder.settings_file}; edit it, then: mekiki scrape {name}")


@cli.command("scrape")
@set_argument
@click.option("--reread", is_flag=True, help="Ask for pages again, for what is new.")
@click.option("--dry-run", is_flag=True, help="Print the plan and ask for nothing.")
@click.option("--record", type=out_file, help="Write down all answers (WARC).")
@click.option("--replay", type=out_file, help="Take such answers, not the network's.")
@click.pass_obj
def scrape_command(  # noqa: PLR0917  click names them
    home: Path,
    name: str,
    reread: bool,
    dry_run: bool,
    record: Path | None,
    replay: Path | None,
) -> None:
    """Collect candidate photos; each ends in one recorded state."""
    from pipeline.scrape import plan_scrape, scrape

    if record and replay:
        raise InputError("--record writes a file and --replay reads one: choose one")
    with opened_set(home, name) as at:
        if replay is None:
            plan = plan_scrape(at.folder, at.settings, at.catalog, is_all=dry_run)
            for line in plan.lines:
                click.echo(line)
        if dry_run:
            return
        summary = scrape(
            at.folder,
            at.settings,
            at.catalog,
            progress=shown_progress(),
            now=utc_now,
            reread=reread,
            record=record,
            replay=replay,
        )
    click.echo(summary.line)
    if summary.has_reasons:
        click.echo(f"mekiki status {name} says why something was refused or failed")
    if not summary.photos:
        raise InputError(
            f"no photo was collected for {name}: correct what is said above, then run"
            " the same command again"
        )


@cli.command("dedup")
@set_argument
@click.option("--out", type=out_file, help="Write every image's group as a CSV.")
@click.pass_obj
def dedup_command(home: Path, name: str, out: Path | None) -> None:
    """Group copies of one picture; flag what is hardly a photo."""
    from pipeline.dedup import dedup, write_groups

    with opened_set(home, name) as at:
        summary = dedup(
            at.folder, at.settings, at.catalog, progress=shown_progress(), now=utc_now
        )
        if out:
            write_groups(at.folder, at.catalog, out)
    click.echo(summary.line)


@cli.command("label")
@set_argument
@click.option("--serve", is_flag=True, help="Serve the page without a terminal too.")
@click.option("--port", type=click.IntRange(1, 65535), help="Default: 8501 or above.")
@click.option("--user", help="Your name, as the journal keeps it.")
@click.option("--simulate", is_flag=True, help="Serve nothing; say what order saves.")
@click.option("--steps", type=click.IntRange(1), help="Simulated: labels a step.")
@click.option("--seeds", type=click.IntRange(1), default=5, help="Simulated: draws.")
@click.option("--json", "as_json", is_flag=True, help="Simulated: print JSON alone.")
@click.pass_obj
def label_command(  # noqa: PLR0917  click names them
    home: Path,
    name: str,
    serve: bool,
    port: int | None,
    user: str | None,
    simulate: bool,
    steps: int | None,
    seeds: int,
    as_json: bool,
) -> None:
    """Correct labels in the browser; returns when Done is pressed."""
    folder = existing_set(home, name)
    load_settings(folder.settings_file)
    if simulate:
        simulate_labelling(home, name, step=steps, seeds=seeds, as_json=as_json)
        return
    if steps or as_json:
        raise InputError("--steps and --json go with --simulate")
    if os.environ.get("LABEL") == "skip":
        click.echo("label: skipped (LABEL=skip); the labels are as scraped")
        return
    if not serve and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InputError(LABEL_HINT.replace("SET", name))
    if find_spec("streamlit") is None:
        raise InputError("the labeler needs the extra: pip install 'mekiki[ui]'")
    order = [sys.executable, "-m", "labeler.server", "--home", str(folder.home)]
    order += ["--set", name, "--until-stdin-ends"]
    order += ["--port", str(port)] if port else []
    order += ["--user", user] if user else []
    sys.exit(_run_child(order))


@cli.command("split")
@set_argument
@click.option("--out", type=out_file, help="Write every photo's part as a CSV.")
@click.option("--audit", is_flag=True, help="Only measure what a random one flatters.")
@click.pass_obj
def split_command(home: Path, name: str, out: Path | None, audit: bool) -> None:
    """Put photos into train, val and test; no group on two sides."""
    from pipeline.split import split, write_split

    if audit:
        if out:
            raise InputError("--audit changes nothing and --out lists: choose one")
        _audit_split(home, name)
        return
    with opened_set(home, name) as at:
        summary = split(at.settings, at.catalog)
        if out:
            write_split(at.folder, at.catalog, out)
    click.echo(summary.line)


@cli.command("train")
@set_argument
@click.option(
    "--finish",
    is_flag=True,
    help="Train no further: end an interrupted run with the best snapshot it has.",
)
@click.pass_obj
def train_command(home: Path, name: str, *, finish: bool) -> None:
    """Train a classifier; resumes an interrupted run."""
    need_training()
    from pipeline.report import write_report
    from pipeline.train import train

    with opened_set(home, name) as at:
        summary = train(
            at.folder,
            at.settings,
            at.catalog,
            progress=shown_progress(),
            now=utc_now,
            say=click.echo,
            is_enough=finish,
        )
        write_report(at.folder, at.catalog, summary.run)
    click.echo(summary.line)


@cli.command("robustness")
@set_argument
@run_option
@click.pass_obj
def robustness_command(home: Path, name: str, run_name: str) -> None:
    """Measure a run on noisy, blurred, covered and scribbled photos."""
    need_training()
    from pipeline.report import write_report
    from pipeline.robustness import measure_robustness

    with opened_set(home, name) as at:
        run = chosen_run(at.folder, run_name)
        summary = measure_robustness(
            at.folder, at.settings, at.catalog, run, progress=shown_progress()
        )
        report = write_report(at.folder, at.catalog, run)
    click.echo(summary.line)
    click.echo(f"report: {report}")


@cli.command("demo")
@click.option("--seed", type=click.IntRange(0), default=1, help="Draw another shop.")
@click.pass_obj
def demo_command(home: Path, seed: int) -> None:
    """Draw a guitar shop, scrape it, train, and check its tags; offline."""
    need_training()
    from pipeline.demo.run import run_demo

    run_demo(home, seed, progress=shown_progress(), now=utc_now, say=click.echo)


def _audit_split(home: Path, name: str) -> None:
    """Print by how much a random split would flatter; the set's own stays."""
    need_training()
    from pipeline.split.audit import audit_split

    with opened_set(home, name) as at:
        summary = audit_split(
            at.folder, at.settings, at.catalog, progress=shown_progress()
        )
    for line in summary.lines:
        click.echo(line)


def _run_child(order: list[str]) -> int:
    """Run a command to its end; it ends with this process, however that does."""
    child = subprocess.Popen(order, stdin=subprocess.PIPE)  # noqa: S603  our own module
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:  # in a terminal it has reached the child, too
            assert child.stdin is not None  # noqa: S101  for the type checker
            child.stdin.close()
