"""What a run looks at: a child process beside the server that holds the network.

``python -m labeler.heating --home DIR --set SET`` is that process: a question a line
on its standard input, an answer a line on its standard output, both JSON. It is started
by the first question, so that nobody waits for a network who does not ask for one, and
again by the next question after it has died. It ends when its standard input does.
"""

import base64
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labeler.children import NICENESS, start_module
from pipeline.errors import ImageError, MekikiError
from pipeline.home import SetFolder, existing_set
from pipeline.images import ImageStore, Pixels, decode_image, square_image
from pipeline.runs import chosen_run, newest_run

if TYPE_CHECKING:
    from pipeline.networks.cams import Looker

LOG = "heating.log"  # in the cache: what the child process complained of last
ENDING_S = 5.0  # that a process may take to say why it ends
LIMIT_S = 120.0  # for an answer; loading a large network takes 20 on a slow machine


@dataclass(frozen=True)
class Question:
    """What is asked: where a run looks in a photo."""

    run: str
    sha256: str
    extension: str


@dataclass(frozen=True)
class Heated:
    """What a run makes of a photo."""

    label: str  # the likeliest
    probability: float  # 0..1
    run: str
    picture: str  # a PNG to lay over the photo, as a data: URL


class NothingToShowError(MekikiError):
    """Asking again would not help: no run, a damaged photo, a model of another kind."""


class Heater:
    """The child process, and who starts it; questions wait for each other."""

    def __init__(self, folder: SetFolder) -> None:
        self._folder = folder
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()  # of the child's name, and of its end
        self._is_over = False
        # One question at a time, in a thread of its own: those of the server's pool
        # are for labels and photos, which must not wait for a network.
        self.thread = ThreadPoolExecutor(1, "heating")

    @property
    def process_id(self) -> int | None:
        """The child's number, while there is one."""
        child = self._child
        return None if child is None or child.poll() is not None else child.pid

    def ask(self, sha256: str, extension: str) -> Heated:
        """Return what the newest finished run looks at; called in ``thread`` alone.

        Raises:
            NothingToShowError: There is none, or nothing can be said of this photo.
            MekikiError: The process has ended, or takes too long.
        """
        run = newest_run(self._folder)
        if run is None:
            raise NothingToShowError(
                f"no finished run yet: `mekiki train {self._folder.name}` makes one;"
                " then H shows what it looks at"
            )
        question = Question(run.name, sha256, extension)
        answer = json.loads(self._exchange(json.dumps(asdict(question)).encode()))
        if "error" in answer:
            raise NothingToShowError(answer["error"])
        return Heated(**answer)

    def stop(self) -> None:
        """End the child process; it has nothing to lose."""
        with self._lock:
            self._is_over = True
            child = self._child
        if child is not None:
            child.kill()
        self.thread.shutdown(cancel_futures=True)
        if child is not None:
            _bury(child)

    def _exchange(self, line: bytes) -> bytes:
        """Send a line to the child, and wait for the one it answers."""
        child = self._living_child()
        assert child.stdin is not None  # noqa: S101  for the type checker
        assert child.stdout is not None  # noqa: S101
        patience = threading.Timer(LIMIT_S, child.kill)
        patience.start()
        try:
            child.stdin.write(line + b"\n")
            child.stdin.flush()
            answer = child.stdout.readline()
        except OSError:  # it has died meanwhile
            answer = b""
        finally:
            patience.cancel()
        if not answer.endswith(b"\n"):
            _await_end(child)
            raise MekikiError(
                "the process that shows what a run looks at has ended;"
                f" {self._folder.cache / LOG} may say why, the next H starts it again"
            )
        return answer

    def _living_child(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._is_over:
                raise MekikiError("the labeler has ended")
            child = self._child
            if child is not None and child.poll() is None:
                return child
            if child is not None:
                _bury(child)
            self._child = start_child(self._folder)
            return self._child


def _await_end(child: subprocess.Popen[bytes]) -> None:
    """Let a process that answers no more write down why; it has ended afterwards."""
    try:
        child.wait(ENDING_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()  # else the next question finds it dying, and asks it


def _bury(child: subprocess.Popen[bytes]) -> None:
    """Give back what is left of a process that was killed, or died."""
    for pipe in (child.stdin, child.stdout):
        assert pipe is not None  # noqa: S101  for the type checker
        with suppress(OSError):  # of what it never read
            pipe.close()
    child.wait()


def start_child(folder: SetFolder) -> subprocess.Popen[bytes]:
    """Start the process that holds the network.

    Raises:
        MekikiError: It can't be started.
    """
    try:
        folder.cache.mkdir(parents=True, exist_ok=True)
        with (folder.cache / LOG).open("wb") as log:
            return start_module(
                "labeler.heating", folder, subprocess.PIPE, log, is_alone=True
            )
    except OSError as error:  # no process, or no place to write
        raise MekikiError(f"what a run looks at can't be shown: {error}") from error


@click.command()
@click.option("--home", type=click.Path(path_type=Path), required=True)
@click.option("--set", "name", required=True)
def main(home: Path, name: str) -> None:
    """Answer questions of one set until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    # what libraries print must not get among the answers
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        network = Network(existing_set(home, name))
        for line in sys.stdin.buffer:
            try:
                answer = asdict(network.answer(Question(**json.loads(line))))
            except MekikiError as error:
                answer = {"error": str(error)}
            out.write(json.dumps(answer).encode() + b"\n")
            out.flush()


class Network:
    """The network of the run that was asked about last."""

    def __init__(self, folder: SetFolder) -> None:
        self._folder = folder
        self._images = ImageStore(folder.images)
        self._held: tuple[str, Looker] | None = None

    def answer(self, question: Question) -> Heated:
        """Look at a photo.

        Raises:
            MekikiError: The photo or the run's model can't be read, or the model is
                of a kind that does not tell where it looks.
        """
        looker = self._looker(question.run)
        file = self._images.path(question.sha256, question.extension)
        try:
            pixels = decode_image(file, min_side=looker.image_size)
        except ImageError as error:
            raise ImageError(f"this photo can't be read: {error}") from error
        return _heat(looker, pixels, question.run)

    def _looker(self, run: str) -> "Looker":
        """Return a run's network: the one that is held, or it is loaded."""
        if self._held is not None and self._held[0] == run:
            return self._held[1]
        from pipeline.networks.cams import Looker  # noqa: PLC0415  seconds, and memory
        from pipeline.networks.saved import load_model  # noqa: PLC0415

        self._held = None  # two networks at a time would be one too many
        looker = Looker(load_model(chosen_run(self._folder, run)))
        self._held = run, looker
        return looker


def _heat(looker: "Looker", pixels: Pixels, run: str) -> Heated:
    from pipeline.networks.cams import encode_overlay, heat_of_photo  # noqa: PLC0415

    height, width = pixels.shape[:2]
    looked = looker.look(square_image(pixels, looker.image_size)[None])
    [pred_probs] = looked.pred_probs
    likeliest = int(pred_probs.argmax())
    [heat] = looked.maps([likeliest])
    overlay = encode_overlay(heat_of_photo(heat, height, width, looker.image_size))
    return Heated(
        looker.labels[likeliest],
        float(pred_probs[likeliest]),
        run,
        f"data:image/png;base64,{base64.b64encode(overlay).decode()}",
    )


if __name__ == "__main__":
    main()
