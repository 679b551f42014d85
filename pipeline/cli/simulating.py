"""``mekiki label SET --simulate``: its table and its picture."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from pipeline.cli.group import need_training, opened_set, shown_progress

if TYPE_CHECKING:
    from pipeline.suggest.simulate import Simulation


def simulate_labelling(
    home: Path, name: str, *, step: int | None, seeds: int, as_json: bool
) -> None:
    """Print how many labels it takes, in our order and at random; draw the curves."""
    need_training()
    from pipeline.suggest.simulate import STEP, simulate
    from pipeline.suspects.looking import choose_network

    with opened_set(home, name) as at:
        found = simulate(
            at.folder,
            at.settings,
            at.catalog,
            choose=choose_network,
            seeds=seeds,
            step=step or STEP,
            progress=shown_progress(),
            say=partial(click.echo, err=as_json),
        )
        picture = at.folder.folder / "learning.png"
    _draw(found, picture)
    if as_json:
        facts = found.as_json() | {"picture": str(picture)}
        click.echo(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    for line in table(found):
        click.echo(line)
    click.echo(f"curves: {picture}")


def table(found: "Simulation") -> list[str]:
    """Return the lines that say how many labels it takes."""
    lines = [
        f"{found.name}: {found.photos:,} photos, labels {found.truth}; with all labels"
        f" {found.full_accuracy:.1%} right on photos held out; {_seeds(found)}",
        f"{'of that':>8}  {'our order':>16}  {'random order':>16}  ours ÷ random",
    ]
    for row in found.reached:
        ours, random = (
            _number(row.ours, row.ours_by_seed),
            _number(row.random, row.random_by_seed),
        )
        lines.append(f"{row.share:>8.0%}  {ours:>16}  {random:>16}  {row.ratio:>13.2f}")
    if found.left_out:
        lines.append(f"too few photos, left out: {', '.join(found.left_out)}")
    return lines


def _number(labels: float, by_seed: tuple[float, ...]) -> str:
    if len(by_seed) < 2:
        return f"{labels:,.0f}"
    return f"{labels:,.0f} ± {np.std(by_seed, ddof=1):,.0f}"


def _draw(found: "Simulation", out: Path) -> None:
    """Draw both curves; a thin line marks each share that the table names."""
    from pipeline.report.plots import (
        FAINT,
        INK,
        RULE,
        TRAIN_COLOUR,
        VAL_COLOUR,
        open_figure,
    )

    with open_figure(out, (7.2, 4.2)) as figure:
        axes = figure.subplots()
        for curve, colour, label in (
            (found.ours, VAL_COLOUR, "our order"),
            (found.random, TRAIN_COLOUR, "random order"),
        ):
            axes.plot(curve.labels, curve.accuracies, color=colour, label=label)
        for row in found.reached:
            level = row.share * found.full_accuracy
            axes.axhline(level, color=RULE, linewidth=0.8, zorder=0)
            axes.text(
                1.0,
                level,
                f" {row.share:.0%}",
                color=FAINT,
                fontsize=8,
                va="center",
                transform=axes.get_yaxis_transform(),
            )
        last = max(float(found.random.labels[-1]), 1.0)
        shown = min(last, 1.3 * max(row.random for row in found.reached))
        axes.set_xlim(0, shown)
        axes.set_xlabel("labels given", color=FAINT)
        axes.set_ylabel("right on photos held out", color=FAINT)
        axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        axes.set_title(
            f"{found.name}: {found.photos:,} photos, mean of {_seeds(found)}",
            loc="left",
            color=INK,
            fontsize=11,
        )
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(RULE)
        axes.tick_params(colors=INK)
        axes.legend(frameon=False, loc="lower right")


def _seeds(found: "Simulation") -> str:
    return "one seed" if found.seeds == 1 else f"{found.seeds} seeds"
