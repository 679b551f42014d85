"""Downloading the same photos with mekiki and with others, in turn.

Every downloader is a process of its own. What starting one costs is found with a few
photos. CPU a photo, and photos a second at full speed, are those of the whole command,
start and end included. The most that is possible under latency is a rate, which knows
no start: what is held against it has the start taken off. The notes give the other
reading of each ratio. The access logs tell what was served, and that nothing forbidden
was asked for.
"""

import hashlib
import shutil
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.commands import CommandError, Cost
from benchmarks.figures import Figure
from benchmarks.scrape.clients import (
    CONNECTIONS,
    Client,
    Work,
    has_img2dataset,
    run_img2dataset,
    run_img2dataset_resized,
    run_mekiki,
    run_requests,
    stored_hashes,
)
from benchmarks.scrape.servers import FORBIDDEN, LATENCY_S, Server

OURS = "mekiki"
CLIENTS: Mapping[str, Client] = {
    OURS: run_mekiki,
    "requests": run_requests,
    "img2dataset": run_img2dataset,
    "img2dataset_resized": run_img2dataset_resized,
}
LATE_CLIENTS = (OURS, "requests", "img2dataset")
BOUND = CONNECTIONS / LATENCY_S  # photos/s that 16 connections can have at most
NOT_INSTALLED = "img2dataset is not installed: make peers"

_STARTING = 16  # photos of the run that shows what starting costs


@dataclass(frozen=True)
class Rate:
    """What a downloader reached; ``net`` figures have its start taken off."""

    per_s: float
    cpu_ms: float  # a photo
    net_per_s: float
    net_cpu_ms: float


@dataclass
class Witness:
    """What the servers saw of mekiki's runs, and what its sets then held."""

    hashes: Mapping[str, str]  # path on the server → sha256
    served: int = 0
    stored: int = 0
    forbidden: int = 0
    troubles: dict[str, str] = field(default_factory=dict)  # by downloader

    def note(self, server: Server, offset: int, home: Path) -> None:
        """Add up a run of mekiki that began when the log ended at ``offset``."""
        requests = server.requests_since(offset)
        served = {path for status, path in requests if status == 200} & set(self.hashes)
        kept = stored_hashes(home) & {self.hashes[path] for path in served}
        self.served += len(served)
        self.stored += len(kept)
        self.forbidden += sum(path.startswith(FORBIDDEN) for _, path in requests)

    def figures(self) -> dict[str, Figure]:
        """What was served, stored and should not have been asked for."""
        share = self.stored / self.served if self.served else None
        counts = f"{self.stored:,} of {self.served:,} photos, by the servers' logs"
        return {
            "stored_vs_served": Figure(share, goal=1.0, unit="share", note=counts),
            "forbidden_fetched": Figure(
                self.forbidden if self.served else None,
                goal=0,
                unit="requests",
                lower_is_better=True,
                note="by the servers' logs",
            ),
        }


def hashes_of(root: Path, paths: Iterable[str]) -> dict[str, str]:
    """Return the sha256 of the files under ``root``, by path on the server."""
    return {
        path: hashlib.sha256((root / path.lstrip("/")).read_bytes()).hexdigest()
        for path in paths
    }


@dataclass(frozen=True)
class Arena:
    """Where the downloaders meet: a server, its witness, and an empty folder."""

    server: Server
    witness: Witness
    folder: Path

    def run(self, name: str, paths: Sequence[str]) -> Cost:
        """Run one downloader in a folder of its own, taken away afterwards.

        Raises:
            CommandError: It failed.
        """
        forbidden = [path.replace("/", FORBIDDEN, 1) for path in paths[:_STARTING]]
        home = self.folder / name
        home.mkdir()
        offset = self.server.log_size()
        try:
            cost = CLIENTS[name](Work(self.server, paths, forbidden, home))
            if name == OURS:
                self.witness.note(self.server, offset, home)
        finally:
            shutil.rmtree(home)
        return cost

    def compare(
        self, names: Iterable[str], paths: Sequence[str], rounds: int
    ) -> dict[str, list[Rate]]:
        """Let the downloaders take turns; one that fails is left out from then on."""
        rates: dict[str, list[Rate]] = {name: [] for name in names}
        troubles = self.witness.troubles
        if not has_img2dataset():
            peers = (name for name in rates if name.startswith("img2dataset"))
            troubles |= dict.fromkeys(peers, NOT_INSTALLED)
        for _ in range(rounds):
            for name, own in rates.items():
                if name in troubles:
                    continue
                try:
                    start = self.run(name, paths[:_STARTING])
                    whole = self.run(name, paths)
                except CommandError as error:
                    troubles[name] = f"{name}: {error}"
                    continue
                rate = _rate(whole, start, len(paths))
                own.append(rate)
                print(
                    f"{name}: {rate.per_s:,.0f} photos/s, {rate.cpu_ms:.2f} CPU ms a"
                    f" photo (start taken off: {rate.net_per_s:,.0f} and"
                    f" {rate.net_cpu_ms:.2f}); {whole.wall_s:.1f} s, peak"
                    f" {whole.peak_mib:,.0f} MiB"
                )
        return rates


def speed_figures(
    rates: Mapping[str, Sequence[Rate]], witness: Witness
) -> dict[str, Figure]:
    """Photos a second and CPU a photo at full speed, and the ratios of the latter."""
    figures = {}
    for name, own in rates.items():
        trouble = witness.troubles.get(name, "")
        suffix = "" if name == OURS else f"_{name}"
        figures[f"photos_per_s{suffix}"] = Figure(
            _median(rate.per_s for rate in own), unit="photos/s", note=trouble
        )
        figures[f"cpu_ms{suffix}"] = Figure(
            _median(rate.cpu_ms for rate in own),
            unit="CPU ms a photo",
            lower_is_better=True,
            note=trouble,
        )
    for name in rates:
        if name != OURS:
            goal = 0.5 if name == "img2dataset_resized" else None
            figures[f"cpu_vs_{name}"] = _cpu_ratio(rates, name, goal, witness)
    return figures


def latency_figures(
    rates: Mapping[str, Sequence[Rate]], witness: Witness
) -> dict[str, Figure]:
    """Photos a second under latency, and how near to the most that is possible."""
    ours = _median(rate.net_per_s for rate in rates[OURS])
    whole = _median(rate.per_s for rate in rates[OURS])
    note = witness.troubles.get(OURS, "")
    if whole is not None:
        note = f"whole command, its start included: {whole / BOUND:.3f}"
    figures = {
        "latency_vs_bound": Figure(
            ours / BOUND if ours is not None else None,
            goal=0.9,
            unit="share of 160 photos/s",
            note=note,
        )
    }
    for name, own in rates.items():
        suffix = "" if name == OURS else f"_{name}"
        figures[f"latency_photos_per_s{suffix}"] = Figure(
            _median(rate.net_per_s for rate in own),
            unit="photos/s",
            note=witness.troubles.get(name, "start taken off"),
        )
    return figures


def _rate(whole: Cost, start: Cost, photos: int) -> Rate:
    more = photos - _STARTING
    return Rate(
        photos / whole.wall_s,
        whole.cpu_s / photos * 1000,
        more / max(whole.wall_s - start.wall_s, 1e-9),
        (whole.cpu_s - start.cpu_s) / more * 1000,
    )


def _cpu_ratio(
    rates: Mapping[str, Sequence[Rate]],
    name: str,
    goal: float | None,
    witness: Witness,
) -> Figure:
    """Return our CPU a photo ÷ theirs, round by round."""
    pairs = list(zip(rates[OURS], rates[name], strict=False))
    ratio = _median(ours.cpu_ms / theirs.cpu_ms for ours, theirs in pairs)
    net = _median(ours.net_cpu_ms / theirs.net_cpu_ms for ours, theirs in pairs)
    note = witness.troubles.get(name) or witness.troubles.get(OURS, "")
    if net is not None:
        note = f"start taken off: {net:.3f}"
    return Figure(
        ratio,
        goal=goal,
        unit="ours ÷ theirs",
        peer=_median(rate.cpu_ms for rate in rates[name]),
        lower_is_better=True,
        note=note,
    )


def _median(values: Iterable[float]) -> float | None:
    known = list(values)
    return statistics.median(known) if known else None
