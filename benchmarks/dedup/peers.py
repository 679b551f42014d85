"""What other tools find and what it costs them, each in the peers' venv.

A tool that is not installed is no error: its figures say what to do (``NO_PEER``).
"""

import json
import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.commands import PEERS, ROOT

_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MPLBACKEND": "agg",
}
NO_PEER = "imagededup or faiss is missing: make peers"


@dataclass(frozen=True)
class PeerPairs:
    """What a tool took for copies of each other, and what that cost."""

    cpu_s: float
    pairs: Sequence[tuple[str, str]]


def imagededup(task: str, what: Path | Sequence[Path], scratch: Path) -> PeerPairs:
    """Run imagededup's PHash; see ``benchmarks/peers/phash_pairs.py``.

    Args:
        task: ``hash``, ``files`` or ``folder``.
        what: The files; for ``folder`` the folder.
        scratch: A folder for what goes to and fro.

    Raises:
        CalledProcessError: It is not installed (see ``has_peer``), or failed.
    """
    out = scratch / "phash_pairs.json"
    given = what if isinstance(what, Path) else scratch / "phash_files.txt"
    if not isinstance(what, Path):
        given.write_text("\n".join(map(str, what)), "utf-8")
    _run("phash_pairs.py", task, given, out)
    answer = json.loads(out.read_text("utf-8"))
    return PeerPairs(answer["cpu_s"], [(a, b) for a, b in answer["pairs"]])


def faiss(
    hashes: NDArray[np.uint64], max_distance: int, scratch: Path
) -> tuple[float, set[tuple[int, int]]]:
    """Search with faiss's flat index; return its CPU seconds and the pairs ``i < j``.

    Raises:
        CalledProcessError: It is not installed (see ``has_peer``), or failed.
    """
    given, out = scratch / "hashes.npy", scratch / "flat_search.npz"
    np.save(given, hashes)
    _run("flat_search.py", given, max_distance, out)
    with np.load(out) as found:
        pairs = zip(found["i"].tolist(), found["j"].tolist(), strict=True)
        return float(found["cpu_s"]), set(pairs)


@cache
def has_peer(package: str) -> bool:
    """Tell whether the peers' venv has a package."""
    if not _PYTHON.is_file():
        return False
    code = f"import importlib.util as u, sys; sys.exit(not u.find_spec({package!r}))"
    return subprocess.run([_PYTHON, "-c", code], check=False).returncode == 0


def components(
    names: Iterable[str], pairs: Iterable[tuple[str, str]]
) -> dict[str, str]:
    """Return the first name of the group that each is in, copies of copies included.

    Pairs of which one is not among the names do not count.
    """
    group = {name: name for name in names}

    def root(name: str) -> str:
        while group[name] != name:
            group[name] = group[group[name]]
            name = group[name]
        return name

    for a, b in pairs:
        if a in group and b in group:
            low, high = sorted((root(a), root(b)))
            group[high] = low
    return {name: root(name) for name in group}


def _run(script: str, *arguments: object) -> None:
    command = [str(_PYTHON), str(PEERS / script), *map(str, arguments)]
    subprocess.run(
        command, check=True, env=os.environ | _ONE_THREAD, stderr=subprocess.DEVNULL
    )
