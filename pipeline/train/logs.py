"""The live logs of a training: files that TensorBoard shows, whatever the backend.

Keras' own callback needs TensorFlow; this writes the same curves by the ``tensorboard``
package alone: ``train`` and ``validation``, one value an epoch of each.
"""

import os
import socket
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipeline.networks.backend import keras

RATE = "learning_rate"


def event_logs(folder: Path | None) -> list[Any]:
    """Return the callbacks that write logs, where they are wanted and can be."""
    if folder is None or find_spec("tensorboard") is None:
        return []
    return [EventLogs(folder)]


class EventLogs(keras.callbacks.Callback):  # type: ignore[misc]  # Keras carries no types
    """Writes ``epoch_<metric>`` after each epoch; one file more each start."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._files: dict[str, Path] = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write what Keras tells of the epoch, and the learning rate it ended at."""
        found = {"train": {RATE: float(self.model.optimizer.learning_rate)}}
        for name, value in (logs or {}).items():
            part = "validation" if name.startswith("val_") else "train"
            found.setdefault(part, {})[name.removeprefix("val_")] = float(value)
        for part, values in found.items():
            self._append(part, epoch, values)

    def _append(self, part: str, step: int, values: dict[str, float]) -> None:
        """Add values to a part's file; the file begins with its version."""
        # Loading what it is written by takes a while: only where something is trained.
        from tensorboard.compat.proto.event_pb2 import Event  # noqa: PLC0415
        from tensorboard.compat.proto.summary_pb2 import Summary  # noqa: PLC0415
        from tensorboard.summary.writer.record_writer import (  # noqa: PLC0415
            RecordWriter,
        )

        now = time.time()
        summary = Summary(
            value=[
                Summary.Value(tag=f"epoch_{name}", simple_value=value)
                for name, value in values.items()
            ]
        )
        events = [Event(wall_time=now, step=step, summary=summary)]
        if part not in self._files:
            name = f"events.out.tfevents.{now:.0f}.{socket.gethostname()}.{os.getpid()}"
            self._files[part] = self._folder / part / name
            self._files[part].parent.mkdir(parents=True, exist_ok=True)
            events.insert(0, Event(wall_time=now, file_version="brain.Event:2"))
        with self._files[part].open("ab") as file:
            writer = RecordWriter(file)
            for event in events:
                writer.write(event.SerializeToString())
