"""How fast all pairs of close hashes are found, beside faiss's flat index.

    python -m benchmarks.dedup.neighbours COUNT OUT.json

searches once, in a process of its own, whose memory can be measured.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.commands import measured
from benchmarks.dedup.groups import one_core
from benchmarks.dedup.peers import NO_PEER, faiss, has_peer
from benchmarks.figures import Figure
from pipeline.dedup.neighbours import near_pairs

ROUNDS = 3
MAX_DISTANCE = 8  # bits
SMALL, LARGE = 10**5, 10**6  # hashes


def neighbour_figures(*, quick: bool) -> dict[str, Figure]:
    """Time looking up all pairs within 8 bits of random hashes with planted pairs."""
    hashes = planted_hashes(SMALL)
    spent, theirs, same = [], [], []
    with one_core(), tempfile.TemporaryDirectory(prefix="mekiki-bench-") as folder:
        for _ in range(ROUNDS):
            cpu_s, found = search(hashes)
            spent.append(cpu_s)
            if has_peer("faiss"):
                cpu_s, others = faiss(hashes, MAX_DISTANCE, Path(folder))
                theirs.append(cpu_s)
                same.append(found == others)
    agree = "the same pairs" if all(same) else "NOT the same pairs"
    figures = {
        "neighbours_1e5_s": _seconds(median(spent), 1.0, SMALL, _hits(SMALL, found)),
        "neighbours_1e5_vs_faiss": Figure(
            median(theirs) / median(spent) if theirs else None,
            goal=5.0,
            unit="theirs ÷ ours",
            peer=median(theirs) if theirs else None,
            note=f"IndexBinaryFlat.range_search: {agree}" if theirs else NO_PEER,
        ),
    }
    return figures if quick else figures | _large_figures()


def planted_hashes(count: int) -> NDArray[np.uint64]:
    """Draw hashes, 2 % of them 0 to 8 bits from another; the same for the same count.

    Hash ``n`` of the first 2 % lies close to hash ``count // 50 + n``.
    """
    rng = np.random.default_rng(count)
    hashes = rng.integers(0, 2**64, count, np.uint64)
    planted = count // 50
    for n in range(planted):
        flipped = rng.choice(64, n % (MAX_DISTANCE + 1), replace=False)
        mask = np.uint64(sum(1 << int(bit) for bit in flipped))
        hashes[n] = hashes[planted + n] ^ mask
    return hashes


def search(hashes: NDArray[np.uint64]) -> tuple[float, set[tuple[int, int]]]:
    """Find all pairs; return the CPU seconds that took, and the pairs ``i < j``."""
    began = time.process_time()
    i, j, _ = near_pairs(hashes, hashes, MAX_DISTANCE)
    spent = time.process_time() - began
    return spent, set(zip(i.tolist(), j.tolist(), strict=True))


def _hits(count: int, found: set[tuple[int, int]]) -> int:
    planted = count // 50
    return sum((n, planted + n) in found for n in range(planted))


def _seconds(spent: float, goal: float, count: int, hits: int) -> Figure:
    return Figure(
        spent,
        goal=goal,
        unit="CPU s",
        lower_is_better=True,
        note=f"{hits:,} of {count // 50:,} planted pairs found",
    )


def _large_figures() -> dict[str, Figure]:
    with tempfile.TemporaryDirectory(prefix="mekiki-bench-") as folder:
        found = Path(folder, "found.json")
        command = [sys.executable, "-m", "benchmarks.dedup.neighbours", LARGE, found]
        peak_mib = measured(command, Path(folder)).peak_mib
        answer = json.loads(found.read_text("utf-8"))
    return {
        "neighbours_1e6_s": _seconds(answer["cpu_s"], 60.0, LARGE, answer["hits"]),
        "neighbours_1e6_mib": Figure(
            peak_mib,
            goal=953.0,  # 1 GB
            unit="MiB",
            lower_is_better=True,
            note="the most memory of a process that does nothing else, Python included",
        ),
    }


def main() -> None:
    """Search as many hashes as wanted, once; write the seconds and what was found."""
    count, out = int(sys.argv[1]), Path(sys.argv[2])
    cpu_s, found = search(planted_hashes(count))
    answer = {"cpu_s": cpu_s, "hits": _hits(count, found)}
    out.write_text(json.dumps(answer), "utf-8")


if __name__ == "__main__":
    main()
