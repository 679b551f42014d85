"""How far a training has come, kept so that a killed one goes on where it was.

Keras' own BackupAndRestore forgets what early stopping knew; here everything lies in
one file of the run, replaced in one step after each epoch: the network, the optimizer,
the best snapshot and the history.
"""

import json
import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = list[NDArray[np.generic]]


@dataclass
class Standing:
    """What early stopping and the report know after an epoch."""

    epochs: int = 0  # done
    planned_epochs: int = 0  # where patience holds; 0 before the start
    best_epoch: int = 0  # 1-based; 0 where none was good
    best_loss: float = float("inf")
    elapsed: float = 0.0  # seconds of training, over all starts
    photos_timed: int = 0  # trained on while the clock ran
    photos_seconds: float = 0.0  # how long those took
    history: list[dict[str, float]] = field(default_factory=list)
    stopped_because: str = ""  # empty while training goes on
    is_last_kept: bool = False  # the model is the last snapshot, good or not

    @property
    def kept_epoch(self) -> int:
        """Whose snapshot the model is, 1-based; 0 where there is none yet."""
        return self.epochs if self.is_last_kept else self.best_epoch

    @property
    def has_snapshot(self) -> bool:
        """Whether there is a snapshot to keep: one whose loss is a number."""
        if self.is_last_kept:
            return bool(self.history) and math.isfinite(self.history[-1]["loss"])
        return self.best_epoch > 0

    @property
    def images_per_second(self) -> float:
        """How fast it trained; 0 where it was too short to tell."""
        return self.photos_timed / self.photos_seconds if self.photos_seconds else 0.0


@dataclass(frozen=True)
class StateFile:
    """The file under the ``state`` folder of a run."""

    run_folder: Path

    @property
    def exists(self) -> bool:
        """Whether there is something to go on from."""
        return self._file.is_file()

    @property
    def _file(self) -> Path:
        return self.run_folder / "state" / "training.npz"

    def save(
        self,
        standing: Standing,
        variables: Sequence[Any],
        best: Arrays,
    ) -> None:
        """Replace the file by the present state; whole or not at all."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".part")
        facts = np.frombuffer(json.dumps(asdict(standing)).encode(), np.uint8)
        arrays = {f"now_{n}": np.asarray(v) for n, v in enumerate(variables)}
        arrays |= {f"best_{n}": array for n, array in enumerate(best)}
        with fresh.open("wb") as file:
            np.savez(file, allow_pickle=False, facts=facts, **arrays)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._file)

    def restore(self, variables: Sequence[Any]) -> tuple[Standing, Arrays] | None:
        """Bring ``variables`` to what was saved; ``None`` where nothing was."""
        if not self.exists:
            return None
        with np.load(self._file, allow_pickle=False) as saved:
            standing = Standing(**json.loads(bytes(saved["facts"])))
            for number, variable in enumerate(variables):
                variable.assign(saved[f"now_{number}"])
            best = [
                saved[f"best_{number}"]
                for number in range(
                    sum(name.startswith("best_") for name in saved.files)
                )
            ]
        return standing, best

    def remove(self) -> None:
        """Delete the folder: training is over."""
        shutil.rmtree(self._file.parent, ignore_errors=True)
