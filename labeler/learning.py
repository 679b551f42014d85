"""Learns while you label: a child process beside the server, begun and ended with it.

``python -m labeler.learning --home DIR --set SET`` is that process. It ends when its
standard input does, so that it never outlives the server, however that ends. One that
dies is started again a few times; after that the state says that learning is off.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from labeler.children import NICENESS, NO_NETWORK, start_module
from pipeline.catalog import opened
from pipeline.errors import CatalogError, MekikiError
from pipeline.home import SetFolder, existing_set
from pipeline.settings import load_settings
from pipeline.suggest.kept import Learning, LearnState, write_state

STARTS = 4  # the first, and three more
PAUSE_S = 2.0  # before it is started again
ENDING_S = 5.0  # it may take to end by itself
_OFF = "off"  # begins the line that says why nothing can look
LOG = "learning.log"  # in the cache: what the child process said last


class Learner:
    """The child process, and who starts it again."""

    def __init__(self, folder: SetFolder) -> None:
        self._folder = folder
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    @property
    def process_id(self) -> int | None:
        """The child's number, while there is one."""
        child = self._child
        return None if child is None or child.poll() is not None else child.pid

    def stop(self) -> None:
        """End the child process, and wait until it has ended."""
        self._is_over.set()
        with self._lock:
            child = self._child
        if child is not None:
            assert child.stdin is not None  # noqa: S101  for the type checker
            child.stdin.close()
            try:
                child.wait(ENDING_S)
            except subprocess.TimeoutExpired:
                child.kill()
        self._keeper.join(ENDING_S)

    def _keep(self) -> None:
        """Start the child, and again where it dies."""
        try:
            for attempt in range(STARTS):
                with self._lock:
                    if self._is_over.is_set():
                        return
                    self._child = start_child(self._folder, is_first=attempt == 0)
                with self._child as child:  # closes its standard input, once it ended
                    code = child.wait()
                if code == 0 or self._is_over.wait(PAUSE_S):
                    return
            reason = (
                f"learning ended {STARTS} times without being asked to;"
                f" {self._folder.cache / LOG} says why"
            )
            write_state(self._folder, LearnState(Learning.OFF, reason=reason))
        except OSError as error:  # no process, or no place to write
            print(f"learning is off: {error}", file=sys.stderr)  # noqa: T201


def start_learning(folder: SetFolder) -> Learner:
    """Begin to learn beside the server; ``stop`` of what is returned ends it."""
    return Learner(folder)


def start_child(folder: SetFolder, *, is_first: bool) -> subprocess.Popen[bytes]:
    """Start the process that learns; what it says goes to the log, a new one first."""
    folder.cache.mkdir(parents=True, exist_ok=True)
    with (folder.cache / LOG).open("wb" if is_first else "ab") as log:
        return start_module("labeler.learning", folder, log, log)


@click.command()
@click.option("--home", type=click.Path(path_type=Path), required=True)
@click.option("--set", "name", required=True)
@click.option("--look", is_flag=True)
def main(home: Path, name: str, *, look: bool) -> None:
    """Learn of one set until standard input ends; or look at its photos, and end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's
    threading.Thread(target=_end_with_input, daemon=True).start()
    folder = existing_set(home, name)
    try:
        if look:
            _look(folder)
        else:
            os.nice(NICENESS)  # and of all that it starts
            _learn(folder)
    except CatalogError as error:  # it may be back before long
        click.echo(str(error), err=True)
        sys.exit(1)
    except MekikiError as error:
        if look:
            click.echo(f"{_OFF} {error}")
        else:
            write_state(folder, LearnState(Learning.OFF, reason=str(error)))


def _learn(folder: SetFolder) -> None:
    if find_spec("sklearn") is None or find_spec("keras") is None:
        raise MekikiError("suggestions need the extra: pip install 'mekiki[train]'")
    from pipeline.suggest.refresh import Learner as Refreshed  # noqa: PLC0415

    settings = load_settings(folder.settings_file)
    never = threading.Event()
    with opened(folder) as catalog:
        Refreshed(
            folder,
            settings,
            catalog,
            partial(_have_looked, folder),
            _estimate,
            lambda: datetime.now(UTC).isoformat(timespec="seconds"),
        ).run(never.wait)


def _have_looked(folder: SetFolder, tell: Callable[[int, int], None]) -> None:
    """Let a process of its own look at the photos.

    Raises:
        MekikiError: No network can be had, or the process was ended.
    """
    order = [sys.executable, "-m", "labeler.learning", "--look"]
    order += ["--home", str(folder.home), "--set", folder.name]
    with subprocess.Popen(  # noqa: S603  our own module
        order,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | NO_NETWORK,
    ) as process:
        assert process.stdout is not None  # noqa: S101  for the type checker
        for line in process.stdout:
            first, _, rest = line.strip().partition(" ")
            if first == _OFF:
                raise MekikiError(rest)
            if first.isdigit():
                tell(int(first), int(rest))
    if process.returncode:
        raise CatalogError(f"looking at the photos ended with {process.returncode}")


def _look(folder: SetFolder) -> None:
    """Look at the photos; print how many of how many, line by line."""
    from pipeline.suggest.looking import look_at_all  # noqa: PLC0415
    from pipeline.suspects.looking import choose_network  # noqa: PLC0415

    settings = load_settings(folder.settings_file)
    with opened(folder) as catalog:
        entries = catalog.photos.entries()
    done = 0

    def advance(steps: int) -> None:
        nonlocal done
        done += steps
        click.echo(f"{done} {len(entries)}")

    look_at_all(folder, settings.train, entries, choose_network, advance)


def _estimate(
    pred_probs: NDArray[np.float64], y_true: NDArray[np.int64]
) -> tuple[int, int, int]:
    from pipeline.suspects.estimate import estimate_wrong  # noqa: PLC0415

    found = estimate_wrong(pred_probs, y_true, np.random.default_rng(0))
    return found.number, found.low, found.high


def _end_with_input() -> None:
    # not by sys.stdin, whose lock a thread may not hold when Python ends
    while os.read(0, 1024):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
