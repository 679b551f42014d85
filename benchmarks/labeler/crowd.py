"""Twenty curators at once, three labels a second each, and the server's CPU for it.

Each asks for the queue, for the pictures and for what others changed, as the page does,
and sends each label by itself.
"""

import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Figure
from benchmarks.labeler.clients import Client, ClientError, clients
from benchmarks.labeler.photos import CATEGORIES, fresh_copy
from benchmarks.labeler.servers import labeler
from pipeline.home import SetFolder

CURATORS = 20
RATE = 3.0  # labels a second
_CHANGES_EVERY_S = 5.0
_AHEAD = 50  # photos asked for at once


@dataclass
class _Found:
    waits_ms: list[float] = field(default_factory=list)  # for the answer to a label
    errors: list[str] = field(default_factory=list)
    late: int = 0  # labels that could not be sent at their time


def crowd_figures(kept: SetFolder, *, quick: bool) -> dict[str, Figure]:
    """Measure the share of a core that a crowd takes."""
    seconds = 20 if quick else 60
    with tempfile.TemporaryDirectory(prefix="mekiki-bench-") as name:
        scratch = Path(name)
        folder = fresh_copy(kept, scratch)
        with labeler(folder, scratch) as server:
            crowd = clients(server, scratch, CURATORS)
            crowd[0].get("queue", queue="random", n=1, client="first")  # photos read
            found = _Found()
            began, cpu_s = time.monotonic(), server.cpu_s
            threads = [
                threading.Thread(target=_label, args=[one, place, seconds, found])
                for place, one in enumerate(crowd)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            used_s, took_s = server.cpu_s - cpu_s, time.monotonic() - began
    labels = len(found.waits_ms)
    p50, p95 = np.percentile(found.waits_ms, [50, 95])
    refused = sum(not said.answer["accepted"] for one in crowd for said in one.said)
    note = (
        f"{labels:,} labels in {took_s:.0f} s, {1000 * used_s / labels:.1f} ms each"
        f" with its picture; answered in {p50:.0f} ms median, {p95:.0f} p95;"
        f" {refused} refused, {found.late} late, {len(found.errors)} errors"
    )
    for error in found.errors[:3]:
        print(error)
    return {
        "cpu_20_curators": Figure(
            used_s / took_s, 0.3, "cores", lower_is_better=True, note=note
        )
    }


def _label(client: Client, place: int, seconds: float, found: _Found) -> None:
    """Label at the rate, as the page does it."""
    rng = np.random.default_rng(place)
    began = time.monotonic() + place / CURATORS / RATE  # not all at once
    asked_at, event = began, 0
    line: list[dict[str, Any]] = []
    for number in range(int(seconds * RATE)):
        due = began + number / RATE
        late_s = time.monotonic() - due
        found.late += late_s > 1 / RATE
        time.sleep(max(0.0, -late_s))
        try:
            if not line:
                answer = client.get(
                    "queue", queue="doubtful", n=_AHEAD, client=client.name
                )
                line = answer["photos"]
            if time.monotonic() - asked_at > _CHANGES_EVERY_S:
                asked_at = time.monotonic()
                changes = client.get("changes", since=event, client=client.name)
                event = changes["event"]
            photo = line.pop(0)
            client.fetch("GET", f"image/{photo['sha256']}")
            sent = time.perf_counter()
            client.say(
                [(photo["sha256"], str(rng.choice(CATEGORIES)), photo["version"])]
            )
            found.waits_ms.append((time.perf_counter() - sent) * 1000)
        except (ClientError, OSError) as error:
            found.errors.append(str(error))
