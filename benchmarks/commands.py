"""A command run as a process of its own, and what it cost."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PEERS = ROOT / "benchmarks" / "peers"
LIMIT_S = 1800.0


class CommandError(Exception):
    """A command did not do what it was run for; the message says why."""


@dataclass(frozen=True)
class Cost:
    """What a process and its children took."""

    wall_s: float
    cpu_s: float  # user and system
    peak_mib: float  # resident, of the largest process


def measured(command: Sequence[object], folder: Path, limit_s: float = LIMIT_S) -> Cost:
    """Run a command from the checkout and return what it cost.

    Args:
        command: Its parts.
        folder: Where what it cost and what it printed are left.
        limit_s: Seconds after which it is given up.

    Raises:
        CommandError: It ended with an error, or did not end.
    """
    out, log = folder / "cost.json", folder / "log.txt"
    told = [str(part) for part in command]
    launcher = [sys.executable, "-I", str(PEERS / "measured.py"), str(out), *told]
    environment = os.environ | {"NO_ALBUMENTATIONS_UPDATE": "1"}
    with log.open("wb") as file:
        try:
            code = subprocess.run(
                launcher,
                stdout=file,
                stderr=file,
                cwd=ROOT,
                env=environment,
                timeout=limit_s,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired as error:
            raise CommandError(f"did not end within {limit_s:g} s") from error
    if code:
        said = log.read_text("utf-8", "replace").strip().splitlines()
        raise CommandError(said[-1] if said else f"ended with {code}")
    cost = json.loads(out.read_text("utf-8"))
    return Cost(cost["wall_s"], cost["cpu_s"], cost["peak_mib"])
